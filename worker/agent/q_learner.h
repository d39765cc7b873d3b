/* q_learner.h - what agents with a Q network share: the network and its target copy, the replay,
 * embeddings of items and users, the memory of users' pasts, and the way of a gradient to the
 * parameters. Private to agents.
 *
 *   one worker        parameters are here
 *   more, asp         they are on the servers (dense_remote.h): pulled before an update, gradients
 *                     pushed behind it; nobody waits for anybody
 *   more, bsp         each has all of them; gradients, those of embeddings too, are summed over
 *                     workers: one update is made of policy.batch_size transitions of all together,
 *                     and the next one sees it, so that a run is the same, up to which users it
 *                     met, as that of one worker
 *
 * Where the environment says what a click is worth (env_shape.click_reward), the network starts at
 * zero and learns what Q is beyond what a click model says: that the item is worth a click's
 * reward once it is chosen (slateq), or the reward times the odds of being chosen when it is shown
 * alone (dqn). So both begin with the slates of the greedy agent, ties and roundings aside: where
 * all items are worth the same and nothing is worth 0, the best slate is that of the largest v_i.
 *
 * An item's input is its features, its embedding, and a 1 for the null item, which is candidate C
 * where the agent has one. A state is the user's features and the memory; the network sees the
 * position and the user's embedding beside it.
 *
 * Threads: one owner, that of the client.
 */
#ifndef SOUK_WORKER_AGENT_Q_LEARNER_H
#define SOUK_WORKER_AGENT_Q_LEARNER_H

#include "worker/agent/agent.h"
#include "worker/agent/key_rows.h"
#include "worker/agent/q_settings.h"
#include "worker/agent/replay.h"
#include "worker/model/dense_remote.h"

#define Q_LEARNER_TABLE      "policy_item"
#define Q_LEARNER_USER_TABLE "policy_user"

struct q_learner {
    const struct config *config; // borrowed
    struct comm *comm;           // borrowed; NULL: alone
    struct souk_client *client;  // borrowed; NULL: no servers
    struct env_shape shape;
    struct q_settings settings;
    bool is_learning, has_null;
    bool values_shown; // see q_learner_options
    uint32_t num_workers;
    uint32_t state_dim;   // D, of the view's users and the memory
    uint32_t memory_dim;  // of it
    uint32_t num_repeats; // the network is asked for a state so often: positions of a slate; else 1
    uint32_t item_dim;    // E
    uint32_t group;       // G: candidates, and the null item
    struct dense dense;
    struct q_net *net;
    float *target;          // (num_values) of dense
    struct key_rows *rows;  // of items; NULL: no embeddings
    struct key_rows *users; // likewise
    struct merge *merge;    // of rows in lock step; NULL: alone, or nobody waits
    struct dense_remote remote;
    bool is_remote;
    struct replay *replay; // NULL unless is_learning
    struct rng rng;        // of what is drawn from the replay
    uint64_t num_steps;    // of all places that were observed
    uint64_t num_updates, num_bad;
    float *states;                  // (N, D) of the turn
    float *memory;                  // (N, memory_dim) as of now
    float *shown;                   // (N, K, item_dim of the shape) features of the last slates
    struct transition *transitions; // (batch)
    uint32_t batch;                 // of this worker
    float *batch_states, *batch_items, *q, *q_grad, *items_grad,
        *states_grad; // room for a batch, or a turn
    size_t states_capacity, items_capacity, q_capacity, grads_capacity, items_grad_capacity,
        states_grad_capacity;
    uint64_t *keys;
    size_t keys_capacity;
};

struct q_learner_options {
    const struct agent_options *agent;
    bool has_null;     // the null item is one of the network's
    bool has_position; // a state is asked for once a position of the slate
    bool values_shown; // Q is of showing an item, else of its being chosen
};
/* SOUK_ECONFIG, SOUK_EDATA, or as the client: logged. q_learner_fini in any case. Collective. */
SOUK_MUST_CHECK souk_status q_learner_init(struct q_learner *learner,
                                           const struct q_learner_options *options);
void q_learner_fini(struct q_learner *learner); // a zeroed one is fine

/* ---- acting ---- */

/* Q of all items of the view, by the network that learns: (N * num_repeats, G), borrowed until the
 * next call of anything here. */
SOUK_MUST_CHECK souk_status q_learner_look(struct q_learner *learner, const struct env_view *view,
                                           const float **q_out);
void q_learner_show(struct q_learner *learner, const struct env_view *view, const uint32_t *slates);
/* The same without a look before it: states are taken from the view. */
void q_learner_watch(struct q_learner *learner, const struct env_view *view,
                     const uint32_t *slates);
void q_learner_observe(struct q_learner *learner, const struct env_outcome *outcomes);

/* ---- learning ---- */

/* What an agent makes of num transitions: gradients of learner->dense and rows, summed over them,
 * not their mean. Returns the summed loss. */
// Behind it, states_grad is that of the states it went forward with: num, or one a position each.
typedef souk_status (*q_learner_fn)(void *ctx, uint32_t num, double *loss_out);
/* The updates that are due after a step of all places. only_chosen: see replay_draw. */
SOUK_MUST_CHECK souk_status q_learner_learn(struct q_learner *learner, float lr, bool only_chosen,
                                            q_learner_fn fn, void *ctx, struct agent_news *news);
SOUK_MUST_CHECK souk_status q_learner_settle(struct q_learner *learner);

/* Rows of embeddings for a batch: of the candidates of each step that is asked for. */
SOUK_MUST_CHECK souk_status q_learner_pull(struct q_learner *learner, const uint64_t *keys,
                                           uint32_t num, bool with_targets);
/* The input of an item of a step: its features, row i of the last pull (by the target's copy). */
void q_learner_put_item(const struct q_learner *learner, const struct replay_step *step,
                        uint32_t candidate, uint32_t i, bool is_target, float *x_out);
void q_learner_put_null(const struct q_learner *learner, float *x_out);
/* A state, with the position's mark where there are positions. Returns its width. */
uint32_t q_learner_put_state(const struct q_learner *learner, const float *state, uint32_t position,
                             float *x_out);
/* Adds what is known before anything is learnt to q (num) of candidates with these scores. All that
 * the network says of candidates needs it. */
void q_learner_add_prior(const struct q_learner *learner, const float *scores, float null_score,
                         uint32_t num, float *q);
/* The embedding of user i: of place i of a turn, or for an update, which pulls them, of b for the
 * first state of transition b, num + b for the next one. Returns its width. */
uint32_t q_learner_put_user(const struct q_learner *learner, uint32_t i, bool is_target,
                            float *x_out);
/* Loss and its gradient of q against y: squares, or Huber's with policy.huber. */
double q_learner_loss(const struct q_learner *learner, float q, float y, float *grad_out);
/* Room in the arrays: for so many states, items and embeddings. */
void q_learner_reserve(struct q_learner *learner, uint32_t num_states, uint32_t num_items);

/* ---- folder ---- */

void q_learner_save_state(const struct q_learner *learner, struct json *json);
uint32_t q_learner_tables(const struct q_learner *learner, struct souk_table_spec *specs_out,
                          uint32_t *tables_out);
SOUK_MUST_CHECK souk_status q_learner_begin(struct q_learner *learner); // see agent.h

#endif
