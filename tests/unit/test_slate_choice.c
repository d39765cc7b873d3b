/* Slates against trying all of them, and, with SOUK_OPE_DATA set to the folder of published
 * vectors, against those. */
#include "worker/agent/slate_choice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "worker/env/env.h"

enum { MAX_CANDIDATES = 1000, NUM_CASES = 4000 };

struct drawn_case {
    double scores[MAX_CANDIDATES], values[MAX_CANDIDATES];
    struct slate_choice choice;
};

// Null items are worth less, as much, and more than the others.
static void draw_case(struct drawn_case *drawn, uint64_t seed, uint32_t num, uint32_t size)
{
    struct rng rng;
    rng_init(&rng, seed, 0);
    for (uint32_t i = 0; i < num; i++) {
        drawn->scores[i] = exp(2 * rng_normal(&rng));
        drawn->values[i] = 3 + 4 * rng_normal(&rng);
    }
    drawn->choice = (struct slate_choice){.scores = drawn->scores,
                                          .values = drawn->values,
                                          .null_score = seed % 5 == 0 ? 0 : 2,
                                          .null_value = 10 * rng_normal(&rng),
                                          .num_candidates = num,
                                          .slate_size = size};
}

// The largest value of all slates that hold slate[0..size) and candidates from `next` on.
static double try_all(const struct slate_choice *choice, uint32_t *slate, uint32_t size,
                      uint32_t next)
{
    if (size == choice->slate_size) return slate_choice_value(choice, slate);
    double best = -INFINITY;
    for (uint32_t i = next; i < choice->num_candidates; i++) {
        slate[size] = i;
        best = fmax(best, try_all(choice, slate, size + 1, i + 1));
    }
    return best;
}

static void assert_is_slate(const struct slate_choice *choice, const uint32_t *slate)
{
    for (uint32_t a = 0; a < choice->slate_size; a++) {
        assert_true(slate[a] < choice->num_candidates);
        for (uint32_t b = 0; b < a; b++) assert_int_not_equal(slate[a], slate[b]);
    }
}

static void exact_slate_is_the_best_of_all(void **state)
{
    (void)state;
    uint32_t num_greedy_best = 0, num_top_best = 0;
    for (uint64_t seed = 0; seed < NUM_CASES; seed++) {
        struct drawn_case drawn;
        uint32_t top[ENV_SLATE_MAX], greedy[ENV_SLATE_MAX], exact[ENV_SLATE_MAX];
        uint32_t tried[ENV_SLATE_MAX], num = 1 + (uint32_t)(seed % 11);
        draw_case(&drawn, seed, num, 1 + (uint32_t)(seed / 11) % (num < 4 ? num : 4));
        slate_choice_top(&drawn.choice, top);
        slate_choice_greedy(&drawn.choice, greedy);
        slate_choice_exact(&drawn.choice, exact);
        assert_is_slate(&drawn.choice, top);
        assert_is_slate(&drawn.choice, greedy);
        assert_is_slate(&drawn.choice, exact);
        double best = try_all(&drawn.choice, tried, 0, 0), margin = 1e-12 * (1 + fabs(best));
        assert_true(fabs(slate_choice_value(&drawn.choice, exact) - best) <= margin);
        num_greedy_best += slate_choice_value(&drawn.choice, greedy) >= best - margin;
        num_top_best += slate_choice_value(&drawn.choice, top) >= best - margin;
    }
    assert_true(num_greedy_best > NUM_CASES * 9 / 10); // so that the cases tell them apart
    assert_true(num_greedy_best < NUM_CASES);
    assert_true(num_top_best < num_greedy_best);
}

static void greedy_slate_grows_by_the_best_next_candidate(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct drawn_case drawn;
        uint32_t slate[ENV_SLATE_MAX], grown[ENV_SLATE_MAX];
        draw_case(&drawn, seed, 40, 8);
        slate_choice_greedy(&drawn.choice, slate);
        struct slate_choice shorter = drawn.choice;
        for (uint32_t k = 0; k < 8; k++) {
            double best = -INFINITY;
            shorter.slate_size = k + 1;
            for (uint32_t i = 0; i < 40; i++) {
                memcpy(grown, slate, k * sizeof(*slate));
                grown[k] = i;
                bool is_new = true;
                for (uint32_t j = 0; j < k; j++) is_new &= slate[j] != i;
                if (is_new) best = fmax(best, slate_choice_value(&shorter, grown));
            }
            assert_true(fabs(slate_choice_value(&shorter, slate) - best) <= 1e-12 * fabs(best));
        }
    }
}

static void top_slate_is_sorted_and_ties_go_to_the_lower_candidate(void **state)
{
    (void)state;
    const double scores[] = {1, 2, 1, 4, 2}, values[] = {4, 2, 5, 1, 2};
    const struct slate_choice choice = {scores, values, 1, 100, 5, 4};
    uint32_t slate[4];
    slate_choice_top(&choice, slate);
    const uint32_t expected[] = {2, 0, 1, 3};
    assert_memory_equal(slate, expected, sizeof(expected));
}

// Who is worth much on leaving with nothing should be shown what is rarely chosen, unless it is
// better still.
static void null_item_of_high_value_keeps_worse_items_out_of_sight(void **state)
{
    (void)state;
    const double scores[] = {3, 0.1, 2, 0.2}, values[] = {5, 4, 3, 12};
    struct slate_choice choice = {scores, values, 2, 10, 4, 2};
    uint32_t slate[2];
    slate_choice_greedy(&choice, slate);
    assert_int_equal(slate[0], 3);
    assert_int_equal(slate[1], 1);
    slate_choice_exact(&choice, slate);
    assert_int_equal(slate[0] + slate[1], 4);
    choice.null_value = 0;
    slate_choice_greedy(&choice, slate);
    assert_int_equal(slate[0], 0);
}

static void no_exchange_improves_the_exact_slate_of_many_candidates(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        static struct drawn_case drawn;
        uint32_t slate[ENV_SLATE_MAX], swapped[ENV_SLATE_MAX];
        draw_case(&drawn, seed, MAX_CANDIDATES, ENV_SLATE_MAX);
        slate_choice_exact(&drawn.choice, slate);
        assert_is_slate(&drawn.choice, slate);
        double value = slate_choice_value(&drawn.choice, slate);
        // For these fractions a slate that no single exchange improves is the best one.
        for (uint32_t k = 0; k < ENV_SLATE_MAX; k++)
            for (uint32_t i = 0; i < MAX_CANDIDATES; i++) {
                bool is_new = true;
                for (uint32_t j = 0; j < ENV_SLATE_MAX; j++) is_new &= slate[j] != i;
                if (!is_new) continue;
                memcpy(swapped, slate, sizeof(slate));
                swapped[k] = i;
                assert_true(slate_choice_value(&drawn.choice, swapped) <=
                            value + 1e-12 * (1 + fabs(value)));
            }
    }
}

static void values_that_are_no_numbers_still_give_distinct_candidates(void **state)
{
    (void)state;
    struct drawn_case drawn;
    uint32_t slate[ENV_SLATE_MAX];
    draw_case(&drawn, 3, 12, 5);
    for (uint32_t i = 0; i < 12; i += 2) drawn.values[i] = i % 4 ? NAN : INFINITY;
    slate_choice_top(&drawn.choice, slate);
    assert_is_slate(&drawn.choice, slate);
    slate_choice_greedy(&drawn.choice, slate);
    assert_is_slate(&drawn.choice, slate);
    slate_choice_exact(&drawn.choice, slate);
    assert_is_slate(&drawn.choice, slate);
}

// ---- published vectors ----

enum { NUM_PUBLISHED = 40, PUBLISHED_MAX = 10 };

static double next_number(char **text)
{
    char *end;
    double number = strtod(*text, &end);
    assert_true(end != *text);
    *text = *end == ',' ? end + 1 : end;
    return number;
}

static void next_slate(char **text, uint32_t size, uint32_t *slate)
{
    for (uint32_t k = 0; k < size; k++) slate[k] = (uint32_t)next_number(text);
}

static void assert_near(double value, double expected)
{
    assert_true(fabs(value - expected) <= 1e-10 * fabs(expected));
}

// n, k, v_0, scores, values, then slates and their values: top, greedy, best.
static void check_published(char *text)
{
    double scores[PUBLISHED_MAX], values[PUBLISHED_MAX];
    uint32_t n = (uint32_t)next_number(&text), k = (uint32_t)next_number(&text);
    uint32_t expected[3][PUBLISHED_MAX], slate[PUBLISHED_MAX];
    struct slate_choice choice = {scores, values, next_number(&text), 0, n, k};
    assert_true(n <= PUBLISHED_MAX && k <= n);
    for (uint32_t i = 0; i < n; i++) scores[i] = next_number(&text);
    for (uint32_t i = 0; i < n; i++) values[i] = next_number(&text);
    for (int kind = 0; kind < 3; kind++) next_slate(&text, k, expected[kind]);
    slate_choice_top(&choice, slate);
    assert_memory_equal(slate, expected[0], k * sizeof(*slate));
    assert_near(slate_choice_value(&choice, slate), next_number(&text));
    slate_choice_greedy(&choice, slate);
    assert_memory_equal(slate, expected[1], k * sizeof(*slate));
    assert_near(slate_choice_value(&choice, slate), next_number(&text));
    slate_choice_exact(&choice, slate);
    assert_near(slate_choice_value(&choice, slate), next_number(&text));
    for (uint32_t a = 0; a < k; a++) {
        bool is_there = false;
        for (uint32_t b = 0; b < k; b++) is_there |= slate[a] == expected[2][b];
        assert_true(is_there);
    }
}

static void published_slates_are_found_again(void **state)
{
    (void)state;
    const char *dir = getenv("SOUK_OPE_DATA");
    char path[4096], *text = NULL;
    if (!dir) {
        print_message("SKIP: SOUK_OPE_DATA is not set\n");
        skip();
    }
    snprintf(path, sizeof(path), "%s/slateq_vectors/cases.csv", dir);
    assert_int_equal(file_read(path, 1 << 20, &text, &(size_t){0}), SOUK_OK);
    uint32_t num_checked = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] == '#') continue;
        check_published(line);
        num_checked++;
    }
    assert_int_equal(num_checked, NUM_PUBLISHED);
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_slate_is_the_best_of_all),
        cmocka_unit_test(greedy_slate_grows_by_the_best_next_candidate),
        cmocka_unit_test(top_slate_is_sorted_and_ties_go_to_the_lower_candidate),
        cmocka_unit_test(null_item_of_high_value_keeps_worse_items_out_of_sight),
        cmocka_unit_test(no_exchange_improves_the_exact_slate_of_many_candidates),
        cmocka_unit_test(values_that_are_no_numbers_still_give_distinct_candidates),
        cmocka_unit_test(published_slates_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
