/* din_data.c - see din_data.h. */
#include "worker/model/din_data.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/line_reader.h"
#include "worker/data/profiles.h"
#include "worker/data/sample_stream.h"

struct din_data {
    const struct config *config; // borrowed
    uint32_t part, num_parts;
    struct sample_format format;          // of the model; its layout is that of training files
    bool is_layout_known;                 // the training files were looked at
    struct names *names[SOUK_TABLES_MAX]; // NULL: ids are integers
    struct sample_stream *stream;         // NULL until training begins
    struct profile_writer *profiles;      // while the first reading of epoch 0 goes on
    char profiles_path[CONFIG_TEXT_MAX + 32];
    bool are_profiles_finished;        // and nobody has taken them yet
    struct sample_format score_format; // of the files that are scored
    struct sample_reader *reader;      // of validation and test
    struct sample_batch read;          // of the reader, when only some samples are wanted
    enum model_source source;          // of the walk
};

/* ---- life ---- */

static void create_names(struct din_data *data)
{
    for (uint32_t t = 0; t < data->format.num_tables; t++)
        if (data->format.tables[t].kind == CONFIG_ID_STRING) data->names[t] = names_create();
}

struct din_data *din_data_create_known(const struct config *config, struct comm *comm,
                                       const struct sample_format *format)
{
    struct din_data *data = mem_calloc(1, sizeof *data, "samples");
    data->config = config;
    data->part = comm ? comm_rank(comm) : 0;
    data->num_parts = comm ? comm_size(comm) : 1;
    data->format = *format;
    create_names(data);
    return data;
}

/* The columns of files; model: see sample_format_options. */
static souk_status resolve(const struct config *config, const struct config_list *files,
                           const char *key, const struct sample_format *model,
                           struct sample_format *format_out)
{
    if (files->num_items == 0)
        return log_fail(SOUK_ECONFIG, "data.%s is empty; name the files", key);
    struct sample_format_options options = {
        .config = config, .path = files->items[0], .needs_label = true, .model = model};
    souk_status status = sample_format_resolve(&options, format_out);
    if (status != SOUK_OK || !model || model->user >= 0) return status;
    format_out->num_ids = model->num_ids; // batches have no room for users that it does not know
    format_out->user = -1;
    return SOUK_OK;
}

souk_status din_data_create(const struct config *config, struct comm *comm,
                            struct din_data **data_out)
{
    struct sample_format format;
    memset(&format, 0, sizeof format);
    souk_status status = SOUK_OK;
    if (comm_rank(comm) == 0) status = resolve(config, &config->data.train, "train", NULL, &format);
    status = comm_agree(comm, status);
    if (status != SOUK_OK) return status;
    comm_broadcast(comm, &format, sizeof format);
    *data_out = din_data_create_known(config, comm, &format);
    (*data_out)->is_layout_known = true;
    return SOUK_OK;
}

void din_data_destroy(struct din_data *data)
{
    if (!data) return;
    din_data_end(data);
    if (data->are_profiles_finished) unlink(data->profiles_path); // nobody has taken them
    sample_stream_close(data->stream);
    for (uint32_t t = 0; t < SOUK_TABLES_MAX; t++) names_destroy(data->names[t]);
    mem_free(data);
}

const struct sample_format *din_data_format(const struct din_data *data)
{
    return &data->format;
}

/* ---- opening ---- */

/* mpirun hands standard input to one rank: the others would train on nothing. */
static souk_status check_shares(const struct din_data *data, const struct config_list *files)
{
    for (uint32_t i = 0; i < files->num_items && data->num_parts > 1; i++)
        if (strcmp(files->items[i], "-") == 0)
            return log_fail(SOUK_ECONFIG,
                            "standard input cannot be shared by %u workers; name files, or start "
                            "one worker",
                            data->num_parts);
    return SOUK_OK;
}

static struct sample_reader_options reader_options(const struct din_data *data,
                                                   const struct config_list *files,
                                                   const struct sample_format *format)
{
    return (struct sample_reader_options){.files = files,
                                          .format = format,
                                          .part = data->part,
                                          .num_parts = data->num_parts,
                                          .max_bad_rows = data->config->data.max_bad_rows};
}

/* The share of the training samples that validation has. */
static double held_out_share(const struct config *config)
{
    return config->data.valid.num_items > 0 ? 0 : config->data.valid_share;
}

/* Samples of the first reading, for on_read of the stream. */
static souk_status keep_profiles(void *ctx, const struct sample_batch *samples)
{
    struct din_data *data = ctx;
    if (!data->profiles) return SOUK_OK;
    if (samples->num_samples > 0) return profile_writer_add(data->profiles, samples);
    souk_status status = profile_writer_close(data->profiles);
    data->profiles = NULL;
    data->are_profiles_finished = status == SOUK_OK;
    return status;
}

static souk_status open_profiles(struct din_data *data)
{
    if (!data->config->data.keep_observed || data->format.user < 0 || data->format.item < 0)
        return SOUK_OK;
    snprintf(data->profiles_path, sizeof data->profiles_path, "%s/observed.%u.part",
             data->config->run.dir, data->part);
    return profile_writer_open(data->profiles_path, &data->format, &data->profiles);
}

/* A run that goes on later than in its first epoch has its profiles in the model already. */
static souk_status open_stream(struct din_data *data, uint32_t epoch)
{
    const struct config *config = data->config;
    const struct config_list *files = &config->data.train;
    souk_status status = check_shares(data, files);
    if (status == SOUK_OK && !data->is_layout_known) {
        struct sample_format found;
        status = resolve(config, files, "train", &data->format, &found);
        if (status == SOUK_OK) data->format = found;
        data->is_layout_known = status == SOUK_OK;
    }
    if (status != SOUK_OK) return status;
    struct sample_stream_options options = {.reader = reader_options(data, files, &data->format),
                                            .seed = config->run.seed,
                                            .cache_rows = config->data.cache_rows,
                                            .shuffle_rows = config->data.shuffle_rows,
                                            .valid_share = held_out_share(config),
                                            .on_read = keep_profiles,
                                            .ctx = data};
    options.reader.names = data->names;
    if (epoch == 0) status = open_profiles(data);
    return status == SOUK_OK ? sample_stream_open(&options, &data->stream) : status;
}

static const struct config_list *files_to_score(const struct din_data *data)
{
    const struct config *config = data->config;
    if (data->source == MODEL_SOURCE_TEST) return &config->data.test;
    return config->data.valid.num_items > 0 ? &config->data.valid : &config->data.train;
}

static souk_status open_reader(struct din_data *data)
{
    const struct config_list *files = files_to_score(data);
    for (uint32_t i = 0; i < files->num_items; i++)
        if (files == &data->config->data.train && !line_reader_can_repeat(files->items[i]))
            return log_fail(SOUK_ECONFIG,
                            "%s cannot be read twice, so no data.valid_share can be held out of "
                            "it; name files with data.valid, or set data.valid_share=0",
                            files->items[i]);
    souk_status status = check_shares(data, files);
    if (status == SOUK_OK)
        status = resolve(data->config, files, data->source == MODEL_SOURCE_TEST ? "test" : "valid",
                         &data->format, &data->score_format);
    if (status != SOUK_OK) return status;
    sample_format_init_batch(&data->score_format, &data->read);
    struct sample_reader_options options = reader_options(data, files, &data->score_format);
    return sample_reader_open(&options, &data->reader);
}

/* ---- walks ---- */

souk_status din_data_begin(struct din_data *data, enum model_source source, uint32_t epoch,
                           uint64_t num_skip)
{
    souk_status status = SOUK_OK;
    data->source = source;
    if (source != MODEL_SOURCE_TRAIN) {
        status = open_reader(data);
    } else {
        if (!data->stream) status = open_stream(data, epoch);
        if (status == SOUK_OK) status = sample_stream_begin(data->stream, epoch, num_skip);
    }
    if (status != SOUK_OK) din_data_end(data);
    return status;
}

/* Samples of the training files that are for validation. */
static souk_status next_held_out(struct din_data *data, uint32_t max, struct sample_batch *batch)
{
    sample_batch_clear(batch);
    do {
        souk_status status = sample_reader_next(data->reader, max, &data->read);
        if (status != SOUK_OK) return status;
        for (uint32_t b = 0; b < data->read.num_samples; b++)
            if (sample_is_held_out(data->config->run.seed, held_out_share(data->config),
                                   &data->score_format, &data->read, b))
                sample_batch_append(batch, &data->read, b);
    } while (batch->num_samples == 0 && data->read.num_samples > 0);
    return SOUK_OK;
}

souk_status din_data_next(struct din_data *data, uint32_t max, struct sample_batch *batch)
{
    if (data->source == MODEL_SOURCE_TRAIN) return sample_stream_next(data->stream, max, batch);
    bool is_part = data->source == MODEL_SOURCE_VALID && held_out_share(data->config) > 0;
    return is_part ? next_held_out(data, max, batch) : sample_reader_next(data->reader, max, batch);
}

uint64_t din_data_num_samples(const struct din_data *data)
{
    return sample_stream_num_samples(data->stream);
}

double din_data_share(const struct din_data *data)
{
    if (data->source == MODEL_SOURCE_TRAIN) return sample_stream_share(data->stream);
    return sample_reader_share(data->reader);
}

void din_data_end(struct din_data *data)
{
    sample_reader_close(data->reader);
    data->reader = NULL;
    sample_batch_fini(&data->read);
    profile_writer_drop(data->profiles);
    data->profiles = NULL;
}

struct names *din_data_names(struct din_data *data, uint32_t table)
{
    return data->names[table];
}

const char *din_data_take_profiles(struct din_data *data)
{
    if (!data->are_profiles_finished) return NULL;
    data->are_profiles_finished = false;
    return data->profiles_path;
}

uint64_t din_data_num_bad_rows(const struct din_data *data)
{
    return data->stream ? sample_stream_num_bad(data->stream) : 0;
}
