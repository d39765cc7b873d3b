/* agent_dqn.c - double DQN: Q of a state and the item that is shown in it. See agent.h; van Hasselt
 * et al., AAAI'16.
 *
 *   y = r + gamma Q_target(s', the item that Q likes best in s')
 *
 * An action is one item. A slate of more is one action a position, each with a network input that
 * names it and all with the reward of the whole slate; positions choose one after another among the
 * items that are left. With policy.dueling Q is taken apart (q_net.h), and all candidates take part
 * in an update instead of the one that was shown.
 */
#include <string.h>

#include "common/base/mem.h"
#include "worker/agent/q_learner.h"

struct agent {
    struct q_learner learner;
    double *preferences; // (C) of softmax
    float *best;         // (batch, R, C) Q of the next states by the network that learns
    float *targets;      // (batch, R) y
    size_t best_capacity;
};

static void dqn_destroy(struct agent *agent)
{
    if (!agent) return;
    q_learner_fini(&agent->learner);
    mem_free(agent->preferences);
    mem_free(agent->best);
    mem_free(agent->targets);
    mem_free(agent);
}

static souk_status dqn_create(const struct agent_options *options, struct agent **agent_out)
{
    struct agent *agent = mem_calloc(1, sizeof *agent, "agent");
    struct q_learner *learner = &agent->learner;
    struct q_learner_options own = {.agent = options, .has_position = true, .values_shown = true};
    souk_status status = q_learner_init(learner, &own);
    if (status != SOUK_OK) {
        dqn_destroy(agent);
        return status;
    }
    agent->preferences =
        mem_calloc(options->shape.num_candidates, sizeof *agent->preferences, "agent");
    agent->targets = mem_calloc((size_t)learner->batch * learner->num_repeats + 1,
                                sizeof *agent->targets, "targets");
    *agent_out = agent;
    return SOUK_OK;
}

/* ---- slates ---- */

static bool is_among(const uint32_t *slate, uint32_t k, uint32_t item)
{
    for (uint32_t i = 0; i < k; i++)
        if (slate[i] == item) return true;
    return false;
}

/* q (R, C): each position takes the best item that is left; a network without positions gives all
 * of them the same values. */
static void choose(const struct q_learner *learner, const float *q, uint32_t *slate_out)
{
    uint32_t num = learner->shape.num_candidates;
    for (uint32_t k = 0; k < learner->shape.slate_size; k++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t c = 0; c < num; c++)
            if (!is_among(slate_out, k, c) && (best == UINT32_MAX || q[c] > q[best])) best = c;
        slate_out[k] = best;
        if (learner->num_repeats > 1) q += num;
    }
}

static void prefer(struct agent *agent, const float *q)
{
    const struct q_learner *learner = &agent->learner;
    uint32_t num = learner->shape.num_candidates;
    for (uint32_t c = 0; c < num; c++) {
        double sum = 0;
        for (uint32_t k = 0; k < learner->num_repeats; k++) sum += (double)q[k * num + c];
        agent->preferences[c] = sum / learner->num_repeats;
    }
}

static souk_status dqn_act(struct agent *agent, const struct agent_turn *turn,
                           const struct agent_choice *choice)
{
    struct q_learner *learner = &agent->learner;
    const float *q;
    souk_status status = q_learner_look(learner, turn->view, &q);
    if (status != SOUK_OK) return status;
    for (uint32_t p = 0; p < learner->shape.num_users; p++) {
        uint32_t best[ENV_SLATE_MAX];
        const float *mine = q + (size_t)p * learner->num_repeats * learner->group;
        choose(learner, mine, best);
        if (turn->exploration.is_softmax) prefer(agent, mine);
        agent_explore(&learner->shape, turn, choice, p, best, agent->preferences);
    }
    q_learner_show(learner, turn->view, choice->slates);
    return SOUK_OK;
}

static void dqn_watch(struct agent *agent, const struct env_view *view, const uint32_t *slates)
{
    q_learner_watch(&agent->learner, view, slates);
}

static void dqn_observe(struct agent *agent, const struct env_outcome *outcomes)
{
    q_learner_observe(&agent->learner, outcomes);
}

/* ---- learning ---- */

// Candidates of a first state that take part in an update.
static uint32_t num_first(const struct q_learner *learner)
{
    return learner->settings.is_dueling ? learner->shape.num_candidates : 1;
}

/* The candidate behind input g of a first state, for a position. */
static uint32_t first_item(const struct q_learner *learner, const struct transition *transition,
                           uint32_t position, uint32_t g)
{
    return learner->settings.is_dueling ? g : transition->first.slate[position];
}

/* Keys of a batch: all candidates of the next states, then all of the first ones. */
static souk_status pull_rows(struct q_learner *learner, uint32_t num)
{
    uint32_t num_candidates = learner->shape.num_candidates;
    size_t half = (size_t)num * num_candidates;
    if (!learner->rows) return SOUK_OK;
    mem_reserve(&learner->keys, &learner->keys_capacity, 2 * half, sizeof *learner->keys, "keys");
    for (uint32_t b = 0; b < num; b++) {
        uint64_t *keys = learner->keys + (size_t)b * num_candidates;
        memcpy(keys, learner->transitions[b].next.keys, num_candidates * sizeof *keys);
        memcpy(keys + half, learner->transitions[b].first.keys, num_candidates * sizeof *keys);
    }
    return q_learner_pull(learner, learner->keys, (uint32_t)(2 * half), true);
}

/* Q (B, R, C) of the next states, by the target network or by the one that learns. */
static void score_next(struct q_learner *learner, uint32_t num, bool is_target, float *q_out)
{
    uint32_t num_candidates = learner->shape.num_candidates, num_repeats = learner->num_repeats;
    float *state = learner->batch_states, *item = learner->batch_items;
    for (uint32_t b = 0; b < num; b++)
        for (uint32_t k = 0; k < num_repeats; k++) {
            const struct replay_step *next = &learner->transitions[b].next;
            state += q_learner_put_state(learner, next->state, k, state);
            state += q_learner_put_user(learner, num + b, is_target, state);
            for (uint32_t c = 0; c < num_candidates; c++, item += learner->item_dim)
                q_learner_put_item(learner, next, c, b * num_candidates + c, is_target, item);
        }
    const struct q_batch batch = {.states = learner->batch_states,
                                  .items = learner->batch_items,
                                  .num_states = num * num_repeats,
                                  .num_items = num_candidates};
    q_net_score(learner->net, is_target ? learner->target : learner->dense.values, &batch, q_out);
    for (uint32_t r = 0; r < num * num_repeats; r++) {
        const struct replay_step *next = &learner->transitions[r / num_repeats].next;
        q_learner_add_prior(learner, next->scores, next->null_score, num_candidates,
                            q_out + (size_t)r * num_candidates);
    }
}

static void find_targets(struct agent *agent, uint32_t num)
{
    struct q_learner *learner = &agent->learner;
    uint32_t num_candidates = learner->shape.num_candidates, num_repeats = learner->num_repeats;
    size_t stride = (size_t)num_repeats * num_candidates;
    mem_reserve(&agent->best, &agent->best_capacity, num * stride, sizeof(float), "values");
    score_next(learner, num, false, agent->best);
    score_next(learner, num, true, learner->q);
    for (uint32_t b = 0; b < num; b++) {
        const struct transition *transition = &learner->transitions[b];
        uint32_t slate[ENV_SLATE_MAX];
        choose(learner, agent->best + b * stride, slate);
        for (uint32_t k = 0; k < num_repeats; k++) {
            float next = learner->q[b * stride + (size_t)k * num_candidates + slate[k]];
            float y = transition->reward;
            if (transition->discount > 0) y += transition->discount * next;
            agent->targets[b * num_repeats + k] = y;
        }
    }
}

static void put_first(struct q_learner *learner, uint32_t num)
{
    uint32_t num_candidates = learner->shape.num_candidates;
    float *state = learner->batch_states, *item = learner->batch_items;
    for (uint32_t b = 0; b < num; b++)
        for (uint32_t k = 0; k < learner->num_repeats; k++) {
            const struct transition *transition = &learner->transitions[b];
            state += q_learner_put_state(learner, transition->first.state, k, state);
            state += q_learner_put_user(learner, b, false, state);
            for (uint32_t g = 0; g < num_first(learner); g++, item += learner->item_dim) {
                uint32_t c = first_item(learner, transition, k, g);
                q_learner_put_item(learner, &transition->first, c, (num + b) * num_candidates + c,
                                   false, item);
            }
        }
}

/* Loss of the items that were shown, each a share 1 / R of its transition. */
static double find_loss(struct agent *agent, uint32_t num)
{
    struct q_learner *learner = &agent->learner;
    uint32_t group = num_first(learner), num_repeats = learner->num_repeats;
    double loss = 0;
    memset(learner->q_grad, 0, (size_t)num * num_repeats * group * sizeof(float));
    for (uint32_t r = 0; r < num * num_repeats; r++) {
        const struct replay_step *first = &learner->transitions[r / num_repeats].first;
        uint32_t shown = first->slate[r % num_repeats];
        size_t at = (size_t)r * group + (group > 1 ? shown : 0);
        float grad;
        q_learner_add_prior(learner, first->scores + shown, first->null_score, 1, &learner->q[at]);
        loss += q_learner_loss(learner, learner->q[at], agent->targets[r], &grad) / num_repeats;
        learner->q_grad[at] = grad / (float)num_repeats;
    }
    return loss;
}

static void add_row_gradients(struct q_learner *learner, uint32_t num)
{
    uint32_t num_candidates = learner->shape.num_candidates, group = num_first(learner);
    const float *grad = learner->items_grad + learner->shape.item_dim;
    if (!learner->rows) return;
    for (uint32_t r = 0; r < num * learner->num_repeats; r++)
        for (uint32_t g = 0; g < group; g++, grad += learner->item_dim) {
            uint32_t b = r / learner->num_repeats;
            uint32_t c = first_item(learner, &learner->transitions[b], r % learner->num_repeats, g);
            key_rows_add(learner->rows, (num + b) * num_candidates + c, grad);
        }
}

static souk_status compute(void *ctx, uint32_t num, double *loss_out)
{
    struct agent *agent = ctx;
    struct q_learner *learner = &agent->learner;
    uint32_t num_states = num * learner->num_repeats;
    souk_status status = pull_rows(learner, num);
    if (status != SOUK_OK) return status;
    q_learner_reserve(learner, num_states, num_states * learner->shape.num_candidates);
    find_targets(agent, num);
    put_first(learner, num);
    const struct q_batch batch = {.states = learner->batch_states,
                                  .items = learner->batch_items,
                                  .num_states = num_states,
                                  .num_items = num_first(learner)};
    q_net_forward(learner->net, learner->dense.values, &batch, learner->q);
    *loss_out = find_loss(agent, num);
    q_net_backward(learner->net, &batch, learner->q_grad,
                   learner->rows ? learner->items_grad : NULL,
                   learner->users ? learner->states_grad : NULL);
    add_row_gradients(learner, num);
    return SOUK_OK;
}

static souk_status dqn_learn(struct agent *agent, float lr, struct agent_news *news)
{
    return q_learner_learn(&agent->learner, lr, false, compute, agent, news);
}

static souk_status dqn_settle(struct agent *agent)
{
    return q_learner_settle(&agent->learner);
}

/* ---- folder ---- */

static void dqn_save_state(const struct agent *agent, struct json *json)
{
    q_learner_save_state(&agent->learner, json);
}

static void dqn_pack(const struct agent *agent, bool with_state, struct buf *out)
{
    dense_pack(&agent->learner.dense, with_state, out);
}

static souk_status dqn_unpack(struct agent *agent, const void *bytes, size_t length,
                              const char *path)
{
    return dense_unpack(&agent->learner.dense, bytes, length, path);
}

static uint32_t dqn_tables(const struct agent *agent, struct souk_table_spec *specs_out,
                           uint32_t *tables_out)
{
    return q_learner_tables(&agent->learner, specs_out, tables_out);
}

static souk_status dqn_begin(struct agent *agent)
{
    return q_learner_begin(&agent->learner);
}

const struct agent_ops agent_dqn = {
    .name = "dqn",
    .create = dqn_create,
    .destroy = dqn_destroy,
    .act = dqn_act,
    .observe = dqn_observe,
    .watch = dqn_watch,
    .learn = dqn_learn,
    .settle = dqn_settle,
    .save_state = dqn_save_state,
    .pack = dqn_pack,
    .unpack = dqn_unpack,
    .tables = dqn_tables,
    .begin = dqn_begin,
};
