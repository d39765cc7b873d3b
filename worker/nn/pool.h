/* pool.h - sum or mean of each sample's rows. See worker/nn/README.md.
 *
 * Threads: pure functions over their arguments.
 */
#ifndef SOUK_WORKER_NN_POOL_H
#define SOUK_WORKER_NN_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct pool {
    uint32_t dim; // D
    bool is_mean; // else the sum; without any row both are the zero vector
    uint32_t num_samples;
    const uint32_t *row_start; // (B + 1)
};

/* rows (T, D) -> pooled (B, D). */
void pool_forward(const struct pool *pool, const float *rows, float *pooled);
/* pooled_grad (B, D) -> rows_grad (T, D). */
void pool_backward(const struct pool *pool, const float *pooled_grad, float *rows_grad);

#endif
