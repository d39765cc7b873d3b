/* Tests of column statistics, Dice and batch normalisation against twins in double precision. */
#include <math.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/naive_nn.h"
#include "worker/nn/batch_norm.h"
#include "worker/nn/dice.h"

enum { ROWS_MAX = 40, UNITS_MAX = 33, FLOATS_MAX = ROWS_MAX * UNITS_MAX };

struct rig {
    bool is_dice;
    uint32_t rows, units;
    float x[FLOATS_MAX], y[FLOATS_MAX], gate[FLOATS_MAX], d[FLOATS_MAX], x_grad[FLOATS_MAX];
    float a[UNITS_MAX], a_grad[UNITS_MAX]; // alpha of Dice, weight of batch normalisation
    float b[UNITS_MAX], b_grad[UNITS_MAX]; // bias
    float moving[2 * UNITS_MAX];
    double x2[FLOATS_MAX], y2[FLOATS_MAX], d2[FLOATS_MAX], a2[UNITS_MAX], b2[UNITS_MAX];
    double moving2[2 * UNITS_MAX];
    bool is_frozen; // the twin takes moving2
    struct dice dice;
    struct batch_norm norm;
};

static struct rig rig;

static void start(bool is_dice, uint32_t rows, uint32_t units)
{
    memset(&rig, 0, sizeof rig);
    rig.is_dice = is_dice, rig.rows = rows, rig.units = units;
    naive_fill(1, 3, rows * units, rig.x, rig.x2);
    naive_fill(2, 1, rows * units, rig.d, rig.d2);
    naive_fill(3, 1, units, rig.a, rig.a2);
    naive_fill(4, 1, units, rig.b, rig.b2);
    column_stats_reset(rig.moving, units);
    rig.dice = (struct dice){.alpha = rig.a, .alpha_grad = rig.a_grad};
    column_stats_init(&rig.dice.stats, units, 1e-8f, rig.moving);
    rig.norm = (struct batch_norm){
        .weight = rig.a, .weight_grad = rig.a_grad, .bias = rig.b, .bias_grad = rig.b_grad};
    column_stats_init(&rig.norm.stats, units, 1e-5f, rig.moving);
}

static void stop(void)
{
    column_stats_fini(&rig.dice.stats);
    column_stats_fini(&rig.norm.stats);
}

static struct column_stats *stats(void)
{
    return rig.is_dice ? &rig.dice.stats : &rig.norm.stats;
}

static void forward(void)
{
    if (rig.is_dice)
        dice_forward(&rig.dice, rig.x, rig.rows, rig.gate, rig.y);
    else
        batch_norm_forward(&rig.norm, rig.x, rig.rows, rig.y);
}

static void backward(void)
{
    memcpy(rig.x_grad, rig.d, sizeof rig.d); // in place
    if (rig.is_dice)
        dice_backward(&rig.dice, rig.x, rig.gate, rig.x_grad, rig.rows, rig.x_grad);
    else
        batch_norm_backward(&rig.norm, rig.x, rig.x_grad, rig.rows, rig.x_grad);
}

static double naive_loss(void *ctx)
{
    (void)ctx;
    struct naive_norm norm = {rig.units, rig.is_dice ? (double)1e-8f : (double)1e-5f, NULL, NULL};
    if (rig.is_frozen) {
        norm.mean = rig.moving2;
        norm.variance = rig.moving2 + rig.units;
    }
    uint32_t n = rig.rows * rig.units;
    if (rig.is_dice)
        naive_dice(&norm, rig.a2, rig.x2, rig.rows, rig.y2);
    else
        naive_normalise(&norm, rig.x2, rig.rows, rig.y2);
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = i % rig.units;
        if (!rig.is_dice) rig.y2[i] = rig.a2[j] * rig.y2[i] + rig.b2[j];
        sum += rig.y2[i] * rig.d2[i];
    }
    return sum;
}

static void check(double tolerance)
{
    uint32_t n = rig.rows * rig.units;
    forward();
    naive_loss(NULL);
    assert_close("y", rig.y, rig.y2, n, tolerance);
    backward();
    assert_gradient("x", naive_loss, NULL, rig.x2, n, rig.x_grad, tolerance);
    assert_gradient("a", naive_loss, NULL, rig.a2, rig.units, rig.a_grad, tolerance);
    if (!rig.is_dice)
        assert_gradient("b", naive_loss, NULL, rig.b2, rig.units, rig.b_grad, tolerance);
}

static void freeze(void)
{
    column_stats_freeze(stats());
    for (uint32_t i = 0; i < 2 * rig.units; i++) rig.moving2[i] = rig.moving[i];
    rig.is_frozen = true;
}

static void training_goes_through_the_statistics_of_the_batch(void **state)
{
    (void)state;
    const uint32_t sizes[][2] = {{2, 1}, {7, 5}, {40, 33}, {16, 8}};
    for (int i = 0; i < 8; i++) {
        start(i & 1, sizes[i / 2][0], sizes[i / 2][1]);
        column_stats_take(stats(), rig.x, rig.rows);
        check(1e-5);
        stop();
    }
}

static void evaluation_takes_the_moving_ones(void **state)
{
    (void)state;
    for (int is_dice = 0; is_dice < 2; is_dice++) {
        start(is_dice, 9, 13);
        column_stats_take(stats(), rig.x, rig.rows);
        freeze();
        check(1e-5);
        stop();
    }
}

// As torch.nn.BatchNorm1d: moving = 0.9 * moving + 0.1 * batch, the variance of n - 1.
static void moving_statistics_are_those_of_pytorch(void **state)
{
    (void)state;
    start(true, 5, 3);
    double mean[3], variance[3], moving[6] = {0, 0, 0, 1, 1, 1};
    naive_columns(rig.x2, 5, 3, mean, variance);
    for (int step = 0; step < 3; step++) {
        column_stats_take(stats(), rig.x, rig.rows);
        for (int j = 0; j < 3; j++) {
            moving[j] = 0.9 * moving[j] + 0.1 * mean[j];
            moving[3 + j] = 0.9 * moving[3 + j] + 0.1 * variance[j] * 5 / 4;
        }
    }
    assert_close("moving", rig.moving, moving, 6, 1e-6);
    stop();
}

static void one_row_is_normalised_by_the_moving_ones(void **state)
{
    (void)state;
    for (int is_dice = 0; is_dice < 2; is_dice++) {
        start(is_dice, 1, 5);
        for (uint32_t j = 0; j < 5; j++) {
            rig.moving[j] = rig.moving2[j] = 0.5;
            rig.moving[5 + j] = rig.moving2[5 + j] = 2;
        }
        rig.is_frozen = true;
        column_stats_take(stats(), rig.x, 1);
        check(1e-5);
        assert_true(rig.moving[0] == 0.5f && rig.moving[5] == 2);
        stop();
    }
}

static void no_row_at_all_changes_nothing(void **state)
{
    (void)state;
    start(true, 0, 4);
    column_stats_take(stats(), rig.x, 0);
    forward();
    backward();
    for (int j = 0; j < 4; j++)
        assert_true(rig.moving[j] == 0 && rig.moving[4 + j] == 1 && rig.a_grad[j] == 0);
    stop();
}

static void constant_columns_stay_finite(void **state)
{
    (void)state;
    for (int is_dice = 0; is_dice < 2; is_dice++) {
        start(is_dice, 8, 2);
        for (uint32_t i = 0; i < 16; i++) rig.x[i] = 0.1f + (float)(i % 2);
        column_stats_take(stats(), rig.x, rig.rows);
        forward();
        backward();
        for (uint32_t i = 0; i < 16; i++)
            assert_true(isfinite(rig.y[i]) && isfinite(rig.x_grad[i]));
        stop();
    }
}

// A mean of 10,000 deviations: squares of floats would lose all digits.
static void far_means_do_not_cancel(void **state)
{
    (void)state;
    start(true, 40, 3);
    double mean[3], variance[3];
    for (uint32_t i = 0; i < 120; i++) rig.x2[i] = rig.x[i] = 1000 + rig.x[i] / 30;
    naive_columns(rig.x2, 40, 3, mean, variance);
    column_stats_take(stats(), rig.x, rig.rows);
    for (int j = 0; j < 3; j++) {
        double rstd = 1 / sqrt(variance[j] + 1e-8);
        assert_close("rstd", &stats()->rstd[j], &rstd, 1, 1e-6);
    }
    stop();
}

// Plays the other rank, whose rows are the second half: its sums are added to what is handed in.
struct other_rank {
    struct column_stats stats;
    const double *sums; // to be added
    uint32_t num_calls;
};

static void add_other(void *ctx, double *sums, uint32_t n)
{
    struct other_rank *other = ctx;
    for (uint32_t i = 0; i < n; i++) sums[i] += other->sums[i];
    other->num_calls++;
}

// Takes what would be sent, instead of sending it.
static void record_sums(void *ctx, double *sums, uint32_t n)
{
    memcpy(ctx, sums, n * sizeof(double));
}

static void two_ranks_have_the_statistics_of_one(void **state)
{
    (void)state;
    enum { ROWS = 10, FIRST = 3, UNITS = 7 };
    start(true, ROWS, UNITS);
    double sums[2 * UNITS + 1];
    float moving[2 * UNITS];
    struct other_rank other = {.sums = sums};
    column_stats_reset(moving, UNITS);
    column_stats_init(&other.stats, UNITS, 1e-8f, moving);
    other.stats.reducer = (struct stats_reducer){record_sums, sums};
    column_stats_take(&other.stats, rig.x + FIRST * UNITS, ROWS - FIRST);

    stats()->reducer = (struct stats_reducer){add_other, &other};
    column_stats_take(stats(), rig.x, FIRST);
    dice_forward(&rig.dice, rig.x, FIRST, rig.gate, rig.y);
    // The other rank's half of the backward, with the common mean and rstd.
    float gate[ROWS * UNITS], y[ROWS * UNITS], grad[ROWS * UNITS], alpha_grad[UNITS] = {0};
    struct dice second = {.stats = rig.dice.stats, .alpha = rig.a, .alpha_grad = alpha_grad};
    second.stats.reducer = (struct stats_reducer){record_sums, sums};
    uint32_t begin = FIRST * UNITS;
    dice_forward(&second, rig.x + begin, ROWS - FIRST, gate, y);
    dice_backward(&second, rig.x + begin, gate, rig.d + begin, ROWS - FIRST, grad);
    dice_backward(&rig.dice, rig.x, rig.gate, rig.d, FIRST, rig.x_grad);

    assert_int_equal(other.num_calls, 2);
    naive_loss(NULL); // all rows
    assert_close("y", rig.y, rig.y2, FIRST * UNITS, 2e-6);
    assert_gradient("x", naive_loss, NULL, rig.x2, FIRST * UNITS, rig.x_grad, 1e-5);
    column_stats_fini(&other.stats);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_goes_through_the_statistics_of_the_batch),
        cmocka_unit_test(evaluation_takes_the_moving_ones),
        cmocka_unit_test(moving_statistics_are_those_of_pytorch),
        cmocka_unit_test(one_row_is_normalised_by_the_moving_ones),
        cmocka_unit_test(no_row_at_all_changes_nothing),
        cmocka_unit_test(constant_columns_stay_finite),
        cmocka_unit_test(far_means_do_not_cancel),
        cmocka_unit_test(two_ranks_have_the_statistics_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
