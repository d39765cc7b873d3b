/* column_stats.h - mean and deviation of each column, which Dice and batch normalisation share.
 *
 * In training they are those of the batch: real rows only, of all ranks when a reducer is given.
 * In evaluation they are the moving ones, which are saved with the model.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_NN_COLUMN_STATS_H
#define SOUK_WORKER_NN_COLUMN_STATS_H

#include <stdint.h>

/* Adds sums (n) up over all ranks, in place; every rank calls it equally often. */
struct stats_reducer {
    void (*add_up)(void *ctx, double *sums, uint32_t n); // NULL: this rank alone
    void *ctx;
};

struct column_stats {
    uint32_t num_units;           // M
    float epsilon;                // 1e-8 for Dice, 1e-5 for batch normalisation
    float momentum;               // moving = (1 - momentum) * moving + momentum * batch
    float *moving_mean;           // (M) borrowed; the same on all ranks
    float *moving_var;            // (M) borrowed; unbiased, as PyTorch keeps it
    float *mean, *rstd;           // (M) of the step, owned: what forward and backward use
    double *sums;                 // (2 M + 1) owned
    double num_rows;              // behind mean and rstd; 0: they are constants of the step
    struct stats_reducer reducer; // set after init where it is wanted
};

/* moving (2 M): mean, then variance; borrowed. Momentum is 0.1, as in PyTorch. */
void column_stats_init(struct column_stats *stats, uint32_t num_units, float epsilon,
                       float *moving);
void column_stats_fini(struct column_stats *stats); // a zeroed one is fine
/* Mean 0, variance 1: what the moving ones begin with. */
void column_stats_reset(float *moving, uint32_t num_units);

/* Takes mean and rstd of x (rows, M) and moves the moving ones. No deviation can be taken of a
 * single row (over all ranks): it is normalised by the moving ones, which stay. */
void column_stats_take(struct column_stats *stats, const float *x, uint32_t num_rows);
/* mean and rstd are the moving ones: for evaluation. */
void column_stats_freeze(struct column_stats *stats);

/* For backwards: adds up sums (2 M) over ranks, then makes means of them: those of d and of
 * d * xhat, where d is the gradient of xhat. All zero when mean and rstd are constants. */
void column_stats_average_grads(struct column_stats *stats);

#endif
