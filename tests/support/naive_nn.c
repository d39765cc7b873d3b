/* naive_nn.c - see naive_nn.h. */
#include "tests/support/naive_nn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"

static double *new_doubles(size_t n)
{
    return mem_calloc(n + 1, sizeof(double), "naive twin");
}

void naive_linear(const struct naive_linear *layer, const double *x, uint32_t rows, double *y)
{
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t j = 0; j < layer->m; j++) {
            double sum = layer->bias ? layer->bias[j] : 0;
            for (uint32_t i = 0; i < layer->n; i++)
                sum += layer->weight[j * layer->n + i] * x[r * layer->n + i];
            y[r * layer->m + j] = sum;
        }
    }
}

double naive_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

void naive_columns(const double *x, uint32_t rows, uint32_t units, double *mean, double *variance)
{
    for (uint32_t j = 0; j < units; j++) {
        mean[j] = variance[j] = 0;
        for (uint32_t r = 0; r < rows; r++) mean[j] += x[r * units + j] / rows;
        for (uint32_t r = 0; r < rows; r++)
            variance[j] += pow(x[r * units + j] - mean[j], 2) / rows;
    }
}

void naive_normalise(const struct naive_norm *norm, const double *x, uint32_t rows, double *xhat)
{
    double *own = new_doubles(2 * (size_t)norm->units);
    const double *mean = own, *variance = own + norm->units;
    naive_columns(x, rows, norm->units, own, own + norm->units);
    if (norm->mean) {
        mean = norm->mean;
        variance = norm->variance;
    }
    for (uint32_t i = 0; i < rows * norm->units; i++) {
        uint32_t j = i % norm->units;
        xhat[i] = (x[i] - mean[j]) / sqrt(variance[j] + norm->epsilon);
    }
    mem_free(own);
}

void naive_dice(const struct naive_norm *norm, const double *alpha, const double *x, uint32_t rows,
                double *y)
{
    uint32_t n = rows * norm->units;
    double *xhat = new_doubles(n);
    naive_normalise(norm, x, rows, xhat);
    for (uint32_t i = 0; i < n; i++) {
        double p = naive_sigmoid(xhat[i]);
        y[i] = p * x[i] + (1 - p) * alpha[i % norm->units] * x[i];
    }
    mem_free(xhat);
}

double naive_bce(double logit, double label)
{
    double p = naive_sigmoid(logit);
    return -label * log(p) - (1 - label) * log(1 - p);
}

// One hidden layer over rows; *params and *moving move on behind what it used.
static double *hidden_layer(const struct naive_attention *unit, struct naive_linear *linear,
                            double *x, uint32_t rows, const double **moving)
{
    double *z = new_doubles((size_t)rows * linear->m), *y = new_doubles((size_t)rows * linear->m);
    const double *alpha = linear->bias + linear->m;
    naive_linear(linear, x, rows, z);
    struct naive_norm norm = {linear->m, 1e-8, NULL, NULL};
    if (unit->moving) {
        norm.mean = *moving;
        norm.variance = *moving + linear->m;
        *moving += 2 * (size_t)linear->m;
    }
    if (unit->activation == NAIVE_DICE) naive_dice(&norm, alpha, z, rows, y);
    for (uint32_t i = 0; i < rows * linear->m && unit->activation != NAIVE_DICE; i++) {
        double below = unit->activation == NAIVE_PRELU ? alpha[i % linear->m] * z[i] : 0;
        y[i] = unit->activation == NAIVE_SIGMOID ? naive_sigmoid(z[i]) : z[i] > 0 ? z[i] : below;
    }
    mem_free(z);
    mem_free(x);
    return y;
}

// [q, k, q - k, q * k] of each row.
static double *make_inputs(const struct naive_attention *unit, const double *q, const double *keys)
{
    uint32_t dim = unit->dim, rows = unit->row_start[unit->num_samples];
    double *x = new_doubles((size_t)rows * 4 * dim);
    for (uint32_t b = 0; b < unit->num_samples; b++) {
        for (uint32_t t = unit->row_start[b]; t < unit->row_start[b + 1]; t++) {
            for (uint32_t d = 0; d < dim; d++) {
                double *row = x + (size_t)t * 4 * dim, query = q[b * dim + d];
                double key = keys[t * dim + d];
                row[d] = query;
                row[dim + d] = key;
                row[2 * dim + d] = query - key;
                row[3 * dim + d] = query * key;
            }
        }
    }
    return x;
}

static void softmax(double *scores, uint32_t n, double scale)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += scores[i] = exp(scores[i] * scale);
    for (uint32_t i = 0; i < n; i++) scores[i] /= sum;
}

void naive_attention(const struct naive_attention *unit, const double *q, const double *keys,
                     double *scores, double *pooled)
{
    uint32_t dim = unit->dim, rows = unit->row_start[unit->num_samples], width = 4 * dim;
    const double *params = unit->params, *moving = unit->moving;
    bool has_alpha = unit->activation == NAIVE_PRELU || unit->activation == NAIVE_DICE;
    double *x = make_inputs(unit, q, keys);
    for (uint32_t i = 0; i < unit->num_layers; i++) {
        uint32_t m = unit->widths[i];
        struct naive_linear linear = {width, m, params, params + (size_t)m * width};
        x = hidden_layer(unit, &linear, x, rows, &moving);
        params = linear.bias + (size_t)m * (has_alpha ? 2 : 1);
        width = m;
    }
    naive_linear(&(struct naive_linear){width, 1, params, params + width}, x, rows, scores);
    mem_free(x);
    for (uint32_t b = 0; b < unit->num_samples; b++) {
        uint32_t begin = unit->row_start[b], end = unit->row_start[b + 1];
        if (unit->has_softmax) softmax(scores + begin, end - begin, 1 / sqrt(dim));
        for (uint32_t d = 0; d < dim; d++) {
            pooled[b * dim + d] = 0;
            for (uint32_t t = begin; t < end; t++)
                pooled[b * dim + d] += scores[t] * keys[t * dim + d];
        }
    }
}

void assert_close(const char *what, const float *values, const double *expected, uint32_t n,
                  double tolerance)
{
    for (uint32_t i = 0; i < n; i++)
        if (!(fabs(values[i] - expected[i]) <= tolerance * (1 + fabs(expected[i]))))
            fail_msg("%s[%u] is %.9g, not %.9g", what, i, (double)values[i], expected[i]);
}

void assert_gradient(const char *what, double (*loss)(void *ctx), void *ctx, double *values,
                     uint32_t n, const float *grads, double tolerance)
{
    const double step = 1e-5;
    for (uint32_t i = 0; i < n; i++) {
        double kept = values[i];
        values[i] = kept + step;
        double above = loss(ctx);
        values[i] = kept - step;
        double below = loss(ctx);
        values[i] = kept;
        double expected = (above - below) / (2 * step);
        assert_close(what, &grads[i], &expected, 1, tolerance);
    }
}

void naive_fill(uint64_t seed, double scale, uint32_t n, float *single, double *twice)
{
    rng_fill_uniform(seed, n, (float)scale, single, n);
    for (uint32_t i = 0; i < n; i++) twice[i] = single[i];
}
