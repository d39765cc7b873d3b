/* test_ope.c - souk ope on logs of single choices: what holds whatever the numbers, the verdict,
 * and what it prints. Bad input is in test_ope_bad.c, numbers of other programs in
 * test_ope_golden.c. */
#include "worker/ope/ope.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "tests/support/cmocka.h"
#include "tests/support/ope_coverage.h"
#include "tests/support/temp.h"
#include "worker/ope/bandit_log.h"
#include "worker/ope/logistic.h"
#include "worker/ope/newton.h"
#include "worker/ope/reward_model.h"
#include "worker/ope/slope.h"

enum { NUM_ACTIONS = 5 }; // of generated logs

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = temp_dir_create();
    return dir == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static struct ope_result run(const struct ope_options *options)
{
    struct ope_result result;
    assert_int_equal(ope_run(options, &result), SOUK_OK);
    return result;
}

static const struct estimate *get(const struct ope_result *result, const char *name)
{
    for (uint32_t f = 0; f < result->num_figures; f++)
        if (strcmp(result->figures[f].estimate.name, name) == 0)
            return &result->figures[f].estimate;
    fail_msg("there is no estimator %s", name);
    return NULL;
}

static bool has_note(const struct ope_result *result, const char *part)
{
    for (uint32_t i = 0; i < result->num_notes; i++)
        if (strstr(result->notes[i], part)) return true;
    return false;
}

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.17g is not %.17g within %g", value, expected, tolerance);
}

// A log of a made-up world and a policy, with intervals that cost nothing.
static struct ope_options world_options(enum choice_policy policy, uint32_t num_rounds)
{
    static char log[300], probabilities[300];
    struct log_options made;
    struct log_result truth;
    struct ope_options options;
    log_options_init(&made);
    made.dir = dir;
    made.num_rounds = num_rounds;
    made.seed = 5;
    made.round_seed = 6;
    assert_int_equal(generate_log(&made, &truth), SOUK_OK);
    snprintf(log, sizeof(log), "%s/log.csv", dir);
    snprintf(probabilities, sizeof(probabilities), "%s/%s.csv", dir, choice_policy_name(policy));
    ope_options_init(&options);
    options.log = log;
    options.policy = probabilities;
    options.interval.kind = INTERVAL_STUDENT_T;
    return options;
}

/* ---- what holds whatever the numbers ---- */

static void expected_rewards_of_zero_make_dr_ipw(void **state)
{
    (void)state;
    struct ope_options options = world_options(CHOICE_BETTER, 200);
    char zeros[200 * 2 * NUM_ACTIONS + 1] = "";
    for (int i = 0; i < 200; i++) strcat(zeros, "0,0,0,0,0\n");
    options.rewards = temp_file(dir, "zeros.csv", zeros);
    struct ope_result result = run(&options);
    assert_near(get(&result, "dr")->value, get(&result, "ipw")->value, 1e-15);
    assert_near(get(&result, "dr")->lower, get(&result, "ipw")->lower, 1e-12);
    assert_true(get(&result, "dm")->value == 0);
    ope_result_fini(&result);
}

static void a_clip_beyond_all_weights_changes_nothing(void **state)
{
    (void)state;
    struct ope_options options = world_options(CHOICE_BETTER, 200);
    options.clip = 1e12;
    options.subgaussian = 0;
    struct ope_result result = run(&options);
    double dr = get(&result, "dr")->value, ipw = get(&result, "ipw")->value;
    assert_true(get(&result, "switch-dr")->value == dr && get(&result, "sg-dr")->value == dr);
    assert_near(get(&result, "dr-os")->value, dr, 1e-9);
    assert_true(get(&result, "ipw_clip1e+12")->value == ipw);
    assert_true(get(&result, "sg-ipw")->value == ipw);
    ope_result_fini(&result);
}

static void the_logging_policy_itself_gets_the_mean_of_the_log(void **state)
{
    (void)state;
    struct ope_options options = world_options(CHOICE_LOGGING, 300);
    struct ope_result result = run(&options);
    assert_near(get(&result, "ipw")->value, result.logged.value, 1e-12);
    assert_near(get(&result, "snipw")->value, result.logged.value, 1e-12);
    assert_near(result.ess, 300, 1e-9);
    assert_near(result.mean_weight, 1, 1e-12);
    assert_int_equal(result.verdict.kind, VERDICT_KEEP);
    ope_result_fini(&result);
}

// With weights in the fit, and a free constant, what is left over has no weight on the average.
static void a_fit_by_importance_makes_dr_its_dm(void **state)
{
    (void)state;
    struct ope_options options = world_options(CHOICE_BETTER, 400);
    options.rewards = "logistic";
    struct ope_result result = run(&options);
    assert_near(get(&result, "dr_with_iw_fit")->value, get(&result, "dm_with_iw_fit")->value,
                1e-10);
    assert_true(fabs(get(&result, "dr")->value - get(&result, "dm")->value) > 1e-4);
    ope_result_fini(&result);
}

static const char small_log[] = "action,position,reward,pscore\n"
                                "0,0,1,0.5\n1,0,0,0.5\n0,1,1,0.25\n1,1,0,0.75\n";

static void both_forms_of_a_policy_are_one(void **state)
{
    (void)state;
    struct ope_options options;
    ope_options_init(&options);
    options.interval.kind = INTERVAL_STUDENT_T;
    options.log = temp_file(dir, "log.csv", small_log);
    options.policy = temp_file(dir, "items.csv", "# pos0,pos1\n0.9,0.2\n0.1,0.8\n");
    struct ope_result items = run(&options);
    options.policy = temp_file(dir, "rounds.csv", "a0,a1\n.9,.1\n.9,.1\n.2,.8\n.2,.8\n");
    struct ope_result rounds = run(&options);
    assert_true(has_note(&items, "a row an action") && has_note(&rounds, "a row a round"));
    assert_near(get(&items, "ipw")->value, (0.9 / 0.5 + 0.2 / 0.25) / 4, 1e-15);
    for (uint32_t f = 0; f < items.num_figures; f++)
        assert_memory_equal(&items.figures[f].estimate.value, &rounds.figures[f].estimate.value,
                            sizeof(double));
    ope_result_fini(&items);
    ope_result_fini(&rounds);
}

static void propensities_that_are_not_there_are_estimated_and_it_is_said(void **state)
{
    (void)state;
    struct ope_options options;
    ope_options_init(&options);
    options.log = temp_file(dir, "bare.csv", "action,reward\n0,1\n0,0\n1,1\n0,1\n");
    options.policy = temp_file(dir, "policy.csv", "0.5\n0.5\n");
    struct ope_result result = run(&options);
    assert_true(has_note(&result, "propensities are estimated"));
    assert_near(result.max_weight, 0.5 / 0.25, 1e-15);
    assert_near(get(&result, "ipw")->value, (2 * 0.5 / 0.75 + 2) / 4, 1e-15);
    ope_result_fini(&result);
}

// ---- folds ----

static void row_of_round(const struct bandit_log *log, const char *kind, uint32_t num_folds,
                         double *row_out)
{
    const struct reward_options options = {.kind = kind,
                                           .smoothing = 10,
                                           .penalty = 1,
                                           .num_actions = NUM_ACTIONS,
                                           .num_folds = num_folds,
                                           .seed = 3};
    struct reward_model *model;
    assert_int_equal(reward_model_create(log, &options, NULL, &model), SOUK_OK);
    reward_model_row(model, 17, row_out);
    reward_model_destroy(model);
}

static void a_round_does_not_see_its_own_reward_across_folds(void **state)
{
    (void)state;
    struct ope_options options = world_options(CHOICE_BETTER, 90);
    struct number_table *table;
    struct bandit_log log;
    assert_int_equal(number_table_read(options.log, "log", &table), SOUK_OK);
    assert_int_equal(bandit_log_take(table, &log), SOUK_OK);
    const char *const kinds[] = {"smoothed", "logistic"};
    for (int k = 0; k < 2; k++)
        for (uint32_t num_folds = 1; num_folds <= 3; num_folds += 2) {
            double before[NUM_ACTIONS], after[NUM_ACTIONS];
            row_of_round(&log, kinds[k], num_folds, before);
            log.rewards[17] = 1 - log.rewards[17];
            row_of_round(&log, kinds[k], num_folds, after);
            assert_true((memcmp(before, after, sizeof(before)) == 0) == (num_folds == 3));
        }
    bandit_log_fini(&log);
    number_table_destroy(table);
}

/* ---- parts ---- */

static void slope_keeps_the_last_that_agrees_with_all_before(void **state)
{
    (void)state;
    // By width: 3, 2, 1, 0. The second agrees with the first, the third does not.
    const struct slope_candidate jump[] = {{9, .1}, {5, .2}, {1.2, .4}, {1, .5}};
    assert_int_equal(slope_choose(jump, 4), 2);
    const struct slope_candidate agreeing[] = {{1.1, .1}, {1, .2}, {1.2, .4}, {1, .5}};
    assert_int_equal(slope_choose(agreeing, 4), 0);
    const struct slope_candidate equal[] = {{9, .1}, {1, .5}, {1, .5}, {1, .5}};
    assert_int_equal(slope_choose(equal, 4), 1); // the smallest of those that clip nothing
    assert_int_equal(slope_choose(jump, 1), 0);
}

static void a_system_that_is_not_positive_is_refused(void **state)
{
    (void)state;
    double good[] = {4, 0, 2, 3}, right[] = {2, 5}, bad[] = {1, 0, 2, 1}, other[] = {1, 1};
    assert_true(solve_positive(good, right, 2));
    assert_near(right[0], -0.5, 1e-15);
    assert_near(right[1], 2, 1e-15);
    assert_false(solve_positive(bad, other, 2));
}

static void a_regression_stands_where_its_gradient_is_zero(void **state)
{
    (void)state;
    const double dense[] = {1, 2, -1, 0.5, 3}, targets[] = {1, 0, 0, 1, 1};
    const double weights[] = {1, 2, 1, 0.5, 3};
    const uint32_t levels[] = {0, 1, 0, 1, 1};
    const struct logistic_problem problem = {5, 1, 2, dense, levels, targets, weights, 2};
    double w[4], gradient[4] = {0};
    assert_true(logistic_fit(&problem, w));
    for (int d = 0; d < 3; d++) gradient[d] = w[d];
    for (int i = 0; i < 5; i++) {
        double z = w[0] * dense[i] + w[1 + levels[i]] + w[3];
        double slope = 2 * weights[i] * (logistic_share(z) - targets[i]);
        gradient[0] += slope * dense[i];
        gradient[1 + levels[i]] += slope;
        gradient[3] += slope;
    }
    for (int d = 0; d < 4; d++) assert_near(gradient[d], 0, 1e-12);
}

/* ---- verdicts ---- */

static enum verdict_kind verdict_of(const struct ope_options *options, const char *reason)
{
    struct ope_result result = run(options);
    enum verdict_kind kind = result.verdict.kind;
    if (!strstr(result.verdict.reason, reason)) fail_msg("%s", result.verdict.reason);
    ope_result_fini(&result);
    return kind;
}

static void a_better_policy_is_promoted_and_a_worse_one_is_not(void **state)
{
    (void)state;
    struct ope_options options = world_options(CHOICE_BETTER, 600);
    assert_int_equal(verdict_of(&options, "lies above 0"), VERDICT_PROMOTE);
    options.verdict.min_gain = 0.5;
    assert_int_equal(verdict_of(&options, "lies below 0.5"), VERDICT_KEEP);
    options = world_options(CHOICE_WORSE, 600);
    assert_int_equal(verdict_of(&options, "lies below 0"), VERDICT_KEEP);
    options = world_options(CHOICE_JUST_WORSE, 600);
    assert_int_equal(verdict_of(&options, "a gain is not shown"), VERDICT_KEEP);
}

static void a_small_log_is_not_enough(void **state)
{
    (void)state;
    struct ope_options options = world_options(CHOICE_BETTER, 600);
    options.verdict.min_ess = 590;
    assert_int_equal(verdict_of(&options, "590 are needed"), VERDICT_NOT_ENOUGH_DATA);
    options = world_options(CHOICE_BETTER, 40);
    assert_int_equal(verdict_of(&options, "100 are needed"), VERDICT_NOT_ENOUGH_DATA);
}

static void probability_on_what_was_never_logged_is_not_enough(void **state)
{
    (void)state;
    struct ope_options options;
    ope_options_init(&options);
    options.verdict.min_ess = 1;
    options.log = temp_file(dir, "log.csv", "action,reward,pscore\n0,1,.5\n1,0,.5\n0,1,.5\n");
    options.policy = temp_file(dir, "policy.csv", "0.3\n0.3\n0.4\n");
    struct ope_result result = run(&options);
    assert_near(result.coverage, 0.6, 1e-15);
    assert_int_equal(result.verdict.kind, VERDICT_NOT_ENOUGH_DATA);
    assert_non_null(strstr(result.verdict.reason, "60.0 %"));
    assert_true(has_note(&result, "40.00 %"));
    ope_result_fini(&result);
}

static void another_estimator_may_decide(void **state)
{
    (void)state;
    struct ope_options options = world_options(CHOICE_BETTER, 600);
    options.rewards = "logistic";
    const char *const names[] = {"snipw", "ipw_slope", "mrdr"};
    for (int i = 0; i < 3; i++) {
        options.verdict.by = names[i];
        struct ope_result result = run(&options);
        assert_string_equal(result.verdict.by, names[i]);
        assert_near(result.verdict.gain.value, get(&result, names[i])->value - result.logged.value,
                    1e-12);
        assert_int_equal(result.verdict.kind, VERDICT_PROMOTE);
        ope_result_fini(&result);
    }
}

static void intervals_hold_the_truth_and_verdicts_are_seldom_wrong(void **state)
{
    (void)state;
    struct ope_options options;
    struct ope_coverage better = {0}, worse = {0};
    ope_options_init(&options);
    options.interval.kind = INTERVAL_STUDENT_T;
    ope_coverage_add(&options, CHOICE_BETTER, 400, 0, 300, dir, &better);
    ope_coverage_add(&options, CHOICE_JUST_WORSE, 400, 0, 300, dir, &worse);
    for (int n = 0; n < COVERAGE_NAMES; n++) {
        print_message("%s: %u of %u\n", coverage_names[n], better.num_held[n], better.num_logs);
        // 95 % of 300 give or take 3 standard errors
        assert_in_range(better.num_held[n], 274, 296);
    }
    assert_in_range(worse.num_promoted, 0, 15);
    assert_true(better.num_promoted >= 290);
}

/* ---- what is printed ---- */

static void json_has_what_programs_look_for(void **state)
{
    (void)state;
    struct ope_options options = world_options(CHOICE_BETTER, 200);
    struct buf text = {0};
    void *json;
    options.rewards = "logistic";
    options.clip = 5;
    struct ope_result result = run(&options);
    ope_print_json(&options, &result, &text);
    assert_int_equal(json_value_parse(buf_text(&text), text.length, "json", &json), SOUK_OK);
    static const char *const names[] = {
        "ipw",
        "snipw",
        "dm",
        "dr",
        "sndr",
        "switch-dr",
        "dr-os",
        "ipw_clip5",
        "dr_clip5",
        "mrdr",
        "dr_with_mrdr_fit",
        "replay",
        "ipw_slope",
        "logged",
        "gain",
        "dr_slope",
        "dm_with_iw_fit",
    };
    static const char *const parts[] = {"value", "stderr", "lower", "upper"};
    for (unsigned n = 0; n < sizeof(names) / sizeof(names[0]); n++)
        for (int p = 0; p < 4; p++)
            if (!json_value_get(json_value_get(json, names[n]), parts[p]))
                fail_msg("%s has no %s", names[n], parts[p]);
    assert_true(json_value_number(json_value_get(json, "dr"), "value", 0) ==
                get(&result, "dr")->value);
    assert_true(isnan(json_value_number(json_value_get(json, "replay"), "value", NAN)));
    assert_string_not_equal(json_value_text(json_value_get(json, "replay"), "undefined", ""), "");
    assert_true(json_value_number(json, "n", 0) == 200);
    assert_true(json_value_number(json, "ess", 0) == result.ess);
    assert_true(json_value_number(json, "max_weight", 0) == result.max_weight);
    assert_string_equal(json_value_text(json, "verdict", ""), "promote");
    json_value_destroy(json);
    buf_fini(&text);
    ope_result_fini(&result);
}

static void text_says_estimates_reasons_and_what_is_undefined(void **state)
{
    (void)state;
    struct ope_options options = world_options(CHOICE_BETTER, 200);
    struct buf text = {0};
    struct ope_result result = run(&options);
    ope_print_text(&options, &result, &text);
    const char *const parts[] = {"logging policy", "snipw",   "replay             undefined: ",
                                 "lambda",         "promote", "by dr the gain"};
    for (unsigned p = 0; p < sizeof(parts) / sizeof(parts[0]); p++)
        if (!strstr(buf_text(&text), parts[p])) fail_msg("no \"%s\" in\n%s", parts[p], text.text);
    for (const char *line = buf_text(&text); *line; line += strcspn(line, "\n") + 1)
        if (!strstr(line, "undefined")) assert_true(strcspn(line, "\n") <= 120);
    buf_fini(&text);
    ope_result_fini(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expected_rewards_of_zero_make_dr_ipw),
        cmocka_unit_test(a_clip_beyond_all_weights_changes_nothing),
        cmocka_unit_test(the_logging_policy_itself_gets_the_mean_of_the_log),
        cmocka_unit_test(a_fit_by_importance_makes_dr_its_dm),
        cmocka_unit_test(both_forms_of_a_policy_are_one),
        cmocka_unit_test(propensities_that_are_not_there_are_estimated_and_it_is_said),
        cmocka_unit_test(a_round_does_not_see_its_own_reward_across_folds),
        cmocka_unit_test(slope_keeps_the_last_that_agrees_with_all_before),
        cmocka_unit_test(a_system_that_is_not_positive_is_refused),
        cmocka_unit_test(a_regression_stands_where_its_gradient_is_zero),
        cmocka_unit_test(a_better_policy_is_promoted_and_a_worse_one_is_not),
        cmocka_unit_test(a_small_log_is_not_enough),
        cmocka_unit_test(probability_on_what_was_never_logged_is_not_enough),
        cmocka_unit_test(another_estimator_may_decide),
        cmocka_unit_test(intervals_hold_the_truth_and_verdicts_are_seldom_wrong),
        cmocka_unit_test(json_has_what_programs_look_for),
        cmocka_unit_test(text_says_estimates_reasons_and_what_is_undefined),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
