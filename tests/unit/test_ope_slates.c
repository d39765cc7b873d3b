/* Policies judged by logs of slates: against tests/golden/ope_seq, which tells how it was made,
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
#include "worker/ope/estimate.h"
#include "worker/ope/slate_estimates.h"

static void read_log(const char *path, struct slate_log *log)
{
    struct number_table *table = NULL;
    assert_int_equal(number_table_read(path, "log", &table), SOUK_OK);
    assert_int_equal(slate_log_make(table, log), SOUK_OK);
    number_table_destroy(table);
}

static struct estimate judge(const struct slate_log *log, enum slate_estimator estimator)
{
    struct estimate estimate;
    const struct interval_options interval = {INTERVAL_STUDENT_T, 0.95, 0, 1};
    uint32_t num_slots = slate_num_slots(log, estimator);
    double *q = mem_calloc((size_t)log->length * log->num_actions, sizeof(*q), "rewards");
    double *numerators = mem_calloc(log->num_slates * num_slots, sizeof(*numerators), "terms");
    double *denominators = mem_calloc(log->num_slates * num_slots, sizeof(*denominators), "terms");
    assert_null(slate_estimator_lacks(log, estimator));
    slate_mean_rewards(log, q);
    slate_contribute(log, estimator, q, numerators, denominators);
    struct rounds rounds = {log->num_slates, numerators,
                            slate_is_ratio(estimator) ? denominators : NULL, num_slots};
    estimate_rounds(slate_estimator_name(estimator), &rounds, &interval, &estimate);
    mem_free(q);
    mem_free(numerators);
    mem_free(denominators);
    return estimate;
}

static void slates_are_judged_as_computed_elsewhere(void **state)
{
    (void)state;
    struct slate_log log;
    struct ope_expected expected[OPE_EXPECTED_MAX];
    uint32_t num = ope_expected_read("tests/golden/ope_seq/slates.expected", expected);
    read_log("tests/golden/ope_seq/slates.csv", &log);
    assert_int_equal(num, NUM_SLATE_ESTIMATORS);
    for (int k = 0; k < NUM_SLATE_ESTIMATORS; k++) {
        struct estimate estimate = judge(&log, k);
        const struct ope_expected *e = ope_expected_get(expected, num, estimate.name);
        ope_assert_near(estimate.name, estimate.value, e->value);
        if (!isnan(e->std_error)) ope_assert_near("its error", estimate.std_error, e->std_error);
    }
    slate_log_fini(&log);
}

static void published_values_of_slates_are_found_again(void **state)
{
    (void)state;
    struct slate_log log;
    char *text = NULL;
    size_t length = 0;
    void *expected = NULL;
    const char *path = ope_published("synthetic_slate_seed12345/log.csv");
    if (!path) skip();
    read_log(path, &log);
    path = ope_published("synthetic_slate_seed12345/expected.json");
    assert_int_equal(file_read(path, 1 << 20, &text, &length), SOUK_OK);
    assert_int_equal(json_value_parse(text, length, path, &expected), SOUK_OK);
    for (int k = 0; k < NUM_SLATE_ESTIMATORS; k++) {
        struct estimate estimate = judge(&log, k);
        ope_assert_near(estimate.name, estimate.value,
                        json_value_number(expected, estimate.name, NAN));
    }
    json_value_destroy(expected);
    mem_free(text);
    slate_log_fini(&log);
}

static void published_rewards_are_means_of_what_came_after(void **state)
{
    (void)state;
    struct slate_log log;
    struct number_table *table = NULL;
    double q[18];
    const char *path = ope_published("synthetic_slate_seed12345/log.csv");
    if (!path) skip();
    read_log(path, &log);
    path = ope_published("synthetic_slate_seed12345/qhat_slot_action.csv");
    assert_int_equal(number_table_read(path, "rewards", &table), SOUK_OK);
    assert_int_equal(log.length * log.num_actions, 18);
    slate_mean_rewards(&log, q);
    for (int i = 0; i < 18; i++) ope_assert_near("reward", q[i], table->values[i]);
    number_table_destroy(table);
    slate_log_fini(&log);
}

// ---- facts ----

static const char joint[] = "slate_id,position,action,reward,pscore_joint,pi_e_joint\n";
static const char cascade[] = "slate_id,position,action,reward,pscore_cascade,pi_e_cascade,"
                              "pie_next_a0,pie_next_a1\n";

static const char *write_log(const char *dir, const char *header, const char *rows)
{
    char text[4096];
    snprintf(text, sizeof(text), "%s%s", header, rows);
    return temp_file(dir, "log.csv", text);
}

static void rows_may_stand_in_any_order_and_estimators_may_lack_columns(void **state)
{
    (void)state;
    struct slate_log log;
    char *dir = temp_dir_create();
    read_log(write_log(dir, joint,
                       "5,1,2,3,0.5,0.25\n2,0,1,1,0.25,0.5\n5,0,0,4,0.5,0.25\n2,1,0,2,0.25,0.5\n"),
             &log);
    assert_int_equal(log.num_slates, 2);
    assert_int_equal(log.length, 2);
    assert_int_equal(log.num_actions, 3);
    const double rewards[] = {1, 2, 4, 3}, weights[] = {2, 2, 0.5, 0.5};
    assert_memory_equal(log.rewards, rewards, sizeof(rewards));
    assert_memory_equal(log.weights[SLATE_JOINT], weights, sizeof(weights));
    assert_true(judge(&log, SLATE_SIPS).value == (6 + 3.5) / 2);
    assert_non_null(slate_estimator_lacks(&log, SLATE_IIPS));
    assert_non_null(slate_estimator_lacks(&log, SLATE_SNRIPS));
    assert_non_null(slate_estimator_lacks(&log, SLATE_CASCADE_DR));
    slate_log_fini(&log);
    temp_dir_remove(dir);
}

static void slates_that_the_policy_would_not_show_are_no_evidence(void **state)
{
    (void)state;
    struct slate_log log;
    char *dir = temp_dir_create();
    read_log(write_log(dir, joint, "0,0,0,1,0.5,0\n1,0,1,1,0.5,0\n"), &log);
    assert_true(judge(&log, SLATE_SIPS).value == 0);
    assert_true(isnan(judge(&log, SLATE_SNSIPS).value));
    assert_non_null(judge(&log, SLATE_SNSIPS).undefined);
    slate_log_fini(&log);
    temp_dir_remove(dir);
}

static void actions_that_were_never_shown_get_the_mean_of_the_position(void **state)
{
    (void)state;
    struct slate_log log;
    double q[2];
    char *dir = temp_dir_create();
    read_log(write_log(dir, cascade, "0,0,0,1,0.5,0.5,0.5,0.5\n1,0,0,4,0.5,0.5,0.5,0.5\n"), &log);
    slate_mean_rewards(&log, q);
    assert_true(q[0] == 2.5 && q[1] == 2.5);
    assert_true(judge(&log, SLATE_CASCADE_DR).value == 2.5);
    slate_log_fini(&log);
    temp_dir_remove(dir);
}

static void bad_logs_are_refused_with_the_line(void **state)
{
    (void)state;
    const struct {
        const char *header, *rows, *message;
    } cases[] = {
        {joint, "", "there is no row of numbers"},
        {joint, "0,0,0,1,0,0.5\n", "log.csv:2: pscore_joint 0 is not in (0, 1]"},
        {joint, "0,0,0,1,1.5,0.5\n", "log.csv:2: pscore_joint 1.5 is not in (0, 1]"},
        {joint, "0,0,0,1,0.5,-0.5\n", "log.csv:2: pi_e_joint -0.5 is not in [0, 1]"},
        {joint, "0,0,0,1,,0.5\n", "log.csv:2: pscore_joint \"\" is missing"},
        {joint, "0,0,0,inf,0.5,0.5\n", "log.csv:2: reward \"inf\" is no finite number"},
        {joint, "0,0,-1,1,0.5,0.5\n", "log.csv:2: action -1 is not a whole number"},
        {joint, "0,0,0,1,1,1\n0,2,0,1,1,1\n", "log.csv:3: slate 0 has a position 2 where 1 is due"},
        {joint, "0,0,0,1,1,1\n0,0,0,1,1,1\n", "has a position 0 where 1 is due"},
        {joint, "0,0,0,1,1,1\n0,1,0,1,1,1\n1,0,0,1,1,1\n", "log.csv:4: the slate has fewer"},
        {joint, "0,0,0,1,1,1\n0,1,0,1,0.5,1\n", "log.csv:3: pi_e_joint / pscore_joint differs"},
        {cascade, "0,0,0,1,1,1,0.5,0.4\n", "log.csv:2: pie_next_a0 to pie_next_a1 sum to 0.9"},
        {cascade, "0,0,2,1,1,1,0.5,0.5\n", "but action 2 is there"},
        {"slate_id,position,reward\n", "0,0,1\n", "no column \"action\""},
    };
    char *dir = temp_dir_create();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct number_table *table = NULL;
        struct slate_log log = {0};
        capture_log_begin();
        souk_status status =
            number_table_read(write_log(dir, cases[i].header, cases[i].rows), "log", &table);
        if (!status) status = slate_log_make(table, &log);
        if (status != SOUK_EDATA || !strstr(capture_log_text(), cases[i].message))
            fail_msg("case %zu: %s instead of %s", i, capture_log_text(), cases[i].message);
        capture_log_end();
        slate_log_fini(&log);
        number_table_destroy(table);
    }
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slates_are_judged_as_computed_elsewhere),
        cmocka_unit_test(published_values_of_slates_are_found_again),
        cmocka_unit_test(published_rewards_are_means_of_what_came_after),
        cmocka_unit_test(rows_may_stand_in_any_order_and_estimators_may_lack_columns),
        cmocka_unit_test(slates_that_the_policy_would_not_show_are_no_evidence),
        cmocka_unit_test(actions_that_were_never_shown_get_the_mean_of_the_position),
        cmocka_unit_test(bad_logs_are_refused_with_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
