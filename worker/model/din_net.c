/* din_net.c - see din_net.h. */
#include "worker/model/din_net.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/nn/pool.h"

// An array that grows to the largest batch.
struct array {
    float *floats;
    size_t capacity;
};

struct din_net {
    const struct din_shape *shape;      // borrowed
    const struct sample_format *format; // borrowed
    struct attention *attention;        // NULL: pooled
    uint32_t attention_values;          // where its parameters begin in dense->values
    uint32_t attention_stats;           // and its statistics in dense->stats
    struct tower *tower;
    struct dense *dense; // borrowed
    uint32_t num_in;     // of the tower
    uint32_t pair_width; // floats of q, and of a behaviour

    struct array x, x_grad;           // (B, num_in)
    struct array q, q_grad;           // (B, pair_width)
    struct array keys, keys_grad;     // (T, pair_width)
    struct array pooled, pooled_grad; // (B, pair_width), or (B, dim) of a loose history
    struct array loose;               // (T, dim)
    struct array weights;             // (T) of attention
    struct array logits;              // (B)
};

/* ---- life ---- */

static void add_attention(struct din_net *net, const struct stats_reducer *reducer)
{
    const struct din_shape *shape = net->shape;
    struct attention_options options = {.dim = net->pair_width,
                                        .num_layers = shape->num_attention,
                                        .activation = shape->attention_activation,
                                        .has_softmax = shape->has_softmax};
    if (reducer) options.reducer = *reducer;
    memcpy(options.widths, shape->attention, sizeof options.widths);
    net->attention = attention_create(&options);
}

static struct tower *make_tower(const struct din_net *net, const struct stats_reducer *reducer)
{
    const struct din_shape *shape = net->shape;
    struct tower_options options = {.num_in = net->num_in,
                                    .num_layers = shape->num_hidden,
                                    .activation = shape->activation,
                                    .has_batch_norm = shape->has_batch_norm,
                                    .dropout = shape->dropout};
    if (reducer) options.reducer = *reducer;
    memcpy(options.widths, shape->hidden, sizeof options.widths);
    return tower_create(&options, net->dense);
}

/* In the order that attention.h wants its parameters in. */
static void add_attention_parts(struct din_net *net)
{
    const struct din_shape *shape = net->shape;
    enum attention_activation activation = shape->attention_activation;
    uint32_t num_in = 4 * net->pair_width;
    net->attention_values = net->dense->num_values;
    net->attention_stats = net->dense->num_stats;
    for (uint32_t i = 0; i <= shape->num_attention; i++) {
        bool is_last = i == shape->num_attention;
        uint32_t width = is_last ? 1 : shape->attention[i];
        char prefix[DENSE_NAME_MAX];
        snprintf(prefix, sizeof prefix, "attention.%u", i);
        dense_add_linear(net->dense, prefix, "weight", width, num_in, num_in);
        dense_add_linear(net->dense, prefix, "bias", 1, width, num_in);
        if (!is_last && activation == ATTENTION_PRELU)
            dense_add_constant(net->dense, prefix, "alpha", width, 0.25f);
        if (!is_last && activation == ATTENTION_DICE) {
            dense_add_constant(net->dense, prefix, "alpha", width, 0);
            dense_add_stats(net->dense, prefix, "dice.stats", width);
        }
        num_in = width;
    }
    assert(net->dense->num_values - net->attention_values == attention_num_params(net->attention));
}

struct din_net *din_net_create(const struct din_shape *shape, const struct sample_format *format,
                               const struct stats_reducer *reducer, struct dense *dense)
{
    struct din_net *net = mem_calloc(1, sizeof *net, "click model");
    net->shape = shape;
    net->format = format;
    net->dense = dense;
    net->num_in = din_shape_num_in(shape);
    net->pair_width = shape->num_pairs * shape->dim;
    if (shape->kind == DIN_ATTENTION) {
        add_attention(net, reducer);
        add_attention_parts(net);
    }
    net->tower = make_tower(net, reducer);
    dense_allocate(dense);
    if (net->attention) {
        attention_set_params(net->attention, dense->values + net->attention_values,
                             dense->grads + net->attention_values);
        attention_set_stats(net->attention, dense->stats + net->attention_stats);
    }
    return net;
}

void din_net_destroy(struct din_net *net)
{
    if (!net) return;
    attention_destroy(net->attention);
    tower_destroy(net->tower);
    struct array *arrays[] = {&net->x,           &net->x_grad,    &net->q,      &net->q_grad,
                              &net->keys,        &net->keys_grad, &net->pooled, &net->loose,
                              &net->pooled_grad, &net->weights,   &net->logits};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) mem_free(arrays[i]->floats);
    mem_free(net);
}

/* ---- rows ---- */

static float *reserve(struct array *array, uint32_t rows, uint32_t width)
{
    size_t count = (size_t)rows * width + 16;
    mem_reserve(&array->floats, &array->capacity, count, sizeof(float), "activations");
    return array->floats;
}

/* Rows of a table, one an index, into the columns of out that begin at it: stride floats a row. */
static void gather(const struct batch_part *part, const uint32_t *idxs, uint32_t n, float *out,
                   uint32_t stride)
{
    const uint32_t dim = part->dim;
    for (uint32_t i = 0; i < n; i++, out += stride)
        memcpy(out, part->rows + (size_t)idxs[i] * dim, dim * sizeof(float));
}

/* The reverse: adds gradients up in the rows' pushes. */
static void scatter(struct batch_part *part, const uint32_t *idxs, uint32_t n, const float *grads,
                    uint32_t stride)
{
    const uint32_t dim = part->dim;
    for (uint32_t i = 0; i < n; i++, grads += stride) {
        float *restrict push = part->pushes + (size_t)idxs[i] * dim;
        for (uint32_t d = 0; d < dim; d++) push[d] += grads[d];
    }
}

/* Columns of one array into another's: num_rows of width floats. */
static void copy_columns(const float *from, uint32_t from_stride, float *to, uint32_t to_stride,
                         uint32_t num_rows, uint32_t width)
{
    for (uint32_t r = 0; r < num_rows; r++, from += from_stride, to += to_stride)
        memcpy(to, from, width * sizeof(float));
}

static uint32_t field_table(const struct din_net *net, uint32_t field)
{
    return net->format->ids[field].table;
}

static uint32_t history_table(const struct din_net *net, uint32_t history)
{
    return net->format->histories[history].table;
}

/* ---- forward ---- */

static struct pool pool_of(const struct din_net *net, const struct sample_batch *raw,
                           uint32_t width)
{
    return (struct pool){.dim = width,
                         .is_mean = net->shape->is_mean,
                         .num_samples = raw->num_samples,
                         .row_start = raw->row_start};
}

/* q and the behaviours, and v behind q in x. */
static void forward_pairs(struct din_net *net, const struct batch *batch, bool is_training,
                          float *x)
{
    const struct din_shape *shape = net->shape;
    const struct din_samples *samples = batch->samples;
    const struct sample_batch *raw = &samples->raw;
    const uint32_t n = raw->num_samples, width = net->pair_width, dim = shape->dim;
    float *q = reserve(&net->q, n, width), *keys = reserve(&net->keys, raw->num_rows, width);
    float *pooled = reserve(&net->pooled, n, width);
    for (uint32_t p = 0; p < shape->num_pairs; p++) {
        uint32_t field = shape->pair_field[p], history = shape->pair_history[p];
        gather(&batch->parts[field_table(net, field)], samples->field_idxs[field], n, q + p * dim,
               width);
        gather(&batch->parts[history_table(net, history)], samples->history_idxs[history],
               raw->num_rows, keys + p * dim, width);
    }
    if (net->attention) {
        struct attention_batch attended = {q, keys, raw->row_start, n, is_training};
        float *weights = reserve(&net->weights, raw->num_rows, 1);
        attention_forward(net->attention, &attended, pooled, weights);
    } else {
        struct pool pool = pool_of(net, raw, width);
        pool_forward(&pool, keys, pooled);
    }
    copy_columns(q, width, x, net->num_in, n, width);
    copy_columns(pooled, width, x + width, net->num_in, n, width);
}

static void forward_loose(struct din_net *net, const struct batch *batch, uint32_t history,
                          float *x)
{
    const struct din_samples *samples = batch->samples;
    const struct sample_batch *raw = &samples->raw;
    const uint32_t dim = net->shape->dim;
    float *rows = reserve(&net->loose, raw->num_rows, dim);
    float *pooled = reserve(&net->pooled, raw->num_samples, dim);
    struct pool pool = pool_of(net, raw, dim);
    gather(&batch->parts[history_table(net, history)], samples->history_idxs[history],
           raw->num_rows, rows, dim);
    pool_forward(&pool, rows, pooled);
    copy_columns(pooled, dim, x, net->num_in, raw->num_samples, dim);
}

const float *din_net_forward(struct din_net *net, const struct batch *batch, bool is_training,
                             uint64_t seed)
{
    const struct din_shape *shape = net->shape;
    const struct din_samples *samples = batch->samples;
    const uint32_t n = batch->num_samples;
    float *x = reserve(&net->x, n, net->num_in), *at = x;
    for (uint32_t i = 0; i < shape->num_plain; i++, at += shape->dim)
        gather(&batch->parts[field_table(net, shape->plain[i])],
               samples->field_idxs[shape->plain[i]], n, at, net->num_in);
    if (shape->num_pairs > 0) forward_pairs(net, batch, is_training, at);
    at += 2 * net->pair_width;
    for (uint32_t i = 0; i < shape->num_loose; i++, at += shape->dim)
        forward_loose(net, batch, shape->loose[i], at);
    float *logits = reserve(&net->logits, n, 1);
    tower_forward(net->tower, x, n, is_training, seed, logits);
    return logits;
}

/* ---- backward ---- */

static void backward_pairs(struct din_net *net, struct batch *batch, const float *x_grad)
{
    const struct din_shape *shape = net->shape;
    const struct din_samples *samples = batch->samples;
    const struct sample_batch *raw = &samples->raw;
    const uint32_t n = raw->num_samples, width = net->pair_width, dim = shape->dim;
    float *pooled_grad = reserve(&net->pooled_grad, n, width);
    float *keys_grad = reserve(&net->keys_grad, raw->num_rows, width), *q_grad = NULL;
    copy_columns(x_grad + width, net->num_in, pooled_grad, width, n, width);
    if (net->attention) {
        q_grad = reserve(&net->q_grad, n, width);
        attention_backward(net->attention, pooled_grad, q_grad, keys_grad);
    } else {
        struct pool pool = pool_of(net, raw, width);
        pool_backward(&pool, pooled_grad, keys_grad);
    }
    for (uint32_t p = 0; p < shape->num_pairs; p++) {
        uint32_t field = shape->pair_field[p], history = shape->pair_history[p];
        struct batch_part *candidates = &batch->parts[field_table(net, field)];
        const uint32_t *idxs = samples->field_idxs[field];
        scatter(candidates, idxs, n, x_grad + p * dim, net->num_in);
        if (q_grad) scatter(candidates, idxs, n, q_grad + p * dim, width);
        scatter(&batch->parts[history_table(net, history)], samples->history_idxs[history],
                raw->num_rows, keys_grad + p * dim, width);
    }
}

static void backward_loose(struct din_net *net, struct batch *batch, uint32_t history,
                           const float *x_grad)
{
    const struct din_samples *samples = batch->samples;
    const struct sample_batch *raw = &samples->raw;
    const uint32_t dim = net->shape->dim;
    float *rows_grad = reserve(&net->loose, raw->num_rows, dim);
    float *pooled_grad = reserve(&net->pooled_grad, raw->num_samples, dim);
    struct pool pool = pool_of(net, raw, dim);
    copy_columns(x_grad, net->num_in, pooled_grad, dim, raw->num_samples, dim);
    pool_backward(&pool, pooled_grad, rows_grad);
    scatter(&batch->parts[history_table(net, history)], samples->history_idxs[history],
            raw->num_rows, rows_grad, dim);
}

void din_net_backward(struct din_net *net, struct batch *batch, const float *logit_grad)
{
    const struct din_shape *shape = net->shape;
    const struct din_samples *samples = batch->samples;
    const uint32_t n = batch->num_samples;
    for (uint32_t t = 0; t < net->format->num_tables; t++) {
        struct batch_part *part = &batch->parts[t];
        if (part->num_keys > 0)
            memset(part->pushes, 0, (size_t)part->num_keys * part->dim * sizeof(float));
    }
    const float *at = reserve(&net->x_grad, n, net->num_in);
    tower_backward(net->tower, logit_grad, net->x_grad.floats);
    for (uint32_t i = 0; i < shape->num_plain; i++, at += shape->dim)
        scatter(&batch->parts[field_table(net, shape->plain[i])],
                samples->field_idxs[shape->plain[i]], n, at, net->num_in);
    if (shape->num_pairs > 0) backward_pairs(net, batch, at);
    at += 2 * net->pair_width;
    for (uint32_t i = 0; i < shape->num_loose; i++, at += shape->dim)
        backward_loose(net, batch, shape->loose[i], at);
}

const float *din_net_weights(const struct din_net *net)
{
    return net->attention ? net->weights.floats : NULL;
}
