/* vmath.h - exp and sigmoid without branches, so that the compiler turns loops over them into
 * vectors.
 *
 * Relative error below 1.5e-7 (exp) and 3e-7 (sigmoid) over the range; arguments are cut to
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
#define VMATH_HAS_FMA      1
#define VMATH_FMA(a, b, c) __builtin_fmaf(a, b, c)
#else
#define VMATH_HAS_FMA      0
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

/* 1 / (1 + 2^n 2^f), n + f = -x / ln 2, |f| <= 1/2: the layers spend more time here than in any
 * other function, so this is not 1 / (1 + exp1(-x)) but the fewest operations that keep the error:
 * a polynomial of degree 5 (minimax, relative error 9e-8, exact at 0), and 2^n added to its
 * exponent. f needs a product that is not rounded. */
#if VMATH_HAS_FMA
static inline float vmath_sigmoid1(float x)
{
    const float rounder = 12582912.0f;
    x = x < -87.0f ? -87.0f : x;
    x = x > 87.0f ? 87.0f : x;
    float shifted = VMATH_FMA(x, -1.44269502f, rounder);
    float f = VMATH_FMA(x, -1.44269502f, rounder - shifted);
    f = VMATH_FMA(x, -1.92596299e-8f, f); // the rest of 1 / ln 2
    float p = VMATH_FMA(1.326472731e-3f, f, 9.671512991e-3f);
    p = VMATH_FMA(p, f, 5.550733581e-2f);
    p = VMATH_FMA(p, f, 2.402224243e-1f);
    p = VMATH_FMA(p, f, 6.931470037e-1f);
    p = VMATH_FMA(p, f, 1.0f);
    uint32_t bits, power;
    memcpy(&bits, &p, sizeof bits);
    memcpy(&power, &shifted, sizeof power);
    bits += power << 23;
    memcpy(&p, &bits, sizeof p);
    return 1.0f / (1.0f + p);
}
#else
static inline float vmath_sigmoid1(float x)
{
    return 1.0f / (1.0f + vmath_exp1(-x));
}
#endif

/* x and y may be the same array. */
void vmath_exp(const float *x, uint64_t n, float *y);
void vmath_sigmoid(const float *x, uint64_t n, float *y);

#endif
