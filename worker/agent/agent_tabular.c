/* agent_tabular.c - Q-learning with a number for each state and item, for few of both. See agent.h.
 *
 * Features are cut into policy.bins parts; a state is the parts of the user's features, an item
 * those of its own, or its key. The numbers are rows of the table "q" on the servers, so that all
 * workers learn the same ones. A slate is the K items of the largest Q; each of them moves to
 *
 *     y = r + gamma (mean Q of the next slate)
 *
 * by policy.lr times what it is off by, on average where several users met it in the same step.
 */
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/agent/agent.h"
#include "worker/agent/key_rows.h"
#include "worker/agent/q_settings.h"

#define TABLE "q"

struct agent {
    const struct config *config; // borrowed
    struct env_shape shape;
    struct q_settings settings;
    struct souk_client *client; // borrowed
    struct comm *comm;          // borrowed; NULL: alone
    bool is_learning;
    struct key_rows *rows;
    uint64_t *keys;           // (N, C) of the view, then (N, K) of the last slates
    struct env_outcome *last; // (N) what came of them
    bool has_last;            // there was a turn before
    double *q;                // (C) of one user
    float lr;                 // as of the last learn
    struct agent_news news;   // since then
};

static void tabular_destroy(struct agent *agent)
{
    if (!agent) return;
    key_rows_destroy(agent->rows);
    mem_free(agent->keys);
    mem_free(agent->last);
    mem_free(agent->q);
    mem_free(agent);
}

static souk_status open_rows(struct agent *agent, const struct souk_table_spec *saved)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, TABLE, 1);
    spec.init = SOUK_INIT_ZERO;
    spec.lr = agent->config->policy.lr;
    if (saved) spec = *saved;
    if (spec.dim != 1)
        return log_fail(SOUK_EDATA,
                        "the policy's rows have %u floats and not 1; copy the policy "
                        "again",
                        spec.dim);
    souk_status status = saved ? SOUK_OK : config_apply_table(agent->config, &spec);
    return status == SOUK_OK ? key_rows_create(&spec, false, agent->client, &agent->rows) : status;
}

static souk_status tabular_create(const struct agent_options *options, struct agent **agent_out)
{
    struct agent *agent = mem_calloc(1, sizeof *agent, "agent");
    const struct env_shape *shape = &options->shape;
    size_t n = shape->num_users;
    agent->config = options->config;
    agent->shape = *shape;
    agent->client = options->client;
    agent->comm = options->comm;
    agent->is_learning = options->is_learning;
    agent->keys =
        mem_calloc(n * (shape->num_candidates + shape->slate_size), sizeof *agent->keys, "agent");
    agent->last = mem_calloc(n, sizeof *agent->last, "agent");
    agent->q = mem_calloc(shape->num_candidates, sizeof *agent->q, "agent");
    souk_status status = options->state ? q_settings_load(options->state, &agent->settings)
                                        : q_settings_read(options->config, shape, &agent->settings);
    if (status == SOUK_OK && !options->client)
        status = log_fail(SOUK_EINVAL, "a tabular policy is a table and needs servers");
    if (status == SOUK_OK) status = open_rows(agent, agent_spec(options, TABLE));
    if (status != SOUK_OK) {
        tabular_destroy(agent);
        return status;
    }
    *agent_out = agent;
    return SOUK_OK;
}

/* ---- keys ---- */

static uint64_t add_bins(const struct agent *agent, const float *features, uint32_t n, uint64_t key)
{
    const struct q_settings *settings = &agent->settings;
    float width = (settings->bins_high - settings->bins_low) / (float)settings->bins;
    for (uint32_t i = 0; i < n; i++) {
        float at = (features[i] - settings->bins_low) / width;
        uint32_t last = settings->bins - 1;
        uint32_t bin = !(at > 0) ? 0 : at >= (float)last ? last : (uint32_t)at;
        key = hash_key(key + bin + 1);
    }
    return key;
}

static void find_keys(struct agent *agent, const struct env_view *view)
{
    const struct env_shape *shape = &agent->shape;
    for (uint32_t n = 0; n < shape->num_users; n++) {
        uint64_t state =
            shape->user_dim == 0
                ? 0
                : add_bins(agent, view->users + (size_t)n * shape->user_dim, shape->user_dim, 0);
        for (uint32_t c = 0; c < shape->num_candidates; c++) {
            size_t at = (size_t)n * shape->num_candidates + c;
            uint64_t item = view->keys ? hash_key(view->keys[at]) : 0;
            if (shape->item_dim > 0 && !view->keys)
                item = add_bins(agent, view->items + at * shape->item_dim, shape->item_dim, 0);
            agent->keys[at] = hash_key(state ^ hash_key(item + 1));
        }
    }
}

/* ---- a turn ---- */

static void choose(struct agent *agent, uint32_t n, uint32_t *slate_out)
{
    uint32_t num = agent->shape.num_candidates, size = 0;
    for (uint32_t c = 0; c < num; c++) {
        double q = (double)key_rows_get(agent->rows, n * num + c)[0];
        agent->q[c] = q;
        bool is_full = size == agent->shape.slate_size;
        if (is_full && !(q > agent->q[slate_out[size - 1]])) continue;
        uint32_t place = is_full ? size - 1 : size++;
        for (; place > 0 && q > agent->q[slate_out[place - 1]]; place--)
            slate_out[place] = slate_out[place - 1];
        slate_out[place] = c;
    }
}

/* The items of the last slate of a place towards y; best: the slate that looks best now. */
static void learn_place(struct agent *agent, uint32_t n, const uint32_t *best)
{
    const struct env_shape *shape = &agent->shape;
    const struct env_outcome *outcome = &agent->last[n];
    double next = 0;
    if (outcome->is_cut) return; // nothing is known of what would have come
    for (uint32_t k = 0; k < shape->slate_size; k++) next += agent->q[best[k]] / shape->slate_size;
    double y = (double)(outcome->reward * agent->settings.reward_scale);
    if (!outcome->is_over) y += (double)agent->config->policy.gamma * next;
    uint32_t first = shape->num_users * shape->num_candidates + n * shape->slate_size;
    for (uint32_t k = 0; k < shape->slate_size; k++) {
        float error = key_rows_get(agent->rows, first + k)[0] - (float)y;
        key_rows_add(agent->rows, first + k, &error);
        agent->news.loss += 0.5 * (double)(error * error);
        agent->news.num_updates++;
    }
}

static void keep_slate(struct agent *agent, uint32_t n, const uint32_t *slate)
{
    const struct env_shape *shape = &agent->shape;
    const uint64_t *candidates = agent->keys + (size_t)n * shape->num_candidates;
    uint64_t *last = agent->keys + (size_t)shape->num_users * shape->num_candidates +
                     (size_t)n * shape->slate_size;
    for (uint32_t k = 0; k < shape->slate_size; k++) last[k] = candidates[slate[k]];
}

static souk_status tabular_act(struct agent *agent, const struct agent_turn *turn,
                               const struct agent_choice *choice)
{
    const struct env_shape *shape = &agent->shape;
    uint32_t num_keys = shape->num_users * shape->num_candidates;
    bool is_learning = agent->is_learning && agent->has_last;
    find_keys(agent, turn->view);
    if (is_learning) num_keys += shape->num_users * shape->slate_size;
    souk_status status = key_rows_pull(agent->rows, agent->keys, num_keys, false);
    if (status != SOUK_OK) return status;
    for (uint32_t n = 0; n < shape->num_users; n++) {
        uint32_t best[ENV_SLATE_MAX];
        choose(agent, n, best);
        agent_explore(shape, turn, choice, n, best, agent->q);
        if (is_learning) learn_place(agent, n, best);
    }
    for (uint32_t n = 0; n < shape->num_users; n++)
        keep_slate(agent, n, choice->slates + (size_t)n * shape->slate_size);
    agent->has_last = true;
    const struct key_rows_step step = {.lr = agent->lr, .scale = 1, .is_mean = true};
    return is_learning ? key_rows_push(agent->rows, &step) : SOUK_OK;
}

static void tabular_observe(struct agent *agent, const struct env_outcome *outcomes)
{
    memcpy(agent->last, outcomes, agent->shape.num_users * sizeof *outcomes);
}

/* What is learnt from a step needs to see the next one: act does it. */
static souk_status tabular_learn(struct agent *agent, float lr, struct agent_news *news)
{
    news->loss += agent->news.loss;
    news->num_updates += agent->news.num_updates;
    agent->news = (struct agent_news){0};
    agent->lr = lr;
    return SOUK_OK;
}

static souk_status tabular_settle(struct agent *agent)
{
    souk_status status = souk_client_flush(agent->client);
    return agent->comm ? comm_agree(agent->comm, status) : status;
}

/* ---- folder ---- */

static void tabular_save_state(const struct agent *agent, struct json *json)
{
    agent_save_shape(&agent->shape, json);
    q_settings_save(&agent->settings, json);
}

static uint32_t tabular_tables(const struct agent *agent, struct souk_table_spec *specs_out,
                               uint32_t *tables_out)
{
    *specs_out = *key_rows_spec(agent->rows);
    *tables_out = key_rows_table(agent->rows);
    return 1;
}

const struct agent_ops agent_tabular = {
    .name = "tabular",
    .create = tabular_create,
    .destroy = tabular_destroy,
    .act = tabular_act,
    .observe = tabular_observe,
    .learn = tabular_learn,
    .settle = tabular_settle,
    .save_state = tabular_save_state,
    .tables = tabular_tables,
};
