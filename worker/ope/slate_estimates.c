/* slate_estimates.c - see slate_estimates.h. */
#include "worker/ope/slate_estimates.h"

#include "common/base/mem.h"

static const struct {
    const char *name;
    enum slate_weight weight;
} estimators[NUM_SLATE_ESTIMATORS] = {
    {"sips", SLATE_JOINT},         {"iips", SLATE_MARGINAL},   {"rips", SLATE_CASCADE},
    {"snsips", SLATE_JOINT},       {"sniips", SLATE_MARGINAL}, {"snrips", SLATE_CASCADE},
    {"cascade-dr", SLATE_CASCADE},
};

const char *slate_estimator_name(enum slate_estimator estimator)
{
    return estimators[estimator].name;
}

bool slate_is_ratio(enum slate_estimator estimator)
{
    return estimator >= SLATE_SNSIPS && estimator <= SLATE_SNRIPS;
}

const char *slate_estimator_lacks(const struct slate_log *log, enum slate_estimator estimator)
{
    static const char *const missing[NUM_SLATE_WEIGHTS] = {
        "the log has no pscore_joint and pi_e_joint",
        "the log has no pscore_item_position and pi_e_item_position",
        "the log has no pscore_cascade and pi_e_cascade"};
    enum slate_weight weight = estimators[estimator].weight;
    if (!log->weights[weight]) return missing[weight];
    if (estimator == SLATE_CASCADE_DR && !log->next)
        return "the log has no pie_next_a0, ...: what the new policy would put there";
    return NULL;
}

bool slate_has_support(const struct slate_log *log, enum slate_estimator estimator)
{
    const double *weights = log->weights[estimators[estimator].weight];
    for (uint64_t i = 0; i < log->num_slates * log->length; i++)
        if (weights[i] > 0) return true;
    return false;
}

uint32_t slate_num_slots(const struct slate_log *log, enum slate_estimator estimator)
{
    return slate_is_ratio(estimator) ? log->length : 1;
}

void slate_mean_rewards(const struct slate_log *log, double *q_out)
{
    uint32_t num_cells = log->length * log->num_actions;
    double *counts = mem_calloc(num_cells, sizeof(*counts), "counts");
    double *means = mem_calloc(log->length, sizeof(*means), "means");
    for (uint32_t cell = 0; cell < num_cells; cell++) q_out[cell] = 0;
    for (uint64_t i = 0; i < log->num_slates; i++) {
        double ahead = 0;
        for (uint32_t l = log->length; l-- > 0;) {
            uint32_t cell = l * log->num_actions + log->actions[i * log->length + l];
            ahead += log->rewards[i * log->length + l];
            q_out[cell] += ahead;
            counts[cell]++;
            means[l] += ahead / (double)log->num_slates;
        }
    }
    for (uint32_t cell = 0; cell < num_cells; cell++)
        q_out[cell] =
            counts[cell] > 0 ? q_out[cell] / counts[cell] : means[cell / log->num_actions];
    mem_free(counts);
    mem_free(means);
}

static double contribute_robust(const struct slate_log *log, uint64_t slate, const double *q)
{
    uint32_t num = log->num_actions;
    double sum = 0, above = 1; // w_{1:l-1}
    for (uint32_t l = 0; l < log->length; l++) {
        uint64_t i = slate * log->length + l;
        double weight = log->weights[SLATE_CASCADE][i], mean = 0;
        for (uint32_t a = 0; a < num; a++) mean += log->next[i * num + a] * q[l * num + a];
        sum += weight * (log->rewards[i] - q[l * num + log->actions[i]]) + above * mean;
        above = weight;
    }
    return sum;
}

static double contribute_plain(const struct slate_log *log, uint64_t slate, const double *weights)
{
    double sum = 0;
    for (uint64_t i = slate * log->length; i < (slate + 1) * log->length; i++)
        sum += weights[i] * log->rewards[i];
    return sum;
}

void slate_contribute(const struct slate_log *log, enum slate_estimator estimator, const double *q,
                      double *numerators_out, double *denominators_out)
{
    const double *weights = log->weights[estimators[estimator].weight];
    for (uint64_t i = 0; slate_is_ratio(estimator) && i < log->num_slates * log->length; i++) {
        numerators_out[i] = weights[i] * log->rewards[i];
        denominators_out[i] = weights[i];
    }
    for (uint64_t s = 0; !slate_is_ratio(estimator) && s < log->num_slates; s++)
        numerators_out[s] = estimator == SLATE_CASCADE_DR ? contribute_robust(log, s, q)
                                                          : contribute_plain(log, s, weights);
}
