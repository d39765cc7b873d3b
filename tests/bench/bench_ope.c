/* bench_ope.c - what intervals and verdicts are worth: 1,000 made-up logs of known value, and how
 * far values are from those of other programs (SOUK_OPE_DATA too, where the environment has it).
 *
 *     coverage_95          share of logs whose 95 % interval of dr holds the true value; ..._NAME
 *     wrong_promotions     share of logs whose verdict promotes a policy that is just worse
 *     right_promotions     the same of a better one
 *     ope_worst_relative   largest relative difference to other programs */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/ope_cases.h"
#include "tests/support/ope_coverage.h"
#include "tests/support/temp.h"

enum { NUM_LOGS = 1000, NUM_ROUNDS = 800, NUM_BOOTSTRAPPED = 200 };

static void print_coverage(const struct ope_coverage *coverage, const char *suffix)
{
    for (int n = 0; n < COVERAGE_NAMES; n++) {
        double share = (double)coverage->num_held[n] / coverage->num_logs;
        if (n == 0) printf("BENCH coverage_95%s %.4f\n", suffix, share);
        printf("BENCH coverage_95%s_%s %.4f\n", suffix, coverage_names[n], share);
    }
}

static struct ope_coverage run(const struct ope_options *options, enum choice_policy policy,
                               uint32_t num_logs, const char *scratch)
{
    struct ope_coverage coverage = {0};
    ope_coverage_add(options, policy, NUM_ROUNDS, 0, num_logs, scratch, &coverage);
    return coverage;
}

static void compare(const char *scratch)
{
    struct ope_comparison comparison = {0};
    ope_compare_golden("tests/golden/ope/rounds", &comparison);
    ope_compare_golden("tests/golden/ope/items", &comparison);
    const char *root = getenv("SOUK_OPE_DATA");
    if (root) ope_compare_shared(root, scratch, &comparison);
    printf("BENCH ope_worst_relative %.3g\n", comparison.worst);
    printf("BENCH ope_figures_compared %u\n", comparison.num_compared);
}

int main(void)
{
    char *scratch = temp_dir_create();
    struct ope_options options;
    ope_options_init(&options);
    options.interval.kind = INTERVAL_STUDENT_T;
    struct ope_coverage better = run(&options, CHOICE_BETTER, NUM_LOGS, scratch);
    struct ope_coverage worse = run(&options, CHOICE_JUST_WORSE, NUM_LOGS, scratch);
    print_coverage(&better, "");
    printf("BENCH wrong_promotions %.4f\n", (double)worse.num_promoted / worse.num_logs);
    printf("BENCH right_promotions %.4f\n", (double)better.num_promoted / better.num_logs);
    options.interval.kind = INTERVAL_BOOTSTRAP;
    options.interval.num_resamples = 400;
    struct ope_coverage drawn = run(&options, CHOICE_BETTER, NUM_BOOTSTRAPPED, scratch);
    print_coverage(&drawn, "_bootstrap");
    compare(scratch);
    temp_dir_remove(scratch);
    return 0;
}
