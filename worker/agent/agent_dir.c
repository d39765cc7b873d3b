/* agent_dir.c - see agent_dir.h. */
#include "worker/agent/agent_dir.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"

#define TYPE_PREFIX "policy:"

static void describe(const struct agent_ops *ops, const struct agent *agent, struct buf *out)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    ops->save_state(agent, &json);
    json_close(&json);
}

souk_status agent_dir_save(const struct agent_save *save)
{
    char type[SOUK_NAME_MAX];
    struct buf state = {0}, weights = {0};
    struct souk_table_spec specs[AGENT_TABLES_MAX];
    uint32_t tables[AGENT_TABLES_MAX];
    snprintf(type, sizeof type, TYPE_PREFIX "%.20s", save->ops->name);
    describe(save->ops, save->agent, &state);
    if (save->ops->pack) save->ops->pack(save->agent, save->with_state, &weights);
    uint32_t num_tables = save->ops->tables ? save->ops->tables(save->agent, specs, tables) : 0;
    struct model_dir_save saving = {.dir = save->dir,
                                    .client = save->client,
                                    .specs = specs,
                                    .tables = tables,
                                    .num_tables = num_tables,
                                    .with_states = save->with_state,
                                    .type = type,
                                    .state_json = buf_text(&state),
                                    .extra_json = save->extra_json,
                                    .weights = weights.text,
                                    .weights_bytes = weights.length,
                                    .drops_observed = true};
    souk_status status = model_dir_save(&saving);
    buf_fini(&state);
    buf_fini(&weights);
    return status;
}

/* ---- back ---- */

souk_status agent_dir_has_rows(const char *dir, bool *has_rows_out)
{
    struct model_dir *opened;
    souk_status status = model_dir_open(dir, &opened);
    if (status != SOUK_OK) return status;
    *has_rows_out = model_dir_num_tables(opened) > 0;
    model_dir_close(opened);
    return SOUK_OK;
}

static souk_status find_ops(const struct model_dir *dir, const struct agent_ops **ops_out)
{
    const char *type = model_dir_type(dir);
    size_t length = strlen(TYPE_PREFIX);
    if (strncmp(type, TYPE_PREFIX, length) != 0)
        return log_fail(SOUK_EDATA,
                        "%s: is a model of type \"%s\" and no policy; give the run.dir "
                        "of `souk learn-policy`",
                        model_dir_path(dir), type);
    if (strcmp(type, OFFLINE_POLICY_TYPE) == 0)
        return log_fail(SOUK_EDATA,
                        "%s: chooses by columns of the log that it was learnt from, which these "
                        "users do not show; judge it by `souk ope --log LOG --policy %s`",
                        model_dir_path(dir), model_dir_path(dir));
    *ops_out = agent_ops_get(type + length);
    if (*ops_out) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: is a policy of \"%s\", which this souk does not know; use the "
                    "version that learnt it",
                    model_dir_path(dir), type + length);
}

static souk_status check_number(const struct model_dir *dir, const char *key, const char *what,
                                uint64_t has)
{
    uint64_t wants = json_value_u64(model_dir_state(dir), key, UINT64_MAX);
    if (wants == has) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: was learnt where %s %" PRIu64 ", here it is %" PRIu64
                    "; use the environment that it was learnt in (section env of its "
                    "config.yaml)",
                    model_dir_path(dir), what, wants, has);
}

/* Slates and candidates may be more or fewer: agents that care look themselves. */
static souk_status check_shape(const struct model_dir *dir, const struct env_shape *shape)
{
    souk_status status =
        check_number(dir, "user_dim", "the number of features of a user was", shape->user_dim);
    if (status == SOUK_OK)
        status =
            check_number(dir, "item_dim", "the number of features of an item was", shape->item_dim);
    if (status != SOUK_OK) return status;
    bool had_keys = json_value_u64(model_dir_state(dir), "num_items", 0) > 0;
    if (had_keys == (shape->num_items > 0)) return SOUK_OK;
    return log_fail(SOUK_EDATA, "%s: was learnt on items %s keys, those of this environment are %s",
                    model_dir_path(dir), had_keys ? "with" : "without",
                    had_keys ? "without" : "with");
}

static souk_status read_weights(const struct model_dir *dir, const struct agent_ops *ops,
                                struct agent *agent)
{
    char *bytes = NULL;
    size_t length = 0;
    struct buf path = {0};
    souk_status status = model_dir_weights(dir, &bytes, &length, &path);
    if (status == SOUK_OK && (bytes != NULL) != (ops->unpack != NULL))
        status = log_fail(SOUK_EDATA, "%s: its weights %s; copy the policy again",
                          model_dir_path(dir), bytes ? "belong to another agent" : "are missing");
    if (status == SOUK_OK && bytes) status = ops->unpack(agent, bytes, length, buf_text(&path));
    mem_free(bytes);
    buf_fini(&path);
    return status;
}

static souk_status agree(const struct agent_options *options, souk_status status)
{
    return options->comm ? comm_agree(options->comm, status) : status;
}

static souk_status load_rows(struct model_dir *dir, const struct agent_options *options)
{
    uint32_t tables[SOUK_TABLES_MAX];
    uint32_t rank = options->comm ? comm_rank(options->comm) : 0;
    uint32_t size = options->comm ? comm_size(options->comm) : 1;
    if (model_dir_num_tables(dir) == 0) return SOUK_OK;
    return agree(options, model_dir_load(dir, options->client, rank, size, tables));
}

static souk_status load(struct model_dir *dir, const struct agent_options *options,
                        const struct agent_ops **ops_out, struct agent **agent_out)
{
    const struct agent_ops *ops = NULL;
    struct agent *agent = NULL;
    struct agent_options own = *options;
    struct souk_table_spec specs[AGENT_TABLES_MAX];
    souk_status status = find_ops(dir, &ops);
    if (status == SOUK_OK) status = check_shape(dir, &options->shape);
    own.state = model_dir_state(dir);
    own.specs = specs;
    own.num_specs = model_dir_num_tables(dir);
    if (status == SOUK_OK && own.num_specs > AGENT_TABLES_MAX)
        status = log_fail(SOUK_EDATA,
                          "%s: has %u tables, policies have %d at most; copy the "
                          "policy again",
                          model_dir_path(dir), own.num_specs, AGENT_TABLES_MAX);
    for (uint32_t i = 0; i < own.num_specs && status == SOUK_OK; i++)
        specs[i] = *model_dir_spec(dir, i);
    if (status == SOUK_OK) status = ops->create(&own, &agent);
    if (status == SOUK_OK) status = read_weights(dir, ops, agent);
    status = agree(options, status);
    if (status == SOUK_OK) status = load_rows(dir, options);
    if (status == SOUK_OK && ops->begin) status = ops->begin(agent);
    if (status == SOUK_OK) {
        *ops_out = ops;
        *agent_out = agent;
    } else if (agent) {
        ops->destroy(agent);
    }
    return status;
}

souk_status agent_dir_load(const char *dir, const struct agent_options *options,
                           const struct agent_ops **ops_out, struct agent **agent_out,
                           struct model_dir **dir_out)
{
    struct model_dir *opened = NULL;
    souk_status status = agree(options, model_dir_open(dir, &opened));
    if (status == SOUK_OK) status = load(opened, options, ops_out, agent_out);
    if (status == SOUK_OK && dir_out)
        *dir_out = opened;
    else
        model_dir_close(opened);
    return status;
}

/* ---- copies ---- */

souk_status agent_copy(const struct agent_ops *ops, const struct agent *agent,
                       const struct agent_options *options, struct agent **copy_out)
{
    struct agent_options own = *options;
    struct souk_table_spec specs[AGENT_TABLES_MAX];
    uint32_t tables[AGENT_TABLES_MAX];
    struct buf state = {0}, weights = {0};
    struct agent *copy = NULL;
    void *json = NULL;
    describe(ops, agent, &state);
    souk_status status = json_value_parse(buf_text(&state), state.length, "policy", &json);
    own.state = json;
    own.specs = specs;
    own.num_specs = ops->tables ? ops->tables(agent, specs, tables) : 0;
    if (status == SOUK_OK) status = ops->create(&own, &copy);
    if (status == SOUK_OK && ops->pack) {
        ops->pack(agent, false, &weights);
        status = ops->unpack(copy, buf_text(&weights), weights.length, "the policy so far");
    }
    buf_fini(&state);
    buf_fini(&weights);
    json_value_destroy(json);
    if (status == SOUK_OK)
        *copy_out = copy;
    else if (copy)
        ops->destroy(copy);
    return status;
}
