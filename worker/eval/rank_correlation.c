/* rank_correlation.c - see rank_correlation.h. Pearson's correlation of the ranks, since the short
 * formula of the textbooks is wrong where values are equal. */
#include "worker/eval/rank_correlation.h"

#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"

struct place {
    float value;
    uint32_t idx; // in the list
};

static int by_value(const void *a, const void *b)
{
    float x = ((const struct place *)a)->value, y = ((const struct place *)b)->value;
    return x < y ? -1 : x > y;
}

/* Ranks around 0, twice as far apart as usual, so that they are whole numbers: the sum of the first
 * and the last place of equal values, less that of all. */
static double *find_ranks(const float *values, uint32_t n)
{
    struct place *places = mem_calloc(n, sizeof *places, "ranks");
    double *ranks = mem_calloc(n, sizeof *ranks, "ranks");
    for (uint32_t i = 0; i < n; i++) places[i] = (struct place){.value = values[i], .idx = i};
    qsort(places, n, sizeof *places, by_value);
    for (uint32_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && places[end].value == places[first].value;) end++;
        for (uint32_t i = first; i < end; i++)
            ranks[places[i].idx] = (double)first + (end - 1) - (n - 1);
    }
    mem_free(places);
    return ranks;
}

static double dot(const double *x, const double *y, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

struct rank_correlation rank_correlation(const float *x, const float *y, uint32_t n)
{
    if (n < 2) return (struct rank_correlation){NAN, "fewer than two values"};
    double *x_ranks = find_ranks(x, n), *y_ranks = find_ranks(y, n);
    double xx = dot(x_ranks, x_ranks, n), yy = dot(y_ranks, y_ranks, n);
    struct rank_correlation result = {.value = dot(x_ranks, y_ranks, n) / sqrt(xx * yy)};
    if (xx == 0 || yy == 0)
        result = (struct rank_correlation){NAN, "all values of one side are equal"};
    mem_free(x_ranks);
    mem_free(y_ranks);
    return result;
}
