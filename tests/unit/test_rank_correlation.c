/* Rank correlations against figures computed by hand and a naive twin that counts pairs. */
#include "worker/eval/rank_correlation.h"

#include <math.h>
#include <string.h>

#include "common/base/rng.h"
#include "tests/support/cmocka.h"

enum { NUM = 60 };

// The mean rank of a value: one more than those below it, and half of the others that equal it.
static double naive_rank(const float *values, uint32_t n, uint32_t i)
{
    double rank = 1;
    for (uint32_t j = 0; j < n; j++)
        rank += values[j] < values[i] ? 1 : j != i && values[j] == values[i] ? 0.5 : 0;
    return rank;
}

static double naive_correlation(const float *x, const float *y, uint32_t n)
{
    double mean = (n + 1) / 2.0, xy = 0, xx = 0, yy = 0;
    for (uint32_t i = 0; i < n; i++) {
        double a = naive_rank(x, n, i) - mean, b = naive_rank(y, n, i) - mean;
        xy += a * b, xx += a * a, yy += b * b;
    }
    return xy / sqrt(xx) / sqrt(yy);
}

static void check(const float *x, const float *y, uint32_t n, double expected)
{
    struct rank_correlation result = rank_correlation(x, y, n);
    assert_null(result.undefined);
    assert_true(fabs(result.value - expected) < 1e-12);
}

static void figures_are_those_of_the_textbook(void **state)
{
    (void)state;
    // Hours of television and IQ of ten people: 1 - 6 * 194 / (10 * 99).
    const float iq[] = {106, 100, 86, 101, 99, 103, 97, 113, 112, 110};
    const float hours[] = {7, 27, 2, 50, 28, 29, 20, 12, 6, 17};
    check(iq, hours, 10, 1 - 6 * 194 / 990.0);
    const float up[] = {-1, 0, 2, 700}, down[] = {3, 2, 1, -9};
    check(up, up, 4, 1);
    check(up, down, 4, -1);
    // Ranks 1.5 1.5 3 4 against 1 3 2 4: 3 / sqrt(4.5 * 5).
    const float tied[] = {1, 1, 2, 3}, other[] = {1, 3, 2, 4};
    check(tied, other, 4, 3 / sqrt(22.5));
}

static void equal_values_share_the_mean_of_their_ranks(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 11, 0);
    for (uint32_t n = 2; n <= NUM; n++) {
        float x[NUM], y[NUM];
        for (uint32_t i = 0; i < n; i++) {
            x[i] = (float)rng_below(&rng, 1 + n / 3);
            y[i] = x[i] * (i % 2 ? 1 : -1) + (float)rng_below(&rng, 4);
        }
        double expected = naive_correlation(x, y, n);
        struct rank_correlation result = rank_correlation(x, y, n);
        if (isnan(expected)) {
            assert_non_null(result.undefined);
        } else {
            check(x, y, n, expected);
            check(y, x, n, expected);
        }
    }
}

static void what_is_undefined_says_why(void **state)
{
    (void)state;
    const float same[] = {2, 2, 2}, other[] = {1, 2, 3};
    for (uint32_t n = 0; n < 2; n++) {
        struct rank_correlation result = rank_correlation(other, other, n);
        assert_true(isnan(result.value));
        assert_string_equal(result.undefined, "fewer than two values");
    }
    assert_true(isnan(rank_correlation(same, other, 3).value));
    assert_string_equal(rank_correlation(other, same, 3).undefined,
                        "all values of one side are equal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_textbook),
        cmocka_unit_test(equal_values_share_the_mean_of_their_ranks),
        cmocka_unit_test(what_is_undefined_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
