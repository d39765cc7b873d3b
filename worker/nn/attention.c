/* attention.c - see attention.h: the object; attention_step.c computes. */
#include "worker/nn/attention.h"

#include <assert.h>

#include "common/base/mem.h"
#include "worker/nn/attention_private.h"

static bool has_alpha(const struct attention *attention)
{
    enum attention_activation activation = attention->options.activation;
    return activation == ATTENTION_PRELU || activation == ATTENTION_DICE;
}

struct attention *attention_create(const struct attention_options *options)
{
    assert(options->num_layers >= 1 && options->num_layers <= ATTENTION_LAYERS_MAX);
    struct attention *attention = mem_calloc(1, sizeof *attention, "attention");
    attention->options = *options;
    attention_first_init(&attention->first, options->dim, options->widths[0]);
    for (uint32_t i = 0; i < options->num_layers; i++) {
        struct hidden_layer *layer = &attention->layers[i];
        layer->num_units = options->widths[i];
        layer->linear.num_in = i > 0 ? options->widths[i - 1] : 4 * options->dim;
        layer->linear.num_out = layer->num_units;
        layer->prelu.num_units = layer->num_units;
        if (i > 0)
            layer->weight_t = mem_alloc_aligned(
                (size_t)layer->linear.num_in * layer->num_units * sizeof(float), "attention");
    }
    return attention;
}

void attention_destroy(struct attention *attention)
{
    if (!attention) return;
    attention_first_fini(&attention->first);
    for (uint32_t i = 0; i < attention->options.num_layers; i++) {
        struct hidden_layer *layer = &attention->layers[i];
        column_stats_fini(&layer->dice.stats);
        mem_free(layer->weight_t);
        mem_free(layer->z);
        mem_free(layer->gate);
        mem_free(layer->out);
    }
    mem_free(attention->scores);
    mem_free(attention->score_grads);
    mem_free(attention->grads[0]);
    mem_free(attention->grads[1]);
    mem_free(attention);
}

uint32_t attention_num_params(const struct attention *attention)
{
    uint32_t count = 0, num_layers = attention->options.num_layers;
    for (uint32_t i = 0; i < num_layers; i++) {
        const struct linear *linear = &attention->layers[i].linear;
        count += (linear->num_in + 1 + has_alpha(attention)) * linear->num_out;
    }
    return count + attention->layers[num_layers - 1].num_units + 1;
}

// Cuts the next n floats off both arrays; grads may be NULL.
static const float *cut(const float **params, float **grads, uint32_t n, float **grad_out)
{
    const float *at = *params;
    *grad_out = *grads;
    *params += n;
    if (*grads) *grads += n;
    return at;
}

void attention_set_params(struct attention *attention, const float *params, float *grads)
{
    uint32_t num_layers = attention->options.num_layers;
    for (uint32_t i = 0; i < num_layers; i++) {
        struct hidden_layer *layer = &attention->layers[i];
        struct linear *linear = &layer->linear;
        linear->weight =
            cut(&params, &grads, linear->num_in * linear->num_out, &linear->weight_grad);
        linear->bias = cut(&params, &grads, linear->num_out, &linear->bias_grad);
        if (has_alpha(attention)) {
            layer->prelu.alpha = cut(&params, &grads, layer->num_units, &layer->prelu.alpha_grad);
            layer->dice.alpha = layer->prelu.alpha;
            layer->dice.alpha_grad = layer->prelu.alpha_grad;
        }
    }
    uint32_t last = attention->layers[num_layers - 1].num_units;
    attention->top = cut(&params, &grads, last, &attention->top_grad);
    attention->top_bias = cut(&params, &grads, 1, &attention->top_bias_grad);
    const struct linear *linear = &attention->layers[0].linear;
    attention->first.weight = linear->weight;
    attention->first.bias = linear->bias;
    attention->first.weight_grad = linear->weight_grad;
    attention->first.bias_grad = linear->bias_grad;
}

uint32_t attention_num_stats(const struct attention *attention)
{
    if (attention->options.activation != ATTENTION_DICE) return 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < attention->options.num_layers; i++)
        count += 2 * attention->layers[i].num_units;
    return count;
}

void attention_set_stats(struct attention *attention, float *moving)
{
    if (attention->options.activation != ATTENTION_DICE) return;
    for (uint32_t i = 0; i < attention->options.num_layers; i++) {
        struct hidden_layer *layer = &attention->layers[i];
        column_stats_fini(&layer->dice.stats);
        column_stats_init(&layer->dice.stats, layer->num_units, 1e-8f, moving);
        layer->dice.stats.reducer = attention->options.reducer;
        moving += 2 * (size_t)layer->num_units;
    }
}
