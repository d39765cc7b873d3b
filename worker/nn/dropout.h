/* dropout.h - drops elements at a rate and scales the others up. See worker/nn/README.md.
 *
 * What is dropped follows from (seed, position of the element), so a step can be repeated, and the
 * backward is the same call over gradients.
 *
 * Threads: pure function.
 */
#ifndef SOUK_WORKER_NN_DROPOUT_H
#define SOUK_WORKER_NN_DROPOUT_H

#include <stdint.h>

struct dropout {
    float rate;    // [0, 1); 0 copies
    uint64_t seed; // another one each step and layer
};

/* y = x / (1 - rate) or 0; y may be x. */
void dropout_apply(const struct dropout *dropout, const float *x, uint64_t n, float *y);

#endif
