/* estimate.c - see estimate.h. */
#include "worker/ope/estimate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/ope/interval.h"

const char *interval_name(enum interval_kind kind)
{
    static const char *const names[] = {"bootstrap", "student-t", "bernstein", "hoeffding"};
    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

// Sums of numerators, then of denominators, by slot.
static void sum_slots(const struct rounds *rounds, uint32_t width, double *sums)
{
    memset(sums, 0, 2 * width * sizeof(*sums));
    for (uint64_t i = 0; i < rounds->num_rounds; i++)
        for (uint32_t s = 0; s < width; s++) {
            sums[s] += rounds->numerators[i * width + s];
            if (rounds->denominators) sums[width + s] += rounds->denominators[i * width + s];
        }
}

/* What each round contributes to a value that is linear in the rounds: their mean is the value. Of
 * a ratio N / D that is value + (n_i - value d_i) / mean(d), the first terms of its expansion. */
static void linearise(const struct rounds *rounds, uint32_t width, const double *sums, double *x)
{
    double n = (double)rounds->num_rounds;
    memset(x, 0, rounds->num_rounds * sizeof(*x));
    for (uint64_t i = 0; i < rounds->num_rounds; i++)
        for (uint32_t s = 0; s < width; s++) {
            double ratio = sums[s] / sums[width + s], mean = sums[width + s] / n;
            x[i] += ratio + (rounds->numerators[i * width + s] -
                             ratio * rounds->denominators[i * width + s]) /
                                mean;
        }
}

static const char *why_undefined(const struct rounds *rounds)
{
    if (rounds->num_rounds == 0) return "there are no rounds";
    return "every weight is 0 (0/0): the policy would have done nothing of what was logged";
}

static void estimate_defined(const struct rounds *rounds, const struct interval_options *options,
                             const double *sums, struct estimate *out)
{
    uint32_t width = rounds->denominators ? rounds->num_slots : 1;
    const double *x = rounds->numerators;
    double *linear = NULL;
    if (rounds->denominators) {
        linear = mem_alloc(rounds->num_rounds * sizeof(*linear), "contributions");
        linearise(rounds, width, sums, linear);
        x = linear;
    }
    struct moments moments = moments_of(x, rounds->num_rounds);
    moments.mean = out->value; // it is, but for rounding
    if (moments.num > 1) out->std_error = sqrt(moments.variance / (double)(moments.num - 1));
    if (options->kind == INTERVAL_BOOTSTRAP)
        interval_bootstrap(rounds, options, &out->lower, &out->upper);
    else
        interval_of_moments(&moments, options->kind, options->level, &out->lower, &out->upper);
    mem_free(linear);
}

void estimate_rounds(const char *name, const struct rounds *rounds,
                     const struct interval_options *options, struct estimate *estimate_out)
{
    uint32_t width = rounds->denominators ? rounds->num_slots : 1;
    double *sums = mem_alloc(2 * width * sizeof(*sums), "sums of rounds");
    sum_slots(rounds, width, sums);
    struct estimate estimate = {.std_error = NAN, .lower = NAN, .upper = NAN};
    snprintf(estimate.name, sizeof(estimate.name), "%s", name);
    estimate.value =
        ratio_of_sums(sums, rounds->denominators ? sums + width : NULL, width, rounds->num_rounds);
    if (isnan(estimate.value))
        estimate.undefined = why_undefined(rounds);
    else
        estimate_defined(rounds, options, sums, &estimate);
    mem_free(sums);
    *estimate_out = estimate;
}
