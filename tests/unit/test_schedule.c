/* test_schedule.c - learning rates by epoch and step. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/train/schedule.h"

static struct config config;

static int set_up(void **state)
{
    (void)state;
    config_init(&config);
    config.train.lr = 0.5f;
    config.train.lr_decay = 0.5f;
    config.train.epochs = 5;
    config.train.lr_step_epochs = 2;
    config.train.warmup_steps = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    config_fini(&config);
    return 0;
}

static void assert_rates(enum config_schedule schedule, const double *expected)
{
    config.train.lr_schedule = schedule;
    for (uint32_t epoch = 0; epoch < 5; epoch++)
        assert_true(fabs((double)schedule_lr(&config, epoch, 1000) - expected[epoch]) < 1e-6);
}

static void rates_follow_the_schedule(void **state)
{
    (void)state;
    assert_rates(CONFIG_LR_CONSTANT, (const double[]){0.5, 0.5, 0.5, 0.5, 0.5});
    assert_rates(CONFIG_LR_EXPONENTIAL, (const double[]){0.5, 0.25, 0.125, 0.0625, 0.03125});
    assert_rates(CONFIG_LR_INVERSE, (const double[]){0.5, 0.5 / 1.5, 0.5 / 2, 0.5 / 2.5, 0.5 / 3});
    assert_rates(CONFIG_LR_STEP, (const double[]){0.5, 0.5, 0.25, 0.25, 0.125});
    assert_rates(CONFIG_LR_COSINE, (const double[]){0.5, 0.25 + 0.125 * (1 + sqrt(0.5)), 0.375,
                                                    0.25 + 0.125 * (1 - sqrt(0.5)), 0.25});
}

static void warm_up_rises_over_the_first_steps_of_the_run(void **state)
{
    (void)state;
    config.train.lr_schedule = CONFIG_LR_CONSTANT;
    config.train.warmup_steps = 4;
    assert_true(schedule_lr(&config, 0, 0) == 0.125f);
    assert_true(schedule_lr(&config, 0, 1) == 0.25f);
    assert_true(schedule_lr(&config, 0, 3) == 0.5f);
    assert_true(schedule_lr(&config, 0, 4) == 0.5f);
}

static void a_single_epoch_has_the_full_rate(void **state)
{
    (void)state;
    config.train.epochs = 1;
    config.train.lr_schedule = CONFIG_LR_COSINE;
    assert_true(schedule_lr(&config, 0, 9) == 0.5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rates_follow_the_schedule, set_up, tear_down),
        cmocka_unit_test_setup_teardown(warm_up_rises_over_the_first_steps_of_the_run, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_single_epoch_has_the_full_rate, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
