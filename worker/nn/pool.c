/* pool.c - see pool.h. */
#include "worker/nn/pool.h"

#include <string.h>

static float scale_of(const struct pool *pool, uint32_t num_rows)
{
    return pool->is_mean && num_rows > 0 ? 1.0f / (float)num_rows : 1.0f;
}

void pool_forward(const struct pool *pool, const float *rows, float *pooled)
{
    uint32_t dim = pool->dim;
    for (uint32_t b = 0; b < pool->num_samples; b++) {
        uint32_t begin = pool->row_start[b], end = pool->row_start[b + 1];
        float *restrict out = pooled + (uint64_t)b * dim, scale = scale_of(pool, end - begin);
        memset(out, 0, dim * sizeof(float));
        for (uint32_t t = begin; t < end; t++) {
            const float *row = rows + (uint64_t)t * dim;
            for (uint32_t d = 0; d < dim; d++) out[d] += row[d];
        }
        for (uint32_t d = 0; d < dim; d++) out[d] *= scale;
    }
}

void pool_backward(const struct pool *pool, const float *pooled_grad, float *rows_grad)
{
    uint32_t dim = pool->dim;
    for (uint32_t b = 0; b < pool->num_samples; b++) {
        uint32_t begin = pool->row_start[b], end = pool->row_start[b + 1];
        const float *grad = pooled_grad + (uint64_t)b * dim;
        float scale = scale_of(pool, end - begin);
        for (uint32_t t = begin; t < end; t++) {
            float *restrict row = rows_grad + (uint64_t)t * dim;
            for (uint32_t d = 0; d < dim; d++) row[d] = grad[d] * scale;
        }
    }
}
