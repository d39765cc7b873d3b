/* Networks out of logs, in their folder: they come back and are asked for other logs, or are
 * refused with what is wrong. */
#include "worker/policy/offline_policy.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/agent/agent_dir.h"
#include "worker/policy/offline.h"
#include "worker/policy/ope_networks.h"

// Rewards follow the sign of x0 and the action; x1 says nothing.
static const char *write_log(const char *dir, const char *name, uint64_t seed)
{
    struct buf text = {0};
    struct rng rng;
    rng_init(&rng, seed, 0);
    buf_add_text(&text, "user,step,action,reward,pscore,x0,x1\n");
    for (uint32_t e = 0; e < 150; e++)
        for (uint32_t t = 0; t < 2; t++) {
            double x = 4 * rng_uniform_double(&rng) - 2;
            uint32_t action = (uint32_t)rng_below(&rng, 2);
            buf_printf(&text, "%u,%u,%u,%d,0.5,%.5f,%.5f\n", e, t, action, action == (x > 0),
                       x + 50, rng_uniform_double(&rng));
        }
    const char *path = temp_file(dir, name, buf_text(&text));
    buf_fini(&text);
    return path;
}

static void learn(const char *log, const char *dir, const char *for_log)
{
    struct offline_options options;
    struct offline_result result;
    offline_options_init(&options);
    options.log = log;
    options.dir = dir;
    options.for_log = for_log;
    options.exploration = 0.2;
    options.memory = 0.3f;
    options.net.num_layers = 1;
    options.net.widths[0] = 16;
    options.net.num_updates = 500;
    assert_int_equal(offline_run(&options, &result), SOUK_OK);
}

static void assert_same_file(const char *dir_a, const char *dir_b, const char *name)
{
    char *a = NULL, *b = NULL, path[4096];
    size_t length_a = 0, length_b = 0;
    snprintf(path, sizeof(path), "%s/%s", dir_a, name);
    assert_int_equal(file_read(path, 1 << 24, &a, &length_a), SOUK_OK);
    snprintf(path, sizeof(path), "%s/%s", dir_b, name);
    assert_int_equal(file_read(path, 1 << 24, &b, &length_b), SOUK_OK);
    assert_int_equal(length_a, length_b);
    assert_memory_equal(a, b, length_a);
    mem_free(a);
    mem_free(b);
}

static void network_comes_back_as_it_was(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    const char *log = write_log(dir, "log.csv", 1), *other = write_log(dir, "other.csv", 2);
    const char *net = temp_path(dir, "net"), *again = temp_path(dir, "again");
    learn(log, net, other);
    assert_int_equal(offline_apply(net, other, NAN, again), SOUK_OK);
    assert_same_file(net, again, "q.csv");
    assert_same_file(net, again, "policy.csv");
    // Another exploration is another policy of the same values.
    assert_int_equal(offline_apply(net, other, 0, again), SOUK_OK);
    assert_same_file(net, again, "q.csv");
    struct number_table *policy = NULL;
    char path[4096];
    snprintf(path, sizeof(path), "%s/policy.csv", again);
    assert_int_equal(number_table_read(path, "policy", &policy), SOUK_OK);
    for (uint64_t i = 0; i < policy->num_rows; i++)
        assert_true(number_table_at(policy, i, 0) + number_table_at(policy, i, 1) == 1 &&
                    number_table_at(policy, i, 0) * number_table_at(policy, i, 1) == 0);
    number_table_destroy(policy);
    temp_dir_remove(dir);
}

static void its_folder_is_asked_for_the_log_that_is_judged(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct ope_result folder, file;
    struct ope_options options;
    const char *log = write_log(dir, "log.csv", 1), *other = write_log(dir, "other.csv", 2);
    const char *net = temp_path(dir, "net"), *again = temp_path(dir, "again");
    learn(log, net, NULL); // its policy.csv is of the first log
    assert_int_equal(offline_apply(net, other, NAN, again), SOUK_OK);
    ope_options_init(&options);
    options.networks = &ope_networks_q;
    options.fqe_updates = 200;
    options.log = other;
    options.policy = net;
    assert_int_equal(ope_run(&options, &folder), SOUK_OK);
    char path[4096];
    snprintf(path, sizeof(path), "%s/policy.csv", again);
    options.policy = path;
    assert_int_equal(ope_run(&options, &file), SOUK_OK);
    for (uint32_t f = 0; f < file.num_figures; f++)
        assert_true(fabs(folder.figures[f].estimate.value - file.figures[f].estimate.value) < 1e-6);
    assert_true(folder.figures[1].estimate.value > folder.logged.value + 0.3);
    ope_result_fini(&folder);
    ope_result_fini(&file);
    temp_dir_remove(dir);
}

static void table_over_a_network_leaves_no_weights(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    const char *net = temp_path(dir, "net");
    learn(write_log(dir, "log.csv", 1), net, NULL);
    assert_true(offline_policy_is_in(net));
    struct offline_options options;
    struct offline_result result;
    offline_options_init(&options);
    options.log = temp_file(dir, "n.csv", "episode,t,state,action,reward\n0,0,0,0,1\n1,0,0,1,0\n");
    options.dir = net;
    assert_int_equal(offline_run(&options, &result), SOUK_OK);
    assert_false(offline_policy_is_in(net));
    temp_dir_remove(dir);
}

/* ---- what is refused ---- */

static void expect(souk_status status, souk_status expected, const char *message)
{
    if (status != expected || !strstr(capture_log_text(), message))
        fail_msg("%s instead of %s", capture_log_text(), message);
    capture_log_end();
}

static void damage_weights(const char *dir)
{
    char pattern[4096], *bytes = NULL;
    size_t length = 0;
    glob_t found;
    snprintf(pattern, sizeof(pattern), "%s/*.weights", dir);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(file_read(found.gl_pathv[0], 1 << 24, &bytes, &length), SOUK_OK);
    bytes[length / 2] ^= 1;
    assert_int_equal(file_write_atomic(found.gl_pathv[0], bytes, length), SOUK_OK);
    mem_free(bytes);
    globfree(&found);
}

static void bad_folders_and_other_columns_are_refused(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    const char *log = write_log(dir, "log.csv", 1), *net = temp_path(dir, "net");
    const char *wide = temp_file(dir, "w.csv", "user,step,action,reward,x0,x1,x2\n0,0,0,1,1,1,1\n");
    const char *more = temp_file(dir, "m.csv", "user,step,action,reward,x0,x1\n0,0,2,1,1,1\n");
    const char *choices = temp_file(dir, "c.csv", "action,reward\n0,1\n");
    struct offline_policy *policy = NULL;
    learn(log, net, NULL);
    capture_log_begin();
    expect(offline_apply(net, wide, NAN, net), SOUK_EDATA, "give a log with the same columns");
    capture_log_begin();
    expect(offline_apply(net, more, NAN, net), SOUK_EDATA, "action 2 is unknown");
    capture_log_begin();
    expect(offline_policy_load(dir, &policy), SOUK_EDATA, "has no network");

    struct ope_options options;
    struct ope_result result;
    ope_options_init(&options);
    options.networks = &ope_networks_q;
    options.log = choices;
    options.policy = net;
    capture_log_begin();
    expect(ope_run(&options, &result), SOUK_EDATA, "is a policy for logs of episodes");

    damage_weights(net);
    capture_log_begin();
    expect(offline_policy_load(net, &policy), SOUK_EDATA, ".weights");
    temp_dir_remove(dir);
}

static void simulated_users_cannot_be_led_by_it(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    const char *net = temp_path(dir, "net");
    struct config config;
    const struct agent_ops *ops;
    struct agent *agent = NULL;
    learn(write_log(dir, "log.csv", 1), net, NULL);
    config_init(&config);
    const struct agent_options options = {.config = &config, .shape = {1, 4, 2, 2, 2, 0, 10}};
    capture_log_begin();
    expect(agent_dir_load(net, &options, &ops, &agent, NULL), SOUK_EDATA, "columns of the log");
    config_fini(&config);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_comes_back_as_it_was),
        cmocka_unit_test(its_folder_is_asked_for_the_log_that_is_judged),
        cmocka_unit_test(table_over_a_network_leaves_no_weights),
        cmocka_unit_test(bad_folders_and_other_columns_are_refused),
        cmocka_unit_test(simulated_users_cannot_be_led_by_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
