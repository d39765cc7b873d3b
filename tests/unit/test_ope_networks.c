/* Estimates of episodes that need networks: fitted Q evaluation where states are features, against
 * the table's on the same log, and policies that are networks. */
#include "worker/policy/ope_networks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

enum { STATES = 4, ACTIONS = 3, STEPS = 6 };

/* A world without an end: from state s action a leads to (s + a) % 4, or with 0.3 anywhere, and
 * pays (s == 3) + 0.2 a, with noise. Actions are drawn evenly. Writes the log with numbered states
 * ("n.csv") and the same with one-hot features ("x.csv"). */
static void write_world(const char *dir, uint32_t num_episodes)
{
    struct buf numbered = {0}, features = {0};
    struct rng rng;
    rng_init(&rng, 3, 0);
    buf_add_text(&numbered, "episode,t,action,reward,pscore,state,next_state\n");
    buf_add_text(&features, "user,step,action,reward,pscore,x0,x1,x2,x3\n");
    for (uint32_t e = 0; e < num_episodes; e++) {
        uint32_t s = (uint32_t)rng_below(&rng, STATES);
        for (uint32_t t = 0; t < STEPS; t++) {
            uint32_t a = (uint32_t)rng_below(&rng, ACTIONS);
            double reward = (s == 3) + 0.2 * a + 0.5 * (rng_uniform_double(&rng) - 0.5);
            uint32_t next =
                rng_below(&rng, 10) < 3 ? (uint32_t)rng_below(&rng, STATES) : (s + a) % STATES;
            char row[128];
            snprintf(row, sizeof(row), "%u,%u,%u,%.6f,%.17g,", e, t, a, reward, 1.0 / ACTIONS);
            buf_printf(&numbered, "%s%u,%u\n", row, s, next);
            buf_printf(&features, "%s%d,%d,%d,%d\n", row, s == 0, s == 1, s == 2, s == 3);
            s = next;
        }
    }
    temp_file(dir, "n.csv", buf_text(&numbered));
    temp_file(dir, "x.csv", buf_text(&features));
    buf_fini(&numbered);
    buf_fini(&features);
}

static const char by_state[] = "0.1,0.2,0.7\n0.2,0.7,0.1\n0.3,0.6,0.1\n0.8,0.1,0.1\n";

// by_state, a row a row of n.csv.
static void write_policies(const char *dir)
{
    static const char *const rows[] = {"0.1,0.2,0.7", "0.2,0.7,0.1", "0.3,0.6,0.1", "0.8,0.1,0.1"};
    struct number_table *log = NULL;
    struct buf text = {0};
    assert_int_equal(number_table_read(temp_path(dir, "n.csv"), "log", &log), SOUK_OK);
    uint32_t column = (uint32_t)number_table_find(log, "state");
    for (uint64_t i = 0; i < log->num_rows; i++)
        buf_printf(&text, "%s\n", rows[(int)number_table_at(log, i, column)]);
    temp_file(dir, "by_row.csv", buf_text(&text));
    temp_file(dir, "by_state.csv", by_state);
    buf_fini(&text);
    number_table_destroy(log);
}

static struct ope_options options_of(const char *dir, const char *log, const char *policy)
{
    struct ope_options options;
    ope_options_init(&options);
    options.log = temp_path(dir, log);
    options.policy = temp_path(dir, policy);
    options.networks = &ope_networks_q;
    options.fqe_updates = 10000;
    options.interval.num_resamples = 50;
    options.discount = 0.9;
    return options;
}

static const struct estimate *find(const struct ope_result *result, const char *name)
{
    for (uint32_t f = 0; f < result->num_figures; f++)
        if (strcmp(result->figures[f].estimate.name, name) == 0)
            return &result->figures[f].estimate;
    fail_msg("no %s", name);
    return NULL;
}

// DM within 3 %, DR and SNDR within 1 % of the value: the table pools steps, a network need not.
static void network_of_features_agrees_with_the_table_of_their_states(void **state)
{
    (void)state;
#if defined(__SANITIZE_THREAD__)
    puts("SKIP 30,000 updates: minutes for the thread sanitizer, and there is one thread");
    skip();
#endif
    static const char *const names[] = {"DM", "DR", "SNDR"};
    char *dir = temp_dir_create();
    struct ope_result table, net, folds;
    write_world(dir, 2000);
    write_policies(dir);
    struct ope_options options = options_of(dir, "n.csv", "by_state.csv");
    assert_int_equal(ope_run(&options, &table), SOUK_OK);
    options = options_of(dir, "x.csv", "by_row.csv");
    assert_int_equal(ope_run(&options, &net), SOUK_OK);
    options.num_folds = 2;
    assert_int_equal(ope_run(&options, &folds), SOUK_OK);
    for (int k = 0; k < 3; k++) {
        double expected = find(&table, names[k])->value;
        assert_true(expected > 2);
        assert_true(fabs(find(&net, names[k])->value / expected - 1) < (k == 0 ? 0.03 : 0.01));
        assert_true(fabs(find(&folds, names[k])->value / expected - 1) < (k == 0 ? 0.03 : 0.01));
        assert_true(find(&folds, names[k])->value != find(&net, names[k])->value);
    }
    assert_true(fabs(find(&net, "PDIS")->value - find(&table, "PDIS")->value) < 1e-9);
    assert_string_equal(net.verdict.by, "DR");
    assert_non_null(strstr(net.notes[1], "10000 updates"));
    ope_result_fini(&table);
    ope_result_fini(&net);
    ope_result_fini(&folds);
    temp_dir_remove(dir);
}

static void same_seed_fits_the_same_values(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct ope_result a, b, c;
    write_world(dir, 30);
    write_policies(dir);
    struct ope_options options = options_of(dir, "x.csv", "by_row.csv");
    options.fqe_updates = 200;
    assert_int_equal(ope_run(&options, &a), SOUK_OK);
    assert_int_equal(ope_run(&options, &b), SOUK_OK);
    options.interval.seed = 2;
    assert_int_equal(ope_run(&options, &c), SOUK_OK);
    assert_true(find(&a, "DM")->value == find(&b, "DM")->value);
    assert_true(find(&a, "DM")->value != find(&c, "DM")->value);
    ope_result_fini(&a);
    ope_result_fini(&b);
    ope_result_fini(&c);
    temp_dir_remove(dir);
}

static void without_a_network_values_are_undefined(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct ope_result result;
    write_world(dir, 5);
    write_policies(dir);
    struct ope_options options = options_of(dir, "x.csv", "by_row.csv");
    options.fqe_updates = 0;
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    assert_non_null(find(&result, "DR")->undefined);
    assert_null(find(&result, "SNPDIS")->undefined);
    assert_string_equal(result.verdict.by, "SNPDIS");
    ope_result_fini(&result);
    temp_dir_remove(dir);
}

static void huge_rewards_leave_values_finite_or_undefined(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct ope_result result;
    temp_file(dir, "x.csv", "user,step,action,reward,x0\n0,0,0,1e200,1\n0,1,1,-1e200,2\n");
    temp_file(dir, "p.csv", "0.5,0.5\n0.5,0.5\n");
    struct ope_options options = options_of(dir, "x.csv", "p.csv");
    options.fqe_updates = 300;
    capture_log_begin();
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    capture_log_end();
    for (uint32_t f = 0; f < result.num_figures; f++)
        assert_true(result.figures[f].estimate.undefined ||
                    isfinite(result.figures[f].estimate.value));
    ope_result_fini(&result);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_of_features_agrees_with_the_table_of_their_states),
        cmocka_unit_test(same_seed_fits_the_same_values),
        cmocka_unit_test(without_a_network_values_are_undefined),
        cmocka_unit_test(huge_rewards_leave_values_finite_or_undefined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
