/* linear.h - y = x w^T + b. See worker/nn/README.md.
 *
 * Threads: pure functions over their arguments.
 */
#ifndef SOUK_WORKER_NN_LINEAR_H
#define SOUK_WORKER_NN_LINEAR_H

#include <stdint.h>

struct linear {
    uint32_t num_in, num_out; // N, M
    const float *weight;      // (M, N)
    const float *bias;        // (M) or NULL
    float *weight_grad;       // (M, N)
    float *bias_grad;         // (M), NULL with bias
};

/* x (rows, N) -> y (rows, M). */
void linear_forward(const struct linear *layer, const float *x, uint32_t num_rows, float *y);
/* y_grad (rows, M) -> x_grad (rows, N), which may be NULL. */
void linear_backward(const struct linear *layer, const float *x, const float *y_grad,
                     uint32_t num_rows, float *x_grad);

/* Helpers for layers that hold linear parts: y (rows, M) += bias (M); sums (M) += columns of y. */
void linear_add_bias(float *y, const float *bias, uint32_t num_rows, uint32_t num_out);
void linear_add_columns(const float *y, uint32_t num_rows, uint32_t num_out, float *sums);

#endif
