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

/* ---- long-term satisfaction ---- */

static void clickbait_pays_and_tires_as_in_recsim(void **state)
{
    (void)state;
    // Totals of a stay, and their standard errors: random slates, most and least clickbait.
    static const struct {
        const char *sensitivity;
        double random, random_stderr, most, most_stderr, least, least_stderr;
    } rows[] = {
        {"env.sensitivity=0.01", 939.64, 7.2, 1075.17, 8.2, 816.44, 6.2},
        {"env.sensitivity=0.1", 953.12, 7.4, 863.84, 6.8, 999.12, 7.6},
        {"env.sensitivity=0.5", 1047.74, 10.7, 370.50, 3.3, 2217.58, 17.7},
    };
    set("env.type=long_term_satisfaction");
    for (int i = 0; i < 3; i++) {
        set(rows[i].sensitivity);
        struct run_means random = run(4000, RUN_RANDOM), most = run(4000, RUN_ANTI),
                         least = run(4000, RUN_ORACLE);
        assert_near(random.reward, rows[i].random, 2.5 * rows[i].random_stderr);
        assert_near(most.reward, rows[i].most, 2.5 * rows[i].most_stderr);
        assert_near(least.reward, rows[i].least, 2.5 * rows[i].least_stderr);
        assert_near(random.steps, 60, 1e-6);
        assert_near(random.clicks, 60, 1e-6);
    }
}

static void clickbait_is_seen(void **state)
{
    (void)state;
    set("env.type=long_term_satisfaction");
    double of_view = run(200, RUN_LAST_FIELD).reward, of_oracle = run(200, RUN_ANTI).reward;
    assert_near(of_view, of_oracle, 0);
}

/* ---- interest exploration ---- */

static void clicks_come_as_often_as_in_recsim(void **state)
{
    (void)state;
    set("env.type=interest_exploration");
    assert_near(run(4000, RUN_RANDOM).clicks, 23.21, 1.3);
    assert_near(run(4000, RUN_LAST_FIELD).clicks, 38.22, 2.1); // quality
    assert_near(run(4000, RUN_GREEDY).clicks, 38.57, 2.2);
    struct run_means oracle = run(4000, RUN_ORACLE);
    assert_near(oracle.clicks, 38.51, 2.1);
    assert_near(oracle.steps, 100, 1e-6);
    assert_near(oracle.clicks, oracle.reward, 1e-9);
}

/* ---- all of them ---- */

static const char *const TYPES[] = {"env.type=interest_evolution", "env.type=interest_exploration",
                                    "env.type=long_term_satisfaction"};

enum { TRACE_STEPS = 30 };

// What user 7 goes through in a place of several, among neighbours numbered from first_neighbour
// on; `late`: only after somebody else has sat there for three steps.
static void trace_user(uint32_t num_users, uint32_t place, uint64_t first_neighbour, bool is_late,
                       struct env_outcome *trace_out)
{
    const struct env_ops *ops;
    struct env *env = make(num_users, &ops);
    struct env_shape shape;
    struct env_outcome outcomes[16];
    struct env_view view;
    uint32_t slates[16 * 3];
    ops->shape(env, &shape);
    for (uint32_t n = 0; n < num_users; n++) ops->reset(env, n, first_neighbour + n);
    uint32_t start = is_late ? 3 : 0;
    for (uint32_t s = 0; s < start + TRACE_STEPS; s++) {
        if (s == start) ops->reset(env, place, 7);
        if (is_late) ops->view(env, &view); // looking changes nothing
        for (uint32_t n = 0; n < num_users; n++)
            run_random_slate(n == place ? 7 : n, s - start, &shape, slates + n * shape.slate_size);
        ops->step(env, slates, outcomes);
        if (s >= start) trace_out[s - start] = outcomes[place];
    }
    ops->destroy(env);
}

static bool is_same(const struct env_outcome *a, const struct env_outcome *b)
{
    bool has_quality = !isnan(a->quality);
    return a->choice == b->choice && a->reward == b->reward && has_quality != isnan(b->quality) &&
           (!has_quality || a->quality == b->quality) && a->is_over == b->is_over;
}

static void a_user_does_not_depend_on_place_and_neighbours(void **state)
{
    (void)state;
    for (int type = 0; type < 3; type++) {
        struct env_outcome alone[TRACE_STEPS], among[TRACE_STEPS];
        set(TYPES[type]);
        trace_user(1, 0, 0, false, alone);
        trace_user(16, 11, 1000000, true, among);
        int num_choices = 0;
        for (int s = 0; s < TRACE_STEPS; s++) {
            assert_true(is_same(&alone[s], &among[s]));
            num_choices += alone[s].choice >= 0;
        }
        assert_true(num_choices > 2);
    }
}

static void users_differ_and_so_do_seeds(void **state)
{
    (void)state;
    const struct env_ops *ops;
    struct env *env = make(64, &ops);
    struct env_view view;
    struct env_options other = {.config = &config, .num_users = 1, .seed = 6};
    for (uint32_t n = 0; n < 64; n++) ops->reset(env, n, n < 32 ? n : (uint64_t)n << 32);
    ops->view(env, &view);
    for (int a = 0; a < 64; a++)
        for (int b = 0; b < a; b++)
            assert_memory_not_equal(view.users + a * 20, view.users + b * 20, 20 * sizeof(float));
    float first[20];
    memcpy(first, view.users, sizeof first);
    ops->destroy(env);
    assert_int_equal(env_create(&other, &ops, &env), SOUK_OK);
    ops->reset(env, 0, 0);
    ops->view(env, &view);
    assert_memory_not_equal(first, view.users, sizeof first);
    ops->destroy(env);
}

static void a_stay_that_does_not_end_is_cut(void **state)
{
    (void)state;
    for (int type = 0; type < 3; type++) {
        const struct env_ops *ops;
        struct env_outcome outcome;
        struct env_shape shape;
        struct env_view view;
        uint32_t slate[3];
        set(TYPES[type]);
        set("env.max_steps=7");
        set("env.budget=1000");
        struct env *env = make(1, &ops);
        ops->shape(env, &shape);
        assert_int_equal(shape.max_steps, 7);
        ops->reset(env, 0, 3);
        for (uint32_t s = 0; s < 7; s++) {
            run_random_slate(3, s, &shape, slate);
            ops->step(env, slate, &outcome);
            assert_int_equal(outcome.is_over, s == 6);
            assert_int_equal(outcome.is_cut, s == 6);
        }
        ops->view(env, &view);
        for (uint32_t c = 0; c < shape.num_candidates; c++) assert_true(isfinite(view.scores[c]));
        ops->destroy(env);
    }
}

static void empty_places_are_passed_over(void **state)
{
    (void)state;
    for (int type = 0; type < 3; type++) {
        const struct env_ops *ops;
        struct env_outcome outcomes[3];
        struct env_view view;
        uint32_t slates[9] = {0};
        set(TYPES[type]);
        struct env *env = make(3, &ops);
        ops->view(env, &view);
        ops->step(env, slates, outcomes); // no slate of distinct candidates, and nobody to see it
        ops->reset(env, 1, 9);
        ops->empty(env, 1);
        ops->step(env, slates, outcomes);
        for (int n = 0; n < 3; n++) {
            assert_int_equal(outcomes[n].choice, -1);
            assert_true(outcomes[n].reward == 0);
            assert_false(outcomes[n].is_over);
        }
        ops->destroy(env);
    }
}

static void affinities_as_wide_as_may_be_leave_scores_finite(void **state)
{
    (void)state;
    const struct env_ops *ops;
    struct env *env;
    struct env_view view;
    struct env_outcome outcomes[64];
    const struct env_options options = {.config = &config, .num_users = 64, .seed = 1};
    const char *const settings[] = {"env.type=interest_exploration", "env.affinity_sd=10",
                                    "env.quality_sd=10", "env.slate_size=1"};
    const uint32_t slates[64] = {0};
    uint32_t num_chosen = 0;
    for (int i = 0; i < 4; i++) set(settings[i]);
    assert_int_equal(env_create(&options, &ops, &env), SOUK_OK);
    for (uint32_t n = 0; n < 64; n++) ops->reset(env, n, n);
    ops->view(env, &view);
    for (uint32_t i = 0; i < 64 * 10; i++) assert_true(isfinite(view.scores[i]));
    ops->step(env, slates, outcomes);
    for (uint32_t n = 0; n < 64; n++) num_chosen += outcomes[n].choice == 0;
    assert_in_range(num_chosen, 16, 56); // logits beyond all bounds are of sure choices
    ops->destroy(env);
}

static void assert_refused_for(uint32_t num_users, const char *assignment, const char *message)
{
    const struct env_ops *ops;
    struct env *env;
    struct env_options options = {.config = &config, .num_users = num_users, .seed = 1};
    set(assignment);
    capture_log_begin();
    assert_int_equal(env_create(&options, &ops, &env), SOUK_ECONFIG);
    if (!strstr(capture_log_text(), message)) fail_msg("%s", capture_log_text());
    capture_log_end();
}

static void assert_refused(const char *assignment, const char *message)
{
    assert_refused_for(1, assignment, message);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    assert_refused_for(65536, "env.num_candidates=65536", "65536 candidates for each of 65536");
    set("env.num_candidates=0");
    assert_refused("env.slate_size=11", "slates of 11 cannot be made of 10 candidates");
    assert_refused("env.type=interest_evolutoin", "did you mean \"interest_evolution\"?");
    assert_refused("env.type=chess", "none of interest_evolution, interest_exploration");
    set("env.slate_size=2");
    assert_refused("env.type=long_term_satisfaction", "must be 1");
    capture_log_begin();
    assert_int_equal(config_set(&config, "env.memory=1"), SOUK_ECONFIG);
    assert_int_equal(config_set(&config, "env.slate_size=33"), SOUK_ECONFIG);
    assert_int_equal(config_set(&config, "env.budget=-1"), SOUK_ECONFIG);
    capture_log_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_slates_end_as_in_recsim, set_up, tear_down),
        cmocka_unit_test_setup_teardown(greedy_slates_end_as_in_recsim, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slates_of_the_best_quality_end_as_in_recsim, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(clickbait_pays_and_tires_as_in_recsim, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clickbait_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clicks_come_as_often_as_in_recsim, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_does_not_depend_on_place_and_neighbours, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(users_differ_and_so_do_seeds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stay_that_does_not_end_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(empty_places_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(affinities_as_wide_as_may_be_leave_scores_finite, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
