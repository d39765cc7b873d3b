/* vmath.c - see vmath.h. */
#include "worker/nn/vmath.h"

#include "worker/nn/loop.h"

void vmath_exp(const float *x, uint64_t n, float *y)
{
    LOOP_INDEPENDENT
    for (uint64_t i = 0; i < n; i++) y[i] = vmath_exp1(x[i]);
}

void vmath_sigmoid(const float *x, uint64_t n, float *y)
{
    LOOP_INDEPENDENT
    for (uint64_t i = 0; i < n; i++) y[i] = vmath_sigmoid1(x[i]);
}
