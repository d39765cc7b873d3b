/* batch_norm.h - batch normalisation: y = weight * (x - mean) * rstd + bias.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_NN_BATCH_NORM_H
#define SOUK_WORKER_NN_BATCH_NORM_H

#include "worker/nn/column_stats.h"

struct batch_norm {
    struct column_stats stats;
    const float *weight, *bias;     // (M)
    float *weight_grad, *bias_grad; // (M)
};

/* After column_stats_take or column_stats_freeze: x (rows, M) -> y (rows, M), which may be x only
 * if there is no backward. */
void batch_norm_forward(const struct batch_norm *layer, const float *x, uint32_t num_rows,
                        float *y);
/* x_grad may be y_grad. Uses stats.sums. */
void batch_norm_backward(struct batch_norm *layer, const float *x, const float *y_grad,
                         uint32_t num_rows, float *x_grad);

#endif
