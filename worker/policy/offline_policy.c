/* offline_policy.c - see offline_policy.h. */
#include "worker/policy/offline_policy.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/json.h"
#include "common/text/json_value.h"
#include "worker/model/model_dir.h"
#include "worker/policy/offline_states.h"

enum { SCORED_BATCH = 64 };

struct offline_policy {
    struct offline_policy_options options; // net is complete
    uint32_t num_states;                   // of the log, one-hot; 0: its states are features
    uint32_t num_own;                      // features that the log itself gives: x0, ...
    struct offline_net *net;
};

void offline_policy_destroy(struct offline_policy *policy)
{
    if (!policy) return;
    offline_net_destroy(policy->net);
    mem_free(policy);
}

uint32_t offline_policy_num_features(const struct offline_policy *policy)
{
    return policy->options.net.num_features;
}

uint32_t offline_policy_num_actions(const struct offline_policy *policy)
{
    return policy->options.net.num_actions;
}

void offline_policy_set_exploration(struct offline_policy *policy, double exploration)
{
    policy->options.exploration = exploration;
}

double offline_policy_exploration(const struct offline_policy *policy)
{
    return policy->options.exploration;
}

struct episode_log_options offline_policy_log_options(const struct offline_policy *policy)
{
    return (struct episode_log_options){policy->num_states, policy->options.net.num_actions};
}

/* ---- states ---- */

static float *make_states(const struct episode_log *log, float memory, uint32_t width)
{
    float *states = mem_calloc(log->num_steps * width + 1, sizeof(*states), "states");
    offline_states_make(log, memory, states);
    return states;
}

/* A policy of this shape, whose network has no weights yet. */
static struct offline_policy *create(const struct offline_policy_options *options,
                                     uint32_t num_states, uint32_t num_own)
{
    struct offline_policy *policy = mem_calloc(1, sizeof(*policy), "policy");
    policy->options = *options;
    policy->num_states = num_states;
    policy->num_own = num_own;
    policy->net = offline_net_create(&policy->options.net);
    return policy;
}

souk_status offline_policy_learn(const struct offline_policy_options *options,
                                 const struct episode_log *log, const char *name, double *loss_out,
                                 struct offline_policy **policy_out)
{
    uint32_t width = 0;
    souk_status status = offline_states_width(log, options->memory, &width);
    if (status) return status;
    if (log->num_actions > OFFLINE_ACTIONS_MAX)
        return log_fail(SOUK_EDATA, "%s has %u actions, but a network learns %d at most", name,
                        log->num_actions, OFFLINE_ACTIONS_MAX);
    struct offline_policy_options own = *options;
    own.net.num_features = width;
    own.net.num_actions = log->num_actions;
    struct offline_policy *policy = create(&own, log->num_states, log->num_features);
    float *states = make_states(log, options->memory, width);
    float *shift = offline_net_scaling(policy->net), *scale = shift + width;
    offline_states_measure(states, log->num_steps, width, shift, scale);
    offline_states_scale(states, log->num_steps, width, shift, scale);
    status = offline_net_learn(policy->net, log, states, loss_out);
    mem_free(states);
    if (status)
        offline_policy_destroy(policy);
    else
        *policy_out = policy;
    return status;
}

static souk_status check_columns(const struct offline_policy *policy, const struct episode_log *log,
                                 const char *name, uint32_t width)
{
    uint32_t wanted = policy->options.net.num_features;
    if (width == wanted && log->num_features == policy->num_own &&
        log->num_states == policy->num_states)
        return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: its states have %u features, but those that the policy was learnt from "
                    "have %u; give a log with the same columns",
                    name, width, wanted);
}

static double *order_by_row(const struct episode_log *log, double *q)
{
    uint32_t num = log->num_actions;
    double *by_row = mem_calloc(log->num_steps * num, sizeof(*by_row), "values of steps");
    for (uint64_t i = 0; i < log->num_steps; i++)
        memcpy(by_row + log->rows[i] * num, q + i * num, num * sizeof(*by_row));
    mem_free(q);
    return by_row;
}

souk_status offline_policy_score(struct offline_policy *policy, const struct episode_log *log,
                                 const char *name, bool by_row, double **q_out)
{
    uint32_t width = 0;
    souk_status status = offline_states_width(log, policy->options.memory, &width);
    if (!status) status = check_columns(policy, log, name, width);
    if (status) return status;
    const float *shift = offline_net_scaling(policy->net);
    uint64_t num = log->num_steps * log->num_actions;
    float *states = make_states(log, policy->options.memory, width);
    float *scores = mem_calloc(num, sizeof(*scores), "values of steps");
    double *q = mem_calloc(num, sizeof(*q), "values of steps");
    offline_states_scale(states, log->num_steps, width, shift, shift + width);
    offline_net_score(policy->net, states, log->num_steps, scores);
    for (uint64_t i = 0; i < num; i++) q[i] = (double)scores[i];
    mem_free(states);
    mem_free(scores);
    *q_out = by_row ? order_by_row(log, q) : q;
    return SOUK_OK;
}

/* ---- folder ---- */

static void put_uint(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_uint(json, value);
}

static void put_number(struct json *json, const char *key, double value)
{
    json_key(json, key);
    json_double(json, value);
}

static void describe(const struct offline_policy *policy, struct buf *out)
{
    const struct offline_net_options *net = &policy->options.net;
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    put_uint(&json, "states", policy->num_states);
    put_uint(&json, "log_features", policy->num_own);
    put_uint(&json, "features", net->num_features);
    put_uint(&json, "actions", net->num_actions);
    put_number(&json, "memory", (double)policy->options.memory);
    put_number(&json, "epsilon", policy->options.exploration);
    json_key(&json, "hidden"), json_open(&json, '[');
    for (uint32_t i = 0; i < net->num_layers; i++) {
        json_open(&json, '{');
        put_uint(&json, "width", net->widths[i]);
        json_close(&json);
    }
    json_close(&json);
    json_close(&json);
}

souk_status offline_policy_save(const struct offline_policy *policy, const char *dir)
{
    struct buf state = {0}, weights = {0};
    describe(policy, &state);
    offline_net_pack(policy->net, &weights);
    const struct model_dir_save saving = {.dir = dir,
                                          .type = OFFLINE_POLICY_TYPE,
                                          .state_json = buf_text(&state),
                                          .weights = weights.text,
                                          .weights_bytes = weights.length,
                                          .drops_observed = true};
    souk_status status = file_make_dirs(dir);
    if (!status) status = model_dir_prepare(dir);
    if (!status) status = model_dir_save(&saving);
    buf_fini(&state);
    buf_fini(&weights);
    return status;
}

bool offline_policy_is_in(const char *dir)
{
    struct buf path = {0};
    buf_printf(&path, "%s/manifest.json", dir);
    bool is_there = file_exists(buf_text(&path));
    buf_fini(&path);
    return is_there;
}

static bool read_layers(const void *state, struct offline_net_options *net)
{
    const void *list = json_value_get(state, "hidden");
    size_t num = json_value_count(list);
    if (num < 1 || num > Q_NET_LAYERS_MAX) return false;
    net->num_layers = (uint32_t)num;
    for (size_t i = 0; i < num; i++) {
        uint64_t width = json_value_u64(json_value_at(list, i), "width", 0);
        if (width < 1 || width > Q_NET_WIDTH_MAX) return false;
        net->widths[i] = (uint32_t)width;
    }
    return true;
}

static souk_status read_state(const struct model_dir *dir, struct offline_policy **policy_out)
{
    const void *state = model_dir_state(dir);
    uint64_t num_states = json_value_u64(state, "states", UINT64_MAX);
    uint64_t num_own = json_value_u64(state, "log_features", UINT64_MAX);
    uint64_t num_features = json_value_u64(state, "features", UINT64_MAX);
    uint64_t num_actions = json_value_u64(state, "actions", 0);
    struct offline_policy_options options = {
        .memory = (float)json_value_number(state, "memory", NAN),
        .exploration = json_value_number(state, "epsilon", NAN),
        .net = {.num_features = (uint32_t)num_features,
                .num_actions = (uint32_t)num_actions,
                .batch_size = SCORED_BATCH}};
    if (num_states > OFFLINE_STATES_MAX || num_own > OFFLINE_FEATURES_MAX ||
        num_features > OFFLINE_FEATURES_MAX || num_actions < 1 ||
        num_actions > OFFLINE_ACTIONS_MAX || !(options.memory >= 0 && options.memory < 1) ||
        !(options.exploration >= 0 && options.exploration <= 1) ||
        !read_layers(state, &options.net))
        return log_fail(SOUK_EDATA,
                        "%s: its state is not that of a policy that was learnt from a log; copy "
                        "the policy again, or learn it again",
                        model_dir_path(dir));
    *policy_out = create(&options, (uint32_t)num_states, (uint32_t)num_own);
    return SOUK_OK;
}

static souk_status read_weights(const struct model_dir *dir, struct offline_policy *policy)
{
    char *bytes = NULL;
    size_t length = 0;
    struct buf path = {0};
    souk_status status = model_dir_weights(dir, &bytes, &length, &path);
    if (!status && !bytes)
        status = log_fail(SOUK_EDATA, "%s: its weights are missing; copy the policy again",
                          model_dir_path(dir));
    if (!status) status = offline_net_unpack(policy->net, bytes, length, buf_text(&path));
    mem_free(bytes);
    buf_fini(&path);
    return status;
}

static souk_status check_type(const struct model_dir *dir)
{
    if (strcmp(model_dir_type(dir), OFFLINE_POLICY_TYPE) == 0) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: is a model of type \"%s\" and no policy over the states of a log; give "
                    "the folder of `souk learn-policy --log`",
                    model_dir_path(dir), model_dir_type(dir));
}

souk_status offline_policy_load(const char *dir, struct offline_policy **policy_out)
{
    struct model_dir *opened = NULL;
    struct offline_policy *policy = NULL;
    if (!offline_policy_is_in(dir))
        return log_fail(SOUK_EDATA,
                        "%s: has no network; give the folder that `souk learn-policy --log` wrote "
                        "for a log with features (the policy of numbered states is its policy.csv)",
                        dir);
    souk_status status = model_dir_open(dir, &opened);
    if (!status) status = check_type(opened);
    if (!status) status = read_state(opened, &policy);
    if (!status) status = read_weights(opened, policy);
    model_dir_close(opened);
    if (status)
        offline_policy_destroy(policy);
    else
        *policy_out = policy;
    return status;
}
