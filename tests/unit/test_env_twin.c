/* test_env_twin.c - the equations of simulated users, step by step: what an environment does next
 * to a twin that is written from policy papers' equations alone and sees what can be seen (views,
 * outcomes, qualities). What is random is compared with its probabilities: sums of residuals over
 * their standard deviation, which are standard normal when the equations hold. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/env_runner.h"

enum { NUM_USERS = 300, NUM_STEPS = 60, CANDIDATES_MAX = 10, SLATE_MAX = 3 };

static struct config config;

struct rig {
    const struct env_ops *ops;
    struct env *env;
    struct env_shape shape;
    uint32_t slates[NUM_USERS * SLATE_MAX];
    struct env_outcome outcomes[NUM_USERS];
    float qualities[NUM_USERS * CANDIDATES_MAX];
    struct env_view view;
};
static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    config_init(&config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (rig.env) rig.ops->destroy(rig.env);
    rig = (struct rig){0};
    config_fini(&config);
    return 0;
}

static void start(const char *const *settings, uint32_t num_settings)
{
    for (uint32_t i = 0; i < num_settings; i++)
        assert_int_equal(config_set(&config, settings[i]), SOUK_OK);
    struct env_options options = {.config = &config, .num_users = NUM_USERS, .seed = 11};
    assert_int_equal(env_create(&options, &rig.ops, &rig.env), SOUK_OK);
    rig.ops->shape(rig.env, &rig.shape);
    assert_true(rig.shape.num_candidates <= CANDIDATES_MAX && rig.shape.slate_size <= SLATE_MAX);
    for (uint32_t n = 0; n < NUM_USERS; n++) rig.ops->reset(rig.env, n, n);
    rig.ops->view(rig.env, &rig.view);
}

// Looks at everything, shows each user a slate of the script, and takes the step.
static void script_step(uint32_t step)
{
    const struct env_shape *shape = &rig.shape;
    rig.ops->qualities(rig.env, rig.qualities);
    for (uint32_t n = 0; n < NUM_USERS; n++)
        for (uint32_t k = 0; k < shape->slate_size; k++)
            rig.slates[n * shape->slate_size + k] = (n + 3 * k + 7 * step) % shape->num_candidates;
    rig.ops->step(rig.env, rig.slates, rig.outcomes);
}

// A sum that is standard normal.
struct residuals {
    double sum, variance;
};

static void add_event(struct residuals *residuals, bool has_come, double probability)
{
    residuals->sum += (has_come ? 1 : 0) - probability;
    residuals->variance += probability * (1 - probability);
}

static void add_number(struct residuals *residuals, double deviation, double weight)
{
    residuals->sum += deviation * weight;
    residuals->variance += weight * weight;
}

static void assert_standard(const struct residuals *residuals, const char *what)
{
    assert_true(residuals->variance > 20);
    double z = residuals->sum / sqrt(residuals->variance);
    if (fabs(z) > 4) fail_msg("%s: %g standard deviations off", what, z);
}

/* ---- interest evolution ---- */

struct evolution_twin {
    double interest[20], budget;
    bool is_gone;
};
static struct evolution_twin evolution_twins[NUM_USERS];

static uint32_t topic_of(const float *items)
{
    uint32_t topic = 20;
    for (uint32_t t = 0; t < 20; t++) {
        assert_true(items[t] == 0 || items[t] == 1);
        if (items[t] == 1) assert_int_equal(topic, 20), topic = t;
    }
    assert_true(topic < 20);
    return topic;
}

static void see_interests(const struct env_view *view)
{
    for (uint32_t n = 0; n < NUM_USERS; n++) {
        evolution_twins[n].budget = 200;
        evolution_twins[n].is_gone = false;
        for (int t = 0; t < 20; t++)
            evolution_twins[n].interest[t] = (double)view->users[n * 21 + t];
    }
}

struct evolution_sums {
    struct residuals chosen[4], moved_up, quality; // chosen: by position, and nothing
    struct residuals topics;
};

static void twin_choice(struct evolution_sums *sums, const struct evolution_twin *twin,
                        const uint32_t *topics, int32_t choice)
{
    double all = 2;
    for (int k = 0; k < 3; k++) all += twin->interest[topics[k]] + 1;
    for (int k = 0; k < 3; k++)
        add_event(&sums->chosen[k], choice == k, (twin->interest[topics[k]] + 1) / all);
    add_event(&sums->chosen[3], choice < 0, 2 / all);
}

static void twin_watch(struct evolution_sums *sums, struct evolution_twin *twin, uint32_t topic,
                       const float *user, const struct env_outcome *outcome)
{
    double watched = twin->budget < 4 ? twin->budget : 4, *interest = &twin->interest[topic];
    double change = (0.3 - 0.3 * fabs(*interest)) * (1 - *interest);
    bool is_up = (double)user[topic] > *interest;
    assert_true(fabs((double)outcome->reward - watched) < 1e-4);
    if (change > 1e-4) add_event(&sums->moved_up, is_up, (*interest + 1) / 2);
    double moved = is_up ? *interest + change : *interest - change;
    moved = moved > 1 ? 1 : moved < -1 ? -1 : moved;
    assert_true(fabs((double)user[topic] - moved) < 1e-5);
    *interest = (double)user[topic];
    twin->budget += -watched + 0.9 / 3.4 * watched * (double)outcome->quality;
    double mean = topic < 14 ? -3 + 3.0 / 13 * topic : 3.0 / 5 * (topic - 14);
    add_number(&sums->quality, ((double)outcome->quality - mean) / 0.1, 1);
    assert_true(fabs((double)outcome->quality - mean) < 0.6);
}

static void twin_step(struct evolution_sums *sums, uint32_t n, const uint32_t *topics)
{
    struct evolution_twin *twin = &evolution_twins[n];
    const struct env_outcome *outcome = &rig.outcomes[n];
    const float *user = rig.view.users + (size_t)n * 21;
    twin_choice(sums, twin, topics, outcome->choice);
    if (outcome->choice < 0) {
        assert_true(outcome->reward == 0 && isnan(outcome->quality));
        twin->budget -= 0.5;
    } else {
        uint32_t candidate = rig.slates[n * 3 + (uint32_t)outcome->choice];
        assert_true(outcome->quality == rig.qualities[n * 10 + candidate]);
        twin_watch(sums, twin, topics[outcome->choice], user, outcome);
    }
    for (int t = 0; t < 20; t++) assert_true((double)user[t] == twin->interest[t]);
    double left = twin->budget > 0 ? twin->budget / 200 : 0;
    assert_true(fabs((double)user[20] - left) < 1e-5);
    assert_int_equal(outcome->is_over, twin->budget <= 0);
    assert_false(outcome->is_cut);
    twin->is_gone = outcome->is_over;
}

static void interests_and_budgets_follow_the_equations(void **state)
{
    (void)state;
    static const char *const settings[] = {"env.show_budget=true"};
    struct evolution_sums sums = {0};
    uint32_t num_gone = 0;
    start(settings, 1);
    see_interests(&rig.view);
    for (uint32_t s = 0; s < NUM_STEPS; s++) {
        uint32_t topics[NUM_USERS][3];
        rig.ops->view(rig.env, &rig.view);
        for (uint32_t n = 0; n < NUM_USERS; n++)
            for (uint32_t k = 0; k < 3; k++) {
                uint32_t candidate = (n + 3 * k + 7 * s) % 10;
                topics[n][k] = topic_of(rig.view.items + (n * 10 + candidate) * 20);
                add_event(&sums.topics, topics[n][k] >= 14, 0.3);
                double score = (double)rig.view.scores[n * 10 + candidate];
                double interest = (double)rig.view.users[n * 21 + topics[n][k]];
                assert_true(fabs(score - interest - 1) < 1e-6);
                assert_true(rig.view.null_score[n] == 2);
            }
        script_step(s);
        for (uint32_t n = 0; n < NUM_USERS; n++)
            if (!evolution_twins[n].is_gone) twin_step(&sums, n, topics[n]);
    }
    for (uint32_t n = 0; n < NUM_USERS; n++) num_gone += evolution_twins[n].is_gone;
    assert_true(num_gone > 20 && num_gone < NUM_USERS); // both ends of the story were seen
    for (int k = 0; k < 4; k++) assert_standard(&sums.chosen[k], "choice");
    assert_standard(&sums.moved_up, "interests that rise");
    assert_standard(&sums.quality, "qualities");
    assert_standard(&sums.topics, "topics");
}

/* ---- long-term satisfaction ---- */

static void satisfaction_follows_the_equations(void **state)
{
    (void)state;
    static const char *const settings[] = {"env.type=long_term_satisfaction", "env.sensitivity=0.4",
                                           "env.noise=0"};
    double exposures[NUM_USERS] = {0};
    struct residuals engagement = {0}, by_mean = {0}, spread = {0};
    start(settings, 3);
    for (uint32_t s = 0; s < NUM_STEPS; s++) {
        rig.ops->view(rig.env, &rig.view);
        double clickbait[NUM_USERS];
        for (uint32_t n = 0; n < NUM_USERS; n++)
            clickbait[n] = (double)rig.view.items[n * 5 + (n + 7 * s) % 5];
        script_step(s);
        for (uint32_t n = 0; n < NUM_USERS; n++) {
            const struct env_outcome *outcome = &rig.outcomes[n];
            double satisfaction = 1 / (1 + exp(-0.4 * exposures[n]));
            double mean = (5 * clickbait[n] + 4 * (1 - clickbait[n])) * satisfaction;
            double deviation = log((double)outcome->reward) - mean;
            // What the user was born with is not seen, and is forgotten by 0.7 a step.
            if (s >= 25) {
                add_number(&engagement, deviation, 1);
                add_number(&by_mean, deviation, mean - 2.2);
                add_number(&spread, (deviation * deviation - 1) / sqrt(2), 1);
            }
            exposures[n] = 0.7 * exposures[n] - 2 * (clickbait[n] - 0.5);
            assert_int_equal(outcome->choice, 0);
            assert_true(fabs((double)outcome->quality - (1 - clickbait[n])) < 1e-6);
            assert_int_equal(outcome->is_over, s + 1 == 60);
            double seen = fmin((double)outcome->reward, 100) / 100;
            assert_true(fabs((double)rig.view.users[n * 2] - seen) < 1e-6);
            assert_true(fabs((double)rig.view.users[n * 2 + 1] - clickbait[n]) < 1e-6);
        }
    }
    assert_standard(&engagement, "engagement");
    assert_standard(&by_mean, "engagement by its mean");
    assert_standard(&spread, "spread of engagement");
}

static void users_are_born_with_satisfactions_of_their_own(void **state)
{
    (void)state;
    // Sensitivity 2 makes the first engagement tell: e ~ U(-5/3, 5/3), so that the mean of s is
    // 0.5 and the log of engagement varies by more than its own 1.
    static const char *const settings[] = {"env.type=long_term_satisfaction", "env.sensitivity=2"};
    struct residuals around = {0};
    double squares = 0;
    start(settings, 2);
    script_step(0);
    for (uint32_t n = 0; n < NUM_USERS; n++) {
        double clickbait = 1 - (double)rig.outcomes[n].quality;
        double deviation = log((double)rig.outcomes[n].reward) - (4 + clickbait) * 0.5;
        add_number(&around, deviation / 1.9, 1);
        squares += deviation * deviation / NUM_USERS;
    }
    assert_standard(&around, "first engagement");
    // E[(4.5 (s - .5))^2] + 1, where s = 1 / (1 + exp(-2 e)): 3.24 by numeric integration.
    assert_true(squares > 2.6 && squares < 3.9);
}

/* ---- interest exploration ---- */

static void clicks_follow_the_hidden_affinities(void **state)
{
    (void)state;
    static const char *const settings[] = {"env.type=interest_exploration"};
    static double affinity[NUM_USERS][2];
    struct residuals chosen[3] = {0}, topics = {0}, first = {0};
    start(settings, 1);
    for (uint32_t s = 0; s < NUM_STEPS; s++) {
        rig.ops->view(rig.env, &rig.view);
        script_step(s);
        for (uint32_t n = 0; n < NUM_USERS; n++) {
            const struct env_outcome *outcome = &rig.outcomes[n];
            double weights[2], all = exp(5);
            for (uint32_t k = 0; k < 2; k++) {
                uint32_t candidate = n * 10 + rig.slates[n * 2 + k];
                const float *item = rig.view.items + (size_t)candidate * 3;
                uint32_t topic = item[0] == 1 ? 0 : 1;
                assert_true(item[topic] == 1 && item[1 - topic] == 0);
                add_event(&topics, topic == 0, 0.2);
                double quality = (double)item[2], logit = (double)rig.qualities[candidate];
                double believed = quality + (topic == 0 ? 0.52 : 0.28) - 5;
                assert_true(fabs((double)rig.view.scores[candidate] / exp(believed) - 1) < 1e-5);
                if (affinity[n][topic] == 0) affinity[n][topic] = logit - quality;
                assert_true(fabs(logit - quality - affinity[n][topic]) < 1e-5);
                weights[k] = exp(logit);
                all += weights[k];
            }
            for (int k = 0; k < 2; k++)
                add_event(&chosen[k], outcome->choice == k, weights[k] / all);
            add_event(&chosen[2], outcome->choice < 0, exp(5) / all);
            assert_true(outcome->reward == (outcome->choice < 0 ? 0 : 1));
            assert_false(outcome->is_over);
        }
    }
    for (int k = 0; k < 3; k++) assert_standard(&chosen[k], "choice");
    assert_standard(&topics, "topics");
    for (uint32_t n = 0; n < NUM_USERS; n++) {
        // .7 of the users like topic 0 (exp(.7) against exp(.1)).
        bool likes_first = affinity[n][0] > exp(0.4);
        add_event(&first, likes_first, 0.7);
        assert_true(fabs(log(affinity[n][0]) - (likes_first ? 0.7 : 0.1)) < 0.5);
        assert_true(fabs(log(affinity[n][1]) - (likes_first ? 0.1 : 0.7)) < 0.5);
    }
    assert_standard(&first, "types");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(interests_and_budgets_follow_the_equations, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(satisfaction_follows_the_equations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(users_are_born_with_satisfactions_of_their_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(clicks_follow_the_hidden_affinities, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
