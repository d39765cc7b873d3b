/* saver.c - see saver.h. */
#include "worker/train/saver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"

struct saver {
    struct saver_options options;
    bool has_saved_model; // in this process, or in the run that it goes on from
    uint64_t num_names;   // of all ranks, when they were gathered last
    char *observed;       // this rank's finished file, until a model has it; NULL: none
};

static const char MODEL[] = "model", CHECKPOINT[] = "checkpoint", MANIFEST[] = "manifest.json";

static char *path_of(const struct config *config, const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", config->run.dir, name);
    return path.text;
}

/* ---- before training ---- */

static souk_status write_config(const struct config *config)
{
    struct buf text = {0};
    config_show(config, false, &text);
    char *path = path_of(config, "config.yaml");
    souk_status status = file_write_atomic(path, buf_text(&text), text.length);
    mem_free(path);
    buf_fini(&text);
    return status;
}

/* Where a section of config_show's text is, without its name; *length_out 0: it is not there. */
static const char *find_section(const char *text, const char *name, size_t *length_out)
{
    const char *start = text ? strstr(text, name) : NULL;
    *length_out = 0;
    if (!start) return "";
    start += strlen(name);
    const char *end = start;
    while (*end && !(end[0] == '\n' && end[1] && end[1] != ' ' && end[1] != '\n')) end++;
    *length_out = (size_t)(end - start);
    return start;
}

static bool is_same_section(const char *a, const char *b, const char *name)
{
    size_t a_length, b_length;
    const char *a_start = find_section(a, name, &a_length);
    const char *b_start = find_section(b, name, &b_length);
    return a_length == b_length && memcmp(a_start, b_start, a_length) == 0;
}

/* A run goes on with the model that it began with; everything else may change. */
static souk_status check_same_model(const struct config *config)
{
    struct config before;
    config_init(&before);
    char *path = path_of(config, "config.yaml");
    souk_status status = config_read_file(&before, path);
    struct buf was = {0}, is = {0};
    if (status == SOUK_OK) {
        config_show(&before, false, &was);
        config_show(config, false, &is);
        bool is_same = is_same_section(buf_text(&was), buf_text(&is), "\nmodel:") &&
                       before.train.optimizer == config->train.optimizer &&
                       before.run.seed == config->run.seed;
        if (!is_same)
            status = log_fail(SOUK_ECONFIG,
                              "%s: the run began with other settings of run.seed, model.* or "
                              "train.optimizer; go on with the same, or start without --resume",
                              path);
    }
    buf_fini(&was);
    buf_fini(&is);
    mem_free(path);
    config_fini(&before);
    return status;
}

static souk_status prepare_model(const struct config *config)
{
    char *dir = path_of(config, MODEL);
    struct buf manifest = {0};
    buf_printf(&manifest, "%s/%s", dir, MANIFEST);
    if (file_exists(buf_text(&manifest)))
        log_info("%s holds a model; it stays until this run saves its own", dir);
    souk_status status = model_dir_prepare(dir);
    buf_fini(&manifest);
    mem_free(dir);
    return status;
}

static souk_status drop_checkpoint(const struct config *config)
{
    struct buf manifest = {0};
    buf_printf(&manifest, "%s/%s/%s", config->run.dir, CHECKPOINT, MANIFEST);
    souk_status status = SOUK_OK;
    if (unlink(buf_text(&manifest)) == 0)
        log_info("%s: the checkpoint of an earlier run is dropped (--resume would have gone on "
                 "from it)",
                 config->run.dir);
    else if (errno != ENOENT)
        status = log_fail_errno(errno, "%s: cannot be removed", buf_text(&manifest));
    buf_fini(&manifest);
    return status;
}

souk_status saver_prepare(const struct config *config, struct comm *comm, bool is_resuming)
{
    souk_status status = SOUK_OK;
    if (comm_rank(comm) == 0) {
        status = is_resuming ? check_same_model(config) : file_make_dirs(config->run.dir);
        if (status == SOUK_OK && !is_resuming) status = drop_checkpoint(config);
        if (status == SOUK_OK && !is_resuming) status = prepare_model(config);
        if (status == SOUK_OK) status = write_config(config);
    }
    return comm_agree(comm, status);
}

struct saver *saver_create(const struct saver_options *options, bool is_resuming)
{
    struct saver *saver = mem_calloc(1, sizeof *saver, "saver");
    saver->options = *options;
    saver->has_saved_model = is_resuming;
    return saver;
}

void saver_destroy(struct saver *saver)
{
    if (!saver) return;
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

static souk_status gather_names(struct saver *saver, struct names **users_out,
                                struct names **items_out)
{
    const struct saver_options *options = &saver->options;
    if (!options->ops->names) return SOUK_OK;
    options->ops->names(options->model, users_out, items_out);
    bool is_rank_0 = comm_rank(options->comm) == 0;
    double num_names = 0; // of the others: what rank 0 has is there already
    if (!is_rank_0 && *users_out) num_names += (double)names_count(*users_out);
    if (!is_rank_0 && *items_out) num_names += (double)names_count(*items_out);
    comm_sum(options->comm, &num_names, 1);
    if ((uint64_t)num_names == saver->num_names) return SOUK_OK;
    saver->num_names = (uint64_t)num_names;
    souk_status status = *users_out ? gather_some(saver, *users_out) : SOUK_OK;
    if (status == SOUK_OK && *items_out) status = gather_some(saver, *items_out);
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
    struct names *users = NULL, *items = NULL;
    souk_status status = gather_names(saver, &users, &items);
    if (status != SOUK_OK) return status;
    struct observed_files observed = {0};
    if (!with_states) gather_observed(saver, &observed);
    if (comm_rank(options->comm) == 0) {
        struct buf state = {0};
        struct json json;
        json_init(&json, &state);
        json_open(&json, '{');
        options->ops->save_state(options->model, &json);
        json_close(&json);
        char *dir = path_of(options->config, name);
        struct model_dir_save saving = {.dir = dir,
                                        .client = options->client,
                                        .specs = options->tables->specs,
                                        .tables = options->tables->ids,
                                        .num_tables = options->tables->num_tables,
                                        .with_states = with_states,
                                        .type = options->ops->name,
                                        .state_json = buf_text(&state),
                                        .extra_json = buf_text(extra),
                                        .users = users,
                                        .items = items,
                                        .observed = observed.paths,
                                        .num_observed = observed.num,
                                        .drops_observed = !saver->has_saved_model};
        status = model_dir_save(&saving);
        mem_free(dir);
        buf_fini(&state);
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
    souk_status status = save(saver, MODEL, false, &extra);
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
    for (uint32_t i = 0; i < MODEL_METRICS_MAX; i++) {
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
    souk_status status = save(saver, CHECKPOINT, true, &extra);
    buf_fini(&extra);
    return status;
}

/* ---- going on ---- */

souk_status saver_open_checkpoint(const struct config *config, struct model_dir **dir_out)
{
    struct buf manifest = {0};
    buf_printf(&manifest, "%s/%s/%s", config->run.dir, CHECKPOINT, MANIFEST);
    bool is_there = file_exists(buf_text(&manifest));
    buf_fini(&manifest);
    if (!is_there)
        return log_fail(
            SOUK_ENOTFOUND,
            "%s has no checkpoint to go on from; start without --resume, or set run.dir "
            "to the folder of the run that was stopped",
            config->run.dir);
    char *dir = path_of(config, CHECKPOINT);
    souk_status status = model_dir_open(dir, dir_out);
    mem_free(dir);
    return status;
}

static void read_evaluation(const void *json, const struct model_ops *ops,
                            const struct model *model, struct evaluation *evaluation_out)
{
    const struct model_sums none = {0};
    evaluation_out->num_samples = json_value_u64(json, "samples", 0);
    evaluation_out->num_metrics = ops->metrics(model, &none, evaluation_out->metrics);
    const void *metrics = json_value_get(json, "metrics");
    for (uint32_t i = 0; i < evaluation_out->num_metrics; i++) {
        struct model_metric *metric = &evaluation_out->metrics[i];
        metric->value = json_value_number(metrics, metric->name, metric->value);
    }
}

static void read_position(const void *json, struct train_position *position)
{
    position->num_samples = json_value_u64(json, "samples", 0);
    position->num_batches = json_value_u64(json, "batches", 0);
    const void *sums = json_value_get(json, "sums");
    for (uint32_t i = 0; i < MODEL_METRICS_MAX; i++) {
        char key[12];
        snprintf(key, sizeof key, "%u", i);
        position->sums.values[i] = json_value_number(sums, key, 0);
    }
}

souk_status saver_read_state(const struct model_dir *dir, const struct model_ops *ops,
                             const struct model *model, struct comm *comm,
                             struct train_state *state_out)
{
    const void *extra = model_dir_extra(dir), *ranks = json_value_get(extra, "ranks");
    uint32_t rank = comm_rank(comm);
    if (!extra || json_value_count(ranks) == 0)
        return log_fail(SOUK_EDATA,
                        "%s: has no position of training; it is a model, not a "
                        "checkpoint, so start without --resume",
                        model_dir_path(dir));
    struct train_state state = {.is_complete = json_value_bool(extra, "is_complete", false)};
    state.position.epoch = (uint32_t)json_value_u64(extra, "epoch", 0);
    const void *best = json_value_get(extra, "best");
    state.best.epoch = (uint32_t)json_value_u64(best, "epoch", 0);
    state.best.num_worse = (uint32_t)json_value_u64(best, "num_worse", 0);
    read_evaluation(best, ops, model, &state.best.validation);
    const void *mine = json_value_at(ranks, rank < json_value_count(ranks) ? rank : 0);
    state.position.num_steps = json_value_u64(mine, "steps", 0);
    if (json_value_count(ranks) == comm_size(comm))
        read_position(mine, &state.position);
    else if (rank == 0)
        log_warning("the checkpoint is of %zu workers, this run has %u: epoch %u begins anew",
                    json_value_count(ranks), comm_size(comm), state.position.epoch + 1);
    *state_out = state;
    return SOUK_OK;
}

souk_status saver_load_tables(struct model_dir *dir, struct souk_client *client, struct comm *comm,
                              struct tables *tables)
{
    tables->num_tables = model_dir_num_tables(dir);
    for (uint32_t i = 0; i < tables->num_tables; i++) tables->specs[i] = *model_dir_spec(dir, i);
    return comm_agree(comm,
                      model_dir_load(dir, client, comm_rank(comm), comm_size(comm), tables->ids));
}

souk_status saver_load_best(struct saver *saver)
{
    const struct saver_options *options = &saver->options;
    char *path = path_of(options->config, MODEL);
    struct model_dir *dir = NULL;
    struct tables tables;
    souk_status status = comm_agree(options->comm, model_dir_open(path, &dir));
    if (status == SOUK_OK) status = saver_load_tables(dir, options->client, options->comm, &tables);
    model_dir_close(dir);
    mem_free(path);
    return status;
}

static souk_status teach(struct model_dir *dir, const char *which, struct names *names)
{
    const struct names *saved;
    if (!names) return SOUK_OK;
    souk_status status = model_dir_names(dir, which, &saved);
    if (status != SOUK_OK || !saved) return status;
    void *bytes;
    size_t length;
    names_pack(saved, &bytes, &length);
    status = names_unpack(names, bytes, length);
    mem_free(bytes);
    return status;
}

souk_status saver_load_names(struct model_dir *dir, const struct model_ops *ops,
                             struct model *model)
{
    struct names *users = NULL, *items = NULL;
    if (!ops->names) return SOUK_OK;
    ops->names(model, &users, &items);
    souk_status status = teach(dir, "users", users);
    return status == SOUK_OK ? teach(dir, "items", items) : status;
}
