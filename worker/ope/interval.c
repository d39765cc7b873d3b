/* interval.c - see interval.h. */
#include "worker/ope/interval.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
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

// Position of a drawn round. The share of one round is off by at most n / 2^32.
static uint64_t pick(uint32_t random, uint64_t num)
{
    return (uint64_t)random * num >> 32;
}

// One resample: sums of drawn rounds. Draws one slot wide are what nearly everybody has.
static double resample(const struct rounds *rounds, struct rng *rng, double *sums)
{
    uint32_t width = rounds->denominators ? rounds->num_slots : 1;
    double *tops = sums, *bottoms = rounds->denominators ? sums + width : NULL;
    memset(sums, 0, 2 * width * sizeof(*sums));
    for (uint64_t i = 0; i < rounds->num_rounds; i++) {
        uint64_t begin = pick(rng_next_u32(rng), rounds->num_rounds) * width;
        for (uint32_t s = 0; s < width; s++) tops[s] += rounds->numerators[begin + s];
        for (uint32_t s = 0; bottoms && s < width; s++)
            bottoms[s] += rounds->denominators[begin + s];
    }
    return ratio_of_sums(tops, bottoms, width, rounds->num_rounds);
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

void interval_bootstrap(const struct rounds *rounds, const struct interval_options *options,
                        double *lower_out, double *upper_out)
{
    uint32_t width = rounds->denominators ? rounds->num_slots : 1, num = 0;
    double *sums = mem_alloc(2 * width * sizeof(*sums), "resample");
    double *values = mem_alloc(options->num_resamples * sizeof(*values), "resamples");
    for (uint32_t b = 0; b < options->num_resamples; b++) {
        struct rng rng;
        rng_init(&rng, options->seed, rng_stream("bootstrap", b, 0));
        double value = resample(rounds, &rng, sums);
        if (!isnan(value)) values[num++] = value;
    }
    double side = (1 - options->level) / 2;
    bool is_defined =
        rounds->num_rounds > 1 && num > 0 && options->num_resamples - num <= side * num;
    qsort(values, num, sizeof(*values), compare);
    *lower_out = is_defined ? quantile(values, num, side) : NAN;
    *upper_out = is_defined ? quantile(values, num, 1 - side) : NAN;
    mem_free(sums);
    mem_free(values);
}
