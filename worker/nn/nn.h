/* nn.h - layers over plain arrays, each a pair of forward and backward.
 *
 * Arrays are row-major fp32, shapes stand in the comments. Batches are ragged: layers that look at
 * histories take row_start (B + 1), so that the T = row_start[B] rows of all samples lie end to end
 * without padding. A backward adds to gradients of parameters (they are zeroed once a step) and
 * writes gradients of inputs. Nothing allocates in a step: activations and work space are the
 * caller's, sized once for the largest batch.
 *
 *   B samples   T rows of all histories   N in-width   M out-width   D width of an embedding
 *
 * Each layer has a naive twin in tests/support/naive_nn.c, written from the formula alone in double
 * precision; tests compare both and check gradients by finite differences.
 *
 * Threads: pure functions over their arguments; structs have one owner.
 */
#ifndef SOUK_WORKER_NN_NN_H
#define SOUK_WORKER_NN_NN_H

#include <stdbool.h>
#include <stdint.h>

/* ---- gemm.c: matrix products (OpenBLAS, one thread; small shapes by our own loops) ---- */

/* c (m, n) = beta * c + a (m, k) * b (k, n), where a_t / b_t say that the array holds the
 * transpose. Leading dimensions are the distances between rows in floats. */
struct gemm {
    uint32_t m, n, k;
    bool a_t, b_t;
    const float *a, *b;
    float *c;
    uint32_t lda, ldb, ldc;
    float beta; // 0 or 1
};
void nn_gemm(const struct gemm *gemm);

/* ---- linear.c: y = x w^T + b, weights (M, N) as PyTorch keeps them ---- */

struct linear {
    uint32_t num_in, num_out;
    const float *weight; // (M, N)
    const float *bias;   // (M) or NULL
    float *weight_grad;  // (M, N)
    float *bias_grad;    // (M) or NULL
};
void linear_forward(const struct linear *layer, const float *x, uint32_t num_rows, float *y);
/* x_grad (rows, N) may be NULL. */
void linear_backward(const struct linear *layer, const float *x, const float *y_grad,
                     uint32_t num_rows, float *x_grad);

/* ---- activation.c: elementwise; x and y may be the same array ---- */

void sigmoid_forward(const float *x, uint64_t n, float *y);
void sigmoid_backward(const float *y, const float *y_grad, uint64_t n, float *x_grad);
void relu_forward(const float *x, uint64_t n, float *y);
void relu_backward(const float *y, const float *y_grad, uint64_t n, float *x_grad);
/* alpha (M) a unit; x and y differ. */
void prelu_forward(const float *x, const float *alpha, uint32_t num_rows, uint32_t num_units,
                   float *y);
void prelu_backward(const float *x, const float *alpha, const float *y_grad, uint32_t num_rows,
                    uint32_t num_units, float *x_grad, float *alpha_grad);

/* ---- norm.c: statistics of columns, shared by Dice and batch normalisation ---- */

/* Mean and biased variance of each column over real rows; in training of the batch (all ranks'
 * when sums are added up between stats_sum and stats_finish), in evaluation the moving ones. */
struct column_stats {
    uint32_t num_units;
    float epsilon;      // 1e-8 for Dice, 1e-5 for batch normalisation
    float momentum;     // moving = (1 - momentum) * moving + momentum * batch; 0.1
    float *moving_mean; // (M) saved with the model
    float *moving_var;  // (M) unbiased, as PyTorch keeps it
    float *mean, *rstd; // (M) of the step: what forward and backward use
};
/* sums (2 M + 1): sum, sum of squares about the moving mean, number of rows: can be added over
 * ranks. */
void stats_sum(const struct column_stats *stats, const float *x, uint32_t num_rows, double *sums);
/* Sets mean and rstd and moves the moving ones; a single row leaves those and is normalised by
 * them. */
void stats_finish(struct column_stats *stats, const double *sums);
void stats_freeze(struct column_stats *stats); // mean, rstd = moving: for evaluation

/* Dice (DIN, KDD'18, eq. 5): p = sigmoid((x - mean) * rstd), y = p x + (1 - p) alpha x. */
struct dice {
    struct column_stats stats;
    const float *alpha; // (M)
    float *alpha_grad;  // (M)
};
/* gate (rows, M) keeps p for the backward. */
void dice_forward(const struct dice *layer, const float *x, uint32_t num_rows, float *gate,
                  float *y);
/* With is_training, through the batch's mean and variance (sums over ranks: all_sums (2 M) holds
 * sum of d and sum of d * xhat when the caller has added them up over ranks, and num_all_rows;
 * NULL: this batch alone). */
void dice_backward(const struct dice *layer, const float *x, const float *gate, const float *y_grad,
                   uint32_t num_rows, bool is_training, float *x_grad);

struct batch_norm {
    struct column_stats stats;
    const float *weight, *bias; // (M)
    float *weight_grad, *bias_grad;
};
void batch_norm_forward(const struct batch_norm *layer, const float *x, uint32_t num_rows,
                        float *y);
void batch_norm_backward(const struct batch_norm *layer, const float *x, const float *y_grad,
                         uint32_t num_rows, bool is_training, float *x_grad);

/* ---- pool.c: ragged pooling (B, D) of rows (T, D) ---- */

void sum_pool_forward(const float *rows, const uint32_t *row_start, uint32_t num_samples,
                      uint32_t dim, bool is_mean, float *pooled);
void sum_pool_backward(const float *pooled_grad, const uint32_t *row_start, uint32_t num_samples,
                       uint32_t dim, bool is_mean, float *rows_grad);

/* ---- dropout.c: counter-based, so that a step can be repeated ---- */

void dropout_forward(const float *x, uint64_t n, float rate, uint64_t seed, uint64_t position,
                     float *y);
void dropout_backward(const float *y_grad, uint64_t n, float rate, uint64_t seed, uint64_t position,
                      float *x_grad);

/* ---- loss.c ---- */

/* Sum of binary cross-entropies of logits; logit_grad (B) = (sigmoid(z) - label) * scale. */
double bce_forward_backward(const float *logits, const float *labels, uint32_t num_samples,
                            float scale, float *logit_grad);

#endif
