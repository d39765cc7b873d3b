/* dense.h - the parameters of a model that are no rows of a table: weights of layers.
 *
 * One flat array of named parts, so that they travel, are summed over workers, clipped and updated
 * as a whole; beside it the gradients, the optimizer's state, and the statistics of Dice and batch
 * normalisation, which are saved too but not trained.
 *
 * A file of them (little-endian):
 *
 *   offset  size  meaning
 *        0     8  "SOUKDNS1"
 *        8     4  number of parts
 *       12     4  1: the optimizer's state is there
 *       16     8  number of steps that were taken
 *       24     4  number of values        28  4  number of statistics
 *       32    64  a part: name (48 bytes, zero-filled), rows, columns, kind, 0 (4 bytes each)
 *       ..     4  values, statistics, [first moments, second moments]: fp32
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_MODEL_DENSE_H
#define SOUK_WORKER_MODEL_DENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text/buf.h"
#include "souk/status.h"

enum { DENSE_PARTS_MAX = 96, DENSE_NAME_MAX = 48 };

enum dense_kind {
    DENSE_LINEAR, // U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)) at first, as PyTorch's nn.Linear
    DENSE_CONST,
    DENSE_STATS, // mean 0 (columns), variance 1 (columns): a statistic, not a parameter
};

struct dense_part {
    char name[DENSE_NAME_MAX]; // "hidden.0.weight"
    enum dense_kind kind;
    uint32_t rows, columns;
    uint32_t offset; // in values, or in stats
    uint32_t fan_in; // of DENSE_LINEAR
    float constant;  // of DENSE_CONST
};

struct dense {
    uint32_t num_parts, num_values, num_stats;
    float *values, *grads; // (num_values)
    float *moments[2];     // (num_values) Adam's means of gradients and of their squares
    float *stats;          // (num_stats)
    uint64_t num_steps;    // updates so far
    struct dense_part parts[DENSE_PARTS_MAX];
};

/* Parts are added first, then the arrays are made. Each returns the part's offset. prefix and name
 * make "hidden.0" and "weight" its name. */
uint32_t dense_add_linear(struct dense *dense, const char *prefix, const char *name, uint32_t rows,
                          uint32_t columns, uint32_t fan_in);
uint32_t dense_add_constant(struct dense *dense, const char *prefix, const char *name,
                            uint32_t columns, float constant);
uint32_t dense_add_stats(struct dense *dense, const char *prefix, const char *name,
                         uint32_t columns);
void dense_allocate(struct dense *dense);
void dense_fini(struct dense *dense); // a zeroed one is fine

/* Initial values: a function of the seed and the names of parts. */
void dense_initialise(struct dense *dense, uint64_t seed);
void dense_clear_grads(struct dense *dense);
/* Sum of the squares of all gradients; not finite when one of them is not. */
double dense_grad_square(const struct dense *dense);

/* Updates by the gradients times scale. Adam: beta 0.9 and 0.999, epsilon 1e-8 (Kingma, Ba, 2015),
 * as PyTorch's. */
void dense_step_adam(struct dense *dense, float lr, float scale);
void dense_step_sgd(struct dense *dense, float lr, float scale);

void dense_pack(const struct dense *dense, bool with_state, struct buf *out);
/* SOUK_EDATA: not a file of these parts, or a value is not finite; logged with path. A file without
 * state leaves the optimizer as new. */
SOUK_MUST_CHECK souk_status dense_unpack(struct dense *dense, const void *bytes, size_t length,
                                         const char *path);

#endif
