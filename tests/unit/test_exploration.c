/* test_exploration.c - slates that are drawn come as often as their propensities say. */
#include <math.h>

#include "tests/support/cmocka.h"
#include "worker/agent/exploration.h"

enum { C = 4, K = 2, NUM_DRAWS = 60000, NUM_SLATES = C * C };

static const double preferences[C] = {0.5, -1, 2, 0};
static const uint32_t best[K] = {2, 1};

enum rule { ANY, EPSILON, SOFTMAX };

struct tally {
    double counts[NUM_SLATES];       // of slate (a, b) at a * C + b
    double propensities[NUM_SLATES]; // as told; 0: never seen
    double prefixes[C];              // of item a at the first position, as told
    double marginals[K][C];          // as told, of the last time
    double positions[K][C];          // how often
};

static void draw(enum rule rule, struct rng *rng, struct tally *tally)
{
    double propensities[K], marginals[K];
    uint32_t shown[K];
    struct exploration_slate slate = {
        .num_candidates = C, .slate_size = K, .propensities = propensities, .marginals = marginals};
    if (rule == ANY) exploration_draw_any(&slate, rng, shown);
    if (rule == EPSILON) exploration_draw_epsilon(&slate, 0.4, best, rng, shown);
    if (rule == SOFTMAX) exploration_draw_softmax(&slate, 0.7, preferences, rng, shown);
    assert_int_not_equal(shown[0], shown[1]);
    assert_true(shown[0] < C && shown[1] < C);
    uint32_t at = shown[0] * C + shown[1];
    tally->counts[at]++;
    if (tally->propensities[at] > 0)
        assert_float_equal(tally->propensities[at], propensities[K - 1], 1e-15);
    tally->propensities[at] = propensities[K - 1];
    tally->prefixes[shown[0]] = propensities[0];
    for (uint32_t k = 0; k < K; k++) {
        tally->marginals[k][shown[k]] = marginals[k];
        tally->positions[k][shown[k]]++;
    }
}

static void check_near(double count, double likelihood)
{
    double deviation = sqrt(NUM_DRAWS * likelihood * (1 - likelihood));
    assert_true(fabs(count - NUM_DRAWS * likelihood) < 5 * deviation + 1e-9);
}

static void check_rule(enum rule rule, uint32_t num_known_positions)
{
    struct rng rng;
    struct tally tally = {0};
    double sum = 0, first = 0;
    rng_init(&rng, 3, rule);
    for (int i = 0; i < NUM_DRAWS; i++) draw(rule, &rng, &tally);
    for (uint32_t s = 0; s < NUM_SLATES; s++) {
        sum += tally.propensities[s];
        check_near(tally.counts[s], tally.propensities[s]);
    }
    assert_float_equal(sum, 1, 1e-12);
    for (uint32_t c = 0; c < C; c++) first += tally.prefixes[c];
    assert_float_equal(first, 1, 1e-12);
    for (uint32_t k = 0; k < num_known_positions; k++) {
        double marginals = 0;
        for (uint32_t c = 0; c < C; c++) {
            marginals += tally.marginals[k][c];
            check_near(tally.positions[k][c], tally.marginals[k][c]);
        }
        assert_float_equal(marginals, 1, 1e-12);
    }
    for (uint32_t k = num_known_positions; k < K; k++) assert_true(isnan(tally.marginals[k][0]));
}

static void any_slate_comes_as_often_as_every_other(void **state)
{
    (void)state;
    check_rule(ANY, K);
}

static void epsilon_shows_slates_as_often_as_it_says(void **state)
{
    (void)state;
    check_rule(EPSILON, K);
}

static void softmax_shows_slates_as_often_as_it_says(void **state)
{
    (void)state;
    check_rule(SOFTMAX, 1);
}

static void without_epsilon_the_best_is_shown_for_sure(void **state)
{
    (void)state;
    double propensities[K], marginals[K];
    struct exploration_slate slate = {
        .num_candidates = C, .slate_size = K, .propensities = propensities, .marginals = marginals};
    for (uint32_t seed = 0; seed < 100; seed++) {
        struct rng rng;
        uint32_t shown[K];
        rng_init(&rng, seed, 0);
        exploration_draw_epsilon(&slate, 0, best, &rng, shown);
        assert_memory_equal(shown, best, sizeof shown);
        assert_true(propensities[K - 1] == 1 && marginals[0] == 1 && marginals[1] == 1);
    }
}

static void softmax_survives_large_preferences(void **state)
{
    (void)state;
    const double large[C] = {1e6, -1e6, 1e6 - 1, 0};
    double propensities[K];
    struct exploration_slate slate = {
        .num_candidates = C, .slate_size = K, .propensities = propensities};
    struct rng rng;
    uint32_t shown[K];
    rng_init(&rng, 1, 0);
    for (int i = 0; i < 1000; i++) {
        exploration_draw_softmax(&slate, 1, large, &rng, shown);
        assert_int_equal(shown[0] + shown[1], 2); // items 0 and 2, one or the other first
        double first = 1 / (1 + exp(shown[0] == 0 ? -1.0 : 1.0));
        assert_float_equal(propensities[1], first, 1e-12);
    }
}

static void epsilon_falls_to_its_end_and_stays_there(void **state)
{
    (void)state;
    struct config config;
    config_init(&config);
    assert_int_equal(config_set(&config, "policy.epsilon=0.5"), SOUK_OK);
    assert_int_equal(config_set(&config, "policy.epsilon_end=0.1"), SOUK_OK);
    assert_int_equal(config_set(&config, "policy.epsilon_steps=1000"), SOUK_OK);
    assert_float_equal(exploration_at(&config, 0).epsilon, 0.5, 1e-6);
    assert_float_equal(exploration_at(&config, 500).epsilon, 0.3, 1e-6);
    assert_float_equal(exploration_at(&config, 1000).epsilon, 0.1, 1e-6);
    assert_float_equal(exploration_at(&config, 5000).epsilon, 0.1, 1e-6);
    assert_int_equal(config_set(&config, "policy.epsilon_steps=0"), SOUK_OK);
    assert_float_equal(exploration_at(&config, 0).epsilon, 0.1, 1e-6);
    config_fini(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_slate_comes_as_often_as_every_other),
        cmocka_unit_test(epsilon_shows_slates_as_often_as_it_says),
        cmocka_unit_test(softmax_shows_slates_as_often_as_it_says),
        cmocka_unit_test(without_epsilon_the_best_is_shown_for_sure),
        cmocka_unit_test(softmax_survives_large_preferences),
        cmocka_unit_test(epsilon_falls_to_its_end_and_stays_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
