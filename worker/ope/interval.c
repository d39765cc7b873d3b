/* interval.c - see interval.h. */
#include "worker/ope/interval.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "worker/ope/resamples.h"
#include "worker/ope/student_t.h"

struct moments moments_of(const double *x, uint64_t num)
{
    double sum = 0, squares = 0, largest = -INFINITY, smallest = INFINITY;
    for (uint64_t i = 0; i < num; i++) {
        sum += x[i];
        largest = fmax(largest, x[i]);
        smallest = fmin(smallest, x[i]);
    }
    struct moments moments = {.num = num, .mean = sum / (double)num};
    for (uint64_t i = 0; i < num; i++) squares += (x[i] - moments.mean) * (x[i] - moments.mean);
    moments.variance = squares / (double)num;
    moments.largest = largest > 0 ? largest : -smallest;
    return moments;
}

// Half of the interval's width.
static double find_reach(const struct moments *m, enum interval_kind kind, double side)
{
    double n = (double)m->num;
    switch (kind) {
    case INTERVAL_STUDENT_T:
        return student_t_quantile(1 - side, n - 1) * sqrt(m->variance / (n - 1));
    case INTERVAL_BERNSTEIN:
        return 7 * m->largest * log(2 / side) / (3 * (n - 1)) +
               sqrt(2 * log(2 / side) * m->variance / (n - 1));
    case INTERVAL_HOEFFDING: return m->largest * sqrt(log(1 / side) / (2 * n));
    case INTERVAL_BOOTSTRAP: break;
    }
    assert(!"an interval of moments");
    return NAN;
}

void interval_of_moments(const struct moments *moments, enum interval_kind kind, double level,
                         double *lower_out, double *upper_out)
{
    double reach = moments->num < 2 ? NAN : find_reach(moments, kind, (1 - level) / 2);
    *lower_out = moments->mean - reach;
    *upper_out = moments->mean + reach;
}

double ratio_of_sums(const double *numerators, const double *denominators, uint32_t num_slots,
                     uint64_t num_rounds)
{
    if (!denominators) return num_rounds == 0 ? NAN : numerators[0] / (double)num_rounds;
    double value = 0;
    for (uint32_t s = 0; s < num_slots; s++)
        value += denominators[s] == 0 ? NAN : numerators[s] / denominators[s];
    return value;
}

/* ---- bootstrap ---- */

// Contributions of groups of rounds, each slot as (groups) numerators and (groups) denominators.
struct groups {
    uint32_t num, num_slots;
    double *tops, *bottoms; // (num_slots, num)
};

static void sum_groups(const struct rounds *rounds, struct groups *groups)
{
    uint32_t width = rounds->denominators ? rounds->num_slots : 1;
    uint32_t num = resample_groups(rounds->num_rounds);
    *groups = (struct groups){.num = num, .num_slots = width};
    groups->tops = mem_calloc((size_t)num * width + 1, sizeof(double), "groups of rounds");
    groups->bottoms = mem_calloc((size_t)num * width + 1, sizeof(double), "groups of rounds");
    for (uint32_t g = 0; g < num; g++) {
        uint64_t end = resample_group_begin(rounds->num_rounds, g + 1);
        for (uint64_t i = resample_group_begin(rounds->num_rounds, g); i < end; i++)
            for (uint32_t s = 0; s < width; s++) {
                groups->tops[(size_t)s * num + g] += rounds->numerators[i * width + s];
                groups->bottoms[(size_t)s * num + g] +=
                    rounds->denominators ? rounds->denominators[i * width + s] : 1;
            }
    }
}

static double weighted_sum(const uint8_t *counts, const double *x, uint32_t num)
{
    double sums[4] = {0}; // additions that do not wait for each other
    uint32_t g = 0;
    for (; g + 4 <= num; g += 4)
        for (int lane = 0; lane < 4; lane++) sums[lane] += counts[g + lane] * x[g + lane];
    for (; g < num; g++) sums[0] += counts[g] * x[g];
    return sums[0] + sums[1] + (sums[2] + sums[3]);
}

static double value_of(const struct groups *groups, const uint8_t *counts)
{
    double value = 0;
    for (uint32_t s = 0; s < groups->num_slots; s++) {
        double top = weighted_sum(counts, groups->tops + (size_t)s * groups->num, groups->num);
        double bottom =
            weighted_sum(counts, groups->bottoms + (size_t)s * groups->num, groups->num);
        value += bottom == 0 ? NAN : top / bottom;
    }
    return value;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Between the two nearest of sorted values.
static double quantile(const double *sorted, uint32_t num, double share)
{
    double position = share * (num - 1);
    uint32_t below = (uint32_t)position;
    if (below + 1 >= num) return sorted[num - 1];
    return sorted[below] + (position - below) * (sorted[below + 1] - sorted[below]);
}

// Values of all resamples where there is one; returns how many there are.
static uint32_t resample(const struct rounds *rounds, const struct interval_options *options,
                         double *values)
{
    struct groups groups;
    struct resamples *own = options->resamples ? NULL : resamples_create();
    uint32_t num = 0;
    sum_groups(rounds, &groups);
    const uint8_t *counts = resamples_get(own ? own : options->resamples, groups.num,
                                          options->num_resamples, options->seed);
    for (uint32_t b = 0; b < options->num_resamples; b++) {
        double value = value_of(&groups, counts + (size_t)b * groups.num);
        if (!isnan(value)) values[num++] = value;
    }
    mem_free(groups.tops);
    mem_free(groups.bottoms);
    resamples_destroy(own);
    return num;
}

void interval_bootstrap(const struct rounds *rounds, const struct interval_options *options,
                        double *lower_out, double *upper_out)
{
    double *values = mem_alloc(options->num_resamples * sizeof(*values), "resamples");
    double side = (1 - options->level) / 2;
    uint32_t num = resample(rounds, options, values);
    bool is_defined =
        rounds->num_rounds > 1 && num > 0 && options->num_resamples - num <= side * num;
    qsort(values, num, sizeof(*values), compare);
    *lower_out = is_defined ? quantile(values, num, side) : NAN;
    *upper_out = is_defined ? quantile(values, num, 1 - side) : NAN;
    mem_free(values);
}
