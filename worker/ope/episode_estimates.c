/* episode_estimates.c - see episode_estimates.h. */
#include "worker/ope/episode_estimates.h"

#include <string.h>

#include "common/base/mem.h"

// Where a product of ratios ends: long before sums of it overflow. Evidence is long gone there.
#define WEIGHT_MAX 1e100

static const char *const names[NUM_EPISODE_ESTIMATORS] = {"DM",    "TIS",    "PDIS", "DR",
                                                          "SNTIS", "SNPDIS", "SNDR"};

const char *episode_estimator_name(enum episode_estimator estimator)
{
    return names[estimator];
}

bool episode_is_ratio(enum episode_estimator estimator)
{
    return estimator >= EPISODE_SNTIS;
}

bool episode_needs_values(enum episode_estimator estimator)
{
    return estimator == EPISODE_DM || estimator == EPISODE_DR || estimator == EPISODE_SNDR;
}

// ---- terms ----

static uint64_t pair_of(const struct episode_log *log, uint64_t step)
{
    return (uint64_t)log->states[step] * log->num_actions + log->actions[step];
}

// by_row: a row of the policy is a row of the file, else a state.
static void set_weights(struct episode_terms *terms, const double *policy, bool by_row)
{
    const struct episode_log *log = terms->log;
    for (uint64_t e = 0; e < log->num_episodes; e++) {
        double weight = 1;
        for (uint64_t i = log->first_step[e]; i < log->first_step[e + 1]; i++) {
            uint64_t row = by_row ? log->rows[i] : log->states[i];
            weight *= policy[row * log->num_actions + log->actions[i]] / log->propensities[i];
            if (weight > WEIGHT_MAX) weight = WEIGHT_MAX;
            terms->weights[i] = weight;
        }
    }
}

// Backwards, so that one table of values is enough.
static void set_values(struct episode_terms *terms, const double *policy)
{
    const struct episode_log *log = terms->log;
    struct tabular tabular;
    tabular_init(&tabular, log);
    double *q = mem_calloc(tabular.num_pairs, sizeof(*q), "values of pairs");
    double *values = mem_calloc(log->num_states, sizeof(*values), "values");
    for (uint32_t t = log->max_length; t-- > 0;) {
        tabular_evaluate_step(&tabular, policy, terms->discount, values, q);
        for (uint64_t e = 0; e < log->num_episodes; e++) {
            uint64_t i = log->first_step[e] + t;
            if (i >= log->first_step[e + 1]) continue;
            terms->q[i] = q[pair_of(log, i)];
            terms->values[i] = values[log->states[i]];
        }
    }
    mem_free(q);
    mem_free(values);
    tabular_fini(&tabular);
}

void episode_terms_init(struct episode_terms *terms, const struct episode_log *log,
                        const double *policy, double discount)
{
    *terms = (struct episode_terms){
        .log = log,
        .discount = discount,
        .weights = mem_calloc(log->num_steps, sizeof(double), "weights"),
        .q = mem_calloc(log->num_steps, sizeof(double), "values of pairs"),
        .values = mem_calloc(log->num_steps, sizeof(double), "values"),
    };
    set_weights(terms, policy, false);
    set_values(terms, policy);
}

void episode_terms_init_by_row(struct episode_terms *terms, const struct episode_log *log,
                               const double *policy, double discount)
{
    *terms = (struct episode_terms){
        .log = log,
        .discount = discount,
        .weights = mem_calloc(log->num_steps, sizeof(double), "weights"),
        .q = mem_calloc(log->num_steps, sizeof(double), "values of pairs"),
        .values = mem_calloc(log->num_steps, sizeof(double), "values"),
    };
    set_weights(terms, policy, true);
}

void episode_terms_fini(struct episode_terms *terms)
{
    mem_free(terms->weights);
    mem_free(terms->q);
    mem_free(terms->values);
    *terms = (struct episode_terms){.log = NULL};
}

// ---- contributions ----

/* Slots are weights that are normalised apart: one for whole episodes, else one a step, and of SNDR
 * one before them for what has weight 1. */
uint32_t episode_num_slots(const struct episode_terms *terms, enum episode_estimator estimator)
{
    if (estimator == EPISODE_SNPDIS) return terms->log->max_length;
    if (estimator == EPISODE_SNDR) return terms->log->max_length + 1;
    return 1;
}

static double last_weight(const struct episode_terms *terms, uint64_t episode)
{
    return terms->weights[terms->log->first_step[episode + 1] - 1];
}

static double sum_rewards(const struct episode_terms *terms, uint64_t episode)
{
    const struct episode_log *log = terms->log;
    double sum = 0, factor = 1;
    for (uint64_t i = log->first_step[episode]; i < log->first_step[episode + 1]; i++) {
        sum += factor * log->rewards[i];
        factor *= terms->discount;
    }
    return sum;
}

// What of PDIS, or of DR, has the weight of each step: slots (steps of the episode).
static void split_by_step(const struct episode_terms *terms, uint64_t episode, bool is_robust,
                          double *slots)
{
    const struct episode_log *log = terms->log;
    uint64_t first = log->first_step[episode], end = log->first_step[episode + 1];
    double factor = 1;
    for (uint64_t i = first; i < end; i++) {
        double here = factor * (log->rewards[i] - (is_robust ? terms->q[i] : 0));
        factor *= terms->discount;
        if (is_robust && i + 1 < end) here += factor * terms->values[i + 1];
        slots[i - first] = terms->weights[i] * here;
    }
}

static double sum_steps(const struct episode_terms *terms, uint64_t episode, bool is_robust,
                        double *work)
{
    const struct episode_log *log = terms->log;
    uint64_t num = log->first_step[episode + 1] - log->first_step[episode];
    double sum = 0;
    split_by_step(terms, episode, is_robust, work);
    for (uint64_t t = 0; t < num; t++) sum += work[t];
    return sum;
}

// Weights by step; those of an episode that has ended stay.
static void write_weights(const struct episode_terms *terms, uint64_t episode, double *out)
{
    const struct episode_log *log = terms->log;
    uint64_t first = log->first_step[episode], num = log->first_step[episode + 1] - first;
    for (uint64_t t = 0; t < log->max_length; t++)
        out[t] = terms->weights[first + (t < num ? t : num - 1)];
}

static void contribute_plain(const struct episode_terms *terms, enum episode_estimator estimator,
                             double *numerators, double *work)
{
    const struct episode_log *log = terms->log;
    for (uint64_t e = 0; e < log->num_episodes; e++) {
        double value = episode_needs_values(estimator) ? terms->values[log->first_step[e]] : 0;
        if (estimator == EPISODE_TIS)
            value = last_weight(terms, e) * sum_rewards(terms, e);
        else if (estimator != EPISODE_DM)
            value += sum_steps(terms, e, estimator == EPISODE_DR, work);
        numerators[e] = value;
    }
}

static void contribute_ratios(const struct episode_terms *terms, bool is_robust, double *numerators,
                              double *denominators)
{
    const struct episode_log *log = terms->log;
    uint64_t width = (uint64_t)log->max_length + is_robust;
    memset(numerators, 0, log->num_episodes * width * sizeof(*numerators));
    for (uint64_t e = 0; e < log->num_episodes; e++) {
        double *n = numerators + e * width, *d = denominators + e * width;
        if (is_robust) {
            n[0] = terms->values[log->first_step[e]];
            d[0] = 1;
        }
        split_by_step(terms, e, is_robust, n + is_robust);
        write_weights(terms, e, d + is_robust);
    }
}

void episode_contribute(const struct episode_terms *terms, enum episode_estimator estimator,
                        double *numerators_out, double *denominators_out)
{
    if (estimator == EPISODE_SNPDIS || estimator == EPISODE_SNDR) {
        contribute_ratios(terms, estimator == EPISODE_SNDR, numerators_out, denominators_out);
        return;
    }
    double *work = mem_calloc(terms->log->max_length, sizeof(*work), "steps");
    contribute_plain(terms, estimator == EPISODE_SNTIS ? EPISODE_TIS : estimator, numerators_out,
                     work);
    if (estimator == EPISODE_SNTIS) episode_weights(terms, denominators_out);
    mem_free(work);
}

void episode_weights(const struct episode_terms *terms, double *weights_out)
{
    for (uint64_t e = 0; e < terms->log->num_episodes; e++) weights_out[e] = last_weight(terms, e);
}

void episode_returns(const struct episode_terms *terms, double *returns_out)
{
    for (uint64_t e = 0; e < terms->log->num_episodes; e++) returns_out[e] = sum_rewards(terms, e);
}

double episode_coverage(const struct episode_log *log, const double *policy)
{
    uint64_t num_pairs = (uint64_t)log->num_states * log->num_actions;
    uint8_t *is_seen = mem_calloc(num_pairs, 1, "pairs");
    double covered = 0;
    for (uint64_t i = 0; i < log->num_steps; i++) is_seen[pair_of(log, i)] = 1;
    for (uint64_t i = 0; i < log->num_steps; i++) {
        uint64_t first = pair_of(log, i) - log->actions[i];
        for (uint32_t a = 0; a < log->num_actions; a++)
            if (is_seen[first + a]) covered += policy[first + a];
    }
    mem_free(is_seen);
    return covered / (double)log->num_steps;
}
