/* batch_norm.c - see batch_norm.h. With xhat = (x - mean) * rstd and d = weight * y_grad its
 * gradient, x_grad = rstd * (d - mean(d) - xhat * mean(d * xhat)). */
#include "worker/nn/batch_norm.h"

#include <string.h>

#include "worker/nn/loop.h"

void batch_norm_forward(const struct batch_norm *layer, const float *x, uint32_t num_rows, float *y)
{
    uint32_t num_units = layer->stats.num_units;
    const float *mean = layer->stats.mean, *rstd = layer->stats.rstd;
    for (uint32_t r = 0; r < num_rows; r++, x += num_units, y += num_units) {
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_units; m++)
            y[m] = layer->weight[m] * ((x[m] - mean[m]) * rstd[m]) + layer->bias[m];
    }
}

// The gradients of this rank's rows; the sums become those of all ranks afterwards.
static void take_sums(struct batch_norm *layer, const float *x, const float *y_grad,
                      uint32_t num_rows)
{
    uint32_t num_units = layer->stats.num_units;
    const float *mean = layer->stats.mean, *rstd = layer->stats.rstd;
    double *restrict sum = layer->stats.sums, *restrict sum_xhat = sum + num_units;
    memset(sum, 0, 2 * (size_t)num_units * sizeof(double));
    for (uint32_t r = 0; r < num_rows; r++, x += num_units, y_grad += num_units) {
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_units; m++) {
            sum[m] += y_grad[m];
            sum_xhat[m] += y_grad[m] * ((x[m] - mean[m]) * rstd[m]);
        }
    }
    LOOP_INDEPENDENT
    for (uint32_t m = 0; m < num_units; m++) {
        layer->bias_grad[m] += (float)sum[m];
        layer->weight_grad[m] += (float)sum_xhat[m];
    }
}

void batch_norm_backward(struct batch_norm *layer, const float *x, const float *y_grad,
                         uint32_t num_rows, float *x_grad)
{
    uint32_t num_units = layer->stats.num_units;
    const float *mean = layer->stats.mean, *rstd = layer->stats.rstd;
    const double *mean_d = layer->stats.sums, *mean_d_xhat = mean_d + num_units;
    take_sums(layer, x, y_grad, num_rows);
    column_stats_average_grads(&layer->stats);
    for (uint32_t r = 0; r < num_rows; r++) {
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_units; m++) {
            float xhat = (x[m] - mean[m]) * rstd[m];
            float centred = y_grad[m] - (float)mean_d[m] - xhat * (float)mean_d_xhat[m];
            x_grad[m] = layer->weight[m] * rstd[m] * centred;
        }
        x += num_units, y_grad += num_units, x_grad += num_units;
    }
}
