/* q_net.h - a Q network: what a state and an item are worth together.
 *
 *   h = relu(U state + V item + b) -> [linear -> relu] ... -> linear -> Q
 *
 * A state has G items, so its half of the first layer is computed once for all of them. With
 * is_dueling there is a second stack of the same widths over the state alone, and
 * Q = value(state) + advantage(state, item) - mean of advantages over the G items (Wang et al.,
 * "Dueling network architectures", ICML'16).
 *
 * Parameters are parts of a struct dense. A forward takes the array that it reads them from, so
 * that the target network is another array of num_values floats and nothing more.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_AGENT_Q_NET_H
#define SOUK_WORKER_AGENT_Q_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/model/dense.h"

enum { Q_NET_LAYERS_MAX = 8, Q_NET_WIDTH_MAX = 4096 };

struct q_net;

struct q_net_options {
    uint32_t num_state;  // D, 0 if nothing is known of states
    uint32_t num_item;   // E, >= 1
    uint32_t num_layers; // hidden ones, 1..Q_NET_LAYERS_MAX
    uint32_t widths[Q_NET_LAYERS_MAX];
    bool is_dueling;
    bool starts_at_zero; // the last layer's parameters are 0 at first, and so are all Q
};

/* Adds its parts to dense, which must outlive it and be allocated before the first forward. */
struct q_net *q_net_create(const struct q_net_options *options, struct dense *dense);
void q_net_destroy(struct q_net *net); // NULL is fine

struct q_batch {
    const float *states; // (S, D)
    const float *items;  // (S * G, E)
    uint32_t num_states; // S
    uint32_t num_items;  // G, of each state
};
/* values: dense->values or a copy. q_out (S * G). */
void q_net_forward(struct q_net *net, const float *values, const struct q_batch *batch,
                   float *q_out);
/* The same in pieces that fit a cache, for who needs no backward. */
void q_net_score(struct q_net *net, const float *values, const struct q_batch *batch, float *q_out);
/* Of the last forward, which must have been that of dense->values on this batch: adds to the
 * gradients of dense; items_grad (S * G, E) and states_grad (S, D) are written, NULL: nobody asks.
 * q_grad (S * G). */
void q_net_backward(struct q_net *net, const struct q_batch *batch, const float *q_grad,
                    float *items_grad, float *states_grad);

#endif
