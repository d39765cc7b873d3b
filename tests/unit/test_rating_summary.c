/* Tests of worker/data/rating_summary and key_count. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "worker/data/rating_summary.h"

static void keys_are_counted_exactly_up_to_the_bound(void **state)
{
    (void)state;
    bool is_exact = false;
    struct key_count *keys = key_count_create(10000);
    for (uint64_t round = 1; round <= 3; round++)
        for (uint64_t key = 0; key < 10000; key++)
            assert_int_equal(key_count_add(keys, key * 1000003), round);
    assert_int_equal(key_count_distinct(keys, &is_exact), 10000);
    assert_true(is_exact);
    assert_int_equal(key_count_add(keys, 7), 0);
    key_count_distinct(keys, &is_exact);
    assert_false(is_exact);
    key_count_destroy(keys);
    key_count_destroy(NULL);
}

static void estimates_are_within_three_percent(void **state)
{
    (void)state;
    const uint64_t counts[] = {1000, 20000, 300000};
    for (int i = 0; i < 3; i++) {
        bool is_exact = true;
        struct key_count *keys = key_count_create(500);
        for (uint64_t key = 0; key < counts[i]; key++) {
            key_count_add(keys, key);
            key_count_add(keys, key / 2); // what came before changes nothing
        }
        double estimate = (double)key_count_distinct(keys, &is_exact), truth = (double)counts[i];
        assert_false(is_exact);
        assert_true(fabs(estimate / truth - 1) < 0.03);
        struct key_frequency top;
        assert_int_equal(key_count_top(keys, &top, 1), 0);
        key_count_destroy(keys);
    }
}

static void most_frequent_keys_come_first(void **state)
{
    (void)state;
    struct key_frequency top[4];
    struct key_count *keys = key_count_create(100);
    assert_int_equal(key_count_top(keys, top, 4), 0);
    for (uint64_t key = 0; key < 20; key++)
        for (uint64_t i = 0; i <= key % 10; i++) key_count_add(keys, key);
    assert_int_equal(key_count_top(keys, top, 4), 4);
    const uint64_t wanted[] = {9, 19, 8, 18};
    for (int i = 0; i < 4; i++) assert_int_equal(top[i].key, wanted[i]);
    assert_int_equal(top[0].count, 10);
    assert_int_equal(key_count_top(keys, top, 0), 0);
    key_count_destroy(keys);
}

static void few_values_have_a_bar_each(void **state)
{
    (void)state;
    const struct rating rows[] = {{1, 1, 5}, {1, 2, 3}, {2, 1, 3}, {1, 1, 1}, {3, 9, NAN}};
    struct rating_summary_result result;
    struct rating_summary *summary = rating_summary_create();
    rating_summary_add(summary, rows, 2);
    rating_summary_add(summary, rows + 2, 3);
    rating_summary_finish(summary, &result);
    rating_summary_destroy(summary);
    assert_int_equal(result.num_rows, 5);
    assert_int_equal(result.num_users, 3);
    assert_int_equal(result.num_items, 3);
    assert_true(result.are_users_exact && result.are_items_exact && result.knows_duplicates);
    assert_int_equal(result.num_duplicates, 1);
    assert_int_equal(result.num_with_rating, 4);
    assert_true(result.min == 1 && result.max == 5 && result.mean == 3);
    assert_true(fabs(result.deviation - sqrt(2)) < 1e-12);
    assert_int_equal(result.num_bars, 3);
    const double values[] = {1, 3, 5};
    const uint64_t counts[] = {1, 2, 1};
    for (int i = 0; i < 3; i++) {
        assert_true(result.bars[i].low == values[i] && result.bars[i].high == values[i]);
        assert_int_equal(result.bars[i].count, counts[i]);
    }
    assert_int_equal(result.top_items[0].key, 1);
    assert_int_equal(result.top_items[0].count, 3);
}

static void many_values_have_bins(void **state)
{
    (void)state;
    enum { NUM_ROWS = 240000 };
    struct rating *rows = calloc(NUM_ROWS, sizeof(*rows));
    for (uint32_t i = 0; i < NUM_ROWS; i++)
        rows[i] = (struct rating){i, 1, (float)i / (NUM_ROWS - 1)};
    struct rating_summary_result result;
    struct rating_summary *summary = rating_summary_create();
    rating_summary_add(summary, rows, 12000); // in order: a sample of the first ones would show
    rating_summary_finish(summary, &result);
    assert_false(result.is_sampled);
    rating_summary_add(summary, rows + 12000, NUM_ROWS - 12000);
    rating_summary_finish(summary, &result);
    assert_int_equal(result.num_bars, RATING_SUMMARY_BINS);
    assert_true(result.is_sampled);
    assert_true(result.bars[0].low == 0 &&
                fabs(result.bars[RATING_SUMMARY_BINS - 1].high - 1) < 1e-9);
    for (int i = 0; i < RATING_SUMMARY_BINS; i++)
        assert_in_range(result.bars[i].count, 19000, 21000);
    rating_summary_destroy(summary);
    free(rows);
}

static void rows_without_ratings_have_no_bars(void **state)
{
    (void)state;
    const struct rating row = {1, 2, NAN};
    struct rating_summary_result result;
    struct rating_summary *summary = rating_summary_create();
    rating_summary_add(summary, &row, 1);
    rating_summary_finish(summary, &result);
    rating_summary_destroy(summary);
    assert_int_equal(result.num_with_rating, 0);
    assert_int_equal(result.num_bars, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_counted_exactly_up_to_the_bound),
        cmocka_unit_test(estimates_are_within_three_percent),
        cmocka_unit_test(most_frequent_keys_come_first),
        cmocka_unit_test(few_values_have_a_bar_each),
        cmocka_unit_test(many_values_have_bins),
        cmocka_unit_test(rows_without_ratings_have_no_bars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
