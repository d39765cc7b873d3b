/* naive_nn.h - twins of worker/nn: forwards only, from the formulas, in double precision and
 * without any care for speed. Gradients are checked against differences of these: in double
 * precision they are exact to some nine digits, so that fp32 backwards can be held to five.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_TESTS_SUPPORT_NAIVE_NN_H
#define SOUK_TESTS_SUPPORT_NAIVE_NN_H

#include <stdbool.h>
#include <stdint.h>

/* x (rows, n), weight (m, n), bias (m) or NULL -> y (rows, m). */
struct naive_linear {
    uint32_t n, m;
    const double *weight, *bias;
};
void naive_linear(const struct naive_linear *layer, const double *x, uint32_t rows, double *y);

double naive_sigmoid(double x);

/* Mean and biased variance of each column. */
void naive_columns(const double *x, uint32_t rows, uint32_t units, double *mean, double *variance);

/* With mean and variance (units) given, or of x itself where they are NULL. */
struct naive_norm {
    uint32_t units;
    double epsilon;
    const double *mean, *variance;
};
/* xhat = (x - mean) / sqrt(variance + epsilon). */
void naive_normalise(const struct naive_norm *norm, const double *x, uint32_t rows, double *xhat);
void naive_dice(const struct naive_norm *norm, const double *alpha, const double *x, uint32_t rows,
                double *y);

double naive_bce(double logit, double label);

enum naive_activation { NAIVE_SIGMOID, NAIVE_RELU, NAIVE_PRELU, NAIVE_DICE };

/* The attention unit as the paper writes it, with [q, k, q - k, q * k] and all. */
struct naive_attention {
    uint32_t dim, num_layers;
    const uint32_t *widths;
    enum naive_activation activation;
    bool has_softmax;
    const double *params; // laid out as attention.h says
    const double *moving; // mean, variance of each layer, or NULL: of the batch
    const uint32_t *row_start;
    uint32_t num_samples;
};
/* q (B, D), keys (T, D) -> scores (T), pooled (B, D). */
void naive_attention(const struct naive_attention *unit, const double *q, const double *keys,
                     double *scores, double *pooled);

/* ---- checks; a failure ends the test ---- */

/* |value - expected| <= tolerance * (1 + |expected|) for all of them. */
void assert_close(const char *what, const float *values, const double *expected, uint32_t n,
                  double tolerance);
/* grads (n) are those of loss(ctx) by values (n), which loss reads and which are restored. */
void assert_gradient(const char *what, double (*loss)(void *ctx), void *ctx, double *values,
                     uint32_t n, const float *grads, double tolerance);

/* Numbers from -scale to scale that follow from seed, the same ones in both types. */
void naive_fill(uint64_t seed, double scale, uint32_t n, float *single, double *twice);

#endif
