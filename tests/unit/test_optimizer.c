/* Tests of server/optimizer.h against numbers that tests/golden/optimizers.py has computed. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "server/optimizer.h"
#include "tests/support/cmocka.h"

enum { NUM_STEPS = 4, GOLDEN_DIM = 3, FLOATS_MAX = 256 };

struct golden {
    enum souk_optimizer optimizer;
    double rows[NUM_STEPS][GOLDEN_DIM]; // after each step
};

// clang-format off
static const struct golden goldens[] = {
#include "tests/golden/optimizers.inc"
};
// clang-format on

static const float start[GOLDEN_DIM] = {0.5f, -0.25f, 0.0f};
static const float gradients[NUM_STEPS][GOLDEN_DIM] = {
    {0.1f, -0.2f, 0.3f}, {-0.4f, 0.05f, 0.0f}, {0.25f, 0.25f, -1.5f}, {0.01f, -3.0f, 0.7f}};

// The settings of the golden numbers.
static struct souk_table_spec make_spec(enum souk_optimizer optimizer, uint32_t dim)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "golden", dim);
    spec.optimizer = optimizer;
    spec.beta2 = 0.99f;
    spec.epsilon = 1e-6f;
    spec.initial_accumulator = 0.1f;
    spec.ftrl_alpha = 0.5f;
    spec.l1 = 0.05f;
    spec.l2 = 0.1f;
    return spec;
}

static void begin_row(const struct souk_table_spec *spec, const float *weights, float *row)
{
    const struct optimizer_ops *ops = optimizer_get(spec->optimizer);
    memset(row, 0, FLOATS_MAX * sizeof(float));
    memcpy(row, weights, spec->dim * sizeof(float));
    if (ops->init_state) ops->init_state(spec, row, row + spec->dim);
}

static void assert_near(double value, double expected)
{
    double error = fabs(value - expected);
    if (error > 2e-6 * (1 + fabs(expected))) fail_msg("%.9f is not %.9f", value, expected);
}

static void each_optimizer_follows_its_paper(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof(goldens) / sizeof(goldens[0]); k++) {
        struct souk_table_spec spec = make_spec(goldens[k].optimizer, GOLDEN_DIM);
        const struct optimizer_ops *ops = optimizer_get(spec.optimizer);
        float row[FLOATS_MAX], *rows[1] = {row};
        begin_row(&spec, start, row);
        for (int s = 0; s < NUM_STEPS; s++) {
            ops->apply(&spec, 0.1f, gradients[s], rows, 1);
            for (int j = 0; j < GOLDEN_DIM; j++) assert_near(row[j], goldens[k].rows[s][j]);
        }
    }
}

// A row must come out the same alone and in a batch, and each weight whatever stands beside it:
// widths around those that are vectorised, and all that have code of their own.
static void width_and_batch_do_not_matter(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof(goldens) / sizeof(goldens[0]); k++) {
        if (goldens[k].optimizer == SOUK_OPT_ROWWISE_ADAGRAD) continue; // the next test
        for (uint32_t dim = 1; dim <= 64; dim += dim < 40 ? 1 : 24) {
            struct souk_table_spec spec = make_spec(goldens[k].optimizer, dim);
            const struct optimizer_ops *ops = optimizer_get(spec.optimizer);
            float first[FLOATS_MAX], second[FLOATS_MAX], *rows[2] = {first, second};
            float wide[2 * FLOATS_MAX];
            for (uint32_t j = 0; j < dim; j++) wide[j] = start[j % GOLDEN_DIM];
            begin_row(&spec, wide, first);
            begin_row(&spec, wide, second);
            for (int s = 0; s < NUM_STEPS; s++) {
                for (uint32_t j = 0; j < 2 * dim; j++) wide[j] = gradients[s][j % dim % GOLDEN_DIM];
                ops->apply(&spec, 0.1f, wide, rows, 2);
            }
            for (uint32_t j = 0; j < dim; j++) {
                assert_near(first[j], goldens[k].rows[NUM_STEPS - 1][j % GOLDEN_DIM]);
                assert_near(second[j], goldens[k].rows[NUM_STEPS - 1][j % GOLDEN_DIM]);
            }
        }
    }
}

static void rowwise_adagrad_takes_the_mean_over_any_width(void **state)
{
    (void)state;
    for (uint32_t dim = 1; dim <= 64; dim += dim < 40 ? 1 : 24) {
        struct souk_table_spec spec = make_spec(SOUK_OPT_ROWWISE_ADAGRAD, dim);
        float row[FLOATS_MAX], *rows[1] = {row}, weights[64], g[64];
        double squares = 0;
        for (uint32_t j = 0; j < dim; j++) {
            weights[j] = (float)j;
            g[j] = 0.01f * (float)(j * j % 37);
            squares += (double)g[j] * (double)g[j];
        }
        begin_row(&spec, weights, row);
        optimizer_get(spec.optimizer)->apply(&spec, 0.1f, g, rows, 1);
        double n = 0.1 + squares / dim;
        assert_near(row[dim], n);
        for (uint32_t j = 0; j < dim; j++) assert_near(row[j], j - 0.1 * g[j] / (sqrt(n) + 1e-6));
    }
}

static void state_stays_within_its_floats(void **state)
{
    (void)state;
    for (int k = 0; k < SOUK_NUM_OPTIMIZERS; k++) {
        struct souk_table_spec spec = make_spec((enum souk_optimizer)k, GOLDEN_DIM);
        const struct optimizer_ops *ops = optimizer_get(spec.optimizer);
        float row[FLOATS_MAX], *rows[1] = {row};
        begin_row(&spec, start, row);
        uint32_t used = spec.dim + ops->state_floats(spec.dim);
        for (uint32_t j = used; j < FLOATS_MAX; j++) row[j] = 77;
        ops->apply(&spec, 0.1f, gradients[0], rows, 1);
        optimizer_add(ops, &spec, gradients[0], rows, 1);
        for (uint32_t j = used; j < FLOATS_MAX; j++) assert_true(row[j] == 77);
    }
}

static void overflow_is_cut_to_the_range_of_fp32(void **state)
{
    (void)state;
    const float huge[GOLDEN_DIM] = {FLT_MAX, -FLT_MAX, 0};
    for (int k = 0; k < SOUK_NUM_OPTIMIZERS; k++) {
        struct souk_table_spec spec = make_spec((enum souk_optimizer)k, GOLDEN_DIM);
        const struct optimizer_ops *ops = optimizer_get(spec.optimizer);
        float row[FLOATS_MAX], *rows[1] = {row};
        begin_row(&spec, start, row);
        for (int s = 0; s < 5; s++) {
            ops->apply(&spec, 1e6f, huge, rows, 1);
            optimizer_add(ops, &spec, huge, rows, 1);
            optimizer_add(ops, &spec, huge, rows, 1);
        }
        for (uint32_t j = 0; j < spec.dim + ops->state_floats(spec.dim); j++)
            assert_true(isfinite(row[j]));
    }
}

static void ftrl_goes_on_from_a_row_that_was_added_to(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec(SOUK_OPT_FTRL, GOLDEN_DIM);
    const struct optimizer_ops *ops = optimizer_get(spec.optimizer);
    const float none[GOLDEN_DIM] = {0}, difference[GOLDEN_DIM] = {1.0f, 2.0f, -3.0f};
    float row[FLOATS_MAX], *rows[1] = {row}, before[GOLDEN_DIM];
    begin_row(&spec, start, row);
    ops->apply(&spec, 0.1f, gradients[0], rows, 1);
    memcpy(before, row, sizeof(before));
    optimizer_add(ops, &spec, difference, rows, 1);
    ops->apply(&spec, 0.1f, none, rows, 1); // without a gradient nothing may move
    for (int j = 0; j < GOLDEN_DIM; j++) assert_near(row[j], before[j] + difference[j]);
}

static void adam_counts_the_pushes_of_each_row(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec(SOUK_OPT_ADAM, GOLDEN_DIM);
    const struct optimizer_ops *ops = optimizer_get(spec.optimizer);
    float often[FLOATS_MAX], once[FLOATS_MAX], *both[2] = {often, once}, *one[1] = {often};
    begin_row(&spec, start, often);
    begin_row(&spec, start, once);
    for (int s = 0; s < 3; s++) ops->apply(&spec, 0.1f, gradients[s], one, 1);
    float pair[2 * GOLDEN_DIM];
    memcpy(pair, gradients[3], sizeof(gradients[3]));
    memcpy(pair + GOLDEN_DIM, gradients[0], sizeof(gradients[0]));
    ops->apply(&spec, 0.1f, pair, both, 2);
    assert_near(often[3 * GOLDEN_DIM], 4);
    assert_near(once[3 * GOLDEN_DIM], 1);
    assert_near(once[0], goldens[SOUK_OPT_ADAM].rows[0][0]);
    assert_near(often[0], goldens[SOUK_OPT_ADAM].rows[3][0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_optimizer_follows_its_paper),
        cmocka_unit_test(width_and_batch_do_not_matter),
        cmocka_unit_test(rowwise_adagrad_takes_the_mean_over_any_width),
        cmocka_unit_test(state_stays_within_its_floats),
        cmocka_unit_test(overflow_is_cut_to_the_range_of_fp32),
        cmocka_unit_test(ftrl_goes_on_from_a_row_that_was_added_to),
        cmocka_unit_test(adam_counts_the_pushes_of_each_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
