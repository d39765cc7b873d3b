/* test_retrieval.c - candidates are distinct, follow popularity and groups, and avoid the history.
 * Expected shares are weights over their sums; deviations within 4 standard errors. */
#include "worker/env/retrieval.h"

#include <math.h>

#include "common/base/mem.h"
#include "tests/support/cmocka.h"

enum { NUM_ITEMS = 12, NUM_DRAWS = 20000 };

// Items 0..5 are of group 7, 6..9 of group 3, 10 and 11 of group 900; (group, filler) pairs.
static const uint64_t groups[2 * NUM_ITEMS] = {7, 0, 7, 0, 7, 0, 7, 0, 7,   0, 7,   0,
                                               3, 0, 3, 0, 3, 0, 3, 0, 900, 0, 900, 0};
static const double popularity[NUM_ITEMS] = {1, 1, 4, 1, 1, 9, 1, 16, 1, 1, 1, 25};

static struct retrieval *make(double exponent, double near_share, bool has_groups)
{
    const struct retrieval_options options = {.num_items = NUM_ITEMS,
                                              .groups = has_groups ? groups : NULL,
                                              .groups_stride = 2,
                                              .popularity = popularity,
                                              .exponent = exponent,
                                              .near_share = near_share};
    return retrieval_create(&options);
}

// How often each item comes first, over users.
static void count_firsts(const struct retrieval *retrieval, const uint32_t *history,
                         uint32_t num_behaviours, uint32_t *counts)
{
    struct env_base base = {.key = {1, 2}};
    for (uint32_t i = 0; i < NUM_ITEMS; i++) counts[i] = 0;
    for (uint32_t n = 0; n < NUM_DRAWS; n++) {
        struct env_place place = {.user = n, .step = n % 3, .is_taken = true};
        const struct retrieval_user user = {&base, &place, history, num_behaviours, 1 << 20};
        uint32_t item;
        retrieval_draw(retrieval, &user, 1, &item);
        counts[item]++;
    }
}

static void assert_share(uint32_t count, double share)
{
    double error = sqrt(share * (1 - share) / NUM_DRAWS);
    if (fabs((double)count / NUM_DRAWS - share) > 4 * error + 1e-9)
        fail_msg("%g is not %g", (double)count / NUM_DRAWS, share);
}

static void items_are_drawn_by_popularity(void **state)
{
    (void)state;
    static const double exponents[] = {0, 0.5, 1};
    for (int e = 0; e < 3; e++) {
        struct retrieval *retrieval = make(exponents[e], 0.5, true);
        uint32_t counts[NUM_ITEMS];
        double sum = 0;
        count_firsts(retrieval, NULL, 0, counts);
        for (int i = 0; i < NUM_ITEMS; i++) sum += pow(popularity[i], exponents[e]);
        for (int i = 0; i < NUM_ITEMS; i++)
            assert_share(counts[i], pow(popularity[i], exponents[e]) / sum);
        retrieval_destroy(retrieval);
    }
}

static void near_items_are_of_a_group_of_the_history(void **state)
{
    (void)state;
    // Item 10 is alone in its group with item 11; item 99 is none.
    const uint32_t history[] = {10, 10, 10, 0};
    struct retrieval *retrieval = make(1, 1, true);
    uint32_t counts[NUM_ITEMS];
    count_firsts(retrieval, history, 4, counts);
    for (int i = 6; i < 10; i++) assert_int_equal(counts[i], 0);
    // One draw in four is of group 7 (17, of which item 0 has 1), three of group 900 (26, of which
    // item 10 has 1); items of the history are drawn again.
    double seven = 0.25 * 16 / 17, last = 0.75 * 25 / 26;
    assert_share(counts[11], last / (seven + last));
    assert_share(counts[5], 0.25 * 9 / 17 / (seven + last));
    assert_int_equal(counts[0] + counts[10], 0);
    retrieval_destroy(retrieval);

    retrieval = make(1, 1, false); // there are no groups: all are popular
    count_firsts(retrieval, history, 4, counts);
    assert_true(counts[7] > 0);
    retrieval_destroy(retrieval);
}

static void behaviours_of_no_item_are_near_to_all(void **state)
{
    (void)state;
    const uint32_t history[] = {UINT32_MAX};
    struct retrieval *retrieval = make(0, 1, true);
    uint32_t counts[NUM_ITEMS];
    count_firsts(retrieval, history, 1, counts);
    for (int i = 0; i < NUM_ITEMS; i++) assert_share(counts[i], 1.0 / NUM_ITEMS);
    retrieval_destroy(retrieval);
}

static void candidates_are_distinct_even_when_all_items_are_wanted(void **state)
{
    (void)state;
    struct retrieval *retrieval = make(4, 0.9, true); // very uneven
    struct env_base base = {.key = {1, 2}};
    const uint32_t history[] = {11, 7, 5};
    for (uint32_t n = 0; n < 300; n++) {
        struct env_place place = {.user = n, .is_taken = true};
        const struct retrieval_user user = {&base, &place, history, 3, 1 << 20};
        uint32_t items[NUM_ITEMS], num = 1 + n % NUM_ITEMS, seen = 0;
        retrieval_draw(retrieval, &user, num, items);
        for (uint32_t i = 0; i < num; i++) {
            assert_true(items[i] < NUM_ITEMS);
            assert_false(seen & 1u << items[i]);
            seen |= 1u << items[i];
        }
    }
    retrieval_destroy(retrieval);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_drawn_by_popularity),
        cmocka_unit_test(near_items_are_of_a_group_of_the_history),
        cmocka_unit_test(behaviours_of_no_item_are_near_to_all),
        cmocka_unit_test(candidates_are_distinct_even_when_all_items_are_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
