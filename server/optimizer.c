/* optimizer.c - see optimizer.h.
 *
 * w weights, g gradient, lr learning rate; all per element unless said:
 *
 *   sgd        w -= lr g
 *   momentum   v = mu v + g; w -= lr v
 *              Polyak, "Some methods of speeding up the convergence of iteration methods", 1964,
 *              with lr outside the velocity (Sutskever et al., ICML 2013, as PyTorch has it)
 *   adagrad    n += g^2; w -= lr g / (sqrt(n) + epsilon)
 *              Duchi, Hazan, Singer, JMLR 12, 2011; diagonal form
 *   rowwise    n += mean over the row of g^2; w -= lr g / (sqrt(n) + epsilon); one n a row
 *     adagrad  Mudigere et al., "Software-hardware co-design for fast and scalable training of deep
 *              learning recommendation models", ISCA 2022 (and FBGEMM)
 *   adam       t += 1; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
 *              w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
 *              Kingma, Ba, ICLR 2015. Lazy: t counts the pushes of this row, and nothing happens to
 *              rows that are not pushed.
 *   ftrl       s = (sqrt(n + g^2) - sqrt(n)) / alpha; z += g - s w; n += g^2;
 *              w = 0 if |z| <= l1, else -(z - sign(z) l1) / ((beta + sqrt(n)) / alpha + l2)
 *              McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013,
 *              algorithm 1. lr is not used. There w is a function of z and begins at 0; here z
 *              begins as that of the initial weights, so that they count, and follows rows that
 *              are assigned or added to.
 */
#include "server/optimizer.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stddef.h>

static uint32_t no_state(uint32_t dim)
{
    (void)dim;
    return 0;
}
static uint32_t one_a_row(uint32_t dim)
{
    (void)dim;
    return 1;
}
static uint32_t one_a_weight(uint32_t dim)
{
    return dim;
}
static uint32_t two_a_weight(uint32_t dim)
{
    return 2 * dim;
}
static uint32_t adam_floats(uint32_t dim)
{
    return 2 * dim + 1;
}

// Cut to the range of fp32; also ends a NaN, which the comparisons are arranged for.
static inline float cut(float x)
{
    x = x > -FLT_MAX ? x : -FLT_MAX;
    return x < FLT_MAX ? x : FLT_MAX;
}

static void sgd_apply(const struct souk_table_spec *spec, float lr, const float *gradients,
                      float *const *rows, uint32_t num_rows)
{
    uint32_t dim = spec->dim;
    for (uint32_t i = 0; i < num_rows; i++) {
        const float *restrict g = gradients + (size_t)i * dim;
        float *restrict w = rows[i];
        for (uint32_t j = 0; j < dim; j++) w[j] = cut(w[j] - lr * g[j]);
    }
}

static void momentum_apply(const struct souk_table_spec *spec, float lr, const float *gradients,
                           float *const *rows, uint32_t num_rows)
{
    uint32_t dim = spec->dim;
    float mu = spec->momentum;
    for (uint32_t i = 0; i < num_rows; i++) {
        const float *restrict g = gradients + (size_t)i * dim;
        float *restrict w = rows[i], *restrict v = w + dim;
        for (uint32_t j = 0; j < dim; j++) {
            v[j] = cut(mu * v[j] + g[j]);
            w[j] = cut(w[j] - lr * v[j]);
        }
    }
}

static void adagrad_init(const struct souk_table_spec *spec, const float *row, float *state)
{
    (void)row;
    for (uint32_t j = 0; j < spec->dim; j++) state[j] = spec->initial_accumulator;
}

static void adagrad_apply(const struct souk_table_spec *spec, float lr, const float *gradients,
                          float *const *rows, uint32_t num_rows)
{
    uint32_t dim = spec->dim;
    float epsilon = spec->epsilon;
    for (uint32_t i = 0; i < num_rows; i++) {
        const float *restrict g = gradients + (size_t)i * dim;
        float *restrict w = rows[i], *restrict n = w + dim;
        for (uint32_t j = 0; j < dim; j++) {
            n[j] = cut(n[j] + g[j] * g[j]);
            w[j] = cut(w[j] - lr * g[j] / (sqrtf(n[j]) + epsilon));
        }
    }
}

static void rowwise_init(const struct souk_table_spec *spec, const float *row, float *state)
{
    (void)row;
    state[0] = spec->initial_accumulator;
}

// In eight sums side by side: a single one cannot be vectorised without changing the result.
static inline float sum_of_squares(const float *restrict g, uint32_t dim)
{
    float sums[8] = {0};
    uint32_t j = 0;
    for (; j + 8 <= dim; j += 8)
        for (uint32_t k = 0; k < 8; k++) sums[k] += g[j + k] * g[j + k];
    for (uint32_t k = 0; j < dim; j++, k++) sums[k] += g[j] * g[j];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
           ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

static void rowwise_apply(const struct souk_table_spec *spec, float lr, const float *gradients,
                          float *const *rows, uint32_t num_rows)
{
    uint32_t dim = spec->dim;
    for (uint32_t i = 0; i < num_rows; i++) {
        const float *restrict g = gradients + (size_t)i * dim;
        float *restrict w = rows[i];
        float n = cut(w[dim] + sum_of_squares(g, dim) / (float)dim);
        float step = lr / (sqrtf(n) + spec->epsilon);
        for (uint32_t j = 0; j < dim; j++) w[j] = cut(w[j] - step * g[j]);
        w[dim] = n;
    }
}

static void adam_apply(const struct souk_table_spec *spec, float lr, const float *gradients,
                       float *const *rows, uint32_t num_rows)
{
    uint32_t dim = spec->dim;
    float b1 = spec->beta1, b2 = spec->beta2, epsilon = spec->epsilon;
    for (uint32_t i = 0; i < num_rows; i++) {
        const float *restrict g = gradients + (size_t)i * dim;
        float *restrict w = rows[i], *restrict m = w + dim, *restrict v = m + dim;
        float *t = rows[i] + 3 * (size_t)dim;
        *t += 1; // stays at 2^24, where both corrections are 1 long since
        float step = lr / (1 - powf(b1, *t)), root = 1 / (1 - powf(b2, *t));
        for (uint32_t j = 0; j < dim; j++) {
            m[j] = cut(b1 * m[j] + (1 - b1) * g[j]);
            v[j] = cut(b2 * v[j] + (1 - b2) * g[j] * g[j]);
            w[j] = cut(w[j] - step * m[j] / (sqrtf(v[j] * root) + epsilon));
        }
    }
}

// z for which the formula of w gives this row, with n as it is.
static void ftrl_adapt(const struct souk_table_spec *spec, const float *row, float *state)
{
    uint32_t dim = spec->dim;
    float *z = state;
    const float *n = state + dim;
    for (uint32_t j = 0; j < dim; j++) {
        float slope = (spec->ftrl_beta + sqrtf(n[j])) / spec->ftrl_alpha + spec->l2;
        float edge = row[j] == 0 ? 0 : copysignf(spec->l1, row[j]);
        z[j] = cut(-row[j] * slope - edge);
    }
}

static void ftrl_apply(const struct souk_table_spec *spec, float lr, const float *gradients,
                       float *const *rows, uint32_t num_rows)
{
    (void)lr;
    uint32_t dim = spec->dim;
    float alpha = spec->ftrl_alpha, beta = spec->ftrl_beta, l1 = spec->l1, l2 = spec->l2;
    for (uint32_t i = 0; i < num_rows; i++) {
        const float *restrict g = gradients + (size_t)i * dim;
        float *restrict w = rows[i], *restrict z = w + dim, *restrict n = z + dim;
        for (uint32_t j = 0; j < dim; j++) {
            float grown = cut(n[j] + g[j] * g[j]);
            float sigma = cut((sqrtf(grown) - sqrtf(n[j])) / alpha);
            z[j] = cut(z[j] + g[j] - sigma * w[j]);
            n[j] = grown;
            float pull = cut(-(z[j] - copysignf(l1, z[j])) / ((beta + sqrtf(grown)) / alpha + l2));
            w[j] = fabsf(z[j]) <= l1 ? 0 : pull;
        }
    }
}

static const struct optimizer_ops optimizers[SOUK_NUM_OPTIMIZERS] = {
    [SOUK_OPT_SGD] = {.name = "sgd", .state_floats = no_state, .apply = sgd_apply},
    [SOUK_OPT_MOMENTUM] = {.name = "momentum",
                           .state_floats = one_a_weight,
                           .apply = momentum_apply},
    [SOUK_OPT_ADAGRAD] = {.name = "adagrad",
                          .state_floats = one_a_weight,
                          .init_state = adagrad_init,
                          .apply = adagrad_apply},
    [SOUK_OPT_ROWWISE_ADAGRAD] = {.name = "rowwise_adagrad",
                                  .state_floats = one_a_row,
                                  .init_state = rowwise_init,
                                  .apply = rowwise_apply},
    [SOUK_OPT_ADAM] = {.name = "adam", .state_floats = adam_floats, .apply = adam_apply},
    [SOUK_OPT_FTRL] = {.name = "ftrl",
                       .state_floats = two_a_weight,
                       .init_state = ftrl_adapt,
                       .adapt_state = ftrl_adapt,
                       .apply = ftrl_apply},
};

const struct optimizer_ops *optimizer_get(enum souk_optimizer optimizer)
{
    assert(optimizer < SOUK_NUM_OPTIMIZERS);
    return &optimizers[optimizer];
}

void optimizer_add(const struct optimizer_ops *ops, const struct souk_table_spec *spec,
                   const float *differences, float *const *rows, uint32_t num_rows)
{
    uint32_t dim = spec->dim;
    for (uint32_t i = 0; i < num_rows; i++) {
        const float *restrict d = differences + (size_t)i * dim;
        float *restrict w = rows[i];
        for (uint32_t j = 0; j < dim; j++) w[j] = cut(w[j] + d[j]);
        if (ops->adapt_state) ops->adapt_state(spec, w, w + dim);
    }
}
