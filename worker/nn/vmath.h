/* vmath.h - exp and sigmoid without branches, so that the compiler turns loops over them into
 * vectors.
 *
 * Relative error below 3e-7 (exp) and 4e-7 (sigmoid) over the range; arguments are cut to
 * [-87, 88], so that nothing overflows and no result is denormal. NaN stays NaN.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_NN_VMATH_H
#define SOUK_WORKER_NN_VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define VMATH_FMA(a, b, c) __builtin_fmaf(a, b, c)
#else
#define VMATH_FMA(a, b, c) ((a) * (b) + (c)) // fmaf would be a call
#endif

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2, with the polynomial of Cephes' expf.
 * Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
static inline float vmath_exp1(float x)
{
    const float rounder = 12582912.0f;
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    float shifted = VMATH_FMA(x, 1.44269504f, rounder);
    float n = shifted - rounder;
    float r = VMATH_FMA(n, -0.693359375f, x); // ln 2 in two parts
    r = VMATH_FMA(n, 2.12194440e-4f, r);
    float p = VMATH_FMA(1.9875691500e-4f, r, 1.3981999507e-3f);
    p = VMATH_FMA(p, r, 8.3334519073e-3f);
    p = VMATH_FMA(p, r, 4.1665795894e-2f);
    p = VMATH_FMA(p, r, 1.6666665459e-1f);
    p = VMATH_FMA(p, r, 5.0000001201e-1f);
    p = VMATH_FMA(p, r * r, r) + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + 0x3f800000u;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

static inline float vmath_sigmoid1(float x)
{
    return 1.0f / (1.0f + vmath_exp1(-x));
}

/* x and y may be the same array. */
void vmath_exp(const float *x, uint64_t n, float *y);
void vmath_sigmoid(const float *x, uint64_t n, float *y);

#endif
