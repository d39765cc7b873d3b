/* test_ope_golden.c - estimates of values against other programs' numbers: those that
 * tests/golden/ope/make_ope.py has written, and, when the environment has SOUK_OPE_DATA, a folder
 * of public logs with the results of a public library. Without arguments the cases of tests/golden;
 * or
 *
 *     test_ope_golden DIR...      of folders that tests/golden/ope/make_ope.py has written */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/cmocka.h"
#include "tests/support/ope_cases.h"
#include "tests/support/temp.h"

static const char *const *dirs;
static int num_dirs;

static void assert_same(const struct ope_comparison *comparison, uint32_t num_at_least)
{
    print_message("%u figures, the worst off by %.2g\n", comparison->num_compared,
                  comparison->worst);
    if (!(comparison->worst <= 1e-10)) fail_msg("%s", comparison->worst_name);
    assert_true(comparison->num_compared >= num_at_least);
}

static void estimates_are_those_of_the_formulas(void **state)
{
    (void)state;
    for (int d = 0; d < num_dirs; d++) {
        struct ope_comparison comparison = {0};
        ope_compare_golden(dirs[d], &comparison);
        assert_same(&comparison, 600);
    }
}

static void estimates_of_public_logs_are_those_of_a_public_library(void **state)
{
    (void)state;
    const char *root = getenv("SOUK_OPE_DATA");
    if (!root) {
        print_message("SKIP: SOUK_OPE_DATA names no folder with public logs\n");
        skip();
    }
    char *scratch = temp_dir_create();
    struct ope_comparison comparison = {0};
    ope_compare_shared(root, scratch, &comparison);
    temp_dir_remove(scratch);
    assert_same(&comparison, 800);
}

int main(int argc, char **argv)
{
    static const char *const committed[] = {"tests/golden/ope/rounds", "tests/golden/ope/items"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates_are_those_of_the_formulas),
        cmocka_unit_test(estimates_of_public_logs_are_those_of_a_public_library),
    };
    dirs = argc > 1 ? (const char *const *)argv + 1 : committed;
    num_dirs = argc > 1 ? argc - 1 : 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
