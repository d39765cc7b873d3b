/* Lists of the n best against sorting everything. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "worker/eval/top_list.h"

enum { NUM = 500 };

static int compare_entries(const void *a, const void *b)
{
    const struct top_entry *x = a, *y = b;
    if (x->rank != y->rank) return x->rank > y->rank ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static void the_best_come_first_and_ties_go_to_the_smaller_key(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7, 0);
    for (uint32_t n = 0; n <= NUM + 1; n = n * 2 + 1) {
        struct top_entry all[NUM];
        struct top_list list;
        top_list_init(&list, n);
        for (uint32_t i = 0; i < NUM; i++) {
            float rank = (float)rng_below(&rng, 40); // many ties
            all[i] = (struct top_entry){.rank = rank, .value = -rank, .key = rng_next_u64(&rng)};
            top_list_add(&list, &all[i]);
        }
        top_list_sort(&list);
        qsort(all, NUM, sizeof(all[0]), compare_entries);
        assert_int_equal(list.num_entries, n < NUM ? n : NUM);
        for (uint32_t i = 0; i < list.num_entries; i++) {
            assert_true(list.entries[i].key == all[i].key);
            assert_true(list.entries[i].value == -list.entries[i].rank);
        }
        top_list_fini(&list);
    }
}

static void the_question_agrees_with_the_deed(void **state)
{
    (void)state;
    struct top_list list;
    top_list_init(&list, 2);
    const struct top_entry entries[] = {{1, 0, 5}, {2, 0, 6}, {1, 0, 7}, {1, 0, 4}, {3, 0, 9}};
    const bool gets_in[] = {true, true, false, true, true};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(top_list_takes(&list, entries[i].rank, entries[i].key), gets_in[i]);
        top_list_add(&list, &entries[i]);
    }
    top_list_sort(&list);
    assert_int_equal(list.entries[0].key, 9);
    assert_int_equal(list.entries[1].key, 6);
    top_list_fini(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_come_first_and_ties_go_to_the_smaller_key),
        cmocka_unit_test(the_question_agrees_with_the_deed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
