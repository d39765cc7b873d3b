/* attention_step.c - forward and backward of attention.h.
 *
 * Both walk over chunks of whole samples, small enough that what one layer writes is still in the
 * cache when the next one reads it. Dice takes statistics of all rows between two layers: with it
 * the batch is one chunk. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/nn/attention_private.h"
#include "worker/nn/gemm.h"
#include "worker/nn/loop.h"
#include "worker/nn/vmath.h"

enum { CHUNK_ROWS = 192 };

bool attention_next_chunk(const struct attention *attention, struct chunk *chunk)
{
    const struct attention_batch *batch = &attention->batch;
    uint32_t begin = chunk->end, end = begin, n = batch->num_samples;
    if (attention->options.activation == ATTENTION_DICE) {
        if (chunk->is_batch) return false;
        *chunk = (struct chunk){0, n, 0, batch->row_start[n], true};
        return true;
    }
    if (begin == n) return false;
    uint32_t row = batch->row_start[begin];
    do end++;
    while (end < n && batch->row_start[end + 1] - row <= CHUNK_ROWS);
    *chunk = (struct chunk){begin, end, row, batch->row_start[end] - row, false};
    return true;
}

static void resize(float **array, uint64_t floats)
{
    mem_free(*array);
    *array = mem_alloc_aligned(floats * sizeof(float), "attention");
}

static void reserve_rows(struct attention *attention, uint32_t num_rows)
{
    if (num_rows <= attention->max_rows) return;
    enum attention_activation activation = attention->options.activation;
    for (uint32_t i = 0; i < attention->options.num_layers; i++) {
        struct hidden_layer *layer = &attention->layers[i];
        uint64_t floats = (uint64_t)num_rows * layer->num_units;
        resize(&layer->out, floats);
        if (activation == ATTENTION_PRELU || activation == ATTENTION_DICE)
            resize(&layer->z, floats);
        if (activation == ATTENTION_DICE) resize(&layer->gate, floats);
    }
    resize(&attention->scores, num_rows);
    resize(&attention->score_grads, num_rows);
    attention->max_rows = num_rows;
}

static void reserve_chunk(struct attention *attention)
{
    uint32_t longest = 0, widest = 0;
    for (struct chunk chunk = {0}; attention_next_chunk(attention, &chunk);)
        if (chunk.num_rows > longest) longest = chunk.num_rows;
    if (longest <= attention->max_chunk) return;
    for (uint32_t i = 0; i < attention->options.num_layers; i++)
        if (attention->layers[i].num_units > widest) widest = attention->layers[i].num_units;
    resize(&attention->grads[0], (uint64_t)longest * widest);
    resize(&attention->grads[1], (uint64_t)longest * widest);
    attention->max_chunk = longest;
}

static void begin_batch(struct attention *attention, const struct attention_batch *batch)
{
    assert(batch->row_start[0] == 0);
    attention->batch = *batch;
    reserve_rows(attention, batch->row_start[batch->num_samples]);
    attention_first_reserve(&attention->first, batch->num_samples);
    reserve_chunk(attention);
}

// ---- forward ----

/* z is what the linear part wrote: layer->z with PReLU and Dice, else where the outputs belong. */
static float *linear_output(const struct hidden_layer *layer, uint32_t row)
{
    return (layer->z ? layer->z : layer->out) + (uint64_t)row * layer->num_units;
}

static void activate(struct attention *attention, struct hidden_layer *layer,
                     const struct chunk *chunk)
{
    uint64_t offset = (uint64_t)chunk->row * layer->num_units;
    uint64_t n = (uint64_t)chunk->num_rows * layer->num_units;
    const float *z = linear_output(layer, chunk->row);
    float *out = layer->out + offset;
    switch (attention->options.activation) {
    case ATTENTION_SIGMOID: sigmoid_forward(z, n, out); break;
    case ATTENTION_RELU: relu_forward(z, n, out); break;
    case ATTENTION_PRELU: prelu_forward(&layer->prelu, z, chunk->num_rows, out); break;
    case ATTENTION_DICE:
        if (attention->batch.is_training)
            column_stats_take(&layer->dice.stats, z, chunk->num_rows);
        else
            column_stats_freeze(&layer->dice.stats);
        dice_forward(&layer->dice, z, chunk->num_rows, layer->gate + offset, out);
        break;
    }
}

static void first_layer(struct attention *attention, const struct chunk *chunk)
{
    const struct attention_batch *batch = &attention->batch;
    struct hidden_layer *layer = &attention->layers[0];
    uint32_t dim = attention->options.dim;
    for (uint32_t b = chunk->begin; b < chunk->end; b++) {
        uint32_t row = batch->row_start[b], num_rows = batch->row_start[b + 1] - row;
        if (num_rows == 0) continue;
        attention_first_forward(&attention->first, b, batch->q + (uint64_t)b * dim,
                                batch->keys + (uint64_t)row * dim, num_rows,
                                linear_output(layer, row));
    }
}

static float dot(const float *a, const float *b, uint32_t n)
{
    loop_vec even = {0}, odd = {0};
    uint32_t i = 0;
    for (; i + 2 * LOOP_LANES <= n; i += 2 * LOOP_LANES) {
        even += LOOP_VEC(a + i) * LOOP_VEC(b + i);
        odd += LOOP_VEC(a + i + LOOP_LANES) * LOOP_VEC(b + i + LOOP_LANES);
    }
    for (; i + LOOP_LANES <= n; i += LOOP_LANES) even += LOOP_VEC(a + i) * LOOP_VEC(b + i);
    float sum = 0;
    for (; i < n; i++) sum += a[i] * b[i];
    even += odd;
    return sum + ((even[0] + even[4]) + (even[2] + even[6])) +
           ((even[1] + even[5]) + (even[3] + even[7]));
}

static void transpose_weights(struct hidden_layer *layer)
{
    const struct linear *linear = &layer->linear;
    for (uint32_t m = 0; m < linear->num_out; m++)
        for (uint32_t n = 0; n < linear->num_in; n++)
            layer->weight_t[n * linear->num_out + m] = linear->weight[m * linear->num_in + n];
}

// As linear_forward, with the weights transposed once a batch instead of once a chunk.
static void linear_layer(struct hidden_layer *layer, const struct hidden_layer *below,
                         const struct chunk *chunk)
{
    uint32_t in = layer->linear.num_in, out = layer->linear.num_out;
    float *z = linear_output(layer, chunk->row);
    nn_gemm(&(struct gemm){.m = chunk->num_rows,
                           .n = out,
                           .k = in,
                           .lda = in,
                           .ldb = out,
                           .ldc = out,
                           .a = below->out + (uint64_t)chunk->row * in,
                           .b = layer->weight_t,
                           .c = z});
    linear_add_bias(z, layer->linear.bias, chunk->num_rows, out);
}

static void score_rows(struct attention *attention, const struct chunk *chunk)
{
    const struct hidden_layer *last = &attention->layers[attention->options.num_layers - 1];
    const float *out = last->out + (uint64_t)chunk->row * last->num_units;
    float *scores = attention->scores + chunk->row;
    for (uint32_t t = 0; t < chunk->num_rows; t++, out += last->num_units)
        scores[t] = dot(out, attention->top, last->num_units) + attention->top_bias[0];
}

static void softmax(float *scores, uint32_t num_rows, float scale)
{
    float most = -INFINITY, sum = 0;
    for (uint32_t t = 0; t < num_rows; t++)
        if (scores[t] > most) most = scores[t];
    for (uint32_t t = 0; t < num_rows; t++) scores[t] = (scores[t] - most) * scale;
    vmath_exp(scores, num_rows, scores);
    for (uint32_t t = 0; t < num_rows; t++) sum += scores[t];
    for (uint32_t t = 0; t < num_rows; t++) scores[t] /= sum;
}

static void pool_rows(struct attention *attention, const struct chunk *chunk, float *pooled)
{
    const struct attention_batch *batch = &attention->batch;
    uint32_t dim = attention->options.dim;
    for (uint32_t b = chunk->begin; b < chunk->end; b++) {
        uint32_t row = batch->row_start[b], end = batch->row_start[b + 1];
        float *restrict out = pooled + (uint64_t)b * dim;
        memset(out, 0, dim * sizeof(float));
        if (attention->options.has_softmax)
            softmax(attention->scores + row, end - row, 1 / sqrtf((float)dim));
        for (uint32_t t = row; t < end; t++) {
            const float *key = batch->keys + (uint64_t)t * dim, score = attention->scores[t];
            LOOP_INDEPENDENT
            for (uint32_t d = 0; d < dim; d++) out[d] += score * key[d];
        }
    }
}

void attention_forward(struct attention *attention, const struct attention_batch *batch,
                       float *pooled, float *scores)
{
    begin_batch(attention, batch);
    attention_first_begin(&attention->first, batch->q, batch->num_samples);
    for (uint32_t i = 1; i < attention->options.num_layers; i++)
        transpose_weights(&attention->layers[i]);
    for (struct chunk chunk = {0}; attention_next_chunk(attention, &chunk);) {
        first_layer(attention, &chunk);
        activate(attention, &attention->layers[0], &chunk);
        for (uint32_t i = 1; i < attention->options.num_layers; i++) {
            struct hidden_layer *below = &attention->layers[i - 1], *layer = below + 1;
            linear_layer(layer, below, &chunk);
            activate(attention, layer, &chunk);
        }
        score_rows(attention, &chunk);
        pool_rows(attention, &chunk, pooled);
    }
    uint32_t num_rows = batch->row_start[batch->num_samples];
    if (scores && num_rows > 0) memcpy(scores, attention->scores, num_rows * sizeof(float));
}

// ---- backward ----

// From dL/da (T) of one sample to dL/d(score before softmax), in place.
static void softmax_backward(const float *a, float *grads, uint32_t num_rows, float scale)
{
    float sum = 0;
    for (uint32_t t = 0; t < num_rows; t++) sum += a[t] * grads[t];
    for (uint32_t t = 0; t < num_rows; t++) grads[t] = scale * a[t] * (grads[t] - sum);
}

// v = sum_j a_j k_j: begins keys_grad with a_j v_grad, and gives the gradients of the scores.
static void unpool_rows(struct attention *attention, const struct chunk *chunk,
                        const float *pooled_grad, float *keys_grad)
{
    const struct attention_batch *batch = &attention->batch;
    uint32_t dim = attention->options.dim;
    for (uint32_t b = chunk->begin; b < chunk->end; b++) {
        uint32_t row = batch->row_start[b], end = batch->row_start[b + 1];
        const float *grad = pooled_grad + (uint64_t)b * dim;
        for (uint32_t t = row; t < end; t++) {
            float *restrict key_grad = keys_grad + (uint64_t)t * dim;
            float score = attention->scores[t];
            LOOP_INDEPENDENT
            for (uint32_t d = 0; d < dim; d++) key_grad[d] = score * grad[d];
            attention->score_grads[t] = dot(grad, batch->keys + (uint64_t)t * dim, dim);
        }
        if (attention->options.has_softmax)
            softmax_backward(attention->scores + row, attention->score_grads + row, end - row,
                             1 / sqrtf((float)dim));
    }
}

static void unscore_rows(struct attention *attention, const struct chunk *chunk, float *out_grad)
{
    const struct hidden_layer *last = &attention->layers[attention->options.num_layers - 1];
    uint32_t num_units = last->num_units;
    const float *out = last->out + (uint64_t)chunk->row * num_units;
    const float *score_grads = attention->score_grads + chunk->row, *top = attention->top;
    float *restrict top_grad = attention->top_grad, bias_grad = 0;
    for (uint32_t t = 0; t < chunk->num_rows; t++, out += num_units, out_grad += num_units) {
        float grad = score_grads[t];
        bias_grad += grad;
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_units; m++) {
            top_grad[m] += grad * out[m];
            out_grad[m] = grad * top[m];
        }
    }
    // A softmax does not see what is added to all scores: only rounding would be left of the sum,
    // which Adam would take for a gradient.
    if (!attention->options.has_softmax) attention->top_bias_grad[0] += bias_grad;
}

// In place: the gradient of outputs becomes that of what went into the activation.
static void deactivate(struct attention *attention, struct hidden_layer *layer,
                       const struct chunk *chunk, float *grad)
{
    uint64_t offset = (uint64_t)chunk->row * layer->num_units;
    uint64_t n = (uint64_t)chunk->num_rows * layer->num_units;
    const float *z = linear_output(layer, chunk->row), *out = layer->out + offset;
    switch (attention->options.activation) {
    case ATTENTION_SIGMOID: sigmoid_backward(out, grad, n, grad); break;
    case ATTENTION_RELU: relu_backward(out, grad, n, grad); break;
    case ATTENTION_PRELU: prelu_backward(&layer->prelu, z, grad, chunk->num_rows, grad); break;
    case ATTENTION_DICE:
        dice_backward(&layer->dice, z, layer->gate + offset, grad, chunk->num_rows, grad);
        break;
    }
}

static void first_layer_backward(struct attention *attention, const struct chunk *chunk,
                                 const float *z_grad, float *q_grad, float *keys_grad)
{
    const struct attention_batch *batch = &attention->batch;
    uint32_t num_units = attention->layers[0].num_units, dim = attention->options.dim;
    for (uint32_t b = chunk->begin; b < chunk->end; b++) {
        uint32_t row = batch->row_start[b];
        struct attention_first_sample sample = {
            .b = b,
            .num_rows = batch->row_start[b + 1] - row,
            .q = batch->q + (uint64_t)b * dim,
            .keys = batch->keys + (uint64_t)row * dim,
            .z_grad = z_grad + (uint64_t)(row - chunk->row) * num_units,
            .q_grad = q_grad + (uint64_t)b * dim,
            .keys_grad = keys_grad + (uint64_t)row * dim,
        };
        attention_first_backward(&attention->first, &sample);
    }
}

void attention_backward(struct attention *attention, const float *pooled_grad, float *q_grad,
                        float *keys_grad)
{
    const struct attention_batch *batch = &attention->batch;
    attention_first_begin_backward(&attention->first);
    for (struct chunk chunk = {0}; attention_next_chunk(attention, &chunk);) {
        float *grad = attention->grads[0], *other = attention->grads[1];
        unpool_rows(attention, &chunk, pooled_grad, keys_grad);
        unscore_rows(attention, &chunk, grad);
        for (uint32_t i = attention->options.num_layers - 1; i > 0; i--) {
            struct hidden_layer *layer = &attention->layers[i], *below = layer - 1;
            deactivate(attention, layer, &chunk, grad);
            linear_backward(&layer->linear, below->out + (uint64_t)chunk.row * below->num_units,
                            grad, chunk.num_rows, other);
            float *swap = grad;
            grad = other;
            other = swap;
        }
        deactivate(attention, &attention->layers[0], &chunk, grad);
        first_layer_backward(attention, &chunk, grad, q_grad, keys_grad);
    }
    attention_first_end_backward(&attention->first, batch->q, q_grad, batch->num_samples);
}
