/* column_stats.c - see column_stats.h. Sums are taken about the moving mean, in double precision:
 * one pass, and nothing cancels where a column's mean is large against its deviation. */
#include "worker/nn/column_stats.h"

#include <math.h>
#include <string.h>

#include "common/base/mem.h"

void column_stats_init(struct column_stats *stats, uint32_t num_units, float epsilon, float *moving)
{
    *stats = (struct column_stats){.num_units = num_units,
                                   .epsilon = epsilon,
                                   .momentum = 0.1f,
                                   .moving_mean = moving,
                                   .moving_var = moving + num_units};
    stats->mean = mem_calloc(num_units, sizeof(float), "column statistics");
    stats->rstd = mem_calloc(num_units, sizeof(float), "column statistics");
    stats->sums = mem_calloc(2 * (size_t)num_units + 1, sizeof(double), "column statistics");
}

void column_stats_fini(struct column_stats *stats)
{
    mem_free(stats->mean);
    mem_free(stats->rstd);
    mem_free(stats->sums);
    *stats = (struct column_stats){0};
}

void column_stats_reset(float *moving, uint32_t num_units)
{
    for (uint32_t m = 0; m < num_units; m++) {
        moving[m] = 0;
        moving[num_units + m] = 1;
    }
}

static void take_sums(struct column_stats *stats, const float *x, uint32_t num_rows)
{
    uint32_t num_units = stats->num_units;
    const float *shift = stats->moving_mean;
    double *restrict sum = stats->sums, *restrict square = stats->sums + num_units;
    memset(stats->sums, 0, 2 * (size_t)num_units * sizeof(double));
    for (uint32_t r = 0; r < num_rows; r++, x += num_units) {
        for (uint32_t m = 0; m < num_units; m++) {
            double d = (double)x[m] - shift[m];
            sum[m] += d;
            square[m] += d * d;
        }
    }
    stats->sums[2 * (size_t)num_units] = num_rows;
}

static void add_up(struct column_stats *stats, uint32_t count)
{
    if (stats->reducer.add_up) stats->reducer.add_up(stats->reducer.ctx, stats->sums, count);
}

static float rstd_of(const struct column_stats *stats, double variance)
{
    return (float)(1 / sqrt(variance + (double)stats->epsilon));
}

void column_stats_freeze(struct column_stats *stats)
{
    stats->num_rows = 0;
    for (uint32_t m = 0; m < stats->num_units; m++) {
        stats->mean[m] = stats->moving_mean[m];
        stats->rstd[m] = rstd_of(stats, stats->moving_var[m]);
    }
}

void column_stats_take(struct column_stats *stats, const float *x, uint32_t num_rows)
{
    take_sums(stats, x, num_rows);
    add_up(stats, 2 * stats->num_units + 1);
    double n = stats->sums[2 * (size_t)stats->num_units], momentum = stats->momentum;
    if (n < 2) {
        column_stats_freeze(stats);
        return;
    }
    stats->num_rows = n;
    for (uint32_t m = 0; m < stats->num_units; m++) {
        double d = stats->sums[m] / n, mean = stats->moving_mean[m] + d;
        double variance = fmax(stats->sums[stats->num_units + m] / n - d * d, 0);
        stats->mean[m] = (float)mean;
        stats->rstd[m] = rstd_of(stats, variance);
        stats->moving_mean[m] = (float)((1 - momentum) * stats->moving_mean[m] + momentum * mean);
        stats->moving_var[m] =
            (float)((1 - momentum) * stats->moving_var[m] + momentum * variance * n / (n - 1));
    }
}

void column_stats_average_grads(struct column_stats *stats)
{
    add_up(stats, 2 * stats->num_units);
    double scale = stats->num_rows > 0 ? 1 / stats->num_rows : 0;
    for (uint32_t m = 0; m < 2 * stats->num_units; m++) stats->sums[m] *= scale;
}
