/* agent_slateq.c - SlateQ: the value of a slate taken apart into those of its items. See agent.h;
 * Ie et al., IJCAI'19.
 *
 *   Q(s, A) = sum over A and the null item of P(i | s, A) Q(s, i)
 *   Q(s, i) <- r + gamma Q(s', A')    for the item i that was chosen, or the null item
 *
 * A' is the slate that was shown next (SARSA) or the one that the target network likes best
 * (Q-learning). With policy.null_value zero the null item is worth 0 and steps without a choice
 * are not learnt from, as in the published code; learned, it is an item of the network like the
 * others: a skip costs little and keeps the session alive, so that it is worth nearly as much.
 */
#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/agent/q_learner.h"
#include "worker/agent/slate_choice.h"

struct agent {
    struct q_learner learner;
    double *scores, *values; // (C) of one user
    float *targets;          // (batch) y
};

static void slateq_destroy(struct agent *agent)
{
    if (!agent) return;
    q_learner_fini(&agent->learner);
    mem_free(agent->scores);
    mem_free(agent->values);
    mem_free(agent->targets);
    mem_free(agent);
}

static souk_status slateq_create(const struct agent_options *options, struct agent **agent_out)
{
    struct agent *agent = mem_calloc(1, sizeof *agent, "agent");
    struct q_settings settings = {0};
    souk_status status = options->state
                             ? q_settings_load(options->state, &settings)
                             : q_settings_read(options->config, &options->shape, &settings);
    struct q_learner_options learner = {.agent = options, .has_null = settings.learns_null};
    if (status == SOUK_OK) status = q_learner_init(&agent->learner, &learner);
    if (status != SOUK_OK) {
        slateq_destroy(agent);
        return status;
    }
    uint32_t num_candidates = options->shape.num_candidates;
    agent->scores = mem_calloc(num_candidates, sizeof *agent->scores, "agent");
    agent->values = mem_calloc(num_candidates, sizeof *agent->values, "agent");
    agent->targets = mem_calloc(agent->learner.batch + 1, sizeof *agent->targets, "targets");
    *agent_out = agent;
    return SOUK_OK;
}

/* ---- slates ---- */

/* q (G): of one user's candidates, and of the null item where it has a value. */
static struct slate_choice sight_of(struct agent *agent, const float *scores, float null_score,
                                    const float *q)
{
    uint32_t num = agent->learner.shape.num_candidates;
    for (uint32_t c = 0; c < num; c++) {
        agent->scores[c] = (double)scores[c];
        agent->values[c] = (double)q[c];
    }
    return (struct slate_choice){.scores = agent->scores,
                                 .values = agent->values,
                                 .null_score = (double)null_score,
                                 .null_value = agent->learner.has_null ? (double)q[num] : 0,
                                 .num_candidates = num,
                                 .slate_size = agent->learner.shape.slate_size};
}

static void choose(const struct agent *agent, const struct slate_choice *sight, uint32_t *slate_out)
{
    switch (agent->learner.settings.slate) {
    case CONFIG_SLATE_TOP_K: slate_choice_top(sight, slate_out); return;
    case CONFIG_SLATE_GREEDY: slate_choice_greedy(sight, slate_out); return;
    case CONFIG_SLATE_EXACT: slate_choice_exact(sight, slate_out); return;
    }
}

/* What softmax goes by: v_i (q_i - the value of the best slate), which is what an item adds. */
static void prefer(struct agent *agent, const struct slate_choice *sight, const uint32_t *best)
{
    double value = slate_choice_value(sight, best);
    for (uint32_t c = 0; c < sight->num_candidates; c++)
        agent->values[c] = agent->scores[c] * (agent->values[c] - value);
}

static souk_status slateq_act(struct agent *agent, const struct agent_turn *turn,
                              const struct agent_choice *choice)
{
    struct q_learner *learner = &agent->learner;
    const struct env_shape *shape = &learner->shape;
    const float *q;
    souk_status status = q_learner_look(learner, turn->view, &q);
    if (status != SOUK_OK) return status;
    for (uint32_t p = 0; p < shape->num_users; p++) {
        uint32_t best[ENV_SLATE_MAX];
        struct slate_choice sight =
            sight_of(agent, turn->view->scores + (size_t)p * shape->num_candidates,
                     turn->view->null_score[p], q + (size_t)p * learner->group);
        choose(agent, &sight, best);
        if (turn->exploration.is_softmax) prefer(agent, &sight, best);
        agent_explore(shape, turn, choice, p, best, agent->values);
    }
    q_learner_show(learner, turn->view, choice->slates);
    return SOUK_OK;
}

static void slateq_watch(struct agent *agent, const struct env_view *view, const uint32_t *slates)
{
    q_learner_watch(&agent->learner, view, slates);
}

static void slateq_observe(struct agent *agent, const struct env_outcome *outcomes)
{
    q_learner_observe(&agent->learner, outcomes);
}

/* ---- learning ---- */

/* What the rest of a session is worth that goes on with this step. */
static double value_of_next(struct agent *agent, const struct replay_step *next, const float *q)
{
    struct slate_choice sight = sight_of(agent, next->scores, next->null_score, q);
    uint32_t best[ENV_SLATE_MAX];
    if (agent->learner.config->policy.target == CONFIG_TARGET_SARSA)
        return slate_choice_value(&sight, next->slate);
    choose(agent, &sight, best);
    return slate_choice_value(&sight, best);
}

/* Keys of a batch: those of all next candidates, then the chosen ones, of which null items have any
 * (their row is not used). */
static souk_status pull_rows(struct q_learner *learner, uint32_t num)
{
    if (!learner->rows) return SOUK_OK;
    uint32_t num_candidates = learner->shape.num_candidates;
    size_t total = (size_t)num * (num_candidates + 1);
    mem_reserve(&learner->keys, &learner->keys_capacity, total, sizeof *learner->keys, "keys");
    for (uint32_t b = 0; b < num; b++) {
        const struct transition *transition = &learner->transitions[b];
        const struct replay_step *first = &transition->first;
        memcpy(learner->keys + (size_t)b * num_candidates, transition->next.keys,
               num_candidates * sizeof *learner->keys);
        learner->keys[(size_t)num * num_candidates + b] =
            first->keys[first->choice >= 0 ? first->slate[first->choice] : 0];
    }
    return q_learner_pull(learner, learner->keys, (uint32_t)total, true);
}

static void put_next(struct q_learner *learner, uint32_t num)
{
    uint32_t num_candidates = learner->shape.num_candidates, dim = learner->item_dim;
    float *state = learner->batch_states, *item = learner->batch_items;
    for (uint32_t b = 0; b < num; b++) {
        const struct replay_step *next = &learner->transitions[b].next;
        state += q_learner_put_state(learner, next->state, 0, state);
        state += q_learner_put_user(learner, num + b, true, state);
        for (uint32_t c = 0; c < num_candidates; c++, item += dim)
            q_learner_put_item(learner, next, c, b * num_candidates + c, true, item);
        if (!learner->has_null) continue;
        q_learner_put_null(learner, item);
        item += dim;
    }
}

static void find_targets(struct agent *agent, uint32_t num)
{
    struct q_learner *learner = &agent->learner;
    q_learner_reserve(learner, num, num * learner->group);
    put_next(learner, num);
    const struct q_batch batch = {.states = learner->batch_states,
                                  .items = learner->batch_items,
                                  .num_states = num,
                                  .num_items = learner->group};
    q_net_score(learner->net, learner->target, &batch, learner->q);
    for (uint32_t b = 0; b < num; b++) {
        const struct transition *transition = &learner->transitions[b];
        float *q = learner->q + (size_t)b * learner->group;
        double y = (double)transition->reward;
        q_learner_add_prior(learner, transition->next.scores, transition->next.null_score,
                            learner->shape.num_candidates, q);
        if (transition->discount > 0)
            y += (double)transition->discount * value_of_next(agent, &transition->next, q);
        agent->targets[b] = (float)y;
    }
}

static void put_first(struct q_learner *learner, uint32_t num)
{
    float *state = learner->batch_states, *item = learner->batch_items;
    for (uint32_t b = 0; b < num; b++, item += learner->item_dim) {
        const struct replay_step *first = &learner->transitions[b].first;
        state += q_learner_put_state(learner, first->state, 0, state);
        state += q_learner_put_user(learner, b, false, state);
        if (first->choice < 0)
            q_learner_put_null(learner, item);
        else
            q_learner_put_item(learner, first, first->slate[first->choice],
                               num * learner->shape.num_candidates + b, false, item);
    }
}

static void add_row_gradients(struct q_learner *learner, uint32_t num)
{
    uint32_t first_row = num * learner->shape.num_candidates;
    for (uint32_t b = 0; b < num && learner->rows; b++)
        if (learner->transitions[b].first.choice >= 0)
            key_rows_add(learner->rows, first_row + b,
                         learner->items_grad + (size_t)b * learner->item_dim +
                             learner->shape.item_dim);
}

static souk_status compute(void *ctx, uint32_t num, double *loss_out)
{
    struct agent *agent = ctx;
    struct q_learner *learner = &agent->learner;
    souk_status status = pull_rows(learner, num);
    if (status != SOUK_OK) return status;
    find_targets(agent, num);
    put_first(learner, num);
    const struct q_batch batch = {.states = learner->batch_states,
                                  .items = learner->batch_items,
                                  .num_states = num,
                                  .num_items = 1};
    q_net_forward(learner->net, learner->dense.values, &batch, learner->q);
    double loss = 0;
    for (uint32_t b = 0; b < num; b++) {
        const struct replay_step *first = &learner->transitions[b].first;
        if (first->choice >= 0)
            q_learner_add_prior(learner, first->scores + first->slate[first->choice],
                                first->null_score, 1, &learner->q[b]);
        loss += q_learner_loss(learner, learner->q[b], agent->targets[b], &learner->q_grad[b]);
    }
    q_net_backward(learner->net, &batch, learner->q_grad,
                   learner->rows ? learner->items_grad : NULL,
                   learner->users ? learner->states_grad : NULL);
    add_row_gradients(learner, num);
    *loss_out = loss;
    return SOUK_OK;
}

static souk_status slateq_learn(struct agent *agent, float lr, struct agent_news *news)
{
    return q_learner_learn(&agent->learner, lr, !agent->learner.has_null, compute, agent, news);
}

static souk_status slateq_settle(struct agent *agent)
{
    return q_learner_settle(&agent->learner);
}

/* ---- folder ---- */

static void slateq_save_state(const struct agent *agent, struct json *json)
{
    q_learner_save_state(&agent->learner, json);
}

static void slateq_pack(const struct agent *agent, bool with_state, struct buf *out)
{
    dense_pack(&agent->learner.dense, with_state, out);
}

static souk_status slateq_unpack(struct agent *agent, const void *bytes, size_t length,
                                 const char *path)
{
    return dense_unpack(&agent->learner.dense, bytes, length, path);
}

static uint32_t slateq_tables(const struct agent *agent, struct souk_table_spec *specs_out,
                              uint32_t *tables_out)
{
    return q_learner_tables(&agent->learner, specs_out, tables_out);
}

static souk_status slateq_begin(struct agent *agent)
{
    return q_learner_begin(&agent->learner);
}

const struct agent_ops agent_slateq = {
    .name = "slateq",
    .create = slateq_create,
    .destroy = slateq_destroy,
    .act = slateq_act,
    .observe = slateq_observe,
    .watch = slateq_watch,
    .learn = slateq_learn,
    .settle = slateq_settle,
    .save_state = slateq_save_state,
    .pack = slateq_pack,
    .unpack = slateq_unpack,
    .tables = slateq_tables,
    .begin = slateq_begin,
};
