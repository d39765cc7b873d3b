/* test_env.c - simulated users: means against those of RecSim's own classes (1,500 sessions of
 * interest evolution, 500 of long-term satisfaction, 100 of interest exploration; their standard
 * errors beside them), places, ends, and configurations that cannot be. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/env_runner.h"
#include "tests/support/temp.h"

static struct config config;

static int set_up(void **state)
{
    (void)state;
    config_init(&config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    config_fini(&config);
    return 0;
}

static void set(const char *assignment)
{
    assert_int_equal(config_set(&config, assignment), SOUK_OK);
}

static struct env *make(uint32_t num_users, const struct env_ops **ops_out)
{
    struct env_options options = {.config = &config, .num_users = num_users, .seed = 5};
    struct env *env = NULL;
    assert_int_equal(env_create(&options, ops_out, &env), SOUK_OK);
    return env;
}

static struct run_means run(uint32_t num_users, enum run_rule rule)
{
    const struct env_ops *ops;
    struct env *env = make(num_users, &ops);
    struct run_means means;
    run_users(ops, env, rule, 0, &means);
    ops->destroy(env);
    return means;
}

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%g is not %g +- %g", value, expected, tolerance);
}

/* ---- interest evolution ---- */

static void random_slates_end_as_in_recsim(void **state)
{
    (void)state;
    struct run_means means = run(1500, RUN_RANDOM);
    assert_near(means.reward, 160.18, 1);
    assert_near(means.steps, 71.587, 1);
    assert_near(means.clicks, 40.551, 0.3);
    assert_near(means.quality, -0.6131, 0.035);
    set("env.slate_size=2");
    means = run(1500, RUN_RANDOM);
    assert_near(means.reward, 154.26, 1);
    assert_near(means.steps, 83.925, 1);
}

static void greedy_slates_end_as_in_recsim(void **state)
{
    (void)state;
    struct run_means means = run(1500, RUN_GREEDY);
    assert_near(means.reward, 167.66, 2);
    assert_near(means.steps, 59.799, 1);
    assert_near(means.clicks, 42.49, 0.6);
    set("env.slate_size=2");
    assert_near(run(1500, RUN_GREEDY).reward, 165.94, 2);
}

static void slates_of_the_best_quality_end_as_in_recsim(void **state)
{
    (void)state;
    struct run_means means = run(1500, RUN_ORACLE);
    assert_near(means.reward, 264.85, 2);
    assert_near(means.steps, 122.67, 1.5);
    assert_near(means.quality, 1.2761, 0.035);
    set("env.slate_size=2");
    assert_near(run(1500, RUN_ORACLE).reward, 282.38, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_slates_end_as_in_recsim, set_up, tear_down),
        cmocka_unit_test_setup_teardown(greedy_slates_end_as_in_recsim, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slates_of_the_best_quality_end_as_in_recsim, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
