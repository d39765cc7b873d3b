/* dice.c - see dice.h. With xhat = (x - mean) * rstd and d the gradient of xhat,
 *
 *     y_x    = p + (1 - p) alpha                      y of x with p held
 *     d      = y_grad * (1 - alpha) x * p (1 - p)
 *     x_grad = y_grad * y_x + rstd * (d - mean(d) - xhat * mean(d * xhat))
 *
 * where both means are 0 when mean and rstd do not depend on the batch. */
#include "worker/nn/dice.h"

#include <string.h>

#include "worker/nn/loop.h"
#include "worker/nn/vmath.h"

void dice_forward(const struct dice *layer, const float *x, uint32_t num_rows, float *gate,
                  float *y)
{
    uint32_t num_units = layer->stats.num_units;
    const float *mean = layer->stats.mean, *rstd = layer->stats.rstd, *alpha = layer->alpha;
    for (uint32_t r = 0; r < num_rows; r++, x += num_units, gate += num_units, y += num_units) {
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_units; m++) {
            float s = x[m], p = vmath_sigmoid1((s - mean[m]) * rstd[m]);
            gate[m] = p;
            y[m] = s * (p + (1 - p) * alpha[m]);
        }
    }
}

static inline float xhat_grad(float x, float p, float alpha, float y_grad)
{
    return y_grad * (1 - alpha) * x * (p * (1 - p));
}

// Sums of one row at a time in double: the batch may be large, and means are taken of them.
static void take_sums(struct dice *layer, const float *x, const float *gate, const float *y_grad,
                      uint32_t num_rows)
{
    uint32_t num_units = layer->stats.num_units;
    const float *mean = layer->stats.mean, *rstd = layer->stats.rstd, *alpha = layer->alpha;
    float *restrict alpha_grad = layer->alpha_grad;
    double *restrict sum = layer->stats.sums, *restrict sum_xhat = sum + num_units;
    memset(sum, 0, 2 * (size_t)num_units * sizeof(double));
    for (uint32_t r = 0; r < num_rows; r++) {
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_units; m++) {
            float d = xhat_grad(x[m], gate[m], alpha[m], y_grad[m]);
            sum[m] += d;
            sum_xhat[m] += d * ((x[m] - mean[m]) * rstd[m]);
            alpha_grad[m] += y_grad[m] * (1 - gate[m]) * x[m];
        }
        x += num_units, gate += num_units, y_grad += num_units;
    }
}

void dice_backward(struct dice *layer, const float *x, const float *gate, const float *y_grad,
                   uint32_t num_rows, float *x_grad)
{
    uint32_t num_units = layer->stats.num_units;
    const float *mean = layer->stats.mean, *rstd = layer->stats.rstd, *alpha = layer->alpha;
    const double *mean_d = layer->stats.sums, *mean_d_xhat = mean_d + num_units;
    take_sums(layer, x, gate, y_grad, num_rows);
    column_stats_average_grads(&layer->stats);
    for (uint32_t r = 0; r < num_rows; r++) {
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_units; m++) {
            float p = gate[m], g = y_grad[m], xhat = (x[m] - mean[m]) * rstd[m];
            float d = xhat_grad(x[m], p, alpha[m], g);
            float centred = d - (float)mean_d[m] - xhat * (float)mean_d_xhat[m];
            x_grad[m] = g * (p + (1 - p) * alpha[m]) + rstd[m] * centred;
        }
        x += num_units, gate += num_units, y_grad += num_units, x_grad += num_units;
    }
}
