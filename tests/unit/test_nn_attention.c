/* Tests of worker/nn/attention.h against the paper's form in double precision. */
#include <math.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/naive_nn.h"
#include "worker/nn/attention.h"

enum { SAMPLES_MAX = 8, ROWS_MAX = 600, DIM_MAX = 48, PARAMS_MAX = 4096, STATS_MAX = 128 };

struct rig {
    struct attention_options options;
    struct attention *attention;
    struct naive_attention naive;
    uint32_t num_params, num_stats, num_samples, num_rows, row_start[SAMPLES_MAX + 1];
    float params[PARAMS_MAX], grads[PARAMS_MAX], stats[STATS_MAX];
    float q[SAMPLES_MAX * DIM_MAX], q_grad[SAMPLES_MAX * DIM_MAX];
    float keys[ROWS_MAX * DIM_MAX], keys_grad[ROWS_MAX * DIM_MAX];
    float pooled[SAMPLES_MAX * DIM_MAX], pooled_grad[SAMPLES_MAX * DIM_MAX], scores[ROWS_MAX];
    double params2[PARAMS_MAX], q2[SAMPLES_MAX * DIM_MAX], keys2[ROWS_MAX * DIM_MAX];
    double pooled2[SAMPLES_MAX * DIM_MAX], pooled_grad2[SAMPLES_MAX * DIM_MAX];
    double scores2[ROWS_MAX], moving2[STATS_MAX];
};

static struct rig rig;

static void start(const struct attention_options *options, const uint32_t *lengths,
                  uint32_t num_samples)
{
    memset(&rig, 0, sizeof rig);
    rig.options = *options;
    rig.attention = attention_create(options);
    rig.num_params = attention_num_params(rig.attention);
    rig.num_stats = attention_num_stats(rig.attention);
    assert_true(rig.num_params <= PARAMS_MAX && rig.num_stats <= STATS_MAX);
    rig.num_samples = num_samples;
    for (uint32_t b = 0; b < num_samples; b++) rig.row_start[b + 1] = rig.row_start[b] + lengths[b];
    rig.num_rows = rig.row_start[num_samples];
    assert_true(rig.num_rows <= ROWS_MAX);
    naive_fill(1, 0.8, rig.num_params, rig.params, rig.params2);
    naive_fill(2, 1, num_samples * options->dim, rig.q, rig.q2);
    naive_fill(3, 1, rig.num_rows * options->dim, rig.keys, rig.keys2);
    naive_fill(4, 1, num_samples * options->dim, rig.pooled_grad, rig.pooled_grad2);
    attention_set_params(rig.attention, rig.params, rig.grads);
    for (uint32_t i = 0, at = 0; rig.num_stats > 0 && i < options->num_layers; i++) {
        column_stats_reset(rig.stats + at, options->widths[i]);
        at += 2 * options->widths[i];
    }
    attention_set_stats(rig.attention, rig.stats);
    rig.naive = (struct naive_attention){.dim = options->dim,
                                         .num_layers = options->num_layers,
                                         .widths = rig.options.widths,
                                         .activation = (enum naive_activation)options->activation,
                                         .has_softmax = options->has_softmax,
                                         .params = rig.params2,
                                         .row_start = rig.row_start,
                                         .num_samples = num_samples};
}

static void forward(bool is_training)
{
    struct attention_batch batch = {rig.q, rig.keys, rig.row_start, rig.num_samples, is_training};
    attention_forward(rig.attention, &batch, rig.pooled, rig.scores);
}

static double naive_loss(void *ctx)
{
    (void)ctx;
    naive_attention(&rig.naive, rig.q2, rig.keys2, rig.scores2, rig.pooled2);
    double sum = 0;
    for (uint32_t i = 0; i < rig.num_samples * rig.options.dim; i++)
        sum += rig.pooled2[i] * rig.pooled_grad2[i];
    return sum;
}

static void check_forward(void)
{
    naive_loss(NULL);
    assert_close("scores", rig.scores, rig.scores2, rig.num_rows, 2e-6);
    assert_close("pooled", rig.pooled, rig.pooled2, rig.num_samples * rig.options.dim, 4e-6);
}

static void check_backward(double tolerance)
{
    uint32_t dim = rig.options.dim;
    memset(rig.q_grad, 0x7f, sizeof rig.q_grad); // written, not added to
    memset(rig.keys_grad, 0x7f, sizeof rig.keys_grad);
    attention_backward(rig.attention, rig.pooled_grad, rig.q_grad, rig.keys_grad);
    assert_gradient("params", naive_loss, NULL, rig.params2, rig.num_params, rig.grads, tolerance);
    assert_gradient("q", naive_loss, NULL, rig.q2, rig.num_samples * dim, rig.q_grad, tolerance);
    assert_gradient("keys", naive_loss, NULL, rig.keys2, rig.num_rows * dim, rig.keys_grad,
                    tolerance);
}

static void both_ways(enum attention_activation activation, bool has_softmax,
                      const uint32_t *lengths, uint32_t num_samples)
{
    struct attention_options options = {.dim = 6,
                                        .num_layers = 2,
                                        .widths = {11, 5},
                                        .activation = activation,
                                        .has_softmax = has_softmax};
    start(&options, lengths, num_samples);
    forward(true);
    check_forward();
    check_backward(1e-5);
    attention_destroy(rig.attention);
}

static const uint32_t awkward[] = {3, 0, 1, 9, 0};

static void each_activation_is_as_the_paper_writes_it(void **state)
{
    (void)state;
    for (int activation = ATTENTION_SIGMOID; activation <= ATTENTION_DICE; activation++) {
        both_ways((enum attention_activation)activation, false, awkward, 5);
        both_ways((enum attention_activation)activation, true, awkward, 5);
    }
}

/* The last parameter, a bias that softmax does not see: Adam would make steps of rounding errors.
 */
static void a_shift_of_all_scores_has_no_gradient_behind_a_softmax(void **state)
{
    (void)state;
    both_ways(ATTENTION_SIGMOID, true, awkward, 5);
    assert_true(rig.grads[rig.num_params - 1] == 0);
    both_ways(ATTENTION_SIGMOID, false, awkward, 5);
    assert_true(rig.grads[rig.num_params - 1] != 0);
}

static void one_behaviour_alone_works(void **state)
{
    (void)state;
    both_ways(ATTENTION_SIGMOID, false, (uint32_t[]){1}, 1);
    both_ways(ATTENTION_PRELU, true, (uint32_t[]){1}, 1);
}

static void histories_without_behaviours_give_zero_vectors(void **state)
{
    (void)state;
    for (int softmax = 0; softmax < 2; softmax++) {
        struct attention_options options = {.dim = 8,
                                            .num_layers = 1,
                                            .widths = {8},
                                            .activation = ATTENTION_DICE,
                                            .has_softmax = softmax};
        start(&options, (uint32_t[]){0, 0, 0}, 3);
        memset(rig.pooled, 0x7f, sizeof rig.pooled);
        forward(true);
        attention_backward(rig.attention, rig.pooled_grad, rig.q_grad, rig.keys_grad);
        for (uint32_t i = 0; i < 3 * 8; i++) {
            assert_true(rig.pooled[i] == 0);
            assert_true(rig.q_grad[i] == 0);
        }
        for (uint32_t i = 0; i < rig.num_params; i++) assert_true(rig.grads[i] == 0);
        attention_destroy(rig.attention);
    }
}

// More rows than a chunk has, and one history that is longer than a chunk.
static void long_histories_cross_chunks(void **state)
{
    (void)state;
    struct attention_options options = {.dim = 3, .num_layers = 3, .widths = {7, 4, 2}};
    start(&options, (uint32_t[]){150, 40, 0, 250, 100, 60}, 6);
    forward(true);
    check_forward();
    check_backward(2e-5);
    attention_destroy(rig.attention);
}

static void dice_takes_statistics_of_all_rows_however_many(void **state)
{
    (void)state;
    struct attention_options options = {
        .dim = 2, .num_layers = 2, .widths = {5, 3}, .activation = ATTENTION_DICE};
    start(&options, (uint32_t[]){100, 90, 80}, 3);
    forward(true);
    check_forward();
    check_backward(2e-5);
    attention_destroy(rig.attention);
}

static void count_sum(void *ctx, double *sums, uint32_t n)
{
    (void)sums;
    (void)n;
    ++*(uint32_t *)ctx;
}

/* A rank that waits for a sum which another one never asks for is stuck, or gets a wrong one. */
static void dice_takes_part_in_as_many_sums_without_samples_as_with_some(void **state)
{
    (void)state;
    uint32_t num_sums = 0, num_with_samples = 0;
    struct attention_options options = {.dim = 4,
                                        .num_layers = 2,
                                        .widths = {9, 3},
                                        .activation = ATTENTION_DICE,
                                        .reducer = {count_sum, &num_sums}};
    for (int is_empty = 0; is_empty < 2; is_empty++) {
        uint32_t num_samples = is_empty ? 0 : 2;
        num_sums = 0;
        start(&options, (uint32_t[]){3, 1}, num_samples);
        forward(true);
        attention_backward(rig.attention, rig.pooled_grad, rig.q_grad, rig.keys_grad);
        attention_destroy(rig.attention);
        if (!is_empty) num_with_samples = num_sums;
    }
    assert_int_equal(num_with_samples, 4); // two layers, both ways
    assert_int_equal(num_sums, num_with_samples);
}

// Columns are worked on by 32, by 8, and one by one.
static void wide_rows_are_worked_on_in_blocks(void **state)
{
    (void)state;
    struct attention_options options = {.dim = 32 + 8 + 3, .num_layers = 1, .widths = {9}};
    start(&options, awkward, 5);
    forward(true);
    check_forward();
    check_backward(1e-5);
    attention_destroy(rig.attention);
}

static void buffers_grow_with_the_batch(void **state)
{
    (void)state;
    struct attention_options options = {.dim = 8, .num_layers = 2, .widths = {16, 8}};
    start(&options, (uint32_t[]){2, 3, 300, 20}, 4);
    rig.num_samples = rig.naive.num_samples = 2;
    forward(true);
    rig.num_samples = rig.naive.num_samples = 4;
    forward(true);
    check_forward();
    attention_destroy(rig.attention);
}

static void dice_takes_moving_statistics_in_evaluation(void **state)
{
    (void)state;
    struct attention_options options = {
        .dim = 4, .num_layers = 2, .widths = {9, 3}, .activation = ATTENTION_DICE};
    start(&options, awkward, 5);
    forward(true); // moves them
    for (uint32_t i = 0; i < rig.num_stats; i++) rig.moving2[i] = rig.stats[i];
    rig.naive.moving = rig.moving2;
    forward(false);
    check_forward();
    check_backward(1e-5);
    attention_destroy(rig.attention);
}

static void score_of_a_sample_does_not_depend_on_the_others(void **state)
{
    (void)state;
    struct attention_options options = {.dim = 8, .num_layers = 2, .widths = {40, 16}};
    start(&options, (uint32_t[]){5, 7}, 2);
    forward(true);
    float first = rig.scores[0], pooled = rig.pooled[0];
    rig.num_samples = 1;
    forward(true);
    assert_true(fabsf(rig.scores[0] - first) < 1e-6f && fabsf(rig.pooled[0] - pooled) < 1e-6f);
    attention_destroy(rig.attention);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_activation_is_as_the_paper_writes_it),
        cmocka_unit_test(a_shift_of_all_scores_has_no_gradient_behind_a_softmax),
        cmocka_unit_test(one_behaviour_alone_works),
        cmocka_unit_test(histories_without_behaviours_give_zero_vectors),
        cmocka_unit_test(long_histories_cross_chunks),
        cmocka_unit_test(dice_takes_statistics_of_all_rows_however_many),
        cmocka_unit_test(dice_takes_part_in_as_many_sums_without_samples_as_with_some),
        cmocka_unit_test(wide_rows_are_worked_on_in_blocks),
        cmocka_unit_test(buffers_grow_with_the_batch),
        cmocka_unit_test(dice_takes_moving_statistics_in_evaluation),
        cmocka_unit_test(score_of_a_sample_does_not_depend_on_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
