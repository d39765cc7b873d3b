/* propensity.c - see propensity.h. */
#include "worker/ope/propensity.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/ope/logistic.h"
#include "worker/ope/newton.h"

static const double penalty = 100; // C: weak, since there is a row for every choice

static void count_actions(const struct bandit_log *log, double *propensities)
{
    uint64_t num_cells = (uint64_t)log->num_actions * log->num_positions;
    uint64_t *counts = mem_calloc(num_cells + log->num_positions, sizeof(*counts), "counts");
    uint64_t *totals = counts + num_cells; // (K)
    for (uint64_t i = 0; i < log->num_rounds; i++) {
        counts[(uint64_t)log->positions[i] * log->num_actions + log->actions[i]]++;
        totals[log->positions[i]]++;
    }
    for (uint64_t i = 0; i < log->num_rounds; i++) {
        uint64_t cell = (uint64_t)log->positions[i] * log->num_actions + log->actions[i];
        propensities[i] = (double)counts[cell] / (double)totals[log->positions[i]];
    }
    mem_free(counts);
}

// The rounds of one position, with actions renumbered to those that occur there.
struct place {
    struct softmax_problem problem;
    double *dense, *shares;
    uint32_t *choices, *numbers; // numbers: (actions) + 1, 0: does not occur
    uint64_t *rounds;            // of each row
};

static void place_begin(const struct bandit_log *log, uint32_t position, struct place *place)
{
    uint64_t num = log->num_rounds, width = log->num_features;
    *place = (struct place){0};
    place->dense = mem_alloc((num * width + 1) * sizeof(double), "regression");
    place->shares = mem_alloc(num * sizeof(double), "regression");
    place->choices = mem_alloc(num * sizeof(uint32_t), "regression");
    place->rounds = mem_alloc(num * sizeof(uint64_t), "regression");
    place->numbers = mem_calloc(log->num_actions, sizeof(uint32_t), "regression");
    uint64_t row = 0;
    uint32_t num_choices = 0;
    for (uint64_t i = 0; i < num; i++) {
        if (log->positions[i] != position) continue;
        uint32_t *number = &place->numbers[log->actions[i]];
        if (*number == 0) *number = ++num_choices;
        place->choices[row] = *number - 1;
        place->rounds[row] = i;
        memcpy(place->dense + row * width, log->features + i * width, width * sizeof(double));
        row++;
    }
    place->problem = (struct softmax_problem){row,          log->num_features, num_choices,
                                              place->dense, place->choices,    penalty};
}

static void place_end(struct place *place)
{
    mem_free(place->dense);
    mem_free(place->shares);
    mem_free(place->choices);
    mem_free(place->rounds);
    mem_free(place->numbers);
}

static souk_status fit_place(const struct bandit_log *log, struct place *place,
                             double *propensities)
{
    const struct softmax_problem *p = &place->problem;
    uint64_t size = (uint64_t)p->num_choices * (p->num_dense + 1);
    if (size > NEWTON_UNKNOWNS_MAX)
        return log_fail(SOUK_EDATA,
                        "%s: a regression of propensities with %llu unknowns, and %d is the most; "
                        "use --propensities frequencies",
                        log->table->name, (unsigned long long)size, NEWTON_UNKNOWNS_MAX);
    if (!softmax_fit(p, place->shares))
        return log_fail(SOUK_EDATA,
                        "%s: the regression of propensities does not settle; use --propensities "
                        "frequencies",
                        log->table->name);
    for (uint64_t row = 0; row < p->num_rows; row++)
        propensities[place->rounds[row]] = place->shares[row];
    return SOUK_OK;
}

souk_status propensity_estimate(const struct bandit_log *log, const char *kind,
                                double *propensities)
{
    if (strcmp(kind, "logistic") != 0) {
        count_actions(log, propensities);
        return SOUK_OK;
    }
    souk_status status = SOUK_OK;
    for (uint32_t k = 0; k < log->num_positions && status == SOUK_OK; k++) {
        struct place place;
        place_begin(log, k, &place);
        if (place.problem.num_rows > 0) status = fit_place(log, &place, propensities);
        place_end(&place);
    }
    return status;
}
