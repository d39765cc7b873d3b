/* souk ope on logs of slates and episodes: which kind a log is, what it needs beside it, and what
 * the verdict is. The values themselves: test_ope_slates.c, test_ope_episodes.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/ope_expected.h"
#include "tests/support/temp.h"
#include "worker/ope/ope.h"

static const struct ope_figure *find_figure(const struct ope_result *result, const char *name)
{
    for (uint32_t f = 0; f < result->num_figures; f++)
        if (strcmp(result->figures[f].estimate.name, name) == 0) return &result->figures[f];
    fail_msg("no %s", name);
    return NULL;
}

static void check_golden(const struct ope_options *options, const char *kind, const char *path)
{
    struct ope_result result;
    struct ope_expected expected[OPE_EXPECTED_MAX];
    uint32_t num = ope_expected_read(path, expected);
    assert_int_equal(ope_run(options, &result), SOUK_OK);
    assert_string_equal(result.kind, kind);
    for (uint32_t i = 0; i < num; i++) {
        const char *name = expected[i].name;
        double value = strcmp(name, "ess") == 0 ? result.ess
                       : strcmp(name, "max_weight") == 0
                           ? result.max_weight
                           : find_figure(&result, name)->estimate.value;
        ope_assert_near(name, value, expected[i].value);
    }
    ope_result_fini(&result);
}

static struct ope_options options_of(const char *log, const char *policy)
{
    struct ope_options options;
    ope_options_init(&options);
    options.log = log;
    options.policy = policy;
    options.interval.num_resamples = 50;
    return options;
}

static void columns_tell_what_kind_of_log_it_is(void **state)
{
    (void)state;
    const char *pi = "tests/golden/ope_seq/pi.csv";
    struct ope_options slates = options_of("tests/golden/ope_seq/slates.csv", NULL);
    struct ope_options clock = options_of("tests/golden/ope_seq/clock.csv", pi);
    struct ope_options ragged = options_of("tests/golden/ope_seq/ragged.csv", pi);
    clock.discount = ragged.discount = 0.9;
    check_golden(&slates, "slates", "tests/golden/ope_seq/slates.expected");
    check_golden(&clock, "episodes", "tests/golden/ope_seq/clock.expected");
    check_golden(&ragged, "episodes", "tests/golden/ope_seq/ragged.expected");
}

static void rewards_of_slates_may_come_from_a_file(void **state)
{
    (void)state;
    struct ope_result plain, zero;
    char *dir = temp_dir_create();
    struct ope_options options = options_of("tests/golden/ope_seq/slates.csv", NULL);
    assert_int_equal(ope_run(&options, &plain), SOUK_OK);
    options.rewards = temp_file(dir, "q.csv", "0,0,0\n0,0,0\n");
    assert_int_equal(ope_run(&options, &zero), SOUK_OK);
    // Without expectations it is rips.
    ope_assert_near("cascade-dr", find_figure(&zero, "cascade-dr")->estimate.value,
                    find_figure(&plain, "rips")->estimate.value);
    ope_result_fini(&plain);
    ope_result_fini(&zero);
    temp_dir_remove(dir);
}

// Episodes of two steps in one state; action 1 pays 1, action 0 nothing; both as likely.
static const char *write_episodes(const char *dir, uint32_t num)
{
    struct buf text = {0};
    struct rng rng;
    rng_init(&rng, 3, 0);
    buf_add_text(&text, "episode,t,state,action,reward,pscore,done\n");
    for (uint32_t e = 0; e < num; e++)
        for (int t = 0; t < 2; t++) {
            uint32_t action = rng_next_u32(&rng) & 1;
            buf_printf(&text, "%u,%d,0,%u,%u,0.5,%d\n", e, t, action, action, t);
        }
    const char *path = temp_file(dir, "episodes.csv", buf_text(&text));
    buf_fini(&text);
    return path;
}

static void verdict_on_episodes_follows_the_evidence(void **state)
{
    (void)state;
    const struct {
        const char *policy;
        uint32_t num;
        enum verdict_kind verdict;
    } cases[] = {
        {"0.1,0.9\n", 2000, VERDICT_PROMOTE},
        {"0.9,0.1\n", 2000, VERDICT_KEEP},
        {"0.1,0.9\n", 30, VERDICT_NOT_ENOUGH_DATA},
        {"0.1,0.2,0.7\n", 2000, VERDICT_NOT_ENOUGH_DATA}, // nobody has seen action 2
    };
    char *dir = temp_dir_create();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ope_result result;
        const char *policy = temp_file(dir, "pi.csv", cases[i].policy);
        struct ope_options options = options_of(write_episodes(dir, cases[i].num), policy);
        assert_int_equal(ope_run(&options, &result), SOUK_OK);
        assert_int_equal(result.verdict.kind, cases[i].verdict);
        ope_result_fini(&result);
    }
    temp_dir_remove(dir);
}

// Episodes of 1 to 3 steps in two states, of a world without memory of the past: state after state
// is as likely, action 1 pays state + 1 with probability 0.5, action 0 pays 0.5.
static const char *draw_episodes(const char *dir, uint64_t seed, uint32_t num)
{
    struct buf text = {0};
    struct rng rng;
    rng_init(&rng, seed, 0);
    buf_add_text(&text, "episode,t,state,action,reward,pscore,done\n");
    for (uint32_t e = 0; e < num; e++)
        for (uint32_t t = 0, length = 1 + (uint32_t)rng_below(&rng, 3); t < length; t++) {
            uint32_t state = (uint32_t)rng_below(&rng, 2), pays = (uint32_t)rng_below(&rng, 2);
            uint32_t action = rng_uniform(&rng) < 0.4f;
            buf_printf(&text, "%u,%u,%u,%u,%g,%g,%d\n", e, t, state, action,
                       action ? pays * (state + 1.0) : 0.5, action ? 0.4 : 0.6, t + 1 == length);
        }
    const char *path = temp_file(dir, "drawn.csv", buf_text(&text));
    buf_fini(&text);
    return path;
}

static void intervals_of_episodes_hold_the_truth(void **state)
{
    (void)state;
    enum { NUM_LOGS = 300 };
    static const char *const estimators[] = {"TIS", "PDIS", "DR", "SNTIS", "SNPDIS", "SNDR"};
    uint32_t num_held[6] = {0};
    char *dir = temp_dir_create();
    char *policy = mem_strdup(temp_file(dir, "pi.csv", "0.3,0.7\n0.5,0.5\n"));
    // A step is worth 0.5 (0.3 0.5 + 0.7 0.5) + 0.5 (0.5 0.5 + 0.5 1); there are 2 on average.
    double truth = 2 * (0.5 * (0.3 * 0.5 + 0.7 * 0.5) + 0.5 * (0.5 * 0.5 + 0.5 * 1));
    for (uint64_t seed = 0; seed < NUM_LOGS; seed++) {
        struct ope_result result;
        struct ope_options options = options_of(draw_episodes(dir, seed, 200), policy);
        options.interval.kind = INTERVAL_STUDENT_T;
        assert_int_equal(ope_run(&options, &result), SOUK_OK);
        for (int k = 0; k < 6; k++) {
            const struct estimate *estimate = &find_figure(&result, estimators[k])->estimate;
            num_held[k] += estimate->lower <= truth && truth <= estimate->upper;
        }
        ope_result_fini(&result);
    }
    // 95 % of 300 logs, within 3.5 deviations of chance.
    for (int k = 0; k < 6; k++)
        if (num_held[k] < 272 || num_held[k] > 298)
            fail_msg("%s: %u of %d intervals hold the truth", estimators[k], num_held[k], NUM_LOGS);
    mem_free(policy);
    temp_dir_remove(dir);
}

static void policy_that_follows_no_episode_is_undefined_where_it_is_normalised(void **state)
{
    (void)state;
    struct ope_result result;
    char *dir = temp_dir_create();
    const char *log = temp_file(dir, "log.csv",
                                "episode,t,state,action,reward,pscore\n0,0,0,0,1,1\n1,0,0,0,1,1\n");
    struct ope_options options = options_of(log, temp_file(dir, "pi.csv", "0,1\n"));
    options.verdict.by = "SNTIS";
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    assert_true(find_figure(&result, "TIS")->estimate.value == 0);
    assert_true(isnan(find_figure(&result, "SNTIS")->estimate.value));
    assert_non_null(find_figure(&result, "SNTIS")->estimate.undefined);
    assert_int_equal(result.verdict.kind, VERDICT_NOT_ENOUGH_DATA);
    assert_true(result.coverage == 0);
    bool is_said = false;
    for (uint32_t i = 0; i < result.num_notes; i++)
        is_said |= strstr(result.notes[i], "no support") != NULL;
    assert_true(is_said);
    ope_result_fini(&result);
    temp_dir_remove(dir);
}

static void slates_that_the_policy_would_never_show_tell_nothing(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct ope_result result;
    struct ope_options options = options_of(
        temp_file(dir, "log.csv",
                  "slate_id,position,action,reward,pscore_joint,pi_e_joint,pscore_item_position,"
                  "pi_e_item_position\n0,0,0,1,0.5,0,0.5,0\n0,1,1,1,0.5,0,0.5,0.5\n"
                  "1,0,1,1,0.5,0,0.5,0\n1,1,0,0,0.5,0,0.5,0\n"),
        NULL);
    options.verdict.by = "sips";
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    const struct estimate *whole = &find_figure(&result, "sips")->estimate;
    assert_true(isnan(whole->value) && isnan(whole->lower) && isnan(whole->upper));
    assert_non_null(strstr(whole->undefined, "no support in the log"));
    assert_non_null(find_figure(&result, "snsips")->estimate.undefined);
    assert_true(find_figure(&result, "iips")->estimate.value == 0.5);
    assert_non_null(strstr(find_figure(&result, "rips")->estimate.undefined, "pscore_cascade"));
    assert_int_equal(result.verdict.kind, VERDICT_NOT_ENOUGH_DATA);
    ope_result_fini(&result);
    temp_dir_remove(dir);
}

static void what_a_kind_does_not_take_is_refused(void **state)
{
    (void)state;
    static const char slates[] = "tests/golden/ope_seq/slates.csv";
    static const char episodes[] = "tests/golden/ope_seq/clock.csv";
    static const char pi[] = "tests/golden/ope_seq/pi.csv";
    char *dir = temp_dir_create();
    const char *bad_sum = temp_file(dir, "sum.csv", "0.5,0.5\n0.5,0.4\n0.5,0.5\n");
    const char *negative = temp_file(dir, "negative.csv", "0.5,0.5\n1.5,-0.5\n0.5,0.5\n");
    const char *few_states = temp_file(dir, "few.csv", "0.5,0.5\n");
    const char *few_actions = temp_file(dir, "one.csv", "1\n1\n1\n");
    const struct {
        const char *log, *policy, *rewards, *by;
        souk_status status;
        const char *message;
    } cases[] = {
        {slates, pi, "smoothed", NULL, SOUK_EUSAGE, "leave out --policy"},
        {slates, NULL, "logistic", NULL, SOUK_EUSAGE, "--rewards logistic is for"},
        {slates, NULL, pi, NULL, SOUK_EDATA, "3 rows of 2, but the log has 2 positions and 3"},
        {slates, NULL, "smoothed", "dr", SOUK_EUSAGE, "cascade-dr"},
        {episodes, NULL, "smoothed", NULL, SOUK_EUSAGE, "which policy?"},
        {episodes, pi, "logistic", NULL, SOUK_EUSAGE, "values are fitted to the log"},
        {episodes, pi, "smoothed", "dr", SOUK_EUSAGE, "SNPDIS"},
        {episodes, bad_sum, "smoothed", NULL, SOUK_EDATA,
         "sum.csv:2: the probabilities sum to 0.9"},
        {episodes, negative, "smoothed", NULL, SOUK_EDATA, "negative.csv:2: 1.5 is not a prob"},
        {episodes, few_states, "smoothed", NULL, SOUK_EDATA, "is unknown: there are 1"},
        {episodes, few_actions, "smoothed", NULL, SOUK_EDATA, "action 1 is unknown: there are 1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ope_result result;
        struct ope_options options = options_of(cases[i].log, cases[i].policy);
        options.rewards = cases[i].rewards;
        options.verdict.by = cases[i].by;
        capture_log_begin();
        souk_status status = ope_run(&options, &result);
        if (status != cases[i].status || !strstr(capture_log_text(), cases[i].message))
            fail_msg("case %zu: %s instead of %s", i, capture_log_text(), cases[i].message);
        capture_log_end();
    }
    temp_dir_remove(dir);
}

/* One long episode among many short ones: an array with its steps for each of them has no room. */
static void weights_by_step_of_too_many_long_episodes_are_undefined(void **state)
{
    (void)state;
    enum { LONG = 12000, SHORT = 12000 };
    char *dir = temp_dir_create();
    struct buf text = {0};
    struct ope_options options;
    struct ope_result result;
    buf_add_text(&text, "episode,t,state,action,reward,pscore\n");
    for (int t = 0; t < LONG; t++) buf_printf(&text, "0,%d,0,%d,1,1\n", t, t % 2);
    for (int e = 1; e <= SHORT; e++) buf_printf(&text, "%d,0,0,%d,1,1\n", e, e % 2);
    ope_options_init(&options);
    options.interval.kind = INTERVAL_STUDENT_T;
    options.log = temp_file(dir, "log.csv", buf_text(&text));
    options.policy = temp_file(dir, "pi.csv", "1,0\n");
    options.verdict.by = "SNPDIS";
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    for (uint32_t f = 0; f < result.num_figures; f++) {
        const struct estimate *estimate = &result.figures[f].estimate;
        bool is_by_step =
            strcmp(estimate->name, "SNPDIS") == 0 || strcmp(estimate->name, "SNDR") == 0;
        assert_int_equal(estimate->undefined != NULL, is_by_step);
    }
    assert_int_equal(result.verdict.kind, VERDICT_NOT_ENOUGH_DATA);
    ope_result_fini(&result);
    buf_fini(&text);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_tell_what_kind_of_log_it_is),
        cmocka_unit_test(rewards_of_slates_may_come_from_a_file),
        cmocka_unit_test(verdict_on_episodes_follows_the_evidence),
        cmocka_unit_test(intervals_of_episodes_hold_the_truth),
        cmocka_unit_test(policy_that_follows_no_episode_is_undefined_where_it_is_normalised),
        cmocka_unit_test(slates_that_the_policy_would_never_show_tell_nothing),
        cmocka_unit_test(what_a_kind_does_not_take_is_refused),
        cmocka_unit_test(weights_by_step_of_too_many_long_episodes_are_undefined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
