/* attention.h - the attention unit of DIN: how much each behaviour matters for a candidate.
 *
 *   a_j = MLP([q, k_j, q - k_j, q * k_j]),   v = sum_j a_j k_j      (DIN, KDD'18, eq. 3; no softmax
 *                                                                    unless asked for)
 *
 * The first layer is not computed as it is written: W [q; k; q-k; q*k] = (Wq + Wd) q + (Wk - Wd) k
 * + Wp (q * k), so the q part is computed once a sample, and the rest is one small matrix a
 * sample; see attention_first.c.
 *
 * Histories are ragged: rows [row_start[b], row_start[b + 1]) belong to sample b; one without any
 * gives the zero vector.
 *
 * Threads: a struct attention has one owner.
 */
#ifndef SOUK_WORKER_NN_ATTENTION_H
#define SOUK_WORKER_NN_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/nn/column_stats.h"

enum attention_activation { ATTENTION_SIGMOID, ATTENTION_RELU, ATTENTION_PRELU, ATTENTION_DICE };
enum { ATTENTION_LAYERS_MAX = 4 };

struct attention;

struct attention_options {
    uint32_t dim;        // D of q and k
    uint32_t num_layers; // hidden layers, 1..ATTENTION_LAYERS_MAX
    uint32_t widths[ATTENTION_LAYERS_MAX];
    enum attention_activation activation;
    bool has_softmax;             // over the behaviours of a sample, scores scaled by 1 / sqrt(D)
    struct stats_reducer reducer; // of Dice, or zeros: this rank alone
};

struct attention *attention_create(const struct attention_options *options);
void attention_destroy(struct attention *attention); // NULL is fine

/* Parameters lie one behind the other, as PyTorch's nn.Sequential keeps them: weight (M, N) with N
 * = 4 D first, bias (M), [alpha (M) of PReLU or Dice], next layer ..., weight (1, M), bias (1). */
uint32_t attention_num_params(const struct attention *attention);
/* Borrowed for the life of the object or until set again. grads are added to; NULL when there will
 * be no backward. */
void attention_set_params(struct attention *attention, const float *params, float *grads);

/* Moving statistics of Dice: mean (M), variance (M) of each layer; 0 of them without Dice. */
uint32_t attention_num_stats(const struct attention *attention);
/* Borrowed likewise; must be set before the first forward when there are any. */
void attention_set_stats(struct attention *attention, float *moving);

/* Borrowed until the backward. */
struct attention_batch {
    const float *q;            // (B, D)
    const float *keys;         // (T, D)
    const uint32_t *row_start; // (B + 1)
    uint32_t num_samples;      // B
    bool is_training;          // Dice takes the batch's statistics
};

/* pooled (B, D); scores (T) are the weights a_j, or NULL. What the backward needs is kept inside.
 */
void attention_forward(struct attention *attention, const struct attention_batch *batch,
                       float *pooled, float *scores);
/* Of the last forward: pooled_grad (B, D) -> q_grad (B, D), keys_grad (T, D), both written. */
void attention_backward(struct attention *attention, const float *pooled_grad, float *q_grad,
                        float *keys_grad);

#endif
