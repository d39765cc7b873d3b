/* test_simulation.c - policies led through simulated stays, and what is said of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/env_runner.h"
#include "tests/support/temp.h"
#include "tests/support/xml.h"
#include "worker/policy/sim_compare.h"
#include "worker/policy/simulation.h"
#include "worker/report/svg_intervals.h"

static struct config config;
static struct comm *comm;

static int set_up(void **state)
{
    (void)state;
    const struct comm_launch launch = {0};
    config_init(&config);
    return comm_create(&launch, &comm) == SOUK_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    comm_destroy(comm);
    config_fini(&config);
    return 0;
}

static void set(const char *assignment)
{
    assert_int_equal(config_set(&config, assignment), SOUK_OK);
}

struct setting {
    const char *agent; // NULL: the oracle
    uint32_t num_places;
    uint64_t num_users, num_traced;
    const volatile sig_atomic_t *stop_signal;
};

static souk_status try_to_simulate(const struct setting *setting, struct sim_result *result_out)
{
    const struct env_ops *env_ops;
    struct env *env;
    const struct env_options env_options = {
        .config = &config, .num_users = setting->num_places, .seed = 5};
    assert_int_equal(env_create(&env_options, &env_ops, &env), SOUK_OK);
    struct agent_options agent_options = {.config = &config, .comm = comm};
    env_ops->shape(env, &agent_options.shape);
    struct sim_policy policy = {.ops = setting->agent ? agent_ops_get(setting->agent) : NULL};
    if (policy.ops) assert_int_equal(policy.ops->create(&agent_options, &policy.agent), SOUK_OK);
    const struct sim_options options = {.env_ops = env_ops,
                                        .env = env,
                                        .comm = comm,
                                        .num_users = setting->num_users,
                                        .num_traced = setting->num_traced,
                                        .seed = 1,
                                        .stop_signal = setting->stop_signal};
    souk_status status = sim_run(&options, &policy, result_out);
    if (policy.agent) policy.ops->destroy(policy.agent);
    env_ops->destroy(env);
    return status;
}

static void simulate(const struct setting *setting, struct sim_result *result_out)
{
    assert_int_equal(try_to_simulate(setting, result_out), SOUK_OK);
    assert_int_equal(result_out->num_users, setting->num_users);
}

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%g is not %g +- %g", value, expected, tolerance);
}

static void stays_come_to_what_users_did(void **state)
{
    (void)state;
    static const struct {
        const char *agent;
        enum run_rule rule;
    } cases[] = {{"greedy", RUN_GREEDY}, {NULL, RUN_ORACLE}};
    for (int i = 0; i < 2; i++) {
        const struct setting setting = {cases[i].agent, 64, 300, 0, NULL};
        const struct env_options options = {.config = &config, .num_users = 300, .seed = 5};
        const struct env_ops *ops;
        struct env *env;
        struct run_means means;
        struct sim_result result;
        struct sim_row row;
        simulate(&setting, &result);
        sim_compare(&result, 1, &row);
        assert_int_equal(env_create(&options, &ops, &env), SOUK_OK);
        run_users(ops, env, cases[i].rule, 0, &means);
        assert_near(row.figures[SIM_RETURN].mean, means.reward, 1e-6);
        assert_near(row.figures[SIM_RETURN].std_error, means.reward_stderr, 1e-6);
        assert_near(row.figures[SIM_CLICKS].mean, means.clicks, 1e-9);
        assert_near(row.figures[SIM_STEPS].mean, means.steps, 1e-9);
        assert_near(row.figures[SIM_QUALITY].mean, means.quality, 1e-6);
        assert_int_equal(row.num_cut, 0);
        ops->destroy(env);
        sim_result_fini(&result);
    }
}

static void the_number_of_places_changes_nothing(void **state)
{
    (void)state;
    static const char *const agents[] = {"random", "greedy", NULL};
    for (int i = 0; i < 3; i++) {
        struct sim_result few, many;
        simulate(&(struct setting){agents[i], 3, 40, 0, NULL}, &few);
        simulate(&(struct setting){agents[i], 64, 40, 0, NULL}, &many);
        assert_memory_equal(few.users, many.users, 40 * sizeof *few.users);
        for (uint64_t u = 0; u < 40; u++) assert_int_equal(few.users[u].user, u);
        sim_result_fini(&few);
        sim_result_fini(&many);
    }
}

static unsigned find_topic(const char *item)
{
    unsigned topic = 99;
    assert_int_equal(sscanf(item, "t%u q", &topic), 1);
    return topic;
}

static void a_trace_tells_the_whole_stay(void **state)
{
    (void)state;
    struct sim_result result;
    simulate(&(struct setting){"random", 4, 20, 3, NULL}, &result);
    const struct sim_trace *trace = result.trace;
    uint64_t at = 0;
    for (uint64_t u = 0; u < 3; u++) {
        double rewards = 0, distances = 0, num_clicks = 0, num_steps = 0;
        double budget = 200;
        for (; at < result.num_trace && trace[at].user == u; at++) {
            assert_int_equal(trace[at].step, ++num_steps);
            rewards += (double)trace[at].reward;
            num_clicks += trace[at].choice >= 0;
            unsigned a = find_topic(trace[at].items[0]), b = find_topic(trace[at].items[1]),
                     c = find_topic(trace[at].items[2]);
            distances += ((a != b) + (a != c) + (b != c)) / 3.0;
            double left;
            assert_int_equal(sscanf(trace[at].after, "budget %lf", &left), 1);
            if (trace[at].choice < 0) assert_near(left, budget - 0.5, 0.011);
            budget = left;
        }
        assert_true(budget <= 0);
        const double *figures = result.users[u].figures;
        assert_near(figures[SIM_RETURN], rewards, 1e-9);
        assert_near(figures[SIM_CLICKS], num_clicks, 0);
        assert_near(figures[SIM_STEPS], num_steps, 0);
        assert_near(figures[SIM_DIVERSITY], distances / num_steps, 1e-6);
    }
    assert_int_equal(at, result.num_trace);
    sim_result_fini(&result);
}

static void figures_that_there_are_not_are_undefined(void **state)
{
    (void)state;
    struct sim_result result;
    struct sim_row row;
    set("env.type=long_term_satisfaction"); // slates of one
    set("env.max_steps=4");
    simulate(&(struct setting){"random", 8, 20, 0, NULL}, &result);
    sim_compare(&result, 1, &row);
    assert_true(isnan(row.figures[SIM_DIVERSITY].mean));
    assert_int_equal(row.figures[SIM_DIVERSITY].num_users, 0);
    assert_int_equal(row.num_cut, 20);
    assert_near(row.figures[SIM_STEPS].mean, 4, 0);
    sim_result_fini(&result);
}

static void a_signal_ends_a_simulation(void **state)
{
    (void)state;
    volatile sig_atomic_t signal = 15;
    struct sim_result result;
    capture_log_begin();
    assert_int_equal(try_to_simulate(&(struct setting){"random", 8, 20, 0, &signal}, &result),
                     SOUK_ESTOPPED);
    capture_log_end();
    sim_result_fini(&result);
}

static void differences_are_taken_user_by_user(void **state)
{
    (void)state;
    struct sim_user first[4] = {{.figures = {1, 0, 1, 3}},
                                {.figures = {2, 0, 1, NAN}},
                                {.figures = {3, 0, 1, 5}},
                                {.figures = {6, 0, 1, 7}}};
    struct sim_user second[4] = {{.figures = {2, 0, 1, 4}, .is_cut = 1},
                                 {.figures = {3, 0, 1, 1}},
                                 {.figures = {4, 0, 1, NAN}},
                                 {.figures = {8, 0, 1, 9}, .is_cut = 1}};
    const struct sim_result results[] = {{.users = first, .num_users = 4},
                                         {.users = second, .num_users = 4}};
    struct sim_row rows[2];
    sim_compare(results, 2, rows);
    assert_near(rows[0].figures[SIM_RETURN].mean, 3, 1e-12);
    assert_near(rows[0].figures[SIM_RETURN].std_error, sqrt(14 / 3.0 / 4), 1e-12);
    assert_near(rows[1].figures[SIM_RETURN].mean, 4.25, 1e-12);
    assert_near(rows[1].differences[SIM_RETURN].mean, 1.25, 1e-12);
    assert_near(rows[1].differences[SIM_RETURN].std_error, 0.25, 1e-12);
    assert_near(rows[1].figures[SIM_QUALITY].mean, 14 / 3.0, 1e-12);
    assert_int_equal(rows[1].figures[SIM_QUALITY].num_users, 3);
    assert_near(rows[1].differences[SIM_QUALITY].mean, 1.5, 1e-12); // of users 0 and 3
    assert_near(rows[1].differences[SIM_QUALITY].std_error, 0.5, 1e-12);
    assert_int_equal(rows[1].num_cut, 2);
    assert_near(rows[0].figures[SIM_CLICKS].std_error, 0, 0);
}

static void a_picture_of_intervals_is_well_formed(void **state)
{
    (void)state;
    static const char *const names[] = {"random", "runs/<a & b>", "caf\xe9"};
    static const double values[] = {1, 2.5, NAN}, lows[] = {0.5, NAN, NAN}, highs[] = {1.5, 3, NAN};
    static const double same[] = {5, 5, 5}, nothing[] = {NAN, NAN, NAN};
    const struct svg_panel panels[] = {{"return", values, lows, highs},
                                       {"steps", same, same, same},
                                       {"diversity", nothing, nothing, nothing}};
    const struct svg_intervals picture = {"a title", "a note", names, 3, panels, 3};
    struct buf text = {0};
    svg_intervals(&picture, &text);
    assert_null(xml_fault(buf_text(&text)));
    assert_int_equal(count_text(buf_text(&text), "<circle"), 5);
    assert_int_equal(count_text(buf_text(&text), "stroke-width=\"2.5\""), 4);
    assert_int_equal(count_text(buf_text(&text), ">undefined<"), 4);
    assert_int_equal(count_text(buf_text(&text), "nan"), 0);
    buf_fini(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stays_come_to_what_users_did),
        TEST(the_number_of_places_changes_nothing),
        TEST(a_trace_tells_the_whole_stay),
        TEST(figures_that_there_are_not_are_undefined),
        TEST(a_signal_ends_a_simulation),
        TEST(differences_are_taken_user_by_user),
        TEST(a_picture_of_intervals_is_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
