/* mf_data.c - see mf_data.h. */
#include "worker/model/mf_data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/line_reader.h"
#include "worker/data/observed.h"
#include "worker/data/rating_stream.h"
#include "worker/model/mf.h"

// Ratings in memory that a walk can hand out.
struct rating_list {
    struct rating *ratings;
    size_t num, capacity; // ratings
    size_t position;      // of the walk
};

struct mf_data {
    const struct config *config; // borrowed
    uint32_t part, num_parts;
    enum config_id_kind user_id, item_id; // AUTO until the training data is open
    struct names *users, *items;          // NULL: ids are integers

    struct rating_format train_format;
    struct rating_stream *stream; // NULL until training begins
    struct rating_list head;      // first ratings of epoch 0, until that is over
    bool is_head_ready;           // the stream stands right behind the head

    struct observed_writer *observed; // while the first epoch passes
    char observed_path[CONFIG_TEXT_MAX + 32];
    bool is_observed_finished; // and nobody has taken it yet

    struct rating_format score_format;
    struct rating_reader *reader; // of validation and test
    struct rating_list valid;     // all validation ratings, once is_valid_complete
    bool is_valid_complete, is_valid_too_large;

    enum model_source source; // of the walk
};

static void create_names(struct mf_data *data)
{
    if (data->user_id == CONFIG_ID_STRING && !data->users) data->users = names_create();
    if (data->item_id == CONFIG_ID_STRING && !data->items) data->items = names_create();
}

struct mf_data *mf_data_create(const struct mf_data_options *options)
{
    struct mf_data *data = mem_calloc(1, sizeof *data, "ratings");
    data->config = options->config;
    data->part = options->part;
    data->num_parts = options->num_parts;
    data->user_id = options->user_id;
    data->item_id = options->item_id;
    create_names(data);
    return data;
}

static void list_free(struct rating_list *list)
{
    mem_free(list->ratings);
    *list = (struct rating_list){0};
}

void mf_data_destroy(struct mf_data *data)
{
    if (!data) return;
    mf_data_end(data);
    if (data->is_observed_finished) unlink(data->observed_path); // nobody has taken it
    rating_stream_close(data->stream);
    names_destroy(data->users);
    names_destroy(data->items);
    list_free(&data->head);
    list_free(&data->valid);
    mem_free(data);
}

static void list_add(struct rating_list *list, const struct rating *ratings, uint32_t n)
{
    mem_reserve(&list->ratings, &list->capacity, list->num + n, sizeof *list->ratings,
                "ratings kept in memory");
    if (n > 0) memcpy(list->ratings + list->num, ratings, n * sizeof *ratings);
    list->num += n;
}

static uint32_t list_next(struct rating_list *list, struct rating *ratings, uint32_t max)
{
    size_t left = list->num - list->position;
    uint32_t n = left < max ? (uint32_t)left : max;
    if (n > 0) memcpy(ratings, list->ratings + list->position, n * sizeof *ratings);
    list->position += n;
    return n;
}

/* mpirun hands standard input to one rank: the others would train on nothing. */
static souk_status check_shares(const struct mf_data *data, const struct config_list *files)
{
    for (uint32_t i = 0; i < files->num_items && data->num_parts > 1; i++)
        if (strcmp(files->items[i], "-") == 0)
            return log_fail(SOUK_ECONFIG,
                            "standard input cannot be shared by %u workers; name files, or start "
                            "one worker",
                            data->num_parts);
    return SOUK_OK;
}

/* The layout of a file, with ids as the training data has them. */
static souk_status resolve_format(struct mf_data *data, const struct config_list *files,
                                  struct rating_format *format_out)
{
    souk_status status = check_shares(data, files);
    if (status != SOUK_OK) return status;
    struct config config = *data->config;
    if (data->user_id != CONFIG_ID_AUTO) config.data.user_id = data->user_id;
    if (data->item_id != CONFIG_ID_AUTO) config.data.item_id = data->item_id;
    return rating_format_resolve(&config, files->items[0], true, format_out);
}

static struct rating_reader_options reader_options(const struct mf_data *data,
                                                   const struct config_list *files,
                                                   const struct rating_format *format)
{
    return (struct rating_reader_options){.files = files,
                                          .format = format,
                                          .part = data->part,
                                          .num_parts = data->num_parts,
                                          .max_bad_rows = data->config->data.max_bad_rows};
}

/* The share of the training ratings that validation has. */
static double held_out_share(const struct config *config)
{
    return config->data.valid.num_items > 0 ? 0 : config->data.valid_share;
}

souk_status mf_data_open(struct mf_data *data)
{
    const struct config *config = data->config;
    if (data->stream) return SOUK_OK;
    if (config->data.train.num_items == 0)
        return log_fail(SOUK_ECONFIG, "data.train is empty; name the files to train on");
    souk_status status = resolve_format(data, &config->data.train, &data->train_format);
    if (status != SOUK_OK) return status;
    data->user_id = data->train_format.user_id;
    data->item_id = data->train_format.item_id;
    create_names(data);

    struct rating_stream_options options = {
        .reader = reader_options(data, &config->data.train, &data->train_format),
        .seed = config->run.seed,
        .cache_rows = config->data.cache_rows,
        .shuffle_rows = config->data.shuffle_rows,
        .valid_share = held_out_share(config)};
    options.reader.users = data->users;
    options.reader.items = data->items;
    return rating_stream_open(&options, &data->stream);
}

souk_status mf_data_read_head(struct mf_data *data, struct mf_head *head_out)
{
    enum { CHUNK = 4096 };
    souk_status status = mf_data_open(data);
    if (status == SOUK_OK) status = rating_stream_begin(data->stream, 0, 0);
    uint32_t n = CHUNK;
    while (status == SOUK_OK && n > 0 && data->head.num < MF_HEAD_ROWS) {
        struct rating ratings[CHUNK];
        status = rating_stream_next(data->stream, ratings, CHUNK, &n);
        if (status == SOUK_OK) list_add(&data->head, ratings, n);
    }
    if (status != SOUK_OK) return status;
    data->is_head_ready = true;
    struct mf_head head = {.num_ratings = data->head.num, .min = INFINITY, .max = -INFINITY};
    for (size_t i = 0; i < data->head.num; i++) {
        float value = data->head.ratings[i].value;
        head.sum += value;
        if (value < head.min) head.min = value;
        if (value > head.max) head.max = value;
    }
    *head_out = head;
    return SOUK_OK;
}

enum config_id_kind mf_data_user_id(const struct mf_data *data)
{
    return data->user_id;
}

enum config_id_kind mf_data_item_id(const struct mf_data *data)
{
    return data->item_id;
}

/* ---- training ---- */

static souk_status keep_observed(struct mf_data *data, const struct rating *ratings, uint32_t n)
{
    if (!data->observed) return SOUK_OK;
    if (n > 0) return observed_writer_add(data->observed, ratings, n);
    souk_status status = observed_writer_close(data->observed);
    data->observed = NULL;
    data->is_observed_finished = status == SOUK_OK;
    return status;
}

static souk_status next_training(struct mf_data *data, struct rating *ratings, uint32_t max,
                                 uint32_t *num_out)
{
    uint32_t n = list_next(&data->head, ratings, max);
    if (n == 0) {
        list_free(&data->head);
        souk_status status = rating_stream_next(data->stream, ratings, max, &n);
        if (status != SOUK_OK) return status;
    }
    souk_status status = keep_observed(data, ratings, n);
    if (status == SOUK_OK) *num_out = n;
    return status;
}

/* Walks over ratings that were trained on before the run was stopped: they belong into the
 * observed file of this epoch all the same. */
static souk_status skip_observing(struct mf_data *data, uint64_t num_skip)
{
    enum { CHUNK = 1024 };
    uint32_t n = 1;
    souk_status status = SOUK_OK;
    while (status == SOUK_OK && num_skip > 0 && n > 0) {
        struct rating ratings[CHUNK];
        status = next_training(data, ratings, num_skip < CHUNK ? (uint32_t)num_skip : CHUNK, &n);
        num_skip -= status == SOUK_OK ? n : 0;
    }
    return status;
}

static souk_status begin_training(struct mf_data *data, uint32_t epoch, uint64_t num_skip)
{
    souk_status status = mf_data_open(data);
    bool is_observing = epoch == 0 && data->config->data.keep_observed;
    bool has_head = data->is_head_ready && epoch == 0;
    data->is_head_ready = false;
    if (!has_head) list_free(&data->head);
    if (status == SOUK_OK && is_observing) {
        snprintf(data->observed_path, sizeof data->observed_path, "%s/observed.%u.part",
                 data->config->run.dir, data->part);
        data->is_observed_finished = false;
        status = observed_writer_open(data->observed_path, &data->observed);
    }
    bool skips_itself = is_observing || has_head;
    if (status == SOUK_OK && !has_head)
        status = rating_stream_begin(data->stream, epoch, skips_itself ? 0 : num_skip);
    if (status == SOUK_OK && skips_itself) status = skip_observing(data, num_skip);
    return status;
}

/* ---- validation and test ---- */

static const struct config_list *files_to_score(const struct mf_data *data)
{
    const struct config *config = data->config;
    if (data->source == MODEL_SOURCE_TEST) return &config->data.test;
    return config->data.valid.num_items > 0 ? &config->data.valid : &config->data.train;
}

static souk_status begin_scoring(struct mf_data *data)
{
    data->valid.position = 0;
    if (data->source == MODEL_SOURCE_VALID && data->is_valid_complete) return SOUK_OK;
    const struct config_list *files = files_to_score(data);
    if (files->num_items == 0)
        return log_fail(SOUK_ECONFIG, "data.%s is empty; name the files to evaluate on",
                        data->source == MODEL_SOURCE_TEST ? "test" : "valid");
    for (uint32_t i = 0; i < files->num_items; i++)
        if (files == &data->config->data.train && !line_reader_can_repeat(files->items[i]))
            return log_fail(SOUK_ECONFIG,
                            "%s cannot be read twice, so no data.valid_share can be held out of "
                            "it; name files with data.valid, or set data.valid_share=0",
                            files->items[i]);
    souk_status status = resolve_format(data, files, &data->score_format);
    if (status != SOUK_OK) return status;
    list_free(&data->valid);
    struct rating_reader_options options = reader_options(data, files, &data->score_format);
    return rating_reader_open(&options, &data->reader);
}

/* Drops ratings that are for training; returns how many are left. */
static uint32_t keep_held_out(const struct mf_data *data, struct rating *ratings, uint32_t n)
{
    double share = held_out_share(data->config);
    if (data->source != MODEL_SOURCE_VALID || share <= 0) return n;
    uint32_t num_kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (rating_is_held_out(data->config->run.seed, share, &ratings[i]))
            ratings[num_kept++] = ratings[i];
    return num_kept;
}

static void remember_valid(struct mf_data *data, const struct rating *ratings, uint32_t n)
{
    if (data->source != MODEL_SOURCE_VALID || data->is_valid_too_large) return;
    if (data->valid.num + n > data->config->data.cache_rows) {
        data->is_valid_too_large = true;
        list_free(&data->valid);
        return;
    }
    list_add(&data->valid, ratings, n);
}

static souk_status next_scoring(struct mf_data *data, struct rating *ratings, uint32_t max,
                                uint32_t *num_out)
{
    if (!data->reader) {
        *num_out = list_next(&data->valid, ratings, max);
        return SOUK_OK;
    }
    uint32_t num_read = 0, n = 0;
    do {
        souk_status status = rating_reader_next(data->reader, ratings, max, &num_read);
        if (status != SOUK_OK) return status;
        n = keep_held_out(data, ratings, num_read);
    } while (n == 0 && num_read > 0);
    if (n > 0)
        remember_valid(data, ratings, n);
    else
        data->is_valid_complete = data->source == MODEL_SOURCE_VALID && !data->is_valid_too_large;
    *num_out = n;
    return SOUK_OK;
}

/* ---- walks ---- */

souk_status mf_data_begin(struct mf_data *data, enum model_source source, uint32_t epoch,
                          uint64_t num_skip)
{
    data->source = source;
    souk_status status =
        source == MODEL_SOURCE_TRAIN ? begin_training(data, epoch, num_skip) : begin_scoring(data);
    if (status != SOUK_OK) mf_data_end(data);
    return status;
}

souk_status mf_data_next(struct mf_data *data, struct rating *ratings, uint32_t max,
                         uint32_t *num_out)
{
    if (data->source == MODEL_SOURCE_TRAIN) return next_training(data, ratings, max, num_out);
    return next_scoring(data, ratings, max, num_out);
}

double mf_data_share(const struct mf_data *data)
{
    if (data->source == MODEL_SOURCE_TRAIN) return rating_stream_share(data->stream);
    if (data->reader) return rating_reader_share(data->reader);
    return data->valid.num > 0 ? (double)data->valid.position / (double)data->valid.num : 1;
}

void mf_data_end(struct mf_data *data)
{
    observed_writer_drop(data->observed);
    data->observed = NULL;
    rating_reader_close(data->reader);
    data->reader = NULL;
}

struct names *mf_data_users(struct mf_data *data)
{
    return data->users;
}

struct names *mf_data_items(struct mf_data *data)
{
    return data->items;
}

const char *mf_data_take_observed(struct mf_data *data)
{
    if (!data->is_observed_finished) return NULL;
    data->is_observed_finished = false;
    return data->observed_path;
}

uint64_t mf_data_num_bad_rows(const struct mf_data *data)
{
    return data->stream ? rating_stream_num_bad(data->stream) : 0;
}
