/* Tests of worker/nn's layers without statistics, against twins in double precision. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/naive_nn.h"
#include "worker/nn/activation.h"
#include "worker/nn/dropout.h"
#include "worker/nn/gemm.h"
#include "worker/nn/linear.h"
#include "worker/nn/loss.h"
#include "worker/nn/pool.h"
#include "worker/nn/vmath.h"

enum { FLOATS_MAX = 2048 };

// ---- vmath ----

static void exp_and_sigmoid_keep_their_error_bounds(void **state)
{
    (void)state;
    double worst_exp = 0, worst_sigmoid = 0;
    enum { BLOCK = 1000 };
    float x[BLOCK], e[BLOCK], s[BLOCK];
    for (int block = -88; block < 88; block++) {
        for (int i = 0; i < BLOCK; i++) x[i] = fmaxf((float)block + (float)i / BLOCK, -87);
        vmath_exp(x, BLOCK, e);
        vmath_sigmoid(x, BLOCK, s);
        for (int i = 0; i < BLOCK; i++) {
            double expected = exp((double)x[i]), sigmoid = 1 / (1 + exp(-(double)x[i]));
            worst_exp = fmax(worst_exp, fabs(e[i] - expected) / expected);
            worst_sigmoid = fmax(worst_sigmoid, fabs(s[i] - sigmoid) / sigmoid);
        }
    }
    if (worst_exp > 1.5e-7) fail_msg("exp is off by %g", worst_exp);
    if (worst_sigmoid > 3e-7) fail_msg("sigmoid is off by %g", worst_sigmoid);
}

static void exp_and_sigmoid_stay_finite_except_for_nan(void **state)
{
    (void)state;
    const float x[] = {INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 1e4f, -1e4f, 0, NAN};
    float e[8], s[8];
    vmath_exp(x, 8, e);
    vmath_sigmoid(x, 8, s);
    for (int i = 0; i < 7; i++) {
        assert_true(isfinite(e[i]) && e[i] > 0);
        assert_true(s[i] >= 0 && s[i] <= 1);
    }
    assert_true(e[6] == 1 && s[6] == 0.5f && s[4] == 1 && s[5] < 1e-37f);
    assert_true(isnan(e[7]) && isnan(s[7]));
}

// ---- gemm and linear ----

static void gemm_multiplies_all_four_ways(void **state)
{
    (void)state;
    enum { M = 5, N = 7, K = 3 };
    float a[M * K], b[K * N], c[M * (N + 2)];
    double a2[M * K], b2[K * N];
    naive_fill(1, 1, M * K, a, a2);
    naive_fill(2, 1, K * N, b, b2);
    for (int way = 0; way < 8; way++) {
        bool a_t = way & 1, b_t = way & 2;
        struct gemm gemm = {.m = M,
                            .n = N,
                            .k = K,
                            .a_t = a_t,
                            .b_t = b_t,
                            .a = a,
                            .b = b,
                            .c = c,
                            .lda = a_t ? M : K,
                            .ldb = b_t ? K : N,
                            .ldc = N + 2,
                            .beta = way & 4 ? 1 : 0};
        for (int i = 0; i < M * (N + 2); i++) c[i] = way & 4 ? 10 : NAN;
        nn_gemm(&gemm);
        for (int i = 0; i < M; i++) {
            for (int j = 0; j < N; j++) {
                double sum = way & 4 ? 10 : 0;
                for (int k = 0; k < K; k++)
                    sum += a2[a_t ? k * M + i : i * K + k] * b2[b_t ? j * K + k : k * N + j];
                assert_close("c", &c[i * (N + 2) + j], &sum, 1, 1e-6);
            }
        }
    }
}

static void gemm_without_depth_writes_zeros_or_adds_nothing(void **state)
{
    (void)state;
    float c[4] = {1, 2, 3, 4}, none[1] = {0};
    struct gemm gemm = {.m = 2,
                        .n = 2,
                        .k = 0,
                        .a = none,
                        .b = none,
                        .c = c,
                        .lda = 1,
                        .ldb = 2,
                        .ldc = 2,
                        .beta = 1};
    nn_gemm(&gemm);
    assert_true(c[0] == 1 && c[3] == 4);
    gemm.beta = 0;
    nn_gemm(&gemm);
    for (int i = 0; i < 4; i++) assert_true(c[i] == 0);
}

struct linear_rig {
    uint32_t rows, n, m;
    double x2[FLOATS_MAX], w2[FLOATS_MAX], b2[64], y2[FLOATS_MAX], d2[FLOATS_MAX];
    float x[FLOATS_MAX], w[FLOATS_MAX], b[64], y[FLOATS_MAX], d[FLOATS_MAX];
    float x_grad[FLOATS_MAX], w_grad[FLOATS_MAX], b_grad[64];
};

static double linear_loss(void *ctx)
{
    struct linear_rig *rig = ctx;
    struct naive_linear layer = {rig->n, rig->m, rig->w2, rig->b2};
    naive_linear(&layer, rig->x2, rig->rows, rig->y2);
    double sum = 0;
    for (uint32_t i = 0; i < rig->rows * rig->m; i++) sum += rig->y2[i] * rig->d2[i];
    return sum;
}

static void check_linear(uint32_t rows, uint32_t n, uint32_t m)
{
    static struct linear_rig rig;
    memset(&rig, 0, sizeof rig);
    rig.rows = rows, rig.n = n, rig.m = m;
    naive_fill(1, 1, rows * n, rig.x, rig.x2);
    naive_fill(2, 1, n * m, rig.w, rig.w2);
    naive_fill(3, 1, m, rig.b, rig.b2);
    naive_fill(4, 1, rows * m, rig.d, rig.d2);
    struct linear layer = {n, m, rig.w, rig.b, rig.w_grad, rig.b_grad};
    linear_forward(&layer, rig.x, rows, rig.y);
    linear_loss(&rig);
    assert_close("y", rig.y, rig.y2, rows * m, 3e-6);
    linear_backward(&layer, rig.x, rig.d, rows, rig.x_grad);
    assert_gradient("x", linear_loss, &rig, rig.x2, rows * n, rig.x_grad, 1e-5);
    assert_gradient("weight", linear_loss, &rig, rig.w2, n * m, rig.w_grad, 1e-5);
    assert_gradient("bias", linear_loss, &rig, rig.b2, m, rig.b_grad, 1e-5);
    float before = rig.w_grad[0];
    linear_backward(&layer, rig.x, rig.d, rows, NULL);
    assert_true(fabsf(rig.w_grad[0] - 2 * before) < 1e-5f); // added to
}

static void linear_is_a_product_and_a_bias(void **state)
{
    (void)state;
    check_linear(1, 1, 1);
    check_linear(1, 13, 9);
    check_linear(17, 8, 40);
    check_linear(6, 33, 1);
    check_linear(0, 3, 2);
}

// ---- activations ----

enum activation { SIGMOID, RELU, PRELU };

struct activation_rig {
    enum activation kind;
    uint32_t rows, units;
    double x2[FLOATS_MAX], alpha2[64], d2[FLOATS_MAX];
    float x[FLOATS_MAX], alpha[64], d[FLOATS_MAX], y[FLOATS_MAX];
    float x_grad[FLOATS_MAX], alpha_grad[64];
};

static double naive_activation(const struct activation_rig *rig, uint32_t i)
{
    double x = rig->x2[i];
    if (rig->kind == SIGMOID) return naive_sigmoid(x);
    return x > 0 ? x : rig->kind == PRELU ? rig->alpha2[i % rig->units] * x : 0;
}

static double activation_loss(void *ctx)
{
    const struct activation_rig *rig = ctx;
    double sum = 0;
    for (uint32_t i = 0; i < rig->rows * rig->units; i++)
        sum += naive_activation(rig, i) * rig->d2[i];
    return sum;
}

// In place where the layer allows it.
static void run_activation(struct activation_rig *rig)
{
    uint32_t n = rig->rows * rig->units;
    struct prelu prelu = {rig->units, rig->alpha, rig->alpha_grad};
    memcpy(rig->y, rig->x, n * sizeof(float));
    memcpy(rig->x_grad, rig->d, n * sizeof(float));
    switch (rig->kind) {
    case SIGMOID:
        sigmoid_forward(rig->y, n, rig->y);
        sigmoid_backward(rig->y, rig->x_grad, n, rig->x_grad);
        break;
    case RELU:
        relu_forward(rig->y, n, rig->y);
        relu_backward(rig->y, rig->x_grad, n, rig->x_grad);
        break;
    case PRELU:
        prelu_forward(&prelu, rig->x, rig->rows, rig->y);
        prelu_backward(&prelu, rig->x, rig->x_grad, rig->rows, rig->x_grad);
        break;
    }
}

static void check_activation(enum activation kind, uint32_t rows, uint32_t units)
{
    static struct activation_rig rig;
    memset(&rig, 0, sizeof rig);
    rig.kind = kind, rig.rows = rows, rig.units = units;
    naive_fill(1, 2, rows * units, rig.x, rig.x2);
    naive_fill(2, 1, units, rig.alpha, rig.alpha2);
    naive_fill(3, 1, rows * units, rig.d, rig.d2);
    run_activation(&rig);
    for (uint32_t i = 0; i < rows * units; i++) {
        double expected = naive_activation(&rig, i);
        assert_close("y", &rig.y[i], &expected, 1, 1e-6);
    }
    assert_gradient("x", activation_loss, &rig, rig.x2, rows * units, rig.x_grad, 1e-5);
    if (kind == PRELU)
        assert_gradient("alpha", activation_loss, &rig, rig.alpha2, units, rig.alpha_grad, 1e-5);
}

static void activations_follow_their_formulas_also_in_place(void **state)
{
    (void)state;
    for (int kind = SIGMOID; kind <= PRELU; kind++) {
        check_activation((enum activation)kind, 1, 1);
        check_activation((enum activation)kind, 5, 13);
        check_activation((enum activation)kind, 9, 32);
        check_activation((enum activation)kind, 0, 3);
    }
}

static void relu_lets_nan_through(void **state)
{
    (void)state;
    float x[3] = {NAN, -1, 2}, y[3];
    relu_forward(x, 3, y);
    assert_true(isnan(y[0]) && y[1] == 0 && y[2] == 2);
}

// ---- pooling ----

static void pools_take_real_rows_only(void **state)
{
    (void)state;
    enum { DIM = 5, SAMPLES = 4, ROWS = 8 };
    const uint32_t row_start[SAMPLES + 1] = {0, 3, 3, 4, ROWS};
    float rows[ROWS * DIM], pooled[SAMPLES * DIM], grad[SAMPLES * DIM], rows_grad[ROWS * DIM];
    double rows2[ROWS * DIM], grad2[SAMPLES * DIM];
    naive_fill(1, 1, ROWS * DIM, rows, rows2);
    naive_fill(2, 1, SAMPLES * DIM, grad, grad2);
    for (int is_mean = 0; is_mean < 2; is_mean++) {
        struct pool pool = {DIM, is_mean, SAMPLES, row_start};
        pool_forward(&pool, rows, pooled);
        pool_backward(&pool, grad, rows_grad);
        for (uint32_t i = 0; i < SAMPLES * DIM; i++) {
            uint32_t b = i / DIM, d = i % DIM, n = row_start[b + 1] - row_start[b];
            double scale = is_mean && n > 0 ? 1.0 / n : 1, sum = 0;
            for (uint32_t t = row_start[b]; t < row_start[b + 1]; t++) {
                double expected = grad2[i] * scale;
                assert_close("rows_grad", &rows_grad[t * DIM + d], &expected, 1, 1e-6);
                sum += rows2[t * DIM + d] * scale;
            }
            assert_close("pooled", &pooled[i], &sum, 1, 1e-6);
        }
    }
}

// ---- dropout ----

static void dropout_drops_its_rate_and_keeps_the_mean(void **state)
{
    (void)state;
    enum { N = 100000 };
    static float x[N], y[N], again[N];
    for (int i = 0; i < N; i++) x[i] = 1;
    struct dropout dropout = {.rate = 0.3f, .seed = 7};
    dropout_apply(&dropout, x, N, y);
    dropout_apply(&dropout, x, N, again);
    assert_memory_equal(y, again, sizeof y);
    int num_dropped = 0, num_pairs = 0;
    for (int i = 0; i < N; i++) {
        assert_true(y[i] == 0 || fabsf(y[i] - 1 / 0.7f) < 1e-6f);
        num_dropped += y[i] == 0;
        num_pairs += i > 0 && y[i] == 0 && y[i - 1] == 0;
    }
    // Five deviations: 725 of a binomial, and 453 of pairs.
    assert_in_range(num_dropped, 30000 - 725, 30000 + 725);
    assert_in_range(num_pairs, 9000 - 725, 9000 + 725);
}

static void dropout_of_another_seed_is_another_one(void **state)
{
    (void)state;
    enum { N = 10000 };
    static float x[N], y[2][N];
    const uint64_t others[] = {8, 7 + (1ull << 32)};
    for (int i = 0; i < N; i++) x[i] = 1;
    for (int k = 0; k < 2; k++) {
        dropout_apply(&(struct dropout){.rate = 0.5f, .seed = 7}, x, N, y[0]);
        dropout_apply(&(struct dropout){.rate = 0.5f, .seed = others[k]}, x, N, y[1]);
        int num_same = 0;
        for (int i = 0; i < N; i++) num_same += y[0][i] == y[1][i];
        assert_in_range(num_same, 5000 - 250, 5000 + 250);
    }
    dropout_apply(&(struct dropout){.rate = 0, .seed = 7}, x, N, y[0]);
    assert_memory_equal(x, y[0], sizeof x);
}

// ---- loss ----

static void loss_is_binary_cross_entropy_of_logits(void **state)
{
    (void)state;
    const float logits[] = {0, 1.5f, -2, 4, -7, 0.25f}, labels[] = {1, 1, 1, 0, 0, 0};
    float grads[6];
    double expected = 0, sum = bce_forward_backward(logits, labels, 6, 0.5f, grads);
    for (int i = 0; i < 6; i++) {
        double label = labels[i], grad = 0.5 * (naive_sigmoid(logits[i]) - label);
        expected += naive_bce(logits[i], label);
        assert_close("grad", &grads[i], &grad, 1, 1e-7);
    }
    assert_true(fabs(sum - expected) < 1e-12);
}

static void loss_of_huge_logits_is_finite(void **state)
{
    (void)state;
    const float logits[] = {1e4f, -1e4f}, right[] = {1, 0}, wrong[] = {0, 1};
    float grads[2];
    assert_true(bce_forward_backward(logits, right, 2, 1, grads) == 0);
    assert_true(grads[0] == 0 && grads[1] == 0);
    assert_true(bce_forward_backward(logits, wrong, 2, 1, grads) == 2e4);
    assert_true(grads[0] == 1 && grads[1] == -1);
    assert_true(bce_forward_backward(logits, wrong, 0, 1, NULL) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_and_sigmoid_keep_their_error_bounds),
        cmocka_unit_test(exp_and_sigmoid_stay_finite_except_for_nan),
        cmocka_unit_test(gemm_multiplies_all_four_ways),
        cmocka_unit_test(gemm_without_depth_writes_zeros_or_adds_nothing),
        cmocka_unit_test(linear_is_a_product_and_a_bias),
        cmocka_unit_test(activations_follow_their_formulas_also_in_place),
        cmocka_unit_test(relu_lets_nan_through),
        cmocka_unit_test(pools_take_real_rows_only),
        cmocka_unit_test(dropout_drops_its_rate_and_keeps_the_mean),
        cmocka_unit_test(dropout_of_another_seed_is_another_one),
        cmocka_unit_test(loss_is_binary_cross_entropy_of_logits),
        cmocka_unit_test(loss_of_huge_logits_is_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
