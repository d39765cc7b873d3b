/* resume.c - see resume.h. */
#include "worker/train/resume.h"

#include <math.h>
#include <stdio.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "worker/train/run_dir.h"

souk_status resume_open(const struct config *config, struct model_dir **dir_out)
{
    char *manifest = run_dir_path(config, RUN_DIR_CHECKPOINT);
    bool is_there = file_exists(manifest);
    mem_free(manifest);
    if (!is_there)
        return log_fail(
            SOUK_ENOTFOUND,
            "%s has no checkpoint to go on from; start without --resume, or set run.dir "
            "to the folder of the run that was stopped",
            config->run.dir);
    char *dir = run_dir_path(config, "checkpoint");
    souk_status status = model_dir_open(dir, dir_out);
    mem_free(dir);
    return status;
}

static void read_evaluation(const void *json, const struct model_ops *ops,
                            const struct model *model, struct evaluation *evaluation_out)
{
    evaluation_init(evaluation_out, ops, model);
    evaluation_out->num_samples = json_value_u64(json, "samples", 0);
    const void *metrics = json_value_get(json, "metrics");
    for (uint32_t i = 0; i < evaluation_out->num_metrics; i++) {
        struct model_metric *metric = &evaluation_out->metrics[i];
        metric->value = json_value_number(metrics, metric->name, metric->value);
        if (isfinite(metric->value))
            metric->undefined = NULL;
        else if (metric->undefined)
            metric->undefined = "see events.jsonl of the epoch";
    }
}

static void read_position(const void *json, struct train_position *position)
{
    position->num_samples = json_value_u64(json, "samples", 0);
    position->num_batches = json_value_u64(json, "batches", 0);
    const void *sums = json_value_get(json, "sums");
    for (uint32_t i = 0; i < MODEL_SUMS_MAX; i++) {
        char key[12];
        snprintf(key, sizeof key, "%u", i);
        position->sums.values[i] = json_value_number(sums, key, 0);
    }
}

souk_status resume_read_state(const struct model_dir *dir, const struct model_ops *ops,
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

souk_status resume_load_tables(struct model_dir *dir, struct souk_client *client, struct comm *comm,
                               struct tables *tables)
{
    tables->num_tables = model_dir_num_tables(dir);
    for (uint32_t i = 0; i < tables->num_tables; i++) tables->specs[i] = *model_dir_spec(dir, i);
    return comm_agree(comm,
                      model_dir_load(dir, client, comm_rank(comm), comm_size(comm), tables->ids));
}

souk_status resume_check_rows(const struct model_dir *dir, struct souk_client *client,
                              struct comm *comm)
{
    uint64_t num_saved = 0, num_held = 0;
    uint32_t num_servers = souk_client_num_servers(client);
    souk_status status = SOUK_OK;
    for (uint32_t t = 0; t < model_dir_num_tables(dir); t++)
        num_saved += model_dir_num_rows(dir, t);
    for (uint32_t i = 0; i < num_servers && status == SOUK_OK; i++) {
        struct souk_server_info info;
        status = souk_client_server_info(client, i, &info);
        if (status == SOUK_OK) num_held += info.num_rows;
    }
    if (status == SOUK_OK && num_held > num_saved)
        status = log_fail(SOUK_ETOPOLOGY,
                          "the servers hold %llu rows that the checkpoint has not, from later "
                          "training or another run; restart them, then go on with --resume",
                          (unsigned long long)(num_held - num_saved));
    return comm_agree(comm, status);
}

static souk_status teach(struct model_dir *dir, const char *table, struct names *names)
{
    const struct names *saved;
    souk_status status = model_dir_names(dir, table, &saved);
    if (status != SOUK_OK || !saved) return status;
    void *bytes;
    size_t length;
    names_pack(saved, &bytes, &length);
    status = names_unpack(names, bytes, length);
    mem_free(bytes);
    return status;
}

souk_status resume_load_names(struct model_dir *dir, const struct model_ops *ops,
                              struct model *model)
{
    souk_status status = SOUK_OK;
    for (uint32_t t = 0; ops->names && t < model_dir_num_tables(dir) && status == SOUK_OK; t++) {
        struct names *names = ops->names(model, t);
        if (names) status = teach(dir, model_dir_spec(dir, t)->name, names);
    }
    return status;
}
