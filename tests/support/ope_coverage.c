/* ope_coverage.c - see ope_coverage.h. */
#include "tests/support/ope_coverage.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

const char *const coverage_names[COVERAGE_NAMES] = {"dr", "ipw", "snipw", "sndr"};

static void count(const struct ope_result *result, double truth, struct ope_coverage *coverage)
{
    for (uint32_t f = 0; f < result->num_figures; f++) {
        const struct estimate *e = &result->figures[f].estimate;
        for (int n = 0; n < COVERAGE_NAMES; n++)
            if (strcmp(e->name, coverage_names[n]) == 0)
                coverage->num_held[n] += e->lower <= truth && truth <= e->upper;
    }
    coverage->num_promoted += result->verdict.kind == VERDICT_PROMOTE;
    coverage->num_logs++;
}

void ope_coverage_add(const struct ope_options *options, enum choice_policy policy,
                      uint32_t num_rounds, uint32_t first, uint32_t num, const char *scratch,
                      struct ope_coverage *coverage)
{
    char log[300], probabilities[300];
    struct ope_options with = *options;
    struct log_options made;
    struct log_result truth;
    struct ope_result result;
    snprintf(log, sizeof(log), "%s/log.csv", scratch);
    snprintf(probabilities, sizeof(probabilities), "%s/%s.csv", scratch,
             choice_policy_name(policy));
    with.log = log;
    with.policy = probabilities;
    log_options_init(&made);
    made.dir = scratch;
    made.num_rounds = num_rounds;
    made.policies = 1u << policy;
    for (uint32_t i = first; i < first + num; i++) {
        made.seed = i / COVERAGE_LOGS_A_WORLD;
        made.round_seed = i;
        assert_int_equal(generate_log(&made, &truth), SOUK_OK);
        with.interval.seed = i;
        assert_int_equal(ope_run(&with, &result), SOUK_OK);
        count(&result, truth.values[policy], coverage);
        ope_result_fini(&result);
    }
}
