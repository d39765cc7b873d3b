/* q_net.c - see q_net.h. */
#include "worker/agent/q_net.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/nn/activation.h"
#include "worker/nn/gemm.h"
#include "worker/nn/linear.h"
#include "worker/nn/loop.h"

enum { SCORED_ROWS = 352 }; // in a piece: with 256 floats each they fit most second-level caches

// R rows of a batch: S * G in the stack over items, S in that of states alone.
struct layer {
    uint32_t num_in, num_out;
    uint32_t weight, bias; // offsets in values; of the first layer's half for states
    float *outputs;        // (R, M) after relu
    float *grads;          // (R, M) of outputs, then of what went into relu
};

struct stack {
    uint32_t num_layers;
    uint32_t item_weight;                      // of the first layer's half for items
    uint32_t num_item;                         // E; 0: there is no such half
    struct layer layers[Q_NET_LAYERS_MAX + 1]; // the last one gives Q, without relu
    float *state_half;                         // (S, M) of the first layer; later its gradient
    size_t capacity;                           // rows
};

struct q_net {
    struct q_net_options options;
    struct dense *dense; // borrowed
    struct stack items, states;
    float *advantages, *values; // (S * G), (S) of a dueling network; later their gradients
    size_t capacity;            // of advantages
    float *states_grad;         // (S, D) of the stack of states alone
    size_t states_grad_capacity;
};

/* ---- parameters ---- */

static void add_layer(struct layer *layer, const char *prefix, uint32_t fan_in, bool is_zero,
                      struct dense *dense)
{
    uint32_t num_in = layer->num_in, num_out = layer->num_out;
    if (is_zero) {
        layer->weight = dense_add_constant(dense, prefix, "weight", num_out * num_in, 0);
        layer->bias = dense_add_constant(dense, prefix, "bias", num_out, 0);
        return;
    }
    if (fan_in == 0) fan_in = 1;
    layer->weight = dense_add_linear(dense, prefix, "weight", num_out, num_in, fan_in);
    layer->bias = dense_add_linear(dense, prefix, "bias", 1, num_out, fan_in);
}

static void add_layers(const struct q_net_options *options, const char *name, struct stack *stack,
                       struct dense *dense)
{
    uint32_t num_in = options->num_state, fan_in = num_in + stack->num_item;
    stack->num_layers = options->num_layers;
    for (uint32_t i = 0; i <= options->num_layers; i++) {
        struct layer *layer = &stack->layers[i];
        char prefix[DENSE_NAME_MAX];
        snprintf(prefix, sizeof prefix, "%s.%u", name, i);
        layer->num_in = num_in;
        layer->num_out = i < options->num_layers ? options->widths[i] : 1;
        add_layer(layer, prefix, fan_in, i == options->num_layers && options->starts_at_zero,
                  dense);
        if (i == 0 && stack->num_item > 0)
            stack->item_weight =
                dense_add_linear(dense, prefix, "item", layer->num_out, stack->num_item, fan_in);
        num_in = fan_in = layer->num_out;
    }
}

struct q_net *q_net_create(const struct q_net_options *options, struct dense *dense)
{
    assert(options->num_layers >= 1 && options->num_layers <= Q_NET_LAYERS_MAX);
    assert(options->num_item >= 1);
    struct q_net *net = mem_calloc(1, sizeof *net, "Q network");
    net->options = *options;
    net->dense = dense;
    net->items.num_item = options->num_item;
    add_layers(options, "q", &net->items, dense);
    if (options->is_dueling) add_layers(options, "v", &net->states, dense);
    return net;
}

static void free_arrays(struct stack *stack)
{
    for (uint32_t i = 0; i <= stack->num_layers; i++) {
        mem_free(stack->layers[i].outputs);
        mem_free(stack->layers[i].grads);
    }
    mem_free(stack->state_half);
}

void q_net_destroy(struct q_net *net)
{
    if (!net) return;
    free_arrays(&net->items);
    free_arrays(&net->states);
    mem_free(net->advantages);
    mem_free(net->values);
    mem_free(net->states_grad);
    mem_free(net);
}

/* ---- room ---- */

static float *room(size_t rows, uint32_t width)
{
    return mem_alloc_aligned(rows * width * sizeof(float), "activations");
}

static void reserve(struct stack *stack, size_t num_rows)
{
    if (num_rows <= stack->capacity) return;
    free_arrays(stack);
    stack->capacity = num_rows;
    for (uint32_t i = 0; i < stack->num_layers; i++) {
        stack->layers[i].outputs = room(num_rows, stack->layers[i].num_out);
        stack->layers[i].grads = room(num_rows, stack->layers[i].num_out);
    }
    stack->state_half = room(num_rows, stack->layers[0].num_out);
}

/* ---- forward ---- */

static struct linear linear_of(const struct q_net *net, const struct layer *layer,
                               const float *values)
{
    return (struct linear){.num_in = layer->num_in,
                           .num_out = layer->num_out,
                           .weight = values + layer->weight,
                           .bias = values + layer->bias,
                           .weight_grad = net->dense->grads + layer->weight,
                           .bias_grad = net->dense->grads + layer->bias};
}

static struct linear item_half_of(const struct q_net *net, const struct stack *stack,
                                  const float *values)
{
    return (struct linear){.num_in = stack->num_item,
                           .num_out = stack->layers[0].num_out,
                           .weight = values + stack->item_weight,
                           .weight_grad = net->dense->grads + stack->item_weight};
}

/* y (R, M) = relu(y + the row that all `group` rows share). */
static void add_relu(float *y, const float *shared, size_t num_shared, uint32_t group, uint32_t m)
{
    for (size_t s = 0; s < num_shared; s++, shared += m)
        for (uint32_t g = 0; g < group; g++, y += m) {
            float *restrict row = y;
            LOOP_INDEPENDENT
            for (uint32_t i = 0; i < m; i++) {
                float sum = row[i] + shared[i];
                row[i] = sum < 0 ? 0 : sum; // NaN passes
            }
        }
}

static void forward_first(struct q_net *net, struct stack *stack, const float *values,
                          const struct q_batch *batch)
{
    struct layer *first = &stack->layers[0];
    struct linear state_half = linear_of(net, first, values);
    if (stack->num_item == 0) {
        linear_forward(&state_half, batch->states, batch->num_states, first->outputs);
        relu_forward(first->outputs, (uint64_t)batch->num_states * first->num_out, first->outputs);
        return;
    }
    struct linear item_half = item_half_of(net, stack, values);
    linear_forward(&state_half, batch->states, batch->num_states, stack->state_half);
    linear_forward(&item_half, batch->items, batch->num_states * batch->num_items, first->outputs);
    add_relu(first->outputs, stack->state_half, batch->num_states, batch->num_items,
             first->num_out);
}

static void forward_stack(struct q_net *net, struct stack *stack, const float *values,
                          const struct q_batch *batch, float *out)
{
    uint32_t num_rows = batch->num_states * (stack->num_item > 0 ? batch->num_items : 1);
    reserve(stack, num_rows);
    forward_first(net, stack, values, batch);
    for (uint32_t i = 1; i <= stack->num_layers; i++) {
        struct layer *layer = &stack->layers[i];
        struct linear linear = linear_of(net, layer, values);
        float *y = i < stack->num_layers ? layer->outputs : out;
        linear_forward(&linear, stack->layers[i - 1].outputs, num_rows, y);
        if (i < stack->num_layers) relu_forward(y, (uint64_t)num_rows * layer->num_out, y);
    }
}

static void reserve_dueling(struct q_net *net, const struct q_batch *batch)
{
    size_t num_rows = (size_t)batch->num_states * batch->num_items;
    if (num_rows <= net->capacity) return;
    mem_free(net->advantages);
    mem_free(net->values);
    net->capacity = num_rows;
    net->advantages = room(num_rows, 1);
    net->values = room(num_rows, 1);
}

void q_net_forward(struct q_net *net, const float *values, const struct q_batch *batch,
                   float *q_out)
{
    if (!net->options.is_dueling) {
        forward_stack(net, &net->items, values, batch, q_out);
        return;
    }
    reserve_dueling(net, batch);
    forward_stack(net, &net->items, values, batch, net->advantages);
    forward_stack(net, &net->states, values, batch, net->values);
    const float *advantages = net->advantages;
    for (uint32_t s = 0; s < batch->num_states; s++) {
        float mean = 0;
        for (uint32_t g = 0; g < batch->num_items; g++) mean += advantages[g];
        mean /= (float)batch->num_items;
        for (uint32_t g = 0; g < batch->num_items; g++)
            *q_out++ = net->values[s] + *advantages++ - mean;
    }
}

void q_net_score(struct q_net *net, const float *values, const struct q_batch *batch, float *q_out)
{
    uint32_t piece = SCORED_ROWS / batch->num_items + 1;
    for (uint32_t s = 0; s < batch->num_states; s += piece) {
        uint32_t left = batch->num_states - s;
        size_t first_item = (size_t)s * batch->num_items;
        const struct q_batch part = {.states = batch->states + (size_t)s * net->options.num_state,
                                     .items = batch->items + first_item * net->options.num_item,
                                     .num_states = left < piece ? left : piece,
                                     .num_items = batch->num_items};
        q_net_forward(net, values, &part, q_out + first_item);
    }
}

/* ---- backward ---- */

/* sums (S, M): of the rows of each state. */
static void sum_groups(const float *grads, uint32_t num_states, uint32_t group, uint32_t m,
                       float *sums)
{
    memset(sums, 0, (size_t)num_states * m * sizeof *sums);
    for (uint32_t s = 0; s < num_states; s++)
        linear_add_columns(grads + (size_t)s * group * m, group, m, sums + (size_t)s * m);
}

static void backward_first(struct q_net *net, struct stack *stack, const struct q_batch *batch,
                           float *items_grad, float *states_grad)
{
    const float *values = net->dense->values;
    struct layer *first = &stack->layers[0];
    struct linear state_half = linear_of(net, first, values);
    if (stack->num_item == 0) {
        linear_backward(&state_half, batch->states, first->grads, batch->num_states, states_grad);
        return;
    }
    uint32_t num_rows = batch->num_states * batch->num_items;
    struct linear item_half = item_half_of(net, stack, values);
    linear_backward(&item_half, batch->items, first->grads, num_rows, items_grad);
    sum_groups(first->grads, batch->num_states, batch->num_items, first->num_out,
               stack->state_half);
    linear_backward(&state_half, batch->states, stack->state_half, batch->num_states, states_grad);
}

static void backward_stack(struct q_net *net, struct stack *stack, const struct q_batch *batch,
                           const float *out_grad, float *items_grad, float *states_grad)
{
    uint32_t num_rows = batch->num_states * (stack->num_item > 0 ? batch->num_items : 1);
    for (uint32_t i = stack->num_layers; i > 0; i--) {
        struct layer *below = &stack->layers[i - 1];
        struct linear linear = linear_of(net, &stack->layers[i], net->dense->values);
        const float *grad = i == stack->num_layers ? out_grad : stack->layers[i].grads;
        linear_backward(&linear, below->outputs, grad, num_rows, below->grads);
        relu_backward(below->outputs, below->grads, (uint64_t)num_rows * below->num_out,
                      below->grads);
    }
    backward_first(net, stack, batch, items_grad, states_grad);
}

void q_net_backward(struct q_net *net, const struct q_batch *batch, const float *q_grad,
                    float *items_grad, float *states_grad)
{
    if (!net->options.is_dueling) {
        backward_stack(net, &net->items, batch, q_grad, items_grad, states_grad);
        return;
    }
    float *advantages = net->advantages; // their gradients from here on
    for (uint32_t s = 0; s < batch->num_states; s++) {
        float sum = 0;
        for (uint32_t g = 0; g < batch->num_items; g++) sum += q_grad[g];
        net->values[s] = sum;
        for (uint32_t g = 0; g < batch->num_items; g++)
            *advantages++ = *q_grad++ - sum / (float)batch->num_items;
    }
    backward_stack(net, &net->items, batch, net->advantages, items_grad, states_grad);
    if (!states_grad) {
        backward_stack(net, &net->states, batch, net->values, NULL, NULL);
        return;
    }
    size_t num = (size_t)batch->num_states * net->options.num_state;
    mem_reserve(&net->states_grad, &net->states_grad_capacity, num, sizeof(float), "gradients");
    backward_stack(net, &net->states, batch, net->values, NULL, net->states_grad);
    for (size_t i = 0; i < num; i++) states_grad[i] += net->states_grad[i];
}
