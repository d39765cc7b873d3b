/* tower.h - dense layers one on top of the other: features of a sample in, its logit out.
 *
 *   x (B, N) -> [linear -> batch normalisation? -> activation -> dropout?] ... -> linear -> (B)
 *
 * Its parameters are parts of a struct dense: "hidden.0.weight", ".bias", ".alpha", ... and
 * "out.weight", "out.bias", in the order of PyTorch's nn.Sequential.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_MODEL_TOWER_H
#define SOUK_WORKER_MODEL_TOWER_H

#include "common/text/config.h"
#include "worker/model/dense.h"
#include "worker/nn/column_stats.h"

enum { TOWER_LAYERS_MAX = 8 };

struct tower;

struct tower_options {
    uint32_t num_in;     // N
    uint32_t num_layers; // hidden ones, 1..TOWER_LAYERS_MAX
    uint32_t widths[TOWER_LAYERS_MAX];
    enum config_activation activation; // not AUTO
    bool has_batch_norm;
    float dropout; // [0, 1)
    struct stats_reducer reducer;
};

/* Adds its parts to dense, which must outlive it and be allocated before the first forward. */
struct tower *tower_create(const struct tower_options *options, struct dense *dense);
void tower_destroy(struct tower *tower); // NULL is fine

/* x (B, N), borrowed until the backward -> logits (B). seed: of this step's dropout. */
void tower_forward(struct tower *tower, const float *x, uint32_t num_samples, bool is_training,
                   uint64_t seed, float *logits);
/* Of the last forward, which was in training: adds to the gradients of parameters, writes x_grad
 * (B, N). */
void tower_backward(struct tower *tower, const float *logit_grad, float *x_grad);

#endif
