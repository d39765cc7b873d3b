/* logistic.c - see logistic.h. */
#include "worker/ope/logistic.h"

#include <math.h>

#include "common/base/mem.h"
#include "worker/ope/newton.h"

double logistic_share(double z)
{
    return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

/* ---- shares ---- */

static uint32_t size_of(const struct logistic_problem *p)
{
    return p->num_dense + p->num_levels + 1;
}

static double weight_of(const struct logistic_problem *p, uint64_t i)
{
    return p->weights ? p->weights[i] : 1;
}

static double margin_of(const struct logistic_problem *p, const double *at, uint64_t i)
{
    const double *dense = p->dense + i * p->num_dense;
    double z = at[size_of(p) - 1];
    for (uint32_t d = 0; d < p->num_dense; d++) z += at[d] * dense[d];
    if (p->num_levels) z += at[p->num_dense + p->levels[i]];
    return z;
}

static double share_objective(const void *ctx, const double *at)
{
    const struct logistic_problem *p = ctx;
    double losses = 0, squares = 0;
    for (uint64_t i = 0; i < p->num_rows; i++) {
        double z = margin_of(p, at, i);
        losses += weight_of(p, i) * (fmax(z, 0) - z * p->targets[i] + log1p(exp(-fabs(z))));
    }
    for (uint32_t d = 0; d + 1 < size_of(p); d++) squares += at[d] * at[d];
    return p->penalty * losses + squares / 2;
}

// One row's part. Of the indicators only one is not zero.
static void add_share(const struct logistic_problem *p, const double *at, uint64_t i,
                      double *gradient, double *curvature)
{
    const double *dense = p->dense + i * p->num_dense;
    const uint64_t n = size_of(p), last = n - 1;
    double share = logistic_share(margin_of(p, at, i));
    double scale = p->penalty * weight_of(p, i);
    double slope = scale * (share - p->targets[i]), bend = scale * share * (1 - share);
    for (uint64_t d = 0; d < p->num_dense; d++) {
        gradient[d] += slope * dense[d];
        for (uint64_t e = 0; e <= d; e++) curvature[d * n + e] += bend * dense[d] * dense[e];
        curvature[last * n + d] += bend * dense[d];
    }
    gradient[last] += slope;
    curvature[last * n + last] += bend;
    if (!p->num_levels) return;
    uint64_t level = p->num_dense + p->levels[i];
    gradient[level] += slope;
    for (uint64_t d = 0; d < p->num_dense; d++) curvature[level * n + d] += bend * dense[d];
    curvature[level * n + level] += bend;
    curvature[last * n + level] += bend;
}

static void differentiate_shares(const void *ctx, const double *at, double *gradient,
                                 double *curvature)
{
    const struct logistic_problem *p = ctx;
    const uint64_t n = size_of(p);
    for (uint64_t d = 0; d + 1 < n; d++) {
        gradient[d] = at[d];
        curvature[d * n + d] = 1;
    }
    for (uint64_t i = 0; i < p->num_rows; i++) add_share(p, at, i, gradient, curvature);
}

bool logistic_fit(const struct logistic_problem *problem, double *coefficients_out)
{
    const struct newton newton = {size_of(problem), problem, share_objective, differentiate_shares};
    for (uint32_t d = 0; d < newton.size; d++) coefficients_out[d] = 0;
    return newton_minimise(&newton, coefficients_out);
}

/* ---- choices ---- */

// Probabilities of all choices in a row into shares (L); returns the log of that of the one taken.
static double softmax_row(const struct softmax_problem *p, const double *at, uint64_t i,
                          double *shares)
{
    const double *dense = p->dense + i * p->num_dense;
    double top = -INFINITY, sum = 0;
    for (uint32_t j = 0; j < p->num_choices; j++) {
        const double *w = at + (uint64_t)j * (p->num_dense + 1);
        shares[j] = w[p->num_dense];
        for (uint32_t d = 0; d < p->num_dense; d++) shares[j] += w[d] * dense[d];
        top = fmax(top, shares[j]);
    }
    double taken = shares[p->choices[i]] - top;
    for (uint32_t j = 0; j < p->num_choices; j++) sum += shares[j] = exp(shares[j] - top);
    for (uint32_t j = 0; j < p->num_choices; j++) shares[j] /= sum;
    return taken - log(sum);
}

static double choice_objective(const void *ctx, const double *at)
{
    const struct softmax_problem *p = ctx;
    double *shares = mem_alloc(p->num_choices * sizeof(*shares), "shares");
    double losses = 0, squares = 0;
    for (uint64_t i = 0; i < p->num_rows; i++) losses -= softmax_row(p, at, i, shares);
    for (uint64_t d = 0; d < (uint64_t)p->num_choices * (p->num_dense + 1); d++)
        squares += at[d] * at[d];
    mem_free(shares);
    return p->penalty * losses + squares / 2;
}

// The lower half of bend (z, 1) (z, 1)' into the block of choices j and k, k <= j.
static void add_block(const struct softmax_problem *p, const double *dense, double bend,
                      double *curvature, uint64_t j, uint64_t k)
{
    const uint64_t width = p->num_dense + 1, n = width * p->num_choices;
    for (uint64_t d = 0; d < width; d++) {
        double left = bend * (d < p->num_dense ? dense[d] : 1);
        double *row = curvature + (j * width + d) * n + k * width;
        uint64_t end = j == k ? d + 1 : width;
        for (uint64_t e = 0; e < end; e++) row[e] += left * (e < p->num_dense ? dense[e] : 1);
    }
}

static void differentiate_choices(const void *ctx, const double *at, double *gradient,
                                  double *curvature)
{
    const struct softmax_problem *p = ctx;
    const uint64_t width = p->num_dense + 1, n = width * p->num_choices;
    double *shares = mem_alloc(p->num_choices * sizeof(*shares), "shares");
    for (uint64_t d = 0; d < n; d++) {
        gradient[d] = at[d];
        curvature[d * n + d] = 1;
    }
    for (uint64_t i = 0; i < p->num_rows; i++) {
        const double *dense = p->dense + i * p->num_dense;
        softmax_row(p, at, i, shares);
        for (uint64_t j = 0; j < p->num_choices; j++) {
            double slope = p->penalty * (shares[j] - (p->choices[i] == j));
            for (uint64_t d = 0; d < width; d++)
                gradient[j * width + d] += slope * (d < p->num_dense ? dense[d] : 1);
            for (uint64_t k = 0; k <= j; k++)
                add_block(p, dense, p->penalty * shares[j] * ((j == k) - shares[k]), curvature, j,
                          k);
        }
    }
    mem_free(shares);
}

bool softmax_fit(const struct softmax_problem *problem, double *shares_out)
{
    uint32_t size = problem->num_choices * (problem->num_dense + 1);
    const struct newton newton = {size, problem, choice_objective, differentiate_choices};
    double *at = mem_calloc(size, sizeof(*at), "coefficients");
    double *shares = mem_alloc(problem->num_choices * sizeof(*shares), "shares");
    bool is_settled = newton_minimise(&newton, at);
    for (uint64_t i = 0; i < problem->num_rows && is_settled; i++)
        shares_out[i] = exp(softmax_row(problem, at, i, shares));
    mem_free(at);
    mem_free(shares);
    return is_settled;
}
