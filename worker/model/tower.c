/* tower.c - see tower.h. */
#include "worker/model/tower.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "worker/nn/activation.h"
#include "worker/nn/batch_norm.h"
#include "worker/nn/dice.h"
#include "worker/nn/dropout.h"
#include "worker/nn/linear.h"

// Arrays grow to the largest batch. Offsets are those of the parts of dense.
struct layer {
    uint32_t num_in, num_out;
    uint32_t weight, bias, alpha, gain, shift; // in dense->values
    uint32_t norm_stats, dice_stats;           // in dense->stats
    struct column_stats norm, dice;
    float *sums;    // (B, M) what the linear layer gives
    float *normed;  // (B, M) after batch normalisation; sums where there is none
    float *gates;   // (B, M) of Dice
    float *outputs; // (B, M) of the activation
    float *dropped; // (B, M) after dropout; outputs where there is none
    float *grads;   // (B, M) of outputs, then of sums
    uint64_t dropout_seed;
};

struct tower {
    struct tower_options options;
    struct dense *dense; // borrowed
    bool has_stats;      // column_stats of layers are set up
    uint32_t capacity;   // samples that arrays have room for
    uint32_t num_samples;
    bool is_training;
    const float *x;                            // of the last forward, borrowed
    struct layer layers[TOWER_LAYERS_MAX + 1]; // the last one gives the logit
};

static bool is_dice(const struct tower *tower)
{
    return tower->options.activation == CONFIG_ACTIVATION_DICE;
}

/* ---- parameters ---- */

static void add_layer(struct tower *tower, struct layer *layer, const char *prefix, bool is_hidden)
{
    struct dense *dense = tower->dense;
    uint32_t n = layer->num_in, m = layer->num_out;
    layer->weight = dense_add_linear(dense, prefix, "weight", m, n, n);
    layer->bias = dense_add_linear(dense, prefix, "bias", 1, m, n);
    if (!is_hidden) return;
    if (tower->options.has_batch_norm) {
        layer->gain = dense_add_constant(dense, prefix, "norm.weight", m, 1);
        layer->shift = dense_add_constant(dense, prefix, "norm.bias", m, 0);
        layer->norm_stats = dense_add_stats(dense, prefix, "norm.stats", m);
    }
    if (tower->options.activation == CONFIG_ACTIVATION_PRELU)
        layer->alpha = dense_add_constant(dense, prefix, "alpha", m, 0.25f);
    if (is_dice(tower)) {
        layer->alpha = dense_add_constant(dense, prefix, "alpha", m, 0);
        layer->dice_stats = dense_add_stats(dense, prefix, "dice.stats", m);
    }
}

struct tower *tower_create(const struct tower_options *options, struct dense *dense)
{
    assert(options->num_layers >= 1 && options->num_layers <= TOWER_LAYERS_MAX);
    struct tower *tower = mem_calloc(1, sizeof *tower, "dense layers");
    tower->options = *options;
    tower->dense = dense;
    uint32_t num_in = options->num_in;
    for (uint32_t i = 0; i < options->num_layers; i++) {
        char prefix[DENSE_NAME_MAX];
        snprintf(prefix, sizeof prefix, "hidden.%u", i);
        tower->layers[i].num_in = num_in;
        num_in = tower->layers[i].num_out = options->widths[i];
        add_layer(tower, &tower->layers[i], prefix, true);
    }
    struct layer *last = &tower->layers[options->num_layers];
    last->num_in = num_in;
    last->num_out = 1;
    add_layer(tower, last, "out", false);
    return tower;
}

static void free_arrays(struct layer *layer)
{
    mem_free(layer->sums);
    mem_free(layer->normed);
    mem_free(layer->gates);
    mem_free(layer->outputs);
    mem_free(layer->dropped);
    mem_free(layer->grads);
}

void tower_destroy(struct tower *tower)
{
    if (!tower) return;
    for (uint32_t i = 0; i < tower->options.num_layers; i++) {
        free_arrays(&tower->layers[i]);
        column_stats_fini(&tower->layers[i].norm);
        column_stats_fini(&tower->layers[i].dice);
    }
    mem_free(tower);
}

/* ---- room ---- */

static void set_up_stats(struct tower *tower)
{
    float *stats = tower->dense->stats;
    for (uint32_t i = 0; i < tower->options.num_layers; i++) {
        struct layer *layer = &tower->layers[i];
        if (tower->options.has_batch_norm)
            column_stats_init(&layer->norm, layer->num_out, 1e-5f, stats + layer->norm_stats);
        if (is_dice(tower))
            column_stats_init(&layer->dice, layer->num_out, 1e-8f, stats + layer->dice_stats);
        layer->norm.reducer = layer->dice.reducer = tower->options.reducer;
    }
    tower->has_stats = true;
}

static float *room(uint32_t num_samples, uint32_t width)
{
    return mem_alloc_aligned((size_t)num_samples * width * sizeof(float), "activations");
}

static void reserve(struct tower *tower, uint32_t num_samples)
{
    if (!tower->has_stats) set_up_stats(tower);
    if (num_samples <= tower->capacity) return;
    tower->capacity = num_samples;
    for (uint32_t i = 0; i < tower->options.num_layers; i++) {
        struct layer *layer = &tower->layers[i];
        uint32_t m = layer->num_out;
        free_arrays(layer);
        layer->sums = room(num_samples, m);
        layer->normed = tower->options.has_batch_norm ? room(num_samples, m) : NULL;
        layer->gates = is_dice(tower) ? room(num_samples, m) : NULL;
        layer->outputs = room(num_samples, m);
        layer->dropped = tower->options.dropout > 0 ? room(num_samples, m) : NULL;
        layer->grads = room(num_samples, m);
    }
}

/* ---- layers on their parameters ---- */

static struct linear linear_of(const struct tower *tower, const struct layer *layer)
{
    const struct dense *dense = tower->dense;
    return (struct linear){.num_in = layer->num_in,
                           .num_out = layer->num_out,
                           .weight = dense->values + layer->weight,
                           .bias = dense->values + layer->bias,
                           .weight_grad = dense->grads + layer->weight,
                           .bias_grad = dense->grads + layer->bias};
}

static struct batch_norm norm_of(const struct tower *tower, const struct layer *layer)
{
    const struct dense *dense = tower->dense;
    return (struct batch_norm){.stats = layer->norm,
                               .weight = dense->values + layer->gain,
                               .bias = dense->values + layer->shift,
                               .weight_grad = dense->grads + layer->gain,
                               .bias_grad = dense->grads + layer->shift};
}

static struct dice dice_of(const struct tower *tower, const struct layer *layer)
{
    const struct dense *dense = tower->dense;
    return (struct dice){.stats = layer->dice,
                         .alpha = dense->values + layer->alpha,
                         .alpha_grad = dense->grads + layer->alpha};
}

static struct prelu prelu_of(const struct tower *tower, const struct layer *layer)
{
    const struct dense *dense = tower->dense;
    return (struct prelu){.num_units = layer->num_out,
                          .alpha = dense->values + layer->alpha,
                          .alpha_grad = dense->grads + layer->alpha};
}

static void take_stats(struct column_stats *stats, const float *x, uint32_t n, bool is_training)
{
    if (is_training)
        column_stats_take(stats, x, n);
    else
        column_stats_freeze(stats);
}

/* ---- forward ---- */

static void activate(struct tower *tower, struct layer *layer, const float *x, uint32_t n,
                     bool is_training)
{
    uint64_t count = (uint64_t)n * layer->num_out;
    switch (tower->options.activation) {
    case CONFIG_ACTIVATION_AUTO: assert(false); return;
    case CONFIG_ACTIVATION_SIGMOID: sigmoid_forward(x, count, layer->outputs); return;
    case CONFIG_ACTIVATION_RELU: relu_forward(x, count, layer->outputs); return;
    case CONFIG_ACTIVATION_PRELU: {
        struct prelu prelu = prelu_of(tower, layer);
        prelu_forward(&prelu, x, n, layer->outputs);
        return;
    }
    case CONFIG_ACTIVATION_DICE: {
        take_stats(&layer->dice, x, n, is_training);
        struct dice dice = dice_of(tower, layer);
        dice_forward(&dice, x, n, layer->gates, layer->outputs);
        return;
    }
    }
}

static bool is_dropping(const struct tower *tower)
{
    return tower->options.dropout > 0 && tower->is_training;
}

// What goes into the next layer.
static const float *output_of(const struct tower *tower, const struct layer *layer)
{
    return is_dropping(tower) ? layer->dropped : layer->outputs;
}

// What goes into the activation.
static float *normed_of(const struct layer *layer)
{
    return layer->normed ? layer->normed : layer->sums;
}

static void forward_layer(struct tower *tower, struct layer *layer, const float *x)
{
    uint32_t n = tower->num_samples;
    bool is_training = tower->is_training;
    struct linear linear = linear_of(tower, layer);
    linear_forward(&linear, x, n, layer->sums);
    if (tower->options.has_batch_norm) {
        take_stats(&layer->norm, layer->sums, n, is_training);
        struct batch_norm norm = norm_of(tower, layer);
        batch_norm_forward(&norm, layer->sums, n, layer->normed);
    }
    activate(tower, layer, normed_of(layer), n, is_training);
    if (is_dropping(tower)) {
        struct dropout dropout = {tower->options.dropout, layer->dropout_seed};
        dropout_apply(&dropout, layer->outputs, (uint64_t)n * layer->num_out, layer->dropped);
    }
}

void tower_forward(struct tower *tower, const float *x, uint32_t num_samples, bool is_training,
                   uint64_t seed, float *logits)
{
    reserve(tower, num_samples);
    tower->num_samples = num_samples;
    tower->is_training = is_training;
    tower->x = x;
    for (uint32_t i = 0; i < tower->options.num_layers; i++) {
        tower->layers[i].dropout_seed = hash_key(seed + i);
        forward_layer(tower, &tower->layers[i], x);
        x = output_of(tower, &tower->layers[i]);
    }
    struct linear last = linear_of(tower, &tower->layers[tower->options.num_layers]);
    linear_forward(&last, x, num_samples, logits);
}

/* ---- backward ---- */

/* layer->grads: from the gradient of the output of the activation to that of its input. */
static void deactivate(struct tower *tower, struct layer *layer)
{
    uint32_t n = tower->num_samples;
    uint64_t count = (uint64_t)n * layer->num_out;
    const float *x = normed_of(layer);
    float *grads = layer->grads;
    switch (tower->options.activation) {
    case CONFIG_ACTIVATION_AUTO: assert(false); return;
    case CONFIG_ACTIVATION_SIGMOID: sigmoid_backward(layer->outputs, grads, count, grads); return;
    case CONFIG_ACTIVATION_RELU: relu_backward(layer->outputs, grads, count, grads); return;
    case CONFIG_ACTIVATION_PRELU: {
        struct prelu prelu = prelu_of(tower, layer);
        prelu_backward(&prelu, x, grads, n, grads);
        return;
    }
    case CONFIG_ACTIVATION_DICE: {
        struct dice dice = dice_of(tower, layer);
        dice_backward(&dice, x, layer->gates, grads, n, grads);
        return;
    }
    }
}

static void backward_layer(struct tower *tower, struct layer *layer, const float *x, float *x_grad)
{
    uint32_t n = tower->num_samples;
    if (is_dropping(tower)) {
        struct dropout dropout = {tower->options.dropout, layer->dropout_seed};
        dropout_apply(&dropout, layer->grads, (uint64_t)n * layer->num_out, layer->grads);
    }
    deactivate(tower, layer);
    if (tower->options.has_batch_norm) {
        struct batch_norm norm = norm_of(tower, layer);
        batch_norm_backward(&norm, layer->sums, layer->grads, n, layer->grads);
    }
    struct linear linear = linear_of(tower, layer);
    linear_backward(&linear, x, layer->grads, n, x_grad);
}

void tower_backward(struct tower *tower, const float *logit_grad, float *x_grad)
{
    uint32_t num_layers = tower->options.num_layers;
    struct layer *layers = tower->layers;
    struct linear last = linear_of(tower, &layers[num_layers]);
    struct layer *top = &layers[num_layers - 1];
    linear_backward(&last, output_of(tower, top), logit_grad, tower->num_samples, top->grads);
    for (uint32_t i = num_layers; i-- > 1;)
        backward_layer(tower, &layers[i], output_of(tower, &layers[i - 1]), layers[i - 1].grads);
    backward_layer(tower, &layers[0], tower->x, x_grad);
}
