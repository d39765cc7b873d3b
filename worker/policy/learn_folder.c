/* learn_folder.c - run.dir/model is the policy, run.dir/checkpoint what learning goes on from; its
 * "extra" is {"iterations": 400, "points": [{"steps", "training", "validation", "stderr"}]}. */
#include <math.h>
#include <stdio.h>

#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "worker/agent/agent_dir.h"
#include "worker/policy/learn_private.h"
#include "worker/train/run_dir.h"

static souk_status save(struct learning *run, const char *name, bool with_state,
                        const struct buf *extra)
{
    souk_status status = SOUK_OK;
    if (comm_rank(run->comm) == 0) {
        char *dir = run_dir_path(run->config, name);
        struct agent_save saving = {.dir = dir,
                                    .ops = run->ops,
                                    .agent = run->agent,
                                    .client = session_client(run->options->session),
                                    .with_state = with_state,
                                    .extra_json = buf_text(extra)};
        status = agent_dir_save(&saving);
        mem_free(dir);
    }
    return comm_agree(run->comm, status);
}

static void add_points(const struct learn_result *result, struct json *json)
{
    json_key(json, "points"), json_open(json, '[');
    for (uint32_t i = 0; i < result->num_points; i++) {
        const struct learn_point *point = &result->points[i];
        json_open(json, '{');
        json_key(json, "steps"), json_double(json, point->steps);
        json_key(json, "training"), json_double(json, point->training);
        json_key(json, "validation"), json_double(json, point->validation);
        json_key(json, "stderr"), json_double(json, point->stderror);
        json_close(json);
    }
    json_close(json);
}

souk_status learn_save_policy(struct learning *run)
{
    struct buf extra = {0};
    struct json json;
    json_init(&json, &extra);
    json_open(&json, '{');
    json_key(&json, "environment"), json_string(&json, run->config->env.type);
    json_key(&json, "iterations"), json_uint(&json, run->iteration);
    json_close(&json);
    souk_status status = save(run, "model", false, &extra);
    buf_fini(&extra);
    return status;
}

souk_status learn_save_checkpoint(struct learning *run)
{
    souk_status status = run->ops->settle(run->agent);
    if (status != SOUK_OK) return status;
    struct buf extra = {0};
    struct json json;
    json_init(&json, &extra);
    json_open(&json, '{');
    json_key(&json, "iterations"), json_uint(&json, run->iteration);
    add_points(&run->result, &json);
    json_close(&json);
    status = save(run, "checkpoint", true, &extra);
    buf_fini(&extra);
    return status;
}

static void read_points(const void *list, struct learn_result *result)
{
    size_t num = json_value_count(list);
    if (num == 0) return;
    result->points = mem_calloc(num, sizeof *result->points, "curve");
    result->num_points = (uint32_t)num;
    for (size_t i = 0; i < num; i++) {
        const void *point = json_value_at(list, i);
        result->points[i] =
            (struct learn_point){.steps = json_value_number(point, "steps", 0),
                                 .training = json_value_number(point, "training", NAN),
                                 .validation = json_value_number(point, "validation", NAN),
                                 .stderror = json_value_number(point, "stderr", NAN)};
    }
}

souk_status learn_resume(struct learning *run, const struct agent_options *options)
{
    char *path = run_dir_path(run->config, "checkpoint");
    struct model_dir *dir = NULL;
    souk_status status = agent_dir_load(path, options, &run->ops, &run->agent, &dir);
    if (status == SOUK_OK) {
        const void *extra = model_dir_extra(dir);
        run->iteration = json_value_u64(extra, "iterations", 0);
        read_points(json_value_get(extra, "points"), &run->result);
    }
    model_dir_close(dir);
    mem_free(path);
    return status;
}
