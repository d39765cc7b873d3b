/* Policies judged by logs of episodes: against tests/golden/ope_seq, which tells how it was made,
 * and, with SOUK_OPE_DATA set to the folder of published vectors, against those. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "tests/support/cmocka.h"
#include "tests/support/ope_expected.h"
#include "tests/support/temp.h"
#include "worker/ope/episode_estimates.h"
#include "worker/ope/estimate.h"

struct judged {
    struct episode_log log;
    struct estimate estimates[NUM_EPISODE_ESTIMATORS];
    double ess, max_weight;
};

static void read_log(const char *path, const struct episode_log_options *options,
                     struct episode_log *log)
{
    struct number_table *table = NULL;
    assert_int_equal(number_table_read(path, "log", &table), SOUK_OK);
    assert_int_equal(episode_log_make(table, options, log), SOUK_OK);
    number_table_destroy(table);
}

static void set_ess(struct judged *judged, const struct episode_terms *terms)
{
    uint64_t num = judged->log.num_episodes;
    double *weights = mem_calloc(num, sizeof(*weights), "weights"), sum = 0, squares = 0;
    episode_weights(terms, weights);
    judged->max_weight = 0;
    for (uint64_t i = 0; i < num; i++) {
        sum += weights[i];
        squares += weights[i] * weights[i];
        judged->max_weight = fmax(judged->max_weight, weights[i]);
    }
    judged->ess = sum * sum / squares;
    mem_free(weights);
}

static void judge_policy(struct judged *judged, const double *policy, double discount)
{
    struct episode_terms terms;
    const struct interval_options interval = {INTERVAL_STUDENT_T, 0.95, 0, 1};
    episode_terms_init(&terms, &judged->log, policy, discount);
    for (int k = 0; k < NUM_EPISODE_ESTIMATORS; k++) {
        uint32_t num_slots = episode_num_slots(&terms, k);
        uint64_t num = judged->log.num_episodes * num_slots;
        double *numerators = mem_calloc(num, sizeof(*numerators), "terms");
        double *denominators = mem_calloc(num, sizeof(*denominators), "terms");
        episode_contribute(&terms, k, numerators, denominators);
        struct rounds rounds = {judged->log.num_episodes, numerators,
                                episode_is_ratio(k) ? denominators : NULL, num_slots};
        estimate_rounds(episode_estimator_name(k), &rounds, &interval, &judged->estimates[k]);
        mem_free(numerators);
        mem_free(denominators);
    }
    set_ess(judged, &terms);
    episode_terms_fini(&terms);
}

static void judge(struct judged *judged, const char *log, const char *policy, double discount)
{
    struct number_table *table = NULL;
    assert_int_equal(number_table_read(policy, "policy", &table), SOUK_OK);
    struct episode_log_options options = {(uint32_t)table->num_rows, table->num_columns};
    read_log(log, &options, &judged->log);
    judge_policy(judged, table->values, discount);
    number_table_destroy(table);
}

static void check_golden(const char *log, const char *expected_path)
{
    struct judged judged;
    struct ope_expected expected[OPE_EXPECTED_MAX];
    uint32_t num = ope_expected_read(expected_path, expected);
    judge(&judged, log, "tests/golden/ope_seq/pi.csv", 0.9);
    for (int k = 0; k < NUM_EPISODE_ESTIMATORS; k++) {
        const struct estimate *estimate = &judged.estimates[k];
        const struct ope_expected *e = ope_expected_get(expected, num, estimate->name);
        ope_assert_near(estimate->name, estimate->value, e->value);
        if (!isnan(e->std_error)) ope_assert_near("its error", estimate->std_error, e->std_error);
    }
    ope_assert_near("ess", judged.ess, ope_expected_get(expected, num, "ess")->value);
    ope_assert_near("largest weight", judged.max_weight,
                    ope_expected_get(expected, num, "max_weight")->value);
    episode_log_fini(&judged.log);
}

static void episodes_that_the_clock_ends_are_judged_as_computed_elsewhere(void **state)
{
    (void)state;
    check_golden("tests/golden/ope_seq/clock.csv", "tests/golden/ope_seq/clock.expected");
}

static void episodes_of_different_lengths_are_judged_as_computed_elsewhere(void **state)
{
    (void)state;
    check_golden("tests/golden/ope_seq/ragged.csv", "tests/golden/ope_seq/ragged.expected");
}

// ---- published vectors ----

static double number_or_nan(const void *object, const char *key)
{
    return json_value_number(object, key, NAN);
}

static void check_published(const struct judged *judged, const void *expected)
{
    for (int k = 0; k < NUM_EPISODE_ESTIMATORS; k++) {
        const struct estimate *estimate = &judged->estimates[k];
        const void *e = json_value_get(expected, estimate->name);
        assert_non_null(e);
        ope_assert_near(estimate->name, estimate->value, number_or_nan(e, "value"));
        if (!episode_is_ratio(k) && estimate->value != 0)
            ope_assert_near("its error", estimate->std_error, number_or_nan(e, "stderr"));
        assert_true(!estimate->undefined == !isnan(estimate->value));
    }
    ope_assert_near("ess", judged->ess, number_or_nan(expected, "ess_traj"));
    ope_assert_near("largest weight", judged->max_weight, number_or_nan(expected, "max_traj_iw"));
}

static void published_values_of_a_markov_process_are_found_again(void **state)
{
    (void)state;
    struct judged judged;
    char *text = NULL;
    size_t length = 0;
    void *expected = NULL;
    const char *log = ope_published("tabular_mdp_seed7/log.csv");
    if (!log) skip();
    const char *path = ope_published("tabular_mdp_seed7/expected.json");
    judge(&judged, log, ope_published("tabular_mdp_seed7/pi_e.csv"), 0.95);
    assert_int_equal(file_read(path, 1 << 20, &text, &length), SOUK_OK);
    assert_int_equal(json_value_parse(text, length, path, &expected), SOUK_OK);
    check_published(&judged, json_value_get(expected, "pi_e_softmax"));

    // The greedy policy: no episode follows it to the end, so that what is normalised is 0/0.
    struct number_table *q = NULL;
    assert_int_equal(number_table_read(ope_published("tabular_mdp_seed7/Qstar.csv"), "values", &q),
                     SOUK_OK);
    for (uint64_t s = 0; s < q->num_rows; s++) {
        double *row = q->values + s * q->num_columns;
        uint32_t best = 0;
        for (uint32_t a = 1; a < q->num_columns; a++)
            if (row[a] > row[best]) best = a;
        for (uint32_t a = 0; a < q->num_columns; a++) row[a] = a == best;
    }
    judge_policy(&judged, q->values, 0.95);
    check_published(&judged, json_value_get(expected, "pi_greedy_Qstar"));
    number_table_destroy(q);
    json_value_destroy(expected);
    mem_free(text);
    episode_log_fini(&judged.log);
}

// ---- facts ----

static const char header[] = "episode,t,state,action,reward,pscore\n";

static const char *write_log(const char *dir, const char *first, const char *rows)
{
    char text[4096];
    snprintf(text, sizeof(text), "%s%s", first, rows);
    return temp_file(dir, "log.csv", text);
}

static void policy_that_logged_has_the_value_of_its_log(void **state)
{
    (void)state;
    struct judged judged;
    char *dir = temp_dir_create();
    read_log(
        write_log(dir, header, "0,0,0,0,1,0.5\n0,1,1,1,2,0.25\n1,0,1,0,3,0.75\n2,0,0,1,-1,0.5\n"),
        &(struct episode_log_options){0}, &judged.log);
    const double policy[] = {0.5, 0.5, 0.75, 0.25};
    judge_policy(&judged, policy, 0.5);
    for (int k = 0; k < NUM_EPISODE_ESTIMATORS; k++)
        if (k != EPISODE_DM && k != EPISODE_DR && k != EPISODE_SNDR)
            ope_assert_near(judged.estimates[k].name, judged.estimates[k].value,
                            (1 + 0.5 * 2 + 3 - 1) / 3.0);
    ope_assert_near("ess", judged.ess, 3);
    episode_log_fini(&judged.log);
    temp_dir_remove(dir);
}

static void rows_may_stand_in_any_order(void **state)
{
    (void)state;
    struct episode_log log;
    char *dir = temp_dir_create();
    read_log(write_log(dir, header, "7,1,2,0,5,1\n4,0,1,1,3,0.5\n7,0,1,1,4,0.5\n"),
             &(struct episode_log_options){0}, &log);
    assert_int_equal(log.num_episodes, 2);
    assert_int_equal(log.max_length, 2);
    assert_int_equal(log.num_states, 3);
    assert_int_equal(log.num_actions, 2);
    assert_true(log.rewards[0] == 4 && log.rewards[1] == 5 && log.rewards[2] == 3);
    assert_int_equal(log.next_states[0], 2);
    assert_true(log.next_states[1] == STATE_NONE && log.is_end[1] && log.is_end[2]);
    assert_false(log.is_cut_by_clock);
    episode_log_fini(&log);
    temp_dir_remove(dir);
}

static void missing_propensities_are_shares_of_the_state(void **state)
{
    (void)state;
    struct episode_log log;
    char *dir = temp_dir_create();
    read_log(write_log(dir, "user,step,state,action,reward\n",
                       "0,0,0,0,1\n0,1,0,1,1\n1,0,0,0,1\n1,1,1,1,1\n"),
             &(struct episode_log_options){0}, &log);
    assert_false(log.has_propensities);
    ope_assert_near("propensity", log.propensities[0], 2 / 3.0);
    ope_assert_near("propensity", log.propensities[1], 1 / 3.0);
    ope_assert_near("propensity", log.propensities[3], 1);
    episode_log_fini(&log);
    temp_dir_remove(dir);
}

static void states_may_be_features(void **state)
{
    (void)state;
    struct episode_log log;
    char *dir = temp_dir_create();
    read_log(write_log(dir, "episode,t,action,reward,x0,x1\n", "0,1,1,1,3,4\n0,0,0,1,1,2\n"),
             &(struct episode_log_options){0}, &log);
    assert_int_equal(log.num_features, 2);
    assert_int_equal(log.num_states, 0);
    const float expected[] = {1, 2, 3, 4};
    assert_memory_equal(log.features, expected, sizeof(expected));
    episode_log_fini(&log);
    temp_dir_remove(dir);
}

static void one_action_log_says_nothing_of_another_action(void **state)
{
    (void)state;
    struct judged judged;
    char *dir = temp_dir_create();
    read_log(write_log(dir, header, "0,0,0,0,1,1\n0,1,0,0,1,1\n1,0,0,0,1,1\n"),
             &(struct episode_log_options){1, 2}, &judged.log);
    const double other[] = {0, 1};
    judge_policy(&judged, other, 1);
    assert_true(judged.estimates[EPISODE_TIS].value == 0);
    assert_true(isnan(judged.estimates[EPISODE_SNTIS].value));
    assert_true(isnan(judged.estimates[EPISODE_SNPDIS].value));
    assert_non_null(judged.estimates[EPISODE_SNTIS].undefined);
    assert_true(episode_coverage(&judged.log, other) == 0);
    const double both[] = {0.5, 0.5};
    assert_true(episode_coverage(&judged.log, both) == 0.5);
    episode_log_fini(&judged.log);
    temp_dir_remove(dir);
}

static void weights_of_endless_episodes_stay_finite(void **state)
{
    (void)state;
    struct judged judged;
    char *dir = temp_dir_create();
    struct buf text = {0};
    buf_add_text(&text, header);
    for (int t = 0; t < 3000; t++) buf_printf(&text, "0,%d,0,0,1,0.5\n1,%d,0,1,1,0.5\n", t, t);
    read_log(temp_file(dir, "log.csv", buf_text(&text)), &(struct episode_log_options){0},
             &judged.log);
    const double policy[] = {1, 0};
    judge_policy(&judged, policy, 1);
    for (int k = 0; k < NUM_EPISODE_ESTIMATORS; k++)
        assert_true(isfinite(judged.estimates[k].value));
    buf_fini(&text);
    episode_log_fini(&judged.log);
    temp_dir_remove(dir);
}

static void bad_logs_are_refused_with_the_line(void **state)
{
    (void)state;
    static const char *const done = "episode,t,state,action,reward,pscore,done\n";
    static const char *const next = "episode,t,state,action,reward,pscore,next_state\n";
    const struct {
        const char *header, *rows, *message;
    } cases[] = {
        {header, "0,0,0,0,1,0\n", "log.csv:2: propensity 0"},
        {header, "0,0,0,0,1,0.5\n1,0,0,0,1,1.5\n", "log.csv:3: propensity 1.5"},
        {header, "0,0,0,0,1,0.5\n1,0,0,0,1,\n", "log.csv:3: pscore \"\" is missing"},
        {header, "0,0,0,2,1,0.5\n", "log.csv:2: action 2 is unknown: there are 2"},
        {header, "0,0,0,-1,1,0.5\n", "log.csv:2: action -1 is not a whole number"},
        {header, "0,0,3,0,1,0.5\n", "log.csv:2: state 3 is unknown: there are 3"},
        {header, "0,0,0.5,0,1,0.5\n", "log.csv:2: state 0.5 is not a whole number"},
        {header, "0,0,0,0,nan,0.5\n", "log.csv:2: reward \"nan\" is no finite number"},
        {header, "0,0,0,0,inf,0.5\n", "log.csv:2: reward \"inf\" is no finite number"},
        {header, "0,0,0,0,1,0.5\n0,2,0,0,1,0.5\n", "log.csv:3: step 2 of its episode, but there"},
        {header, "0,1,0,0,1,0.5\n", "log.csv:2: step 1 of its episode, but there is no step 0"},
        {header, "0,0,0,0,1,0.5\n0,0,0,0,1,0.5\n", "step 0 of its episode is there twice"},
        {header, "", "there is no row of numbers"},
        {header, "x,0,0,0,1,0.5\n", "log.csv:2: episode \"x\" is no finite number"},
        {"episode,t,state,reward\n", "0,0,0,1\n", "no column \"action\""},
        {done, "0,0,0,0,1,0.5,1\n0,1,0,0,1,0.5,1\n", "log.csv:3: the episode was done"},
        {done, "0,0,0,0,1,0.5,2\n", "log.csv:2: done 2 is unknown"},
        {next, "0,0,0,0,1,0.5,1\n0,1,2,0,1,0.5,1\n", "log.csv:3: state 2, but the step before"},
        {next, "0,0,0,0,1,0.5,7\n", "log.csv:2: next_state 7 is unknown"},
    };
    char *dir = temp_dir_create();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct number_table *table = NULL;
        struct episode_log log = {0};
        capture_log_begin();
        souk_status status =
            number_table_read(write_log(dir, cases[i].header, cases[i].rows), "log", &table);
        if (!status) status = episode_log_make(table, &(struct episode_log_options){3, 2}, &log);
        if (status != SOUK_EDATA || !strstr(capture_log_text(), cases[i].message))
            fail_msg("case %zu: %s instead of %s", i, capture_log_text(), cases[i].message);
        capture_log_end();
        episode_log_fini(&log);
        number_table_destroy(table);
    }
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(episodes_that_the_clock_ends_are_judged_as_computed_elsewhere),
        cmocka_unit_test(episodes_of_different_lengths_are_judged_as_computed_elsewhere),
        cmocka_unit_test(published_values_of_a_markov_process_are_found_again),
        cmocka_unit_test(policy_that_logged_has_the_value_of_its_log),
        cmocka_unit_test(rows_may_stand_in_any_order),
        cmocka_unit_test(missing_propensities_are_shares_of_the_state),
        cmocka_unit_test(states_may_be_features),
        cmocka_unit_test(one_action_log_says_nothing_of_another_action),
        cmocka_unit_test(weights_of_endless_episodes_stay_finite),
        cmocka_unit_test(bad_logs_are_refused_with_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
