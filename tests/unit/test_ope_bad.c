/* test_ope_bad.c - logs, policies and rewards that souk ope cannot use: each is an error that names
 * file and line and says what to do, or an estimate that is undefined and says why. */
#include <math.h>
#include <stdio.h>
#include <string.h>

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

static const char good_log[] = "action,reward,pscore,x0\n0,1,.5,.1\n1,0,.25,.2\n2,1,.25,-1\n";
static const char good_policy[] = "a0,a1,a2\n.2,.3,.5\n.2,.3,.5\n.2,.3,.5\n";

static struct ope_options options_of(const char *log, const char *policy)
{
    struct ope_options options;
    ope_options_init(&options);
    options.interval.kind = INTERVAL_STUDENT_T;
    options.log = temp_file(dir, "log.csv", log);
    options.policy = temp_file(dir, "policy.csv", policy);
    return options;
}

static void assert_fails(const struct ope_options *options, souk_status expected,
                         const char *message)
{
    struct ope_result result;
    capture_log_begin();
    souk_status status = ope_run(options, &result);
    char text[1000];
    snprintf(text, sizeof(text), "%s", capture_log_text());
    capture_log_end();
    if (status != expected || !strstr(text, message))
        fail_msg("%s: \"%s\" has no \"%s\"", souk_status_name(status), text, message);
    assert_non_null(strstr(text, ";")); // and then what to do
    const char *end = strchr(text, '\n');
    assert_true(end && end[1] == '\0'); // it is said once
}

static void bad_log(const char *log, const char *message)
{
    struct ope_options options = options_of(log, good_policy);
    assert_fails(&options, SOUK_EDATA, message);
}

static void bad_policy(const char *policy, const char *message)
{
    struct ope_options options = options_of(good_log, policy);
    assert_fails(&options, SOUK_EDATA, message);
}

static void propensities_that_cannot_be_are_named_by_line(void **state)
{
    (void)state;
    bad_log("action,reward,pscore\n0,1,.5\n1,0,0\n2,1,.2\n", "log.csv:3: propensity 0 is not");
    bad_log("action,reward,pscore\n0,1,.5\n1,0,.2\n2,1,1.5\n", "log.csv:4: propensity 1.5 is not");
    bad_log("action,reward,pscore\n0,1,-.5\n1,0,.2\n2,1,.5\n", "log.csv:2: propensity -0.5 is not");
    bad_log("action,reward,pscore\n0,1,.5\n1,0,\n2,1,.5\n", "log.csv:3: pscore \"\" is missing");
    bad_log("action,reward,pscore\n0,1,.5\n1,0,nan\n2,1,.5\n",
            "log.csv:3: pscore \"nan\" is no finite number");
    bad_log("action,reward,propensity\n0,1,.5\n1,0,x\n2,1,.5\n",
            "log.csv:3: propensity \"x\" is no finite number");
}

static void actions_and_positions_that_cannot_be_are_named_by_line(void **state)
{
    (void)state;
    bad_log("action,reward,pscore\n0,1,.5\n# a remark\n\n3,0,.5\n2,1,.5\n",
            "log.csv:5: action 3 is none of the 3 (0 to 2) that");
    bad_log("action,reward,pscore\n0,1,.5\n-1,0,.5\n2,1,.5\n",
            "log.csv:3: action -1 is not a whole");
    bad_log("action,reward,pscore\n0,1,.5\n1.5,0,.5\n2,1,.5\n", "log.csv:3: action 1.5 is no");
    bad_log("action,reward,pscore\n0,1,.5\n1e9,0,.5\n2,1,.5\n", "log.csv:3: action 1000000000 is");
    bad_log("action,reward,pscore\n0,1,.5\n,0,.5\n2,1,.5\n", "log.csv:3: action \"\" is missing");
    bad_log("action,position,reward,pscore\n0,0,1,.5\n0,-2,0,.5\n2,0,1,.5\n",
            "log.csv:3: position -2 is no");
    bad_log("action,position,reward\n16000000,0,1\n0,16000000,0\n2,0,1\n", "number both from 0");
}

static void rewards_and_features_are_finite(void **state)
{
    (void)state;
    bad_log("action,reward,pscore\n0,1,.5\n1,inf,.5\n2,1,.5\n",
            "log.csv:3: reward \"inf\" is no finite number");
    bad_log("action,reward,pscore\n0,1,.5\n1,1e999,.5\n2,1,.5\n", "log.csv:3: reward \"1e999\"");
    bad_log("action,reward,pscore,x0\n0,1,.5,1\n1,0,.5,NaN\n2,1,.5,1\n", "log.csv:3: x0 \"NaN\"");
    struct ope_options options =
        options_of("action,reward,pscore\n0,1,.5\n1,2,.5\n2,0,.5\n", good_policy);
    options.rewards = "logistic";
    assert_fails(&options, SOUK_EDATA, "log.csv:3: reward 2 is not within 0 to 1");
}

static void files_that_are_no_logs_are_named(void **state)
{
    (void)state;
    bad_log("", "log.csv: there is no row");
    bad_log("action,reward,pscore\n", "log.csv: there is no row");
    bad_log("user,item\n1,2\n", "choices (action, reward); it has: user, item");
    bad_log("action;reward\n1;2\n", "it has: action;reward; fields are cut at commas or tabs");
    bad_log("user,t,action,reward\n1,1700000000,0,1\n",
            "log.csv:2: step 1700000000 of its episode, but there is no step 0: they go from 0 "
            "without holes; rename the column if this is a log of single choices");
    bad_log("0,1,.5\n1,0,.5\n2,0,.5\n", "it has no header");
    bad_log("action,reward,pscore\n0,1,.5\n1,0\n2,0,.5\n", "log.csv:3: the line has 2 fields");
    bad_log("action,reward\n0,1\n1,0,7\n2,0\n", "log.csv:3: the line has more than 2 fields");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct ope_options options = options_of(good_log, good_policy);
    struct ope_result result;
    options.policy = temp_path(dir, "nowhere.csv");
    capture_log_begin();
    assert_int_equal(ope_run(&options, &result), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "nowhere.csv"));
    capture_log_end();
    options.policy = NULL;
    capture_log_begin();
    assert_int_equal(ope_run(&options, &result), SOUK_EUSAGE);
    assert_non_null(strstr(capture_log_text(), "--policy"));
    capture_log_end();
}

static void distributions_that_are_none_are_named_by_place(void **state)
{
    (void)state;
    bad_policy("a0,a1,a2\n.2,.3,.5\n.2,.3,.4\n.2,.3,.5\n",
               "policy.csv:3: the probabilities sum to 0.9, not to 1");
    bad_policy("# pos0\n.2\n.3\n.6\n", "policy.csv: the probabilities of column 1 sum to 1.1");
    bad_policy("a0,a1,a2\n.2,.3,.5\n-.2,.7,.5\n.2,.3,.5\n", "policy.csv:3: probability -0.2");
    bad_policy("a0,a1,a2\n.2,.3,.5\n.2,.3,.5\nnan,.5,.5\n", "policy.csv:4: a0 \"nan\" is no");
    bad_policy(".2,.3,.5\n.2,,.8\n.2,.3,.5\n", "policy.csv:2: \"\" in column 2 is missing");
    bad_policy(".2,.3,.5\n.2,.3,.5\n", "2 rows of 3 numbers, which fits the log in no way");
    bad_policy("", "policy.csv: there is no row");
}

static void rewards_and_contexts_that_do_not_fit_are_named(void **state)
{
    (void)state;
    struct ope_options options = options_of(good_log, good_policy);
    options.rewards = temp_file(dir, "q.csv", "1,2,3,4\n1,2,3,4\n1,2,3,4\n");
    assert_fails(&options, SOUK_EDATA, "q.csv: rewards of 4 actions where the policy has 3");
    options.rewards = temp_file(dir, "q.csv", "1,2,3\n1,2,x\n1,2,3\n");
    assert_fails(&options, SOUK_EDATA, "q.csv:2: \"x\" in column 3");
    options.rewards = "logistic";
    options.context = temp_file(dir, "context.csv", "1,2\n3,4\n");
    assert_fails(&options, SOUK_EDATA, "context.csv: 2 rows of context for 3 actions");
}

static void a_folder_without_probabilities_is_refused(void **state)
{
    (void)state;
    struct ope_options options = options_of(good_log, good_policy);
    struct ope_result result;
    options.policy = dir; // policy.csv is in it
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    ope_result_fini(&result);
    assert_int_equal(remove(temp_path(dir, "policy.csv")), 0);
    assert_fails(&options, SOUK_EDATA, "has no policy.csv");
}

static void an_unknown_estimator_cannot_decide(void **state)
{
    (void)state;
    struct ope_options options = options_of(good_log, good_policy);
    struct ope_result result;
    options.verdict.by = "magic";
    capture_log_begin();
    assert_int_equal(ope_run(&options, &result), SOUK_EUSAGE);
    assert_non_null(strstr(capture_log_text(), "magic is none of the estimators here: replay dm"));
    capture_log_end();
}

/* ---- nothing to divide by ---- */

static const struct estimate *get(const struct ope_result *result, const char *name)
{
    for (uint32_t f = 0; f < result->num_figures; f++)
        if (strcmp(result->figures[f].estimate.name, name) == 0)
            return &result->figures[f].estimate;
    fail_msg("there is no estimator %s", name);
    return NULL;
}

static void a_policy_without_support_is_undefined_and_says_why(void **state)
{
    (void)state;
    struct ope_options options = options_of("action,reward,pscore\n0,1,.5\n1,0,.5\n0,1,.5\n",
                                            "a0,a1,a2\n0,0,1\n0,0,1\n0,0,1\n");
    struct ope_result result;
    options.clip = 5;
    options.interval.kind = INTERVAL_BOOTSTRAP;
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    static const char *const names[] = {"ipw",       "snipw",     "dr",    "sndr",
                                        "ipw_clip5", "switch-dr", "dr-os", "replay"};
    for (unsigned n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        assert_true(isnan(get(&result, names[n])->value));
        assert_non_null(get(&result, names[n])->undefined);
    }
    assert_non_null(strstr(get(&result, "snipw")->undefined, "no support"));
    assert_false(isnan(get(&result, "dm")->value));
    assert_true(result.ess == 0 && result.coverage == 0);
    assert_int_equal(result.verdict.kind, VERDICT_NOT_ENOUGH_DATA);
    assert_non_null(strstr(result.verdict.reason, "no support"));
    ope_result_fini(&result);
}

static void a_log_of_one_action_is_judged_by_what_it_covers(void **state)
{
    (void)state;
    struct ope_result result;
    struct ope_options options = options_of("action,reward\n0,1\n0,0\n0,1\n", "# pos0\n.5\n.5\n");
    options.rewards = "logistic";
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    assert_true(result.coverage == 0.5);
    assert_int_equal(result.verdict.kind, VERDICT_NOT_ENOUGH_DATA);
    ope_result_fini(&result);
    options.policy = temp_file(dir, "one.csv", "1\n1\n1\n");
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    assert_true(fabs(get(&result, "ipw")->value - 2. / 3) < 1e-15);
    assert_true(fabs(get(&result, "replay")->value - 2. / 3) < 1e-15);
    ope_result_fini(&result);
}

static void one_round_has_a_value_and_no_interval(void **state)
{
    (void)state;
    struct ope_result result;
    struct ope_options options = options_of("action,reward,pscore\n1,1,.5\n", "0,1\n");
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    assert_true(get(&result, "ipw")->value == 2 && isnan(get(&result, "ipw")->lower));
    assert_true(isnan(get(&result, "ipw")->std_error));
    assert_int_equal(result.verdict.kind, VERDICT_NOT_ENOUGH_DATA);
    ope_result_fini(&result);
}

static void rewards_that_never_change_are_expected(void **state)
{
    (void)state;
    struct ope_result result;
    struct ope_options options =
        options_of("action,reward,pscore\n0,0,.5\n1,0,.25\n2,0,.25\n", good_policy);
    options.rewards = "logistic";
    options.num_folds = 7; // more than rounds
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    assert_true(get(&result, "dm")->value == 0 && get(&result, "dr")->value == 0);
    assert_true(get(&result, "dr")->std_error == 0);
    ope_result_fini(&result);
}

static const char slate_log[] = "slate_id,position,action,reward,pscore_joint,pi_e_joint\n"
                                "0,0,0,1,.5,.25\n1,0,1,0,.5,.75\n";

static void options_of_choices_are_refused_with_slates_and_episodes(void **state)
{
    (void)state;
    struct ope_options options = options_of(slate_log, good_policy);
    options.clip = 5;
    assert_fails(&options, SOUK_EUSAGE, "--clip is not for logs of slates");
    options.clip = NAN;
    options.num_folds = 2;
    assert_fails(&options, SOUK_EUSAGE, "--folds is not for logs of slates");
    options = options_of("episode,t,action,reward\n0,0,0,1\n", good_policy);
    options.context = "context.csv";
    assert_fails(&options, SOUK_EUSAGE, "--context is not for logs of episodes");
}

static bool has_note(const struct ope_result *result, const char *text)
{
    bool has = false;
    for (uint32_t i = 0; i < result->num_notes; i++) has |= strstr(result->notes[i], text) != NULL;
    return has;
}

static void coverage_that_nobody_knows_is_told(void **state)
{
    (void)state;
    struct ope_options options = options_of(slate_log, good_policy);
    struct ope_result result;
    options.policy = NULL;
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    assert_true(has_note(&result, "--min-coverage was not looked at"));
    ope_result_fini(&result);
    options = options_of(good_log, good_policy);
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    assert_false(has_note(&result, "--min-coverage was not looked at"));
    ope_result_fini(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(propensities_that_cannot_be_are_named_by_line),
        cmocka_unit_test(actions_and_positions_that_cannot_be_are_named_by_line),
        cmocka_unit_test(rewards_and_features_are_finite),
        cmocka_unit_test(files_that_are_no_logs_are_named),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(distributions_that_are_none_are_named_by_place),
        cmocka_unit_test(rewards_and_contexts_that_do_not_fit_are_named),
        cmocka_unit_test(a_folder_without_probabilities_is_refused),
        cmocka_unit_test(an_unknown_estimator_cannot_decide),
        cmocka_unit_test(a_policy_without_support_is_undefined_and_says_why),
        cmocka_unit_test(a_log_of_one_action_is_judged_by_what_it_covers),
        cmocka_unit_test(one_round_has_a_value_and_no_interval),
        cmocka_unit_test(rewards_that_never_change_are_expected),
        cmocka_unit_test(options_of_choices_are_refused_with_slates_and_episodes),
        cmocka_unit_test(coverage_that_nobody_knows_is_told),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
