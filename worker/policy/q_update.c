/* q_update.c - updates of q_learner.h, and where the parameters live. */
#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "worker/policy/q_learner.h"

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

/* Gradients become the mean over all transitions of this update, by all ranks in lock step. Returns
 * how many there were; *loss becomes their sum. */
static double sum_over_ranks(struct q_learner *learner, uint32_t num, double *loss)
{
    double words[2] = {num, *loss};
    if (is_in_lock_step(learner)) {
        comm_step_sum_floats(learner->comm, learner->dense.grads, learner->dense.num_values);
        comm_step_sum(learner->comm, words, 2);
    }
    *loss = words[1];
    return words[0];
}

static souk_status skip(struct q_learner *learner, struct agent_news *news)
{
    uint32_t max = learner->config->train.max_bad_steps;
    if (learner->rows) key_rows_drop(learner->rows);
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

static souk_status apply(struct q_learner *learner, float lr, double total)
{
    float scale = (float)(1 / total);
    souk_status status = SOUK_OK;
    const struct key_rows_step step = {.scale = scale};
    if (learner->rows) status = key_rows_push(learner->rows, &step);
    if (status != SOUK_OK) return status;
    if (learner->is_remote) return dense_remote_give(&learner->remote, &learner->dense, scale, lr);
    dense_step_adam(&learner->dense, lr, scale);
    return SOUK_OK;
}

static souk_status update(struct q_learner *learner, float lr, bool only_chosen, q_learner_fn fn,
                          void *ctx, struct agent_news *news)
{
    souk_status status = SOUK_OK;
    if (learner->is_remote) status = dense_remote_take(&learner->remote, &learner->dense);
    if (status != SOUK_OK) return status;
    double loss = 0;
    uint32_t num = draw(learner, only_chosen);
    dense_clear_grads(&learner->dense);
    if (num > 0) status = fn(ctx, num, &loss);
    if (status != SOUK_OK) return status;
    double total = sum_over_ranks(learner, num, &loss);
    if (total == 0) return SOUK_OK;
    if (!isfinite(loss) || !isfinite(dense_grad_square(&learner->dense)))
        return skip(learner, news);
    news->num_updates++;
    news->loss += loss / total;
    return apply(learner, lr, total);
}

static souk_status sync_target(struct q_learner *learner)
{
    copy_to_target(learner);
    return learner->rows ? key_rows_sync(learner->rows) : SOUK_OK;
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
    for (uint32_t i = 0; i < num; i++) {
        souk_status status = update(learner, lr, only_chosen, fn, ctx, news);
        if (status == SOUK_OK && ++learner->num_updates % sync_period(learner) == 0)
            status = sync_target(learner);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}
