/* ope_networks.c - see ope_networks.h. */
#include "worker/policy/ope_networks.h"

#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/policy/offline_policy.h"
#include "worker/policy/offline_rows.h"
#include "worker/policy/offline_states.h"
#include "worker/policy/ope_slates.h"

/* ---- policies that are networks ---- */

static struct number_table *make_table(const char *name, const double *q, uint64_t num,
                                       const struct offline_policy *policy)
{
    struct number_table *table = mem_calloc(1, sizeof(*table), "policy");
    uint32_t num_actions = offline_policy_num_actions(policy);
    const struct offline_rows rows = {q, NULL, num, num_actions,
                                      offline_policy_exploration(policy)};
    table->name = mem_strdup(name);
    table->num_rows = num;
    table->num_columns = num_actions;
    table->values = mem_calloc(num * num_actions, sizeof(*table->values), "policy");
    table->line_numbers = mem_calloc(num, sizeof(*table->line_numbers), "policy");
    table->faults = mem_calloc(num_actions, sizeof(*table->faults), "policy");
    for (uint32_t a = 0; a < num_actions; a++) table->faults[a].row = UINT64_MAX;
    for (uint64_t i = 0; i < num; i++) {
        offline_rows_policy(&rows, i, table->values + i * num_actions);
        table->line_numbers[i] = i + 1;
    }
    return table;
}

static souk_status compute_policy(const char *dir, const struct number_table *log,
                                  struct number_table **policy_out)
{
    struct offline_policy *policy = NULL;
    struct episode_log episodes = {0};
    double *q = NULL;
    souk_status status = offline_policy_load(dir, &policy);
    if (status) return status;
    const struct episode_log_options options = offline_policy_log_options(policy);
    status = episode_log_make(log, &options, &episodes);
    if (!status) status = offline_policy_score(policy, &episodes, log->name, true, &q);
    if (!status) *policy_out = make_table(dir, q, episodes.num_steps, policy);
    mem_free(q);
    episode_log_fini(&episodes);
    offline_policy_destroy(policy);
    return status;
}

/* ---- fitted Q evaluation ---- */

struct fqe {
    const struct ope_evaluation *what;
    struct episode_log log; // with arrays of its own: rewards, is_end
    uint32_t width;         // D of states
    float *states;          // (num_steps, D)
    double *policy;         // (num_steps, A) by step
    uint8_t *is_left_out;   // (num_steps)
    float *q, *old_q;       // (num_steps, A) at the end, and a round before
    double scale;           // of rewards
};

// Rewards that were still to come, as a root mean square: the size of what is to be fitted.
static double find_scale(const struct episode_log *log, double discount)
{
    double squares = 0;
    for (uint64_t e = 0; e < log->num_episodes; e++) {
        double rest = 0;
        for (uint64_t i = log->first_step[e + 1]; i-- > log->first_step[e];) {
            rest = log->rewards[i] + discount * rest;
            squares += rest * rest;
        }
    }
    double root = sqrt(squares / (double)log->num_steps);
    return root > 0 && isfinite(root) ? root : 1;
}

static uint32_t clock_width(const struct episode_log *log)
{
    if (log->max_length < 2) return 0;
    return 1 + (log->max_length <= FQE_CLOCK_MAX ? log->max_length : 0);
}

static void put_clock(const struct episode_log *log, uint32_t t, uint32_t width, float *out)
{
    if (width > 0) out[0] = (float)t / (float)log->max_length;
    for (uint32_t k = 1; k < width; k++) out[k] = t + 1 == k;
}

static void make_states(struct fqe *fqe, uint32_t own)
{
    const struct episode_log *log = &fqe->log;
    uint32_t width = fqe->width;
    float *features = mem_calloc(log->num_steps * own + 1, sizeof(*features), "states");
    float *scaling = mem_calloc(2 * (size_t)width + 1, sizeof(*scaling), "features");
    offline_states_make(log, 0, features);
    for (uint64_t e = 0; e < log->num_episodes; e++)
        for (uint64_t i = log->first_step[e]; i < log->first_step[e + 1]; i++) {
            float *state = fqe->states + i * width;
            memcpy(state, features + i * own, own * sizeof(*state));
            put_clock(log, (uint32_t)(i - log->first_step[e]), width - own, state + own);
        }
    offline_states_measure(fqe->states, log->num_steps, width, scaling, scaling + width);
    offline_states_scale(fqe->states, log->num_steps, width, scaling, scaling + width);
    mem_free(features);
    mem_free(scaling);
}

/* A copy of the log in which the longest episodes end, as the horizon is theirs. */
static void prepare(struct fqe *fqe, const struct ope_evaluation *what, uint32_t own)
{
    const struct episode_log *log = what->log;
    uint64_t num = log->num_steps, num_pairs = num * log->num_actions;
    *fqe = (struct fqe){.what = what, .log = *log, .scale = find_scale(log, what->discount)};
    fqe->width = own + clock_width(log);
    fqe->log.rewards = mem_calloc(num, sizeof(double), "rewards");
    fqe->log.is_end = mem_calloc(num, 1, "ends");
    fqe->states = mem_calloc(num * fqe->width + 1, sizeof(float), "states");
    fqe->policy = mem_calloc(num_pairs, sizeof(double), "policy");
    fqe->is_left_out = mem_calloc(num, 1, "folds");
    fqe->q = mem_calloc(num_pairs, sizeof(float), "values of steps");
    fqe->old_q = mem_calloc(num_pairs, sizeof(float), "values of steps");
    for (uint64_t e = 0; e < log->num_episodes; e++)
        for (uint64_t i = log->first_step[e]; i < log->first_step[e + 1]; i++) {
            fqe->log.rewards[i] = log->rewards[i] / fqe->scale;
            fqe->log.is_end[i] = log->is_end[i] || i - log->first_step[e] + 1 == log->max_length;
            memcpy(fqe->policy + i * log->num_actions,
                   what->policy + log->rows[i] * log->num_actions,
                   log->num_actions * sizeof(double));
        }
    make_states(fqe, own);
}

static void finish(struct fqe *fqe)
{
    mem_free(fqe->log.rewards);
    mem_free(fqe->log.is_end);
    mem_free(fqe->states);
    mem_free(fqe->policy);
    mem_free(fqe->is_left_out);
    mem_free(fqe->q);
    mem_free(fqe->old_q);
}

static struct offline_net *make_net(const struct fqe *fqe)
{
    const struct ope_evaluation *what = fqe->what;
    const struct offline_net_options options = {.num_features = fqe->width,
                                                .num_actions = fqe->log.num_actions,
                                                .num_layers = 2,
                                                .widths = {64, 64},
                                                .discount = what->discount,
                                                .huber = INFINITY,
                                                .lr = 0.002f,
                                                .batch_size = 64,
                                                .num_updates = what->num_updates,
                                                .target_sync = FQE_SYNC,
                                                .seed = what->seed,
                                                .stop_signal = what->stop_signal,
                                                .policy = fqe->policy,
                                                .is_left_out = fqe->is_left_out};
    return offline_net_create(&options);
}

static double value_of(const struct fqe *fqe, const float *q, uint64_t step)
{
    uint32_t num = fqe->log.num_actions;
    double sum = 0;
    for (uint32_t a = 0; a < num; a++)
        sum += fqe->policy[step * num + a] * (double)q[step * num + a];
    return sum * fqe->scale;
}

// What a network says of the episodes that it has not learnt from; of one fold, of all.
static void take_values(struct fqe *fqe, uint32_t fold, struct ope_evaluated *out)
{
    const struct episode_log *log = &fqe->log;
    for (uint64_t e = fold; e < log->num_episodes; e += fqe->what->num_folds) {
        uint64_t first = log->first_step[e];
        for (uint64_t i = first; i < log->first_step[e + 1]; i++) {
            uint64_t pair = i * log->num_actions + log->actions[i];
            out->q[i] = (double)fqe->q[pair] * fqe->scale;
            out->values[i] = value_of(fqe, fqe->q, i);
        }
        out->last_change += (value_of(fqe, fqe->q, first) - value_of(fqe, fqe->old_q, first)) /
                            (double)log->num_episodes;
    }
}

static souk_status fit_fold(struct fqe *fqe, uint32_t fold, struct ope_evaluated *out)
{
    const struct episode_log *log = &fqe->log;
    uint32_t num_folds = fqe->what->num_folds;
    double loss;
    for (uint64_t e = 0; e < log->num_episodes; e++)
        memset(fqe->is_left_out + log->first_step[e], num_folds > 1 && e % num_folds == fold,
               log->first_step[e + 1] - log->first_step[e]);
    struct offline_net *net = make_net(fqe);
    souk_status status = offline_net_learn(net, log, fqe->states, &loss);
    if (!status) {
        offline_net_score(net, fqe->states, log->num_steps, fqe->q);
        offline_net_score_target(net, fqe->states, log->num_steps, fqe->old_q);
        take_values(fqe, fold, out);
    }
    offline_net_destroy(net);
    return status;
}

static souk_status evaluate(const struct ope_evaluation *what, struct ope_evaluated *out)
{
    uint32_t own = 0;
    struct fqe fqe;
    souk_status status = SOUK_OK;
    if (what->log->num_actions > OFFLINE_ACTIONS_MAX) {
        out->undefined = "there are more actions than a network takes";
        return SOUK_OK;
    }
    if (what->log->num_states > OFFLINE_STATES_MAX) {
        out->undefined = "there are more states than a network takes";
        return SOUK_OK;
    }
    status = offline_states_width(what->log, 0, &own);
    if (!status && own + clock_width(what->log) == 0) out->undefined = "nothing tells states apart";
    if (status || out->undefined) return status;
    prepare(&fqe, what, own);
    for (uint32_t fold = 0; !status && fold < what->num_folds; fold++)
        status = fit_fold(&fqe, fold, out);
    finish(&fqe);
    return status;
}

const struct ope_networks ope_networks_q = {.is_policy = offline_policy_is_in,
                                            .compute_policy = compute_policy,
                                            .compute_slates = ope_slates_compute,
                                            .evaluate = evaluate};
