/* dropout.c - see dropout.h. The random bits are a hash of the position, which the compiler
 * vectorises; Philox would cost more than the layers around. */
#include "worker/nn/dropout.h"

#include "worker/nn/loop.h"

// Wellons' lowbias32: every bit of the input changes each bit of the output about half the time.
static inline uint32_t mix(uint32_t h)
{
    h ^= h >> 16;
    h *= 0x7feb352du;
    h ^= h >> 15;
    h *= 0x846ca68bu;
    return h ^ h >> 16;
}

void dropout_apply(const struct dropout *dropout, const float *x, uint64_t n, float *y)
{
    uint32_t low = (uint32_t)dropout->seed, high = (uint32_t)(dropout->seed >> 32);
    int32_t limit = (int32_t)(dropout->rate * 16777216.0f); // of 24 bits
    float scale = 1.0f / (1.0f - dropout->rate);
    LOOP_INDEPENDENT
    for (uint64_t i = 0; i < n; i++) {
        uint32_t bits = mix(mix((uint32_t)i ^ low) + high);
        y[i] = (int32_t)(bits >> 8) < limit ? 0 : x[i] * scale;
    }
}
