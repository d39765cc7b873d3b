/* saver.c - see saver.h. */
#include "worker/train/saver.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/train/resume.h"
#include "worker/train/run_dir.h"

struct saver {
    struct saver_options options;
    bool has_saved_model; // in this process, or in the run that it goes on from
    uint64_t num_names;   // of all ranks, when they were gathered last
    char *observed;       // this rank's finished file, until a model has it; NULL: none
};

struct saver *saver_create(const struct saver_options *options, bool has_saved_model)
{
    struct saver *saver = mem_calloc(1, sizeof *saver, "saver");
    saver->options = *options;
    saver->has_saved_model = has_saved_model;
    return saver;
}

void saver_destroy(struct saver *saver)
{
    if (!saver) return;
    if (saver->observed) unlink(saver->observed); // no model has it, and no other run looks for it
    mem_free(saver->observed);
    mem_free(saver);
}

/* ---- what ranks give ---- */

/* Teaches rank 0 the names that the others have learnt. */
static souk_status gather_some(struct saver *saver, struct names *names)
{
    struct comm *comm = saver->options.comm;
    void *bytes = NULL, *all;
    size_t length = 0, all_length;
    if (comm_rank(comm) != 0) names_pack(names, &bytes, &length);
    comm_gather(comm, bytes, length, &all, &all_length);
    souk_status status = comm_rank(comm) == 0 ? names_unpack(names, all, all_length) : SOUK_OK;
    mem_free(bytes);
    mem_free(all);
    return comm_agree(comm, status);
}

static souk_status gather_names(struct saver *saver, struct names *names_out[MODEL_TABLES_MAX])
{
    const struct saver_options *options = &saver->options;
    uint32_t num_tables = options->tables->num_tables;
    double num_names = 0; // of the other ranks: what rank 0 has is there already
    memset(names_out, 0, MODEL_TABLES_MAX * sizeof *names_out);
    if (!options->ops->names) return SOUK_OK;
    for (uint32_t t = 0; t < num_tables; t++) {
        names_out[t] = options->ops->names(options->model, t);
        if (names_out[t] && comm_rank(options->comm) != 0)
            num_names += (double)names_count(names_out[t]);
    }
    comm_sum(options->comm, &num_names, 1);
    if ((uint64_t)num_names == saver->num_names) return SOUK_OK;
    saver->num_names = (uint64_t)num_names;
    souk_status status = SOUK_OK;
    for (uint32_t t = 0; t < num_tables && status == SOUK_OK; t++)
        if (names_out[t]) status = gather_some(saver, names_out[t]);
    return status;
}

// Paths of all ranks' finished observed files, on rank 0.
struct observed_files {
    char *bytes;        // the paths, each with its zero byte
    const char **paths; // (num)
    uint32_t num;
};

static void observed_files_fini(struct observed_files *files)
{
    mem_free(files->bytes);
    mem_free(files->paths);
    *files = (struct observed_files){0};
}

/* Ranks on other hosts write to the same run.dir if that is shared; if it is not, the model cannot
 * remember what they saw. */
static void gather_observed(struct saver *saver, struct observed_files *files_out)
{
    const struct saver_options *options = &saver->options;
    if (options->ops->take_observed && !saver->observed) {
        const char *path = options->ops->take_observed(options->model);
        if (path) saver->observed = mem_strdup(path);
    }
    void *bytes;
    size_t length;
    comm_gather(options->comm, saver->observed, saver->observed ? strlen(saver->observed) + 1 : 0,
                &bytes, &length);
    *files_out = (struct observed_files){.bytes = bytes};
    if (comm_rank(options->comm) != 0) return;
    files_out->paths = mem_calloc(comm_size(options->comm), sizeof(char *), "observed files");
    for (const char *path = bytes; path && path < (char *)bytes + length;
         path += strlen(path) + 1) {
        if (file_exists(path))
            files_out->paths[files_out->num++] = path;
        else
            log_warning("%s: not to be seen from %s, so the model does not remember those ratings; "
                        "use a run.dir that all hosts share",
                        path, comm_host(options->comm));
    }
}

/* ---- saving ---- */

static void add_metrics(struct json *json, const struct evaluation *evaluation)
{
    json_key(json, "samples"), json_uint(json, evaluation->num_samples);
    json_key(json, "metrics"), json_open(json, '{');
    for (uint32_t i = 0; i < evaluation->num_metrics; i++) {
        json_key(json, evaluation->metrics[i].name);
        json_double(json, evaluation->metrics[i].value);
    }
    json_close(json);
}

static souk_status save(struct saver *saver, const char *name, bool with_states,
                        const struct buf *extra)
{
    const struct saver_options *options = &saver->options;
    struct names *names[MODEL_TABLES_MAX];
    souk_status status = gather_names(saver, names);
    if (status != SOUK_OK) return status;
    struct observed_files observed = {0};
    if (!with_states) gather_observed(saver, &observed);
    if (comm_rank(options->comm) == 0) {
        struct buf state = {0}, weights = {0};
        if (options->ops->pack) options->ops->pack(options->model, with_states, &weights);
        struct json json;
        json_init(&json, &state);
        json_open(&json, '{');
        options->ops->save_state(options->model, &json);
        json_close(&json);
        char *dir = run_dir_path(options->config, name);
        struct model_dir_save saving = {.dir = dir,
                                        .client = options->client,
                                        .specs = options->tables->specs,
                                        .tables = options->tables->ids,
                                        .num_tables = options->tables->num_tables,
                                        .with_states = with_states,
                                        .type = options->ops->name,
                                        .state_json = buf_text(&state),
                                        .extra_json = buf_text(extra),
                                        .weights = weights.text,
                                        .weights_bytes = weights.length,
                                        .names = (const struct names *const *)names,
                                        .observed = observed.paths,
                                        .num_observed = observed.num,
                                        .drops_observed = !saver->has_saved_model};
        status = model_dir_save(&saving);
        mem_free(dir);
        buf_fini(&state);
        buf_fini(&weights);
    }
    observed_files_fini(&observed);
    return comm_agree(options->comm, status);
}

souk_status saver_save_model(struct saver *saver, const struct train_best *best)
{
    struct buf extra = {0};
    struct json json;
    json_init(&json, &extra);
    json_open(&json, '{');
    json_key(&json, "epoch"), json_uint(&json, best->epoch);
    add_metrics(&json, &best->validation);
    json_close(&json);
    souk_status status = save(saver, "model", false, &extra);
    buf_fini(&extra);
    if (status != SOUK_OK) return status;
    saver->has_saved_model = true;
    mem_free(saver->observed); // it has moved into the model
    saver->observed = NULL;
    return SOUK_OK;
}

static void add_rank(struct json *json, const struct train_position *position)
{
    json_open(json, '{');
    json_key(json, "samples"), json_uint(json, position->num_samples);
    json_key(json, "batches"), json_uint(json, position->num_batches);
    json_key(json, "steps"), json_uint(json, position->num_steps);
    json_key(json, "sums"), json_open(json, '{');
    for (uint32_t i = 0; i < MODEL_SUMS_MAX; i++) {
        char key[12];
        snprintf(key, sizeof key, "%u", i);
        json_key(json, key), json_double(json, position->sums.values[i]);
    }
    json_close(json);
    json_close(json);
}

souk_status saver_save_checkpoint(struct saver *saver, const struct train_state *state)
{
    struct comm *comm = saver->options.comm;
    void *all;
    size_t length;
    comm_gather(comm, &state->position, sizeof state->position, &all, &length);
    struct buf extra = {0};
    struct json json;
    json_init(&json, &extra);
    json_open(&json, '{');
    json_key(&json, "epoch"), json_uint(&json, state->position.epoch);
    json_key(&json, "is_complete"), json_bool(&json, state->is_complete);
    json_key(&json, "best"), json_open(&json, '{');
    json_key(&json, "epoch"), json_uint(&json, state->best.epoch);
    json_key(&json, "num_worse"), json_uint(&json, state->best.num_worse);
    add_metrics(&json, &state->best.validation);
    json_close(&json);
    json_key(&json, "ranks"), json_open(&json, '[');
    const struct train_position *positions = all;
    for (size_t r = 0; r < length / sizeof *positions; r++) add_rank(&json, &positions[r]);
    json_close(&json);
    json_close(&json);
    mem_free(all);
    souk_status status = save(saver, "checkpoint", true, &extra);
    buf_fini(&extra);
    return status;
}

souk_status saver_load_best(struct saver *saver)
{
    const struct saver_options *options = &saver->options;
    char *path = run_dir_path(options->config, "model");
    struct model_dir *dir = NULL;
    struct tables tables;
    souk_status status = comm_agree(options->comm, model_dir_open(path, &dir));
    if (status == SOUK_OK)
        status = comm_agree(options->comm, weights_load(options->ops, options->model, dir));
    if (status == SOUK_OK)
        status = resume_load_tables(dir, options->client, options->comm, &tables);
    model_dir_close(dir);
    mem_free(path);
    return status;
}
