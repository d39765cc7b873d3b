/* dice.h - Dice: p = sigmoid((x - mean) * rstd), y = p x + (1 - p) alpha x.
 *
 * Zhou et al.: "Deep Interest Network for Click-Through Rate Prediction", KDD'18, eq. 5. The
 * gradient goes through mean and deviation of the batch, as frameworks have it.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_NN_DICE_H
#define SOUK_WORKER_NN_DICE_H

#include "worker/nn/column_stats.h"

struct dice {
    struct column_stats stats;
    const float *alpha; // (M)
    float *alpha_grad;  // (M)
};

/* After column_stats_take or column_stats_freeze: x (rows, M) -> y (rows, M), which may be x only
 * if there is no backward; gate (rows, M) keeps p for it. */
void dice_forward(const struct dice *layer, const float *x, uint32_t num_rows, float *gate,
                  float *y);
/* x_grad may be y_grad. Uses stats.sums. */
void dice_backward(struct dice *layer, const float *x, const float *gate, const float *y_grad,
                   uint32_t num_rows, float *x_grad);

#endif
