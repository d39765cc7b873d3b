/* dense.c - see dense.h. */
#include "worker/model/dense.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"

static uint32_t add(struct dense *dense, const char *prefix, const char *name,
                    const struct dense_part *part)
{
    assert(dense->num_parts < DENSE_PARTS_MAX && !dense->values);
    struct dense_part *added = &dense->parts[dense->num_parts++];
    *added = *part;
    snprintf(added->name, sizeof added->name, "%.20s.%.20s", prefix, name);
    uint32_t *total = part->kind == DENSE_STATS ? &dense->num_stats : &dense->num_values;
    added->offset = *total;
    *total += part->rows * part->columns;
    return added->offset;
}

uint32_t dense_add_linear(struct dense *dense, const char *prefix, const char *name, uint32_t rows,
                          uint32_t columns, uint32_t fan_in)
{
    return add(dense, prefix, name,
               &(struct dense_part){
                   .kind = DENSE_LINEAR, .rows = rows, .columns = columns, .fan_in = fan_in});
}

uint32_t dense_add_constant(struct dense *dense, const char *prefix, const char *name,
                            uint32_t columns, float constant)
{
    return add(dense, prefix, name,
               &(struct dense_part){
                   .kind = DENSE_CONST, .rows = 1, .columns = columns, .constant = constant});
}

uint32_t dense_add_stats(struct dense *dense, const char *prefix, const char *name,
                         uint32_t columns)
{
    return add(dense, prefix, name,
               &(struct dense_part){.kind = DENSE_STATS, .rows = 2, .columns = columns});
}

static float *allocate(uint32_t n, const char *what)
{
    size_t bytes = ((size_t)n + 16) * sizeof(float);
    float *array = mem_alloc_aligned(bytes, what);
    memset(array, 0, bytes);
    return array;
}

void dense_allocate(struct dense *dense)
{
    dense->values = allocate(dense->num_values, "dense parameters");
    dense->grads = allocate(dense->num_values, "gradients of dense parameters");
    for (int i = 0; i < 2; i++)
        dense->moments[i] = allocate(dense->num_values, "moments of dense parameters");
    dense->stats = allocate(dense->num_stats, "statistics of layers");
}

void dense_fini(struct dense *dense)
{
    mem_free(dense->values);
    mem_free(dense->grads);
    mem_free(dense->moments[0]);
    mem_free(dense->moments[1]);
    mem_free(dense->stats);
    *dense = (struct dense){0};
}

static void initialise_part(struct dense *dense, const struct dense_part *part, uint64_t seed)
{
    uint32_t n = part->rows * part->columns;
    float *values = (part->kind == DENSE_STATS ? dense->stats : dense->values) + part->offset;
    if (part->kind == DENSE_LINEAR) {
        uint64_t key = hash_bytes(part->name, strlen(part->name), 0);
        rng_fill_uniform(seed, key, 1 / sqrtf((float)part->fan_in), values, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        values[i] = part->kind == DENSE_CONST ? part->constant : i >= part->columns;
}

void dense_initialise(struct dense *dense, uint64_t seed)
{
    for (uint32_t p = 0; p < dense->num_parts; p++) initialise_part(dense, &dense->parts[p], seed);
}

void dense_clear_grads(struct dense *dense)
{
    memset(dense->grads, 0, dense->num_values * sizeof(float));
}

double dense_grad_square(const struct dense *dense)
{
    double square = 0;
    for (uint32_t i = 0; i < dense->num_values; i++)
        square += (double)dense->grads[i] * dense->grads[i];
    return square;
}

void dense_step_adam(struct dense *dense, float lr, float scale)
{
    const float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
    double t = (double)++dense->num_steps;
    float step = (float)((double)lr / (1 - pow(0.9, t)));
    float root = (float)(1 / sqrt(1 - pow(0.999, t)));
    float *restrict w = dense->values, *restrict m = dense->moments[0];
    float *restrict v = dense->moments[1];
    const float *restrict grads = dense->grads;
    for (uint32_t i = 0; i < dense->num_values; i++) {
        float g = grads[i] * scale;
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        w[i] -= step * m[i] / (sqrtf(v[i]) * root + epsilon);
    }
}

void dense_step_sgd(struct dense *dense, float lr, float scale)
{
    dense->num_steps++;
    for (uint32_t i = 0; i < dense->num_values; i++)
        dense->values[i] -= lr * scale * dense->grads[i];
}
