/* Tests of common/base/rng.h against the published vectors and against statistics. */
#include <math.h>
#include <string.h>

#include "common/base/rng.h"
#include "tests/support/cmocka.h"

// kat_vectors of the authors' Random123 library, philox4x32 with 10 rounds.
static void philox_gives_the_published_numbers(void **state)
{
    (void)state;
    const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t out[4];
        rng_philox(cases[i].key, cases[i].counter, out);
        assert_memory_equal(out, cases[i].out, sizeof(out));
    }
}

static void streams_repeat_and_differ(void **state)
{
    (void)state;
    struct rng a, b, c;
    rng_init(&a, 5, rng_stream("shuffle", 1, 2));
    rng_init(&b, 5, rng_stream("shuffle", 1, 2));
    rng_init(&c, 5, rng_stream("shuffle", 2, 1));
    int num_equal = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t x = rng_next_u64(&a);
        assert_int_equal(x, rng_next_u64(&b));
        num_equal += x == rng_next_u64(&c);
    }
    assert_int_equal(num_equal, 0);
}

static void below_is_even_and_in_range(void **state)
{
    (void)state;
    struct rng rng;
    uint32_t counts[7] = {0};
    rng_init(&rng, 1, 0);
    for (int i = 0; i < 70000; i++) {
        uint64_t number = rng_below(&rng, 7);
        assert_in_range(number, 0, 6);
        counts[number]++;
    }
    for (int i = 0; i < 7; i++) assert_in_range(counts[i], 10000 - 600, 10000 + 600); // 6 sigma
    assert_int_equal(rng_below(&rng, 1), 0);
}

static void shuffle_keeps_every_element_and_moves_them_evenly(void **state)
{
    (void)state;
    struct rng rng;
    uint32_t first_counts[5] = {0};
    rng_init(&rng, 2, 0);
    for (int round = 0; round < 50000; round++) {
        uint32_t items[5] = {0, 1, 2, 3, 4}, seen = 0;
        rng_shuffle(&rng, items, 5, sizeof(items[0]));
        for (int i = 0; i < 5; i++) seen |= 1u << items[i];
        assert_int_equal(seen, 31);
        first_counts[items[0]]++;
    }
    for (int i = 0; i < 5; i++) assert_in_range(first_counts[i], 10000 - 540, 10000 + 540);
}

static void check_moments(const float *values, int n, double mean, double deviation)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        sum += values[i];
        squares += (values[i] - mean) * (values[i] - mean);
    }
    assert_true(fabs(sum / n - mean) < 6 * deviation / sqrt(n));
    assert_true(fabs(sqrt(squares / n) / deviation - 1) < 0.02);
}

static void initial_values_have_the_asked_distribution(void **state)
{
    (void)state;
    enum { NUM_KEYS = 10000, DIM = 7 };
    static float values[NUM_KEYS * DIM];
    for (uint64_t key = 0; key < NUM_KEYS; key++)
        rng_fill_normal(3, key, 0.1f, values + key * DIM, DIM);
    check_moments(values, NUM_KEYS * DIM, 0, 0.1);
    for (uint64_t key = 0; key < NUM_KEYS; key++)
        rng_fill_uniform(3, key, 0.3f, values + key * DIM, DIM);
    check_moments(values, NUM_KEYS * DIM, 0, 0.3 / sqrt(3));
    for (int i = 0; i < NUM_KEYS * DIM; i++) assert_true(values[i] >= -0.3f && values[i] < 0.3f);
}

static void initial_values_depend_on_seed_and_key_only(void **state)
{
    (void)state;
    float a[9], b[9], shorter[5];
    rng_fill_normal(3, UINT64_MAX, 1, a, 9);
    rng_fill_normal(3, UINT64_MAX, 1, b, 9);
    rng_fill_normal(3, UINT64_MAX, 1, shorter, 5);
    assert_memory_equal(a, b, sizeof(a));
    assert_memory_equal(a, shorter, sizeof(shorter));
    rng_fill_normal(4, UINT64_MAX, 1, b, 9);
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_numbers),
        cmocka_unit_test(streams_repeat_and_differ),
        cmocka_unit_test(below_is_even_and_in_range),
        cmocka_unit_test(shuffle_keeps_every_element_and_moves_them_evenly),
        cmocka_unit_test(initial_values_have_the_asked_distribution),
        cmocka_unit_test(initial_values_depend_on_seed_and_key_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
