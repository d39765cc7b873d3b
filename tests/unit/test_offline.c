/* Policies out of logs, from the file to the folder; networks against worlds whose best actions are
 * known. The table's values themselves: test_offline_table.c. */
#include "worker/policy/offline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "common/text/json_value.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/ope/ope.h"
#include "worker/policy/offline_states.h"

static struct offline_options options_of(const char *log, const char *dir)
{
    struct offline_options options;
    offline_options_init(&options);
    options.log = log;
    options.dir = dir;
    options.net.num_layers = 1;
    options.net.widths[0] = 32;
    options.net.batch_size = 32;
    options.net.num_updates = 3000;
    options.net.target_sync = 100;
    options.net.lr = 0.005f;
    return options;
}

static struct number_table *read_table(const char *dir, const char *name)
{
    struct number_table *table = NULL;
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(number_table_read(path, name, &table), SOUK_OK);
    return table;
}

static uint32_t best_in_row(const struct number_table *table, uint64_t row)
{
    uint32_t best = 0;
    for (uint32_t a = 1; a < table->num_columns; a++)
        if (number_table_at(table, row, a) > number_table_at(table, row, best)) best = a;
    return best;
}

/* ---- tables ---- */

static void table_becomes_a_policy_that_can_be_judged(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct offline_result result;
    struct ope_result judged;
    // Propensities are not there, and episodes are of different lengths.
    const char *log = temp_file(dir, "log.csv",
                                "user,step,state,action,reward\n"
                                "3,0,0,1,1\n3,1,1,0,2\n5,0,0,0,0\n8,0,1,1,0\n8,1,0,1,1\n");
    struct offline_options options = options_of(log, temp_path(dir, "policy"));
    options.exploration = 0.2;
    assert_int_equal(offline_run(&options, &result), SOUK_OK);
    assert_true(result.is_table && !result.has_propensities);
    assert_int_equal(result.num_episodes, 3);
    assert_int_equal(result.num_seen, 4);
    struct number_table *policy = read_table(options.dir, "policy.csv");
    assert_int_equal(policy->num_rows, 2);
    const double expected[] = {0.1, 0.9, 0.9, 0.1};
    for (int i = 0; i < 4; i++) assert_true(fabs(policy->values[i] - expected[i]) < 1e-9);
    number_table_destroy(policy);

    struct ope_options ope;
    ope_options_init(&ope);
    log = temp_file(dir, "ope.csv",
                    "episode,t,state,action,reward\n0,0,0,1,1\n0,1,1,0,2\n1,0,0,0,0\n1,1,1,1,0\n");
    ope.log = log;
    char path[4096];
    snprintf(path, sizeof(path), "%s/policy.csv", options.dir);
    ope.policy = path;
    assert_int_equal(ope_run(&ope, &judged), SOUK_OK);
    assert_true(judged.figures[0].estimate.value > 2.5);
    ope_result_fini(&judged);
    temp_dir_remove(dir);
}

static void untried_actions_are_told_of_and_cql_has_none(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct offline_result result;
    const char *log = temp_file(dir, "log.csv",
                                "episode,t,state,action,reward\n"
                                "0,0,0,0,-1\n1,0,0,1,-2\n2,0,1,2,-1\n3,0,1,0,-2\n");
    struct offline_options options = options_of(log, temp_path(dir, "policy"));
    struct buf text = {0};
    options.conservatism = 0;
    assert_int_equal(offline_run(&options, &result), SOUK_OK);
    assert_true(result.untried == 1);
    offline_print_text(&options, &result, &text);
    assert_non_null(strstr(buf_text(&text), "take --method cql"));
    options.conservatism = 0.1;
    assert_int_equal(offline_run(&options, &result), SOUK_OK);
    assert_true(result.untried == 0 && result.agreement == 0.5);
    struct number_table *q = read_table(options.dir, "q.csv"); // -inf is no finite number
    assert_true(isnan(number_table_at(q, 0, 2)) && !isnan(number_table_at(q, 0, 0)));
    number_table_destroy(q);
    buf_fini(&text);
    temp_dir_remove(dir);
}

/* ---- networks ---- */

/* A corridor of 5 places, where x0 is the place: action 1 steps on and out of the last with 1,
 * action 0 steps back, action 2 (if it is there) stays; each step costs 0.1. */
static const char *walk(const char *dir, const char *name, uint32_t num_actions)
{
    struct buf text = {0};
    struct rng rng;
    rng_init(&rng, 5, 0);
    buf_add_text(&text, "episode,t,action,reward,x0,done\n");
    for (uint32_t e = 0; e < 60; e++) {
        uint32_t place = (uint32_t)rng_below(&rng, 5);
        for (uint32_t t = 0;; t++) {
            uint32_t action = (uint32_t)rng_below(&rng, num_actions);
            bool ends = action == 1 && place == 4, is_last = ends || t == 40;
            buf_printf(&text, "%u,%u,%u,%g,%u,%d\n", e, t, action, ends ? 1.0 : -0.1, place, ends);
            if (is_last) break;
            if (action == 1) place++;
            if (action == 0 && place > 0) place--;
        }
    }
    const char *path = temp_file(dir, name, buf_text(&text));
    buf_fini(&text);
    return path;
}

static void network_finds_the_way_out_from_a_random_log(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct offline_result result;
    const char *log = walk(dir, "log.csv", 3);
    struct offline_options options = options_of(log, temp_path(dir, "policy"));
    options.discount = 0.9;
    for (int k = 0; k < 2; k++) {
        options.conservatism = k * 0.02;
        assert_int_equal(offline_run(&options, &result), SOUK_OK);
        assert_false(result.is_table);
        struct number_table *policy = read_table(options.dir, "policy.csv");
        struct number_table *q = read_table(options.dir, "q.csv");
        struct number_table *steps = read_table(dir, "log.csv");
        assert_int_equal(policy->num_rows, steps->num_rows);
        uint32_t column = (uint32_t)number_table_find(steps, "x0"), num_right = 0;
        for (uint64_t i = 0; i < policy->num_rows; i++) {
            num_right += best_in_row(policy, i) == 1;
            if (k == 1) continue;
            // 0.9^n - 0.1 (1 + 0.9 + ...) with n steps before the last.
            double value = 1;
            for (double n = number_table_at(steps, i, column); n < 4; n++)
                value = 0.9 * value - 0.1;
            assert_true(fabs(number_table_at(q, i, 1) - value) < 0.1);
        }
        assert_true(num_right == policy->num_rows);
        number_table_destroy(policy);
        number_table_destroy(q);
        number_table_destroy(steps);
    }
    temp_dir_remove(dir);
}

/* 12 places without an order among them, 6 actions of which two are tried in each; all cost. */
static const char *write_narrow(const char *dir)
{
    struct buf text = {0};
    struct rng rng;
    rng_init(&rng, 9, 0);
    buf_add_text(&text, "episode,t,action,reward,x0,x1,x2\n");
    for (uint32_t e = 0; e < 600; e++) {
        uint32_t place = (uint32_t)rng_below(&rng, 12),
                 action = (place + rng_next_u32(&rng) % 2) % 6;
        buf_printf(&text, "%u,0,%u,%g,%g,%g,%g\n", e, action, -1 - 0.3 * action, sin(place * 1.7),
                   cos(place * 2.3), sin(place * 0.9 + 1));
    }
    const char *path = temp_file(dir, "log.csv", buf_text(&text));
    buf_fini(&text);
    return path;
}

// Of the steps of write_narrow(): how many would get an action that was not tried there.
static double share_untried(const char *dir, const char *policy_dir)
{
    struct number_table *steps = read_table(dir, "log.csv");
    struct number_table *policy = read_table(policy_dir, "policy.csv");
    uint32_t x0 = (uint32_t)number_table_find(steps, "x0"), num = 0;
    uint32_t action = (uint32_t)number_table_find(steps, "action");
    for (uint64_t i = 0; i < steps->num_rows; i++) {
        bool is_tried = false;
        for (uint64_t j = 0; j < steps->num_rows && !is_tried; j++)
            is_tried = number_table_at(steps, i, x0) == number_table_at(steps, j, x0) &&
                       (uint32_t)number_table_at(steps, j, action) == best_in_row(policy, i);
        num += !is_tried;
    }
    double share = num / (double)steps->num_rows;
    number_table_destroy(steps);
    number_table_destroy(policy);
    return share;
}

static void conservative_network_keeps_to_what_was_tried(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct offline_result result;
    struct offline_options options = options_of(write_narrow(dir), temp_path(dir, "policy"));
    options.num_actions = 6;
    options.conservatism = 0;
    assert_int_equal(offline_run(&options, &result), SOUK_OK);
    assert_true(share_untried(dir, options.dir) > 0.3);
    options.conservatism = 1;
    assert_int_equal(offline_run(&options, &result), SOUK_OK);
    assert_true(share_untried(dir, options.dir) < 0.05);
    temp_dir_remove(dir);
}

static void policy_for_another_log_has_its_rows_and_can_be_judged_on_it(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct offline_result result;
    struct ope_result judged;
    struct ope_options ope;
    struct offline_options options = options_of(walk(dir, "log.csv", 3), temp_path(dir, "policy"));
    // Rows of an episode backwards: those of the policy stand as they do.
    options.for_log = temp_file(dir, "other.csv",
                                "episode,t,action,reward,x0,done\n"
                                "0,1,1,1,4,1\n0,0,1,-0.1,3,0\n1,0,0,-0.1,2,0\n");
    options.exploration = 0.3;
    assert_int_equal(offline_run(&options, &result), SOUK_OK);
    struct number_table *q = read_table(options.dir, "q.csv"); // the first row is nearer to the end
    assert_true(number_table_at(q, 0, 1) > number_table_at(q, 1, 1) + 0.05);
    number_table_destroy(q);
    ope_options_init(&ope);
    ope.log = options.for_log;
    char path[4096];
    snprintf(path, sizeof(path), "%s/policy.csv", options.dir);
    ope.policy = path;
    assert_int_equal(ope_run(&ope, &judged), SOUK_OK);
    assert_int_equal(judged.num_rounds, 2);
    for (uint32_t f = 0; f < judged.num_figures; f++) {
        const struct estimate *estimate = &judged.figures[f].estimate;
        bool needs_states = strstr(estimate->name, "D") && strstr("DM DR SNDR", estimate->name);
        assert_int_equal(isnan(estimate->value), needs_states);
    }
    // Propensities: action 1 is 2/3 of the log; the policy takes it with 0.8, else 0.1 each.
    assert_true(fabs(judged.max_weight - 0.8 * 0.8 / (4 / 9.0)) < 1e-9);
    ope_result_fini(&judged);
    temp_dir_remove(dir);
}

static void states_of_the_past_count_less_each_step_back(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct number_table *table = NULL;
    struct episode_log log;
    float states[4 * 4];
    uint32_t width = 0;
    const char *path =
        temp_file(dir, "log.csv", "user,t,action,reward\n0,0,0,2\n0,1,1,4\n0,2,0,8\n1,0,1,1\n");
    assert_int_equal(number_table_read(path, "log", &table), SOUK_OK);
    assert_int_equal(episode_log_make(table, &(struct episode_log_options){0}, &log), SOUK_OK);
    assert_int_equal(offline_states_width(&log, 0.5f, &width), SOUK_OK);
    assert_int_equal(width, 4);
    offline_states_make(&log, 0.5f, states);
    const float expected[] = {0, 0, 0, 0, 0.5f, 0, 1, 0, 0.25f, 0.5f, 0.5f, 2, 0, 0, 0, 0};
    assert_memory_equal(states, expected, sizeof(expected));
    float shift[4], scale[4];
    offline_states_measure(states, 4, 4, shift, scale);
    offline_states_scale(states, 4, 4, shift, scale);
    for (int d = 0; d < 4; d++) {
        float sum = 0, squares = 0;
        for (int i = 0; i < 4; i++) sum += states[i * 4 + d];
        for (int i = 0; i < 4; i++) squares += states[i * 4 + d] * states[i * 4 + d];
        assert_true(fabsf(sum) < 1e-5f && fabsf(squares - 4) < 1e-4f);
    }
    episode_log_fini(&log);
    number_table_destroy(table);
    temp_dir_remove(dir);
}

/* ---- what cannot be learnt ---- */

static void what_cannot_be_learnt_is_said(void **state)
{
    (void)state;
    static volatile sig_atomic_t stop = 1;
    char *dir = temp_dir_create();
    struct offline_result result;
    const char *numbered = temp_file(dir, "n.csv", "episode,t,state,action,reward\n0,0,0,0,1\n");
    const char *features = temp_file(dir, "x.csv", "episode,t,action,reward,x0\n0,0,0,1,1\n");
    const char *cut = temp_file(dir, "cut.csv", "episode,t,action,reward,x0,done\n0,0,0,1,1,0\n");
    const char *wide = temp_file(dir, "w.csv", "episode,t,action,reward,x0,x1\n0,0,0,1,1,1\n");
    const char *huge = temp_file(dir, "huge.csv", "episode,t,action,reward,x0\n0,0,0,1e300,1\n");
    const struct {
        const char *log, *for_log;
        volatile sig_atomic_t *stop;
        uint32_t num_actions;
        float memory;
        souk_status status;
        const char *message;
    } cases[] = {
        {numbered, features, NULL, 0, 0, SOUK_EUSAGE, "leave out --policy-for"},
        {cut, NULL, NULL, 0, 0, SOUK_EDATA, "no step of the log tells what followed"},
        {features, wide, NULL, 0, 0, SOUK_EDATA, "have 2 features, but those"},
        {features, NULL, NULL, 500, 0, SOUK_EDATA, "500 actions, but a network learns 256"},
        {features, NULL, &stop, 0, 0, SOUK_ESTOPPED, "stopped by a signal"},
        {huge, NULL, NULL, 0, 0, SOUK_EDIVERGED, "learning diverged"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct offline_options options = options_of(cases[i].log, temp_path(dir, "policy"));
        options.for_log = cases[i].for_log;
        options.num_actions = cases[i].num_actions;
        options.memory = cases[i].memory;
        options.net.num_updates = 50;
        options.net.stop_signal = cases[i].stop;
        capture_log_begin();
        souk_status status = offline_run(&options, &result);
        if (status != cases[i].status || !strstr(capture_log_text(), cases[i].message))
            fail_msg("case %zu: %d, %s instead of %s", i, status, capture_log_text(),
                     cases[i].message);
        capture_log_end();
    }
    temp_dir_remove(dir);
}

static void result_is_an_object_for_programs(void **state)
{
    (void)state;
    char *dir = temp_dir_create(), *text = NULL;
    struct offline_result result;
    size_t length = 0;
    void *json = NULL;
    const char *log = temp_file(dir, "log.csv", "episode,t,state,action,reward\n0,0,0,0,1\n");
    struct offline_options options = options_of(log, temp_path(dir, "policy"));
    assert_int_equal(offline_run(&options, &result), SOUK_OK);
    char path[4096];
    snprintf(path, sizeof(path), "%s/result.json", options.dir);
    assert_int_equal(file_read(path, 1 << 16, &text, &length), SOUK_OK);
    assert_int_equal(json_value_parse(text, length, "result", &json), SOUK_OK);
    assert_string_equal(json_value_text(json, "method", ""), "cql");
    assert_string_equal(json_value_text(json, "form", ""), "table");
    assert_true(json_value_bool(json, "propensities_estimated", false));
    assert_true(json_value_number(json, "promised_return", 0) == 1);
    json_value_destroy(json);
    mem_free(text);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_becomes_a_policy_that_can_be_judged),
        cmocka_unit_test(untried_actions_are_told_of_and_cql_has_none),
        cmocka_unit_test(network_finds_the_way_out_from_a_random_log),
        cmocka_unit_test(conservative_network_keeps_to_what_was_tried),
        cmocka_unit_test(policy_for_another_log_has_its_rows_and_can_be_judged_on_it),
        cmocka_unit_test(states_of_the_past_count_less_each_step_back),
        cmocka_unit_test(what_cannot_be_learnt_is_said),
        cmocka_unit_test(result_is_an_object_for_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
