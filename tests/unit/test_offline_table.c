/* Q of numbered states out of logs: against worlds whose values are known, and the conservative one
 * against its own formula, descended slowly. */
#include "worker/policy/offline_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

enum { MAX_PAIRS = 64 };

struct learnt {
    struct tabular tabular;
    double q[MAX_PAIRS];
    uint32_t num_rounds;
};

static souk_status learn(const char *text, const struct offline_table_options *options,
                         struct learnt *learnt)
{
    struct number_table *table = NULL;
    struct episode_log log;
    char *dir = temp_dir_create();
    assert_int_equal(number_table_read(temp_file(dir, "log.csv", text), "log", &table), SOUK_OK);
    assert_int_equal(episode_log_make(table, &(struct episode_log_options){0}, &log), SOUK_OK);
    tabular_init(&learnt->tabular, &log);
    assert_true(learnt->tabular.num_pairs <= MAX_PAIRS);
    souk_status status =
        offline_table_learn(&learnt->tabular, options, learnt->q, &learnt->num_rounds);
    episode_log_fini(&log);
    number_table_destroy(table);
    temp_dir_remove(dir);
    return status;
}

static struct offline_table_options options_of(double discount, double conservatism)
{
    return (struct offline_table_options){discount, conservatism, 10000, 1e-12};
}

static uint32_t best_of(const struct learnt *learnt, uint32_t state)
{
    uint32_t num = learnt->tabular.num_actions;
    return offline_best_action(learnt->q + (uint64_t)state * num, num);
}

/* A corridor of 6 states. Action 0 steps back and pays 0.1 at the left wall, action 1 steps on, and
 * out of the last state ends the episode with 1. A random walker sees all of it. */
static char *walk_corridor(uint32_t num_episodes)
{
    struct buf text = {0};
    struct rng rng;
    rng_init(&rng, 11, 0);
    buf_add_text(&text, "episode,t,state,action,reward,done\n");
    for (uint32_t e = 0; e < num_episodes; e++) {
        uint32_t state = (uint32_t)rng_below(&rng, 6);
        for (uint32_t t = 0;; t++) {
            uint32_t action = rng_next_u32(&rng) & 1;
            bool ends = action == 1 && state == 5;
            double reward = ends ? 1 : action == 0 && state == 0 ? 0.1 : 0;
            buf_printf(&text, "%u,%u,%u,%u,%g,%d\n", e, t, state, action, reward, ends);
            if (ends) break;
            state = action == 1 ? state + 1 : state > 0 ? state - 1 : 0;
        }
    }
    char *copy = mem_strdup(buf_text(&text));
    buf_fini(&text);
    return copy;
}

static void iteration_finds_the_optimal_policy_from_a_random_log(void **state)
{
    (void)state;
    static struct learnt learnt;
    char *text = walk_corridor(200);
    struct offline_table_options options = options_of(0.9, 0);
    assert_int_equal(learn(text, &options, &learnt), SOUK_OK);
    // From state s the end is 6 - s steps away: 0.9^(5-s). The wall pays 0.1 for ever: 1 in all.
    for (uint32_t s = 1; s < 6; s++) {
        double on = pow(0.9, 5 - s), wall = pow(0.9, s);
        double best = fmax(on, wall);
        assert_true(fabs(learnt.q[s * 2 + best_of(&learnt, s)] - best) < 1e-9);
        assert_int_equal(best_of(&learnt, s), on > wall);
    }
    assert_true(fabs(learnt.q[0] - 1) < 1e-9);
    tabular_fini(&learnt.tabular);
    // Who looks less far ahead goes another way.
    options = options_of(0.5, 0);
    assert_int_equal(learn(text, &options, &learnt), SOUK_OK);
    assert_int_equal(best_of(&learnt, 3), 1);
    assert_true(fabs(learnt.q[0] - 0.2) < 1e-9);
    tabular_fini(&learnt.tabular);
    mem_free(text);
}

// In state 0 nobody has ever done 2; all that was done costs.
static const char costly[] = "episode,t,state,action,reward\n"
                             "0,0,0,0,-1\n0,1,1,2,-1\n1,0,0,1,-2\n1,1,1,0,-3\n2,0,0,0,-1\n";

static void only_iteration_takes_what_nobody_has_tried(void **state)
{
    (void)state;
    static struct learnt learnt;
    struct offline_table_options options = options_of(0.9, 0);
    assert_int_equal(learn(costly, &options, &learnt), SOUK_OK);
    assert_int_equal(best_of(&learnt, 0), 2);
    assert_int_equal(best_of(&learnt, 1), 1);
    tabular_fini(&learnt.tabular);
    options.conservatism = 0.5;
    assert_int_equal(learn(costly, &options, &learnt), SOUK_OK);
    assert_int_equal(best_of(&learnt, 0), 0);
    assert_int_equal(best_of(&learnt, 1), 2);
    assert_true(isinf(learnt.q[2]) && isinf(learnt.q[4]));
    tabular_fini(&learnt.tabular);
}

/* One state, 4 actions that end the episode; visits and mean rewards are these. */
static const double shares[] = {0.5, 0.3, 0.15, 0.05}, means[] = {1, 2, -1, 4};

static char *one_state_log(void)
{
    struct buf text = {0};
    uint32_t e = 0;
    buf_add_text(&text, "episode,t,state,action,reward\n");
    for (int a = 0; a < 4; a++)
        for (int i = 0; i < (int)(100 * shares[a] + 0.5); i++)
            buf_printf(&text, "%u,0,0,%d,%g\n", e++, a, means[a]);
    char *copy = mem_strdup(buf_text(&text));
    buf_fini(&text);
    return copy;
}

static void gradient_of(const double *q, double alpha, double *gradient)
{
    double sum = 0;
    for (int a = 0; a < 4; a++) sum += exp(q[a]);
    for (int a = 0; a < 4; a++)
        gradient[a] = shares[a] * (q[a] - means[a]) + alpha * (exp(q[a]) / sum - shares[a]);
}

static void conservative_values_minimise_the_formula(void **state)
{
    (void)state;
    static const double alphas[] = {0.01, 0.3, 1, 10, 1000};
    char *text = one_state_log();
    for (int k = 0; k < 5; k++) {
        static struct learnt learnt;
        double q[4] = {0}, gradient[4], alpha = alphas[k];
        struct offline_table_options options = options_of(0.9, alpha);
        assert_int_equal(learn(text, &options, &learnt), SOUK_OK);
        gradient_of(learnt.q, alpha, gradient);
        for (int a = 0; a < 4; a++) assert_true(fabs(gradient[a]) < 1e-9 * (1 + alpha));
        for (int i = 0; alpha <= 1 && i < 20000; i++) {
            gradient_of(q, alpha, gradient);
            for (int a = 0; a < 4; a++) q[a] -= gradient[a];
        }
        for (int a = 0; alpha <= 1 && a < 4; a++) assert_true(fabs(learnt.q[a] - q[a]) < 1e-7);
        tabular_fini(&learnt.tabular);
    }
    mem_free(text);
}

static void much_conservatism_does_what_was_done_most(void **state)
{
    (void)state;
    static struct learnt learnt;
    char *text = one_state_log();
    struct offline_table_options options = options_of(0.9, 0);
    assert_int_equal(learn(text, &options, &learnt), SOUK_OK);
    assert_int_equal(best_of(&learnt, 0), 3);
    tabular_fini(&learnt.tabular);
    options.conservatism = 1000;
    assert_int_equal(learn(text, &options, &learnt), SOUK_OK);
    assert_int_equal(best_of(&learnt, 0), 0);
    tabular_fini(&learnt.tabular);
    mem_free(text);
}

static void log_of_one_action_has_one_answer(void **state)
{
    (void)state;
    static struct learnt learnt;
    const char *text = "episode,t,state,action,reward\n0,0,0,0,2\n0,1,1,0,4\n";
    for (int k = 0; k < 2; k++) {
        struct offline_table_options options = options_of(0.5, k);
        assert_int_equal(learn(text, &options, &learnt), SOUK_OK);
        assert_true(fabs(learnt.q[0] - 4) < 1e-9 && fabs(learnt.q[1] - 4) < 1e-9);
        tabular_fini(&learnt.tabular);
    }
}

static void rewards_without_end_are_told(void **state)
{
    (void)state;
    static struct learnt learnt;
    const char *text = "episode,t,state,action,reward,next_state,done\n"
                       "0,0,0,0,1,0,1\n1,0,0,0,1,0,1\n"; // the clock ended them
    struct offline_table_options options = {1, 0, 100, 1e-9};
    capture_log_begin();
    assert_int_equal(learn(text, &options, &learnt), SOUK_EDIVERGED);
    assert_non_null(strstr(capture_log_text(), "discount"));
    capture_log_end();
    tabular_fini(&learnt.tabular);
    options.discount = 0.5;
    assert_int_equal(learn(text, &options, &learnt), SOUK_OK);
    assert_true(fabs(learnt.q[0] - 2) < 1e-8);
    tabular_fini(&learnt.tabular);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iteration_finds_the_optimal_policy_from_a_random_log),
        cmocka_unit_test(only_iteration_takes_what_nobody_has_tried),
        cmocka_unit_test(conservative_values_minimise_the_formula),
        cmocka_unit_test(much_conservatism_does_what_was_done_most),
        cmocka_unit_test(log_of_one_action_has_one_answer),
        cmocka_unit_test(rewards_without_end_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
