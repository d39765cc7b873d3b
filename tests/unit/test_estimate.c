/* test_estimate.c - estimates and intervals out of contributions of rounds. */
#include "worker/ope/estimate.h"

#include <math.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "worker/ope/interval.h"
#include "worker/ope/resamples.h"
#include "worker/ope/student_t.h"

static void assert_close(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fabs(expected)))
        fail_msg("%.17g is not %.17g", value, expected);
}

static const struct interval_options t95 = {INTERVAL_STUDENT_T, 0.95, 0, 0};
static const struct interval_options boot95 = {INTERVAL_BOOTSTRAP, 0.95, 2000, 7};

static void quantiles_are_those_of_the_distributions(void **state)
{
    (void)state;
    // Roots of the incomplete beta function with 30 digits (mpmath).
    static const double cases[][3] = {
        {.95, 1, 6.3137515146750431},      {.975, 2, 4.30265272974946385},
        {.975, 3, 3.18244630528370959},    {.95, 7, 1.89457860509000739},
        {.9, 30, 1.31041502539139558},     {.995, 200, 2.60063443619155796},
        {.95, 999, 1.64638034542753565},   {.95, 1000, 1.64637881728546472},
        {.975, 1999, 1.96115142017056198}, {.95, 9999, 1.64500603331129949},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_close(student_t_quantile(cases[i][0], cases[i][1]), cases[i][2], 1e-11);
        assert_close(student_t_quantile(1 - cases[i][0], cases[i][1]), -cases[i][2], 1e-11);
    }
    assert_close(normal_quantile(.975), 1.95996398454005423, 1e-14);
    assert_close(normal_quantile(1e-10), -6.36134090240406, 1e-12);
    assert_true(normal_quantile(.5) == 0 && student_t_quantile(.5, 3) == 0);
}

static void a_mean_has_the_error_and_interval_of_the_textbook(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 10};
    struct rounds rounds = {5, x, NULL, 1};
    struct estimate e;
    estimate_rounds("ipw", &rounds, &t95, &e);
    assert_string_equal(e.name, "ipw");
    assert_null(e.undefined);
    assert_close(e.value, 4, 1e-15);
    assert_close(e.std_error, sqrt(50. / 4 / 5), 1e-15);
    assert_close(e.lower, 4 - 2.7764451051977987 * sqrt(2.5), 1e-11);
    assert_close(e.upper, 4 + 2.7764451051977987 * sqrt(2.5), 1e-11);

    struct interval_options options = {INTERVAL_HOEFFDING, 0.9, 0, 0};
    estimate_rounds("ipw", &rounds, &options, &e);
    assert_close(e.lower, 4 - 10 * sqrt(log(20) / 10), 1e-13);
    options.kind = INTERVAL_BERNSTEIN;
    estimate_rounds("ipw", &rounds, &options, &e);
    assert_close(e.upper, 4 + 70 * log(40) / 12 + sqrt(2 * log(40) * 10 / 4), 1e-13);
}

static void a_ratio_has_the_error_of_its_linear_form(void **state)
{
    (void)state;
    const double tops[] = {1, 0, 6, 2}, bottoms[] = {1, 2, 3, 2};
    struct estimate e;
    estimate_rounds("snipw", &(struct rounds){4, tops, bottoms, 1}, &t95, &e);
    assert_close(e.value, 9. / 8, 1e-15);
    double sum = 0;
    for (int i = 0; i < 4; i++) sum += pow((tops[i] - 9. / 8 * bottoms[i]) / 2, 2);
    assert_close(e.std_error, sqrt(sum / 4 / 3), 1e-14);
}

static void a_sum_of_ratios_is_taken_slot_by_slot(void **state)
{
    (void)state;
    const double tops[] = {1, 4, 3, 4}, bottoms[] = {1, 2, 1, 3}; // (2 rounds, 2 slots)
    struct estimate e;
    estimate_rounds("snrips", &(struct rounds){2, tops, bottoms, 2}, &t95, &e);
    assert_close(e.value, 2 + 8. / 5, 1e-15);
    double z0 = (1 - 2) / 1. + (4 - 1.6 * 2) / 2.5, z1 = (3 - 2) / 1. + (4 - 1.6 * 3) / 2.5;
    assert_close(e.std_error, sqrt((z0 * z0 + z1 * z1) / 2), 1e-14);
}

static void nothing_divided_by_nothing_is_undefined(void **state)
{
    (void)state;
    const double zeros[4] = {0}, one[] = {3};
    struct estimate e;
    estimate_rounds("snipw", &(struct rounds){4, zeros, zeros, 1}, &boot95, &e);
    assert_true(isnan(e.value) && isnan(e.std_error) && isnan(e.lower) && isnan(e.upper));
    assert_non_null(e.undefined);
    estimate_rounds("ipw", &(struct rounds){0, zeros, NULL, 1}, &t95, &e);
    assert_true(isnan(e.value));
    assert_string_equal(e.undefined, "there are no rounds");
    estimate_rounds("ipw", &(struct rounds){1, one, NULL, 1}, &boot95, &e);
    assert_true(e.value == 3 && isnan(e.std_error) && isnan(e.lower) && !e.undefined);
}

static void resamples_that_lose_all_weights_leave_no_interval(void **state)
{
    (void)state;
    const double tops[] = {1, 0, 0}, bottoms[] = {1, 0, 0}; // (2/3)^3 of the resamples miss it
    struct estimate e;
    estimate_rounds("snipw", &(struct rounds){3, tops, bottoms, 1}, &boot95, &e);
    assert_true(e.value == 1 && isnan(e.lower) && isnan(e.upper));
}

enum { NUM_DRAWN = 400 };

// x of an exponential distribution, weights beside it that x grows with.
static void draw(double *tops, double *bottoms)
{
    struct rng rng;
    rng_init(&rng, 11, 0);
    for (int i = 0; i < NUM_DRAWN; i++) {
        bottoms[i] = -log(1 - rng_uniform_double(&rng));
        tops[i] = bottoms[i] * 2 + 0.1 * rng_normal(&rng);
    }
}

static void a_bootstrap_agrees_with_the_linear_form(void **state)
{
    (void)state;
    double tops[NUM_DRAWN], bottoms[NUM_DRAWN];
    draw(tops, bottoms);
    struct rounds mean = {NUM_DRAWN, tops, NULL, 1}, ratio = {NUM_DRAWN, tops, bottoms, 1};
    struct estimate t, boot;
    for (int is_ratio = 0; is_ratio < 2; is_ratio++) {
        estimate_rounds("x", is_ratio ? &ratio : &mean, &t95, &t);
        estimate_rounds("x", is_ratio ? &ratio : &mean, &boot95, &boot);
        assert_close(boot.upper - boot.lower, t.upper - t.lower, 0.1);
        assert_true(boot.lower < t.value && t.value < boot.upper);
        assert_true(boot.std_error == t.std_error);
    }
    // The denominator moves with the numerator: fixing it would give the width of the mean.
    assert_true(t.upper - t.lower < 0.05);
}

static void a_seed_gives_the_same_bootstrap_again(void **state)
{
    (void)state;
    double tops[NUM_DRAWN], bottoms[NUM_DRAWN];
    draw(tops, bottoms);
    struct rounds rounds = {NUM_DRAWN, tops, NULL, 1};
    struct interval_options other = boot95;
    other.seed++;
    struct estimate a, b, c;
    estimate_rounds("x", &rounds, &boot95, &a);
    estimate_rounds("x", &rounds, &boot95, &b);
    estimate_rounds("x", &rounds, &other, &c);
    assert_true(a.lower == b.lower && a.upper == b.upper && a.lower != c.lower);
}

// 250,000 rounds are drawn in groups of two and three.
static void a_long_log_is_resampled_in_groups(void **state)
{
    (void)state;
    enum { NUM_LONG = 250000 };
    assert_int_equal(resample_groups(NUM_LONG), RESAMPLE_GROUPS_MAX);
    assert_int_equal(resample_group_begin(NUM_LONG, 3), 7);
    assert_int_equal(resample_group_begin(NUM_LONG, RESAMPLE_GROUPS_MAX), NUM_LONG);
    double *x = mem_alloc(NUM_LONG * sizeof(*x), "contributions");
    struct rng rng;
    rng_init(&rng, 4, 0);
    for (int i = 0; i < NUM_LONG; i++) x[i] = rng_uniform_double(&rng) < 0.01;
    struct rounds rounds = {NUM_LONG, x, NULL, 1};
    struct interval_options few = {INTERVAL_BOOTSTRAP, 0.95, 500, 7, resamples_create()};
    struct estimate t, boot, again;
    estimate_rounds("x", &rounds, &t95, &t);
    estimate_rounds("x", &rounds, &few, &boot);
    estimate_rounds("x", &rounds, &few, &again); // by the resamples that were kept
    assert_close(boot.upper - boot.lower, t.upper - t.lower, 0.1);
    assert_true(boot.lower == again.lower && boot.upper == again.upper);
    resamples_destroy(few.resamples);
    few.resamples = NULL;
    estimate_rounds("x", &rounds, &few, &again);
    assert_true(boot.lower == again.lower && boot.upper == again.upper);
    mem_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_the_distributions),
        cmocka_unit_test(a_mean_has_the_error_and_interval_of_the_textbook),
        cmocka_unit_test(a_ratio_has_the_error_of_its_linear_form),
        cmocka_unit_test(a_sum_of_ratios_is_taken_slot_by_slot),
        cmocka_unit_test(nothing_divided_by_nothing_is_undefined),
        cmocka_unit_test(resamples_that_lose_all_weights_leave_no_interval),
        cmocka_unit_test(a_bootstrap_agrees_with_the_linear_form),
        cmocka_unit_test(a_long_log_is_resampled_in_groups),
        cmocka_unit_test(a_seed_gives_the_same_bootstrap_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
