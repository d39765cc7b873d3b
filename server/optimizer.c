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
#include <math.h>
#include <stddef.h>
#include <string.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))

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

/* Cuts to the range of fp32; a NaN too. On the bits, because compilers turn the smaller of two
 * unsigned numbers into one instruction, but not that of two floats, for which NaN counts. */
static ALWAYS_INLINE float cut(float x)
{
    const uint32_t sign_bit = 0x80000000, largest = 0x7f7fffff; // the bits of FLT_MAX
    uint32_t bits, size;
    memcpy(&bits, &x, sizeof(bits));
    size = bits & ~sign_bit;
    size = size < largest ? size : largest;
    bits = (bits & sign_bit) | size;
    memcpy(&x, &bits, sizeof(bits));
    return x;
}

/* ---- a batch ---- */

// What an optimizer does to one row; its state is at w + dim.
typedef void row_fn(const struct souk_table_spec *spec, float lr, const float *restrict g,
                    float *restrict w, uint32_t dim);

struct batch {
    const struct souk_table_spec *spec;
    float lr;
    uint32_t num_rows;
    const float *gradients; // (num_rows, dim)
    float *const *rows;     // (num_rows)
};

static ALWAYS_INLINE void each_row(row_fn *row, const struct batch *batch, uint32_t dim)
{
    for (uint32_t i = 0; i < batch->num_rows; i++)
        row(batch->spec, batch->lr, batch->gradients + (size_t)i * dim, batch->rows[i], dim);
}

/* Inlines row() for the usual widths, where the compiler then knows how many steps there are: short
 * loops of unknown length cost more than what they do. */
static ALWAYS_INLINE void each_row_by_width(row_fn *row, const struct batch *batch)
{
    switch (batch->spec->dim) {
    case 8: each_row(row, batch, 8); break;
    case 16: each_row(row, batch, 16); break;
    case 32: each_row(row, batch, 32); break;
    case 64: each_row(row, batch, 64); break;
    default: each_row(row, batch, batch->spec->dim);
    }
}

#define DEFINE_APPLY(name)                                                                         \
    static void name##_apply(const struct souk_table_spec *spec, float lr, const float *gradients, \
                             float *const *rows, uint32_t num_rows)                                \
    {                                                                                              \
        const struct batch batch = {spec, lr, num_rows, gradients, rows};                          \
        each_row_by_width(name##_row, &batch);                                                     \
    }

/* ---- the optimizers ---- */

static ALWAYS_INLINE void sgd_row(const struct souk_table_spec *spec, float lr,
                                  const float *restrict g, float *restrict w, uint32_t dim)
{
    (void)spec;
    for (uint32_t j = 0; j < dim; j++) w[j] = cut(w[j] - lr * g[j]);
}
DEFINE_APPLY(sgd)

static ALWAYS_INLINE void momentum_row(const struct souk_table_spec *spec, float lr,
                                       const float *restrict g, float *restrict w, uint32_t dim)
{
    float mu = spec->momentum, *restrict v = w + dim;
    for (uint32_t j = 0; j < dim; j++) {
        v[j] = cut(mu * v[j] + g[j]);
        w[j] = cut(w[j] - lr * v[j]);
    }
}
DEFINE_APPLY(momentum)

static void adagrad_init(const struct souk_table_spec *spec, const float *row, float *state)
{
    (void)row;
    for (uint32_t j = 0; j < spec->dim; j++) state[j] = spec->initial_accumulator;
}

static ALWAYS_INLINE void adagrad_row(const struct souk_table_spec *spec, float lr,
                                      const float *restrict g, float *restrict w, uint32_t dim)
{
    float epsilon = spec->epsilon, *restrict n = w + dim;
    for (uint32_t j = 0; j < dim; j++) {
        n[j] = cut(n[j] + g[j] * g[j]);
        w[j] = cut(w[j] - lr * g[j] / (sqrtf(n[j]) + epsilon));
    }
}
DEFINE_APPLY(adagrad)

static void rowwise_init(const struct souk_table_spec *spec, const float *row, float *state)
{
    (void)row;
    state[0] = spec->initial_accumulator;
}

// In eight sums side by side: a single one cannot be vectorised without changing the result.
static ALWAYS_INLINE float sum_of_squares(const float *restrict g, uint32_t dim)
{
    float sums[8] = {0};
    uint32_t j = 0;
    for (; j + 8 <= dim; j += 8)
        for (uint32_t k = 0; k < 8; k++) sums[k] += g[j + k] * g[j + k];
    for (uint32_t k = 0; j < dim; j++, k++) sums[k] += g[j] * g[j];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
           ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

static ALWAYS_INLINE void rowwise_row(const struct souk_table_spec *spec, float lr,
                                      const float *restrict g, float *restrict w, uint32_t dim)
{
    float n = cut(w[dim] + sum_of_squares(g, dim) / (float)dim);
    float step = lr / (sqrtf(n) + spec->epsilon);
    for (uint32_t j = 0; j < dim; j++) w[j] = cut(w[j] - step * g[j]);
    w[dim] = n;
}
DEFINE_APPLY(rowwise)

// 1 - b^t. It is 1 in fp32 long before b^t leaves the range, where powf() takes long.
static ALWAYS_INLINE float bias_correction(float b, float t)
{
    return t * log2f(b) < -26 ? 1 : 1 - powf(b, t); // the logarithm is taken once a batch
}

static ALWAYS_INLINE void adam_row(const struct souk_table_spec *spec, float lr,
                                   const float *restrict g, float *restrict w, uint32_t dim)
{
    float b1 = spec->beta1, b2 = spec->beta2, epsilon = spec->epsilon;
    float *restrict m = w + dim, *restrict v = m + dim, *t = w + 3 * (size_t)dim;
    *t += 1; // stays at 2^24, where both corrections are 1 long since
    float step = lr / bias_correction(b1, *t), root = 1 / bias_correction(b2, *t);
    for (uint32_t j = 0; j < dim; j++) {
        m[j] = cut(b1 * m[j] + (1 - b1) * g[j]);
        v[j] = cut(b2 * v[j] + (1 - b2) * g[j] * g[j]);
        w[j] = cut(w[j] - step * m[j] / (sqrtf(v[j] * root) + epsilon));
    }
}
DEFINE_APPLY(adam)

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

static ALWAYS_INLINE void ftrl_row(const struct souk_table_spec *spec, float lr,
                                   const float *restrict g, float *restrict w, uint32_t dim)
{
    (void)lr;
    float alpha = spec->ftrl_alpha, beta = spec->ftrl_beta, l1 = spec->l1, l2 = spec->l2;
    float *restrict z = w + dim, *restrict n = z + dim;
    for (uint32_t j = 0; j < dim; j++) {
        float grown = cut(n[j] + g[j] * g[j]);
        float sigma = cut((sqrtf(grown) - sqrtf(n[j])) / alpha);
        z[j] = cut(z[j] + g[j] - sigma * w[j]);
        n[j] = grown;
        float moved = cut(-(z[j] - copysignf(l1, z[j])) / ((beta + sqrtf(grown)) / alpha + l2));
        w[j] = fabsf(z[j]) <= l1 ? 0 : moved;
    }
}
DEFINE_APPLY(ftrl)

static ALWAYS_INLINE void add_row(const struct souk_table_spec *spec, float lr,
                                  const float *restrict d, float *restrict w, uint32_t dim)
{
    (void)spec, (void)lr;
    for (uint32_t j = 0; j < dim; j++) w[j] = cut(w[j] + d[j]);
}
DEFINE_APPLY(add)

static const struct optimizer_ops optimizers[SOUK_NUM_OPTIMIZERS] = {
    [SOUK_OPT_SGD] = {.state_floats = no_state, .apply = sgd_apply},
    [SOUK_OPT_MOMENTUM] = {.state_floats = one_a_weight, .apply = momentum_apply},
    [SOUK_OPT_ADAGRAD] = {.state_floats = one_a_weight,
                          .init_state = adagrad_init,
                          .apply = adagrad_apply},
    [SOUK_OPT_ROWWISE_ADAGRAD] = {.state_floats = one_a_row,
                                  .init_state = rowwise_init,
                                  .apply = rowwise_apply},
    [SOUK_OPT_ADAM] = {.state_floats = adam_floats, .apply = adam_apply},
    [SOUK_OPT_FTRL] = {.state_floats = two_a_weight,
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
    add_apply(spec, 0, differences, rows, num_rows);
    for (uint32_t i = 0; ops->adapt_state && i < num_rows; i++)
        ops->adapt_state(spec, rows[i], rows[i] + spec->dim);
}
