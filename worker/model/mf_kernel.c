/* mf_kernel.c - the inner loops of mf.h. Vectors of 8 floats are the compiler's own type, so one
 * source serves SSE, AVX2 and AVX-512; the usual k are compiled with their size known, which
 * keeps both rows in registers between the dot product and the update. */
#include <math.h>
#include <string.h>

#include "worker/model/mf.h"

enum { LANES = 8, AHEAD = 6 };

// Rows begin anywhere: their stride is k + 1 floats.
typedef float vec __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE float dot(const float *a, const float *b, uint32_t k)
{
    vec sums = {0};
    uint32_t f = 0;
    for (; f + LANES <= k; f += LANES) sums += *(const vec *)(a + f) * *(const vec *)(b + f);
    float sum = 0;
    for (; f < k; f++) sum += a[f] * b[f];
    return sum + ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

/* p += e_user * q - decay_user * p, and the same for q with the old p. */
ALWAYS_INLINE void update_factors(float *p, float *q, uint32_t k, const float e[2],
                                  const float keep[2])
{
    uint32_t f = 0;
    for (; f + LANES <= k; f += LANES) {
        vec old_p = *(vec *)(p + f), old_q = *(vec *)(q + f);
        *(vec *)(p + f) = keep[0] * old_p + e[0] * old_q;
        *(vec *)(q + f) = keep[1] * old_q + e[1] * old_p;
    }
    for (; f < k; f++) {
        float old_p = p[f];
        p[f] = keep[0] * old_p + e[0] * q[f];
        q[f] = keep[1] * q[f] + e[1] * old_p;
    }
}

/* Mean squared gradients of both rows: sum over f of (e q - l2 p)^2 / k, out of three dots. */
ALWAYS_INLINE void squared_gradients(const float *p, const float *q, const struct mf_pass *pass,
                                     float e, float out[2])
{
    uint32_t k = pass->k;
    float pp = dot(p, p, k), qq = dot(q, q, k), pq = dot(p, q, k);
    out[0] = e * e * qq - 2 * e * pass->l2_user * pq + pass->l2_user * pass->l2_user * pp;
    out[1] = e * e * pp - 2 * e * pass->l2_item * pq + pass->l2_item * pass->l2_item * qq;
    // The sum of squares may come out a rounding error below zero, never the square itself.
    out[0] = fmaxf(out[0], 0) / (float)k;
    out[1] = fmaxf(out[1], 0) / (float)k;
}

ALWAYS_INLINE float train_one(const struct mf_pass *pass, uint32_t t, uint32_t k, bool is_adagrad)
{
    float *p = pass->users + (size_t)pass->user_idxs[t] * pass->dim;
    float *q = pass->items + (size_t)pass->item_idxs[t] * pass->dim;
    float e = pass->values[t] - pass->mean - p[k] - q[k] - dot(p, q, k);
    float lr[2] = {pass->lr, pass->lr};
    if (is_adagrad) {
        float squares[2];
        squared_gradients(p, q, pass, e, squares);
        lr[0] /= sqrtf(1 + p[k + 1]);
        lr[1] /= sqrtf(1 + q[k + 1]);
        p[k + 1] += squares[0];
        q[k + 1] += squares[1];
    }
    update_factors(p, q, k, (float[]){lr[0] * e, lr[1] * e},
                   (float[]){1 - lr[0] * pass->l2_user, 1 - lr[1] * pass->l2_item});
    p[k] += lr[0] * (e - pass->l2_user_bias * p[k]);
    q[k] += lr[1] * (e - pass->l2_item_bias * q[k]);
    return e;
}

/* The rows of a batch are a few hundred KiB to a few MiB: those of the ratings to come are
 * fetched while one is computed. */
ALWAYS_INLINE void prefetch(const struct mf_pass *pass, uint32_t t, uint32_t k)
{
    const float *p = pass->users + (size_t)pass->user_idxs[t] * pass->dim;
    const float *q = pass->items + (size_t)pass->item_idxs[t] * pass->dim;
    for (uint32_t f = 0; f <= k; f += 16) {
        __builtin_prefetch(p + f, 1);
        __builtin_prefetch(q + f, 1);
    }
}

ALWAYS_INLINE double train_all(const struct mf_pass *pass, uint32_t k, bool is_adagrad)
{
    double squares = 0;
    for (uint32_t t = 0; t < pass->n; t++) {
        if (t + AHEAD < pass->n) prefetch(pass, t + AHEAD, k);
        double e = train_one(pass, t, k, is_adagrad);
        squares += e * e;
    }
    return squares;
}

double mf_train(const struct mf_pass *pass)
{
    if (pass->is_adagrad) return train_all(pass, pass->k, true);
    switch (pass->k) {
    case 16: return train_all(pass, 16, false);
    case 32: return train_all(pass, 32, false);
    case 64: return train_all(pass, 64, false);
    default: return train_all(pass, pass->k, false);
    }
}

double mf_train_naive(const struct mf_pass *pass)
{
    double squares = 0;
    uint32_t k = pass->k;
    for (uint32_t t = 0; t < pass->n; t++) {
        float *p = pass->users + (size_t)pass->user_idxs[t] * pass->dim;
        float *q = pass->items + (size_t)pass->item_idxs[t] * pass->dim;
        double e = pass->values[t] - pass->mean - p[k] - q[k];
        for (uint32_t f = 0; f < k; f++) e -= (double)p[f] * q[f];
        squares += e * e;
        double lr_p = pass->lr, lr_q = pass->lr, square_p = 0, square_q = 0;
        if (pass->is_adagrad) {
            lr_p /= sqrt(1 + (double)p[k + 1]);
            lr_q /= sqrt(1 + (double)q[k + 1]);
        }
        for (uint32_t f = 0; f < k; f++) {
            double g_p = e * q[f] - pass->l2_user * p[f], g_q = e * p[f] - pass->l2_item * q[f];
            square_p += g_p * g_p;
            square_q += g_q * g_q;
            p[f] += (float)(lr_p * g_p);
            q[f] += (float)(lr_q * g_q);
        }
        p[k] += (float)(lr_p * (e - pass->l2_user_bias * p[k]));
        q[k] += (float)(lr_q * (e - pass->l2_item_bias * q[k]));
        if (pass->is_adagrad) {
            p[k + 1] += (float)(square_p / k);
            q[k + 1] += (float)(square_q / k);
        }
    }
    return squares;
}

bool mf_differences(const float *rows, float *pushes, uint64_t n)
{
    uint32_t not_finite = 0;
    for (uint64_t i = 0; i < n; i++) {
        pushes[i] = rows[i] - pushes[i];
        uint32_t bits;
        memcpy(&bits, &pushes[i], sizeof bits);
        not_finite |= (bits & 0x7F800000) == 0x7F800000;
    }
    return !not_finite;
}

float mf_dot(const float *a, const float *b, uint32_t k)
{
    return dot(a, b, k);
}
