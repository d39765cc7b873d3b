/* attention_first.c - see attention_first.h.
 *
 * With W = [Wq Wk Wd Wp] (M, 4 D) the layer is z = (Wq + Wd) q + bias + A k for the rows k of a
 * sample, with A = Wk - Wd + Wp diag(q). That is a quarter of the multiplications of the textbook
 * form, and half of those of the product of [k, q * k] with [Wk - Wd, Wp]; making A costs as much
 * as one row. The backward has the same shape: with G = z_grad^T k (M, D) of a sample,
 *
 *     k_grad = z_grad A      (Wk - Wd)_grad += G      Wp_grad += G diag(q)
 *     q_grad[d] = sum_m G[m][d] Wp[m][d]  +  z_grad's column sums through Wq + Wd.
 */
#include "worker/nn/attention_first.h"

#include <string.h>

#include "common/base/mem.h"
#include "worker/nn/gemm.h"
#include "worker/nn/linear.h"
#include "worker/nn/loop.h"

void attention_first_init(struct attention_first *first, uint32_t dim, uint32_t num_units)
{
    *first = (struct attention_first){.dim = dim, .num_units = num_units};
    float **parts[] = {&first->query,     &first->key,          &first->key_t,
                       &first->product_t, &first->mixed,        &first->mixed_grad,
                       &first->key_grad,  &first->product_grad, &first->query_grad};
    size_t count = sizeof parts / sizeof parts[0], floats = (size_t)dim * num_units;
    floats = (floats + 15) & ~(size_t)15; // each begins a cache line
    first->space = mem_alloc_aligned(count * floats * sizeof(float), "attention");
    for (size_t i = 0; i < count; i++) *parts[i] = first->space + i * floats;
}

void attention_first_fini(struct attention_first *first)
{
    mem_free(first->space);
    mem_free(first->part);
    mem_free(first->part_grad);
}

void attention_first_reserve(struct attention_first *first, uint32_t num_samples)
{
    if (num_samples <= first->max_samples) return;
    size_t bytes = (size_t)num_samples * first->num_units * sizeof(float);
    mem_free(first->part);
    mem_free(first->part_grad);
    first->part = mem_alloc_aligned(bytes, "attention");
    first->part_grad = mem_alloc_aligned(bytes, "attention");
    first->max_samples = num_samples;
}

// The weights change each step: their sums and transposes are made anew, once a batch.
static void factor(struct attention_first *first)
{
    uint32_t dim = first->dim, num_units = first->num_units;
    for (uint32_t m = 0; m < num_units; m++) {
        const float *wq = first->weight + (size_t)m * 4 * dim;
        const float *wk = wq + dim, *wd = wk + dim, *wp = wd + dim;
        for (uint32_t d = 0; d < dim; d++) {
            first->query[m * dim + d] = wq[d] + wd[d];
            first->key[m * dim + d] = wk[d] - wd[d];
            first->key_t[d * num_units + m] = wk[d] - wd[d];
            first->product_t[d * num_units + m] = wp[d];
        }
    }
}

void attention_first_begin(struct attention_first *first, const float *q, uint32_t num_samples)
{
    factor(first);
    struct linear query = {.num_in = first->dim,
                           .num_out = first->num_units,
                           .weight = first->query,
                           .bias = first->bias};
    linear_forward(&query, q, num_samples, first->part);
}

// (D, M), so that the product needs no transpose.
static void mix_transposed(const struct attention_first *first, const float *q)
{
    uint32_t num_units = first->num_units;
    for (uint32_t d = 0; d < first->dim; d++) {
        float *restrict out = first->mixed + (size_t)d * num_units;
        const float *key = first->key_t + (size_t)d * num_units;
        const float *product = first->product_t + (size_t)d * num_units;
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_units; m++) out[m] = key[m] + q[d] * product[m];
    }
}

void attention_first_forward(struct attention_first *first, uint32_t b, const float *q,
                             const float *keys, uint32_t num_rows, float *z)
{
    uint32_t dim = first->dim, num_units = first->num_units;
    const float *part = first->part + (size_t)b * num_units;
    for (uint32_t t = 0; t < num_rows; t++)
        memcpy(z + (size_t)t * num_units, part, num_units * sizeof(float));
    mix_transposed(first, q);
    nn_gemm(&(struct gemm){.m = num_rows,
                           .n = num_units,
                           .k = dim,
                           .a = keys,
                           .lda = dim,
                           .b = first->mixed,
                           .ldb = num_units,
                           .c = z,
                           .ldc = num_units,
                           .beta = 1});
}

void attention_first_begin_backward(struct attention_first *first)
{
    size_t bytes = (size_t)first->dim * first->num_units * sizeof(float);
    memset(first->key_grad, 0, bytes);
    memset(first->product_grad, 0, bytes);
    memset(first->query_grad, 0, bytes);
}

static void mix(const struct attention_first *first, const float *q)
{
    uint32_t dim = first->dim;
    for (uint32_t m = 0; m < first->num_units; m++) {
        float *restrict out = first->mixed + (size_t)m * dim;
        const float *key = first->key + (size_t)m * dim;
        const float *product = first->weight + ((size_t)m * 4 + 3) * dim;
        LOOP_INDEPENDENT
        for (uint32_t d = 0; d < dim; d++) out[d] = key[d] + q[d] * product[d];
    }
}

enum { BLOCK = 4 }; // vectors of columns whose sums stay in registers

// n vectors of columns from d on, for share_out; n <= BLOCK is known where it is called.
static inline __attribute__((always_inline)) void share_out_block(struct attention_first *first,
                                                                  const float *q, float *q_grad,
                                                                  uint32_t d, int n)
{
    size_t dim = first->dim;
    const float *grad = first->mixed_grad + d, *product = first->weight + 3 * dim + d;
    float *key_grad = first->key_grad + d, *product_grad = first->product_grad + d;
    loop_vec sums[BLOCK] = {{0}}, query[BLOCK];
    for (int j = 0; j < n; j++) query[j] = LOOP_VEC(q + d + j * LOOP_LANES);
    for (uint32_t m = 0; m < first->num_units; m++) {
        for (int j = 0; j < n; j++) {
            loop_vec g = LOOP_VEC(grad + j * LOOP_LANES);
            *(loop_vec *)(key_grad + j * LOOP_LANES) += g;
            *(loop_vec *)(product_grad + j * LOOP_LANES) += g * query[j];
            sums[j] += g * LOOP_VEC(product + j * LOOP_LANES);
        }
        grad += dim, key_grad += dim, product_grad += dim, product += 4 * dim;
    }
    for (int j = 0; j < n; j++) *(loop_vec *)(q_grad + d + j * LOOP_LANES) = sums[j];
}

// mixed_grad of one sample goes where the comment at the top says.
static void share_out(struct attention_first *first, const float *q, float *q_grad)
{
    uint32_t dim = first->dim, d = 0;
    for (; d + BLOCK * LOOP_LANES <= dim; d += BLOCK * LOOP_LANES)
        share_out_block(first, q, q_grad, d, BLOCK);
    for (; d + LOOP_LANES <= dim; d += LOOP_LANES) share_out_block(first, q, q_grad, d, 1);
    for (; d < dim; d++) {
        float sum = 0;
        for (uint32_t m = 0; m < first->num_units; m++) {
            size_t at = (size_t)m * dim + d;
            float g = first->mixed_grad[at];
            first->key_grad[at] += g;
            first->product_grad[at] += g * q[d];
            sum += g * first->weight[((size_t)m * 4 + 3) * dim + d];
        }
        q_grad[d] = sum;
    }
}

void attention_first_backward(struct attention_first *first, const struct attention_first_sample *s)
{
    uint32_t dim = first->dim, num_units = first->num_units;
    float *part_grad = first->part_grad + (size_t)s->b * num_units;
    memset(part_grad, 0, num_units * sizeof(float));
    if (s->num_rows == 0) {
        memset(s->q_grad, 0, dim * sizeof(float));
        return;
    }
    linear_add_columns(s->z_grad, s->num_rows, num_units, part_grad);
    mix(first, s->q);
    nn_gemm(&(struct gemm){.m = s->num_rows,
                           .n = dim,
                           .k = num_units,
                           .a = s->z_grad,
                           .lda = num_units,
                           .b = first->mixed,
                           .ldb = dim,
                           .c = s->keys_grad,
                           .ldc = dim,
                           .beta = 1});
    nn_gemm(&(struct gemm){.m = num_units,
                           .n = dim,
                           .k = s->num_rows,
                           .a_t = true,
                           .a = s->z_grad,
                           .lda = num_units,
                           .b = s->keys,
                           .ldb = dim,
                           .c = first->mixed_grad,
                           .ldc = dim});
    share_out(first, s->q, s->q_grad);
}

// Wq and Wd share the gradient of their sum, Wk and Wd that of their difference.
static void add_weight_grads(struct attention_first *first)
{
    uint32_t dim = first->dim;
    for (uint32_t m = 0; m < first->num_units; m++) {
        const float *query = first->query_grad + (size_t)m * dim;
        const float *key = first->key_grad + (size_t)m * dim;
        const float *product = first->product_grad + (size_t)m * dim;
        float *wq = first->weight_grad + (size_t)m * 4 * dim;
        float *wk = wq + dim, *wd = wk + dim, *wp = wd + dim;
        for (uint32_t d = 0; d < dim; d++) {
            wq[d] += query[d];
            wk[d] += key[d];
            wd[d] += query[d] - key[d];
            wp[d] += product[d];
        }
    }
}

void attention_first_end_backward(struct attention_first *first, const float *q, float *q_grad,
                                  uint32_t num_samples)
{
    uint32_t dim = first->dim, num_units = first->num_units;
    linear_add_columns(first->part_grad, num_samples, num_units, first->bias_grad);
    nn_gemm(&(struct gemm){.m = num_units,
                           .n = dim,
                           .k = num_samples,
                           .a_t = true,
                           .a = first->part_grad,
                           .lda = num_units,
                           .b = q,
                           .ldb = dim,
                           .c = first->query_grad,
                           .ldc = dim,
                           .beta = 1});
    nn_gemm(&(struct gemm){.m = num_samples,
                           .n = dim,
                           .k = num_units,
                           .a = first->part_grad,
                           .lda = num_units,
                           .b = first->query,
                           .ldb = dim,
                           .c = q_grad,
                           .ldc = dim,
                           .beta = 1});
    add_weight_grads(first);
}
