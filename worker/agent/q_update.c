/* q_update.c - updates of q_learner.h, and where the parameters live. */
#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/agent/q_learner.h"

static bool is_in_lock_step(const struct q_learner *learner)
{
    return learner->num_workers > 1 && !learner->is_remote;
}

/* ---- parameters on the servers ---- */

static void copy_to_target(struct q_learner *learner)
{
    memcpy(learner->target, learner->dense.values,
           learner->dense.num_values * sizeof *learner->target);
}

souk_status q_learner_begin(struct q_learner *learner)
{
    if (!learner->is_learning) return SOUK_OK;
    copy_to_target(learner);
    if (!learner->is_remote) return SOUK_OK;
    souk_status status = dense_remote_open(&learner->remote, true, learner->config->policy.lr,
                                           &learner->dense, learner->client);
    status = comm_agree(learner->comm, status);
    if (status == SOUK_OK && comm_rank(learner->comm) == 0)
        status = dense_remote_send(&learner->remote, &learner->dense);
    return comm_agree(learner->comm, status);
}

souk_status q_learner_settle(struct q_learner *learner)
{
    souk_status status = SOUK_OK;
    if (learner->client) status = souk_client_flush(learner->client);
    if (!learner->comm) return status;
    status = comm_agree(learner->comm, status);
    if (status != SOUK_OK || !learner->is_remote) return status;
    return comm_agree(learner->comm, dense_remote_fetch(&learner->remote, &learner->dense));
}

/* ---- an update ---- */

double q_learner_loss(const struct q_learner *learner, float q, float y, float *grad_out)
{
    double error = (double)q - (double)y, limit = (double)learner->config->policy.huber;
    if (limit > 0 && fabs(error) > limit) {
        *grad_out = (float)copysign(limit, error);
        return limit * (fabs(error) - limit / 2);
    }
    *grad_out = (float)error;
    return error * error / 2;
}

static uint32_t draw(struct q_learner *learner, bool only_chosen)
{
    uint32_t num = 0;
    while (num < learner->batch &&
           replay_draw(learner->replay, only_chosen, &learner->rng, &learner->transitions[num]))
        num++;
    return num;
}

// Transitions of an update and their loss: of this rank, then of all.
struct gathered {
    double num, loss;
};

/* Sums over all ranks in lock step, gradients too. status is how this rank stands; a failure of any
 * is that of all, so that nobody waits for it in the next sum. */
static souk_status sum_over_ranks(struct q_learner *learner, souk_status status,
                                  struct gathered *gathered)
{
    if (!is_in_lock_step(learner)) return status;
    double words[3] = {gathered->num, gathered->loss, status != SOUK_OK};
    comm_step_sum_floats(learner->comm, learner->dense.grads, learner->dense.num_values);
    comm_step_sum(learner->comm, words, 3);
    *gathered = (struct gathered){words[0], words[1]};
    return words[2] > 0 ? comm_agree(learner->comm, status) : SOUK_OK;
}

static souk_status skip(struct q_learner *learner, struct agent_news *news)
{
    uint32_t max = learner->config->train.max_bad_steps;
    if (learner->rows) key_rows_drop(learner->rows);
    if (learner->users) key_rows_drop(learner->users);
    news->num_skipped++;
    if (++learner->num_bad <= max) {
        log_warning("an update is skipped: its gradient is not finite (%llu of "
                    "train.max_bad_steps %u)",
                    (unsigned long long)learner->num_bad, max);
        return SOUK_OK;
    }
    return log_fail(SOUK_EDIVERGED,
                    "learning diverged: gradients are not finite; lower policy.lr, or "
                    "policy.reward_scale where rewards are large");
}

/* In lock step, behind what was pushed: the others' next pull must see it. status is how it went on
 * this rank; that of all comes back. */
static souk_status meet_after_push(struct q_learner *learner, souk_status status)
{
    if (!learner->merge) return status;
    if (status == SOUK_OK) status = souk_client_flush(learner->client);
    double num_failed = status != SOUK_OK;
    comm_step_sum(learner->comm, &num_failed, 1);
    return num_failed > 0 ? comm_agree(learner->comm, status) : SOUK_OK;
}

/* In lock step a rank whose rows could not be pushed still takes part in the sums of the others. */
static souk_status push_rows(struct q_learner *learner, float scale)
{
    const struct key_rows_step step = {.scale = scale, .merge = learner->merge};
    souk_status status = learner->rows ? key_rows_push(learner->rows, &step) : SOUK_OK;
    if (learner->users && (status == SOUK_OK || learner->merge)) {
        souk_status of_users = key_rows_push(learner->users, &step);
        if (status == SOUK_OK) status = of_users;
    }
    return meet_after_push(learner, status);
}

static souk_status apply(struct q_learner *learner, float lr, double total)
{
    float scale = (float)(1 / total);
    souk_status status = push_rows(learner, scale);
    if (status != SOUK_OK) return status;
    if (learner->is_remote) return dense_remote_give(&learner->remote, &learner->dense, scale, lr);
    dense_step_adam(&learner->dense, lr, scale);
    return SOUK_OK;
}

struct update {
    float lr;
    bool only_chosen;
    q_learner_fn fn;
    void *ctx; // of fn
};

static souk_status pull_users(struct q_learner *learner, uint32_t num)
{
    if (!learner->users) return SOUK_OK;
    size_t total = 2 * (size_t)num;
    mem_reserve(&learner->keys, &learner->keys_capacity, total, sizeof *learner->keys, "keys");
    for (uint32_t b = 0; b < num; b++) {
        learner->keys[b] = learner->transitions[b].first.user_key;
        learner->keys[num + b] = learner->transitions[b].next.user_key;
    }
    return key_rows_pull(learner->users, learner->keys, (uint32_t)total, true);
}

static void add_user_gradients(struct q_learner *learner, uint32_t num)
{
    uint32_t dim = learner->settings.user_embedding;
    uint32_t first = learner->state_dim + (learner->num_repeats > 1 ? learner->num_repeats : 0);
    if (!learner->users) return;
    for (uint32_t s = 0; s < num * learner->num_repeats; s++)
        key_rows_add(learner->users, s / learner->num_repeats,
                     learner->states_grad + (size_t)s * (first + dim) + first);
}

/* Gradients of this rank's transitions. */
static souk_status compute(struct q_learner *learner, const struct update *update,
                           struct gathered *gathered)
{
    souk_status status = SOUK_OK;
    if (learner->is_remote) status = dense_remote_take(&learner->remote, &learner->dense);
    if (status != SOUK_OK) return status;
    uint32_t num = draw(learner, update->only_chosen);
    gathered->num = num;
    if (num > 0) status = pull_users(learner, num);
    if (num > 0 && status == SOUK_OK) status = update->fn(update->ctx, num, &gathered->loss);
    if (status == SOUK_OK) add_user_gradients(learner, num);
    return status;
}

/* status: how the update before went on this rank, known to all behind this one. */
static souk_status take_update(struct q_learner *learner, souk_status status,
                               const struct update *update, struct agent_news *news)
{
    struct gathered gathered = {0, 0};
    dense_clear_grads(&learner->dense);
    if (status == SOUK_OK) status = compute(learner, update, &gathered);
    status = sum_over_ranks(learner, status, &gathered);
    if (status != SOUK_OK || gathered.num == 0) return status;
    if (!isfinite(gathered.loss) || !isfinite(dense_grad_square(&learner->dense)))
        return skip(learner, news);
    news->num_updates++;
    news->loss += gathered.loss / gathered.num;
    return apply(learner, update->lr, gathered.num);
}

static souk_status sync_target(struct q_learner *learner)
{
    copy_to_target(learner);
    souk_status status = learner->rows ? key_rows_sync(learner->rows) : SOUK_OK;
    if (status == SOUK_OK && learner->users) status = key_rows_sync(learner->users);
    return meet_after_push(learner, status);
}

/* Updates are counted over all workers, so that a run of many is as one of one. */
static uint64_t sync_period(const struct q_learner *learner)
{
    uint64_t period = learner->config->policy.target_sync;
    if (learner->is_remote) period /= learner->num_workers;
    return period > 0 ? period : 1;
}

souk_status q_learner_learn(struct q_learner *learner, float lr, bool only_chosen, q_learner_fn fn,
                            void *ctx, struct agent_news *news)
{
    uint32_t num = learner->config->policy.updates;
    if (is_in_lock_step(learner)) num *= learner->num_workers;
    if (learner->num_steps < learner->config->policy.warmup / learner->num_workers) return SOUK_OK;
    const struct update update = {lr, only_chosen, fn, ctx};
    souk_status status = SOUK_OK;
    // In lock step a rank that has failed still takes part: the others are in the sums.
    for (uint32_t i = 0; i < num && (status == SOUK_OK || is_in_lock_step(learner)); i++) {
        status = take_update(learner, status, &update, news);
        if (status == SOUK_OK && ++learner->num_updates % sync_period(learner) == 0)
            status = sync_target(learner);
    }
    return status;
}
