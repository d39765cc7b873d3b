/* test_ope_files.c - logs and policies as people have them: probabilities with four digits, columns
 * in an order of their own, propensities of somebody else. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/text/buf.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/ope/ope.h"

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

static void run(const char *log, const char *policy, struct ope_result *result)
{
    struct ope_options options;
    ope_options_init(&options);
    options.interval.kind = INTERVAL_STUDENT_T;
    options.log = temp_file(dir, "log.csv", log);
    options.policy = policy ? temp_file(dir, "policy.csv", policy) : NULL;
    assert_int_equal(ope_run(&options, result), SOUK_OK);
}

static void refuse(const char *log, const char *policy, const char *message)
{
    struct ope_options options;
    struct ope_result result;
    ope_options_init(&options);
    options.log = temp_file(dir, "log.csv", log);
    options.policy = policy ? temp_file(dir, "policy.csv", policy) : NULL;
    capture_log_begin();
    souk_status status = ope_run(&options, &result);
    char text[1000];
    snprintf(text, sizeof(text), "%s", capture_log_text());
    capture_log_end();
    if (status != SOUK_EDATA || !strstr(text, message))
        fail_msg("%s: \"%s\" has no \"%s\"", souk_status_name(status), text, message);
}

static double value_of(const struct ope_result *result, const char *name)
{
    for (uint32_t f = 0; f < result->num_figures; f++)
        if (strcmp(result->figures[f].estimate.name, name) == 0)
            return result->figures[f].estimate.value;
    fail_msg("there is no estimator %s", name);
    return NAN;
}

static bool has_note(const struct ope_result *result, const char *text)
{
    for (uint32_t n = 0; n < result->num_notes; n++)
        if (strstr(result->notes[n], text)) return true;
    return false;
}

#define CHOICES  "action,reward,pscore\n0,1,.5\n1,0,.25\n2,1,.25\n"
#define EPISODES "episode,t,state,action,reward,pscore\n0,0,0,0,1,.5\n1,0,1,1,2,.5\n"
static const char slates[] =
    "slate_id,position,action,reward,pscore_cascade,pi_e_cascade,pie_next_a0,pie_next_a1\n";

// ---- rounded probabilities ----

static void rounded_probabilities_are_divided_by_their_sums(void **state)
{
    (void)state;
    struct ope_result result;
    run(CHOICES, "a0,a1,a2\n.3333,.3333,.3333\n.2,.3,.5\n.2501,.2501,.4999\n", &result);
    assert_true(has_note(&result, "policy.csv are rounded: they sum to 1 within 0.0001 only"));
    assert_float_equal(value_of(&result, "ipw"), (1 / 3. / .5 + .4999 / 1.0001 / .25) / 3, 1e-12);
    ope_result_fini(&result);

    run(CHOICES, "pos0\n.3333\n.3333\n.3333\n", &result);
    assert_true(has_note(&result, "are rounded"));
    assert_float_equal(value_of(&result, "ipw"), (1 / 3. / .5 + 1 / 3. / .25) / 3, 1e-12);
    ope_result_fini(&result);
}

static void rounded_probabilities_of_states_and_slates_are_too(void **state)
{
    (void)state;
    struct ope_result result;
    struct buf log = {0};
    run(EPISODES, "a0,a1\n.5005,.5005\n.25,.75\n", &result);
    assert_true(has_note(&result, "policy.csv are rounded: they sum to 1 within 0.001 only"));
    assert_float_equal(value_of(&result, "TIS"), (.5 / .5 * 1 + .75 / .5 * 2) / 2, 1e-12);
    ope_result_fini(&result);

    buf_printf(&log, "%s0,0,0,1,.5,.5,.5005,.5005\n1,0,1,3,.5,.5,.5,.5\n", slates);
    run(buf_text(&log), NULL, &result);
    assert_true(has_note(&result, "log.csv are rounded"));
    assert_float_equal(value_of(&result, "cascade-dr"), 2, 1e-12);
    ope_result_fini(&result);
    buf_fini(&log);
}

static void exact_probabilities_stay_as_they_are(void **state)
{
    (void)state;
    struct ope_result result;
    run(CHOICES, ".2,.3,.5\n.2,.3,.5\n.2,.3,.5\n", &result);
    assert_false(has_note(&result, "rounded"));
    ope_result_fini(&result);
}

static void sums_that_no_rounding_explains_are_refused(void **state)
{
    (void)state;
    refuse(CHOICES, ".2,.3,.5\n.2,.3,.52\n.2,.3,.5\n",
           "policy.csv:2: the probabilities sum to 1.02, not to 1 within 0.01");
    refuse(EPISODES, ".5,.5\n.5,.48\n", "policy.csv:2: the probabilities sum to 0.98");
}

// ---- columns ----

static void columns_in_another_order_are_refused(void **state)
{
    (void)state;
    refuse(CHOICES, "a2,a0,a1\n.2,.3,.5\n.2,.3,.5\n.2,.3,.5\n",
           "policy.csv: column 1 is called \"a2\", but it is that of action 0");
    refuse(CHOICES, "a0,a1,a3\n.2,.3,.5\n.2,.3,.5\n.2,.3,.5\n",
           "policy.csv: column 3 is called \"a3\", but it is that of action 2");
    refuse(CHOICES, "p1,p2,p3\n.2,.3,.5\n.2,.3,.5\n.2,.3,.5\n", "\"p1\", but it is that of");
    refuse(EPISODES, "a1,a0\n.5,.5\n.25,.75\n", "policy.csv: column 1 is called \"a1\"");
}

static void columns_with_names_of_their_own_go_by_their_places(void **state)
{
    (void)state;
    struct ope_result result;
    run(CHOICES, "hats,bags2,shoes\n.2,.3,.5\n.2,.3,.5\n.2,.3,.5\n", &result);
    assert_float_equal(value_of(&result, "ipw"), (.2 / .5 + .5 / .25) / 3, 1e-12);
    ope_result_fini(&result);
}

// ---- propensities ----

/* 400 rounds in which both actions were equally likely, with the propensity that somebody wrote
 * down; action 1 is always rewarded, action 0 never. */
static void make_log(const char *propensity, struct buf *out)
{
    buf_add_text(out, "action,reward,pscore\n");
    for (int i = 0; i < 400; i++) buf_printf(out, "%d,%d,%s\n", i % 2, i % 2, propensity);
}

static void propensities_of_another_policy_carry_no_verdict(void **state)
{
    (void)state;
    struct ope_result result;
    struct buf log = {0};
    make_log("0.5", &log);
    run(buf_text(&log), "pos0\n.2\n.8\n", &result);
    assert_int_equal(result.verdict.kind, VERDICT_PROMOTE);
    ope_result_fini(&result);

    buf_clear(&log);
    make_log("0.4", &log);
    run(buf_text(&log), "pos0\n.2\n.8\n", &result);
    assert_int_equal(result.verdict.kind, VERDICT_NOT_ENOUGH_DATA);
    assert_non_null(strstr(result.verdict.reason, "the mean weight is off 1 by 0.25"));
    ope_result_fini(&result);
    buf_fini(&log);
}

static void weights_of_any_size_have_an_effective_sample_size(void **state)
{
    (void)state;
    struct ope_result result;
    struct buf log = {0};
    make_log("1e-300", &log);
    run(buf_text(&log), "pos0\n.5\n.5\n", &result);
    assert_float_equal(result.ess, 400, 1e-9);
    assert_int_equal(result.verdict.kind, VERDICT_NOT_ENOUGH_DATA);
    ope_result_fini(&result);
    buf_fini(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounded_probabilities_are_divided_by_their_sums),
        cmocka_unit_test(rounded_probabilities_of_states_and_slates_are_too),
        cmocka_unit_test(exact_probabilities_stay_as_they_are),
        cmocka_unit_test(sums_that_no_rounding_explains_are_refused),
        cmocka_unit_test(columns_in_another_order_are_refused),
        cmocka_unit_test(columns_with_names_of_their_own_go_by_their_places),
        cmocka_unit_test(propensities_of_another_policy_carry_no_verdict),
        cmocka_unit_test(weights_of_any_size_have_an_effective_sample_size),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
