/* attention_private.h - what attention.c and attention_step.c share. */
#ifndef SOUK_WORKER_NN_ATTENTION_PRIVATE_H
#define SOUK_WORKER_NN_ATTENTION_PRIVATE_H

#include "worker/nn/activation.h"
#include "worker/nn/attention.h"
#include "worker/nn/attention_first.h"
#include "worker/nn/dice.h"
#include "worker/nn/linear.h"

struct hidden_layer {
    uint32_t num_units;   // M
    struct linear linear; // the first layer's is in struct attention_first
    float *weight_t;      // (N, M) of the step, owned; not of the first layer
    struct prelu prelu;   // with ATTENTION_PRELU
    struct dice dice;     // with ATTENTION_DICE
    float *z;             // (T, M) before the activation, owned; PReLU and Dice only
    float *gate;          // (T, M) owned; Dice only
    float *out;           // (T, M) owned
};

struct attention {
    struct attention_options options;
    struct attention_first first;
    struct hidden_layer layers[ATTENTION_LAYERS_MAX];
    const float *top;      // (M) weights of the score, borrowed
    const float *top_bias; // (1) borrowed
    float *top_grad;       // (M) borrowed
    float *top_bias_grad;  // (1) borrowed
    float *scores;         // (T) a_j, owned
    float *score_grads;    // (T) owned
    float *grads[2];       // (chunk, widest layer) owned, of the outputs of two layers in turn
    uint32_t max_rows;     // of layers[].*, scores
    uint32_t max_chunk;    // rows of grads
    struct attention_batch batch; // of the last forward
};

/* Samples [begin, end) whose rows are worked on together, layer by layer. */
struct chunk {
    uint32_t begin, end;    // samples
    uint32_t row, num_rows; // theirs
    bool is_batch;          // all samples, perhaps none
};
/* The samples behind `chunk`, false when there are none. With Dice the batch is one chunk, also
 * when it is empty: its statistics are taken by all ranks together. */
bool attention_next_chunk(const struct attention *attention, struct chunk *chunk);

#endif
