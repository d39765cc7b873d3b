/* test_replay.c - transitions of a stay whose rewards are known: sums over n steps, ends, cuts, and
 * the ring when it is full. State of step t of place p: 100 p + t; rewards: 1, 2, 4, 8, ... */
#include <math.h>

#include "tests/support/cmocka.h"
#include "worker/agent/replay.h"

enum { N = 2, C = 3, K = 2 };

static struct replay *make(uint32_t n_step, uint64_t capacity)
{
    struct replay_options options = {
        .shape = {.num_users = N, .num_candidates = C, .slate_size = K, .item_dim = 1},
        .state_dim = 1,
        .capacity = capacity,
        .n_step = n_step,
        .gamma = 0.5f,
        .reward_scale = 2};
    return replay_create(&options);
}

static void begin(struct replay *replay, uint32_t t)
{
    float states[N], items[N * C], scores[N * C], null_scores[N];
    uint32_t slates[N * K];
    for (uint32_t p = 0; p < N; p++) {
        states[p] = (float)(100 * p + t);
        null_scores[p] = (float)(1000 + t);
        for (uint32_t c = 0; c < C; c++) {
            items[p * C + c] = (float)(10 * c + t);
            scores[p * C + c] = (float)(c + 1);
        }
        slates[p * K] = t % C;
        slates[p * K + 1] = (t + 1) % C;
    }
    struct env_view view = {.items = items, .scores = scores, .null_score = null_scores};
    replay_begin(replay, &view, states, slates);
}

/* Step t of all places; that of place 1 may be the last of a stay. */
static void add(struct replay *replay, uint32_t t, bool is_over, bool is_cut)
{
    struct env_outcome outcomes[N] = {
        {.choice = 1, .reward = (float)(1u << t)},
        {.choice = -1, .reward = (float)(1u << t), .is_over = is_over || is_cut, .is_cut = is_cut}};
    begin(replay, t);
    replay_end(replay, outcomes);
}

static void a_transition_has_both_of_its_steps(void **state)
{
    (void)state;
    struct replay *replay = make(1, 100);
    struct transition transition;
    assert_false(replay_get(replay, 0, 0, &transition));
    add(replay, 0, false, false);
    assert_false(replay_get(replay, 0, 0, &transition)); // what follows was not seen
    begin(replay, 1);
    assert_true(replay_get(replay, 0, 0, &transition));
    assert_float_equal(transition.reward, 2, 0); // scaled
    assert_float_equal(transition.discount, 0.5, 0);
    assert_float_equal(transition.first.state[0], 0, 0);
    assert_float_equal(transition.next.state[0], 1, 0);
    assert_float_equal(transition.next.items[2], 21, 0);
    assert_float_equal(transition.next.scores[1], 2, 0);
    assert_float_equal(transition.next.null_score, 1001, 0);
    assert_int_equal(transition.first.choice, 1);
    assert_int_equal(transition.first.slate[1], 1);
    assert_int_equal(transition.next.slate[0], 1);
    replay_destroy(replay);
}

static void rewards_of_n_steps_are_discounted(void **state)
{
    (void)state;
    struct replay *replay = make(3, 100);
    struct transition transition;
    for (uint32_t t = 0; t < 5; t++) add(replay, t, false, false);
    assert_false(replay_get(replay, 2, 0, &transition)); // step 5 was not seen
    assert_true(replay_get(replay, 3, 0, &transition));
    assert_float_equal(transition.first.state[0], 1, 0);
    assert_float_equal(transition.reward, 2 * (2 + 0.5 * 4 + 0.25 * 8), 0);
    assert_float_equal(transition.discount, 0.125, 0);
    assert_float_equal(transition.next.state[0], 4, 0);
    replay_destroy(replay);
}

static void rewards_end_with_the_stay(void **state)
{
    (void)state;
    struct replay *replay = make(3, 100);
    struct transition transition;
    for (uint32_t t = 0; t < 6; t++) add(replay, t, t == 2, false);
    assert_true(replay_get(replay, 4, 1, &transition)); // from step 1
    assert_float_equal(transition.reward, 2 * (2 + 0.5 * 4), 0);
    assert_float_equal(transition.discount, 0, 0);
    assert_true(replay_get(replay, 3, 1, &transition)); // the last step itself
    assert_float_equal(transition.reward, 2 * 4, 0);
    assert_float_equal(transition.discount, 0, 0);
    assert_true(replay_get(replay, 4, 0, &transition)); // the other place goes on
    assert_float_equal(transition.discount, 0.125, 0);
    replay_destroy(replay);
}

static void a_stay_that_was_cut_is_estimated_from_its_last_step(void **state)
{
    (void)state;
    struct replay *replay = make(3, 100);
    struct transition transition;
    for (uint32_t t = 0; t < 6; t++) add(replay, t, false, t == 2);
    assert_true(replay_get(replay, 4, 1, &transition)); // from step 1
    assert_float_equal(transition.reward, 2 * 2, 0);
    assert_float_equal(transition.discount, 0.5, 0);
    assert_float_equal(transition.next.state[0], 102, 0);
    assert_false(replay_get(replay, 3, 1, &transition)); // from the last step: nothing is known
    replay_destroy(replay);
}

static void a_full_ring_forgets_the_oldest(void **state)
{
    (void)state;
    struct replay *replay = make(1, 6 * N);
    struct transition transition;
    for (uint32_t t = 0; t < 29; t++) {
        add(replay, t, false, false);
        for (uint64_t age = 1; age < replay_count(replay) / N; age++) {
            assert_true(replay_get(replay, age, 1, &transition));
            assert_float_equal(transition.first.state[0], 100 + t - age, 0);
            assert_float_equal(transition.next.state[0], 101 + t - age, 0);
            assert_float_equal(transition.reward, 2.0 * (1u << (t - age)), 0);
        }
    }
    assert_true(replay_count(replay) >= 6 * N && replay_count(replay) <= 8 * N);
    begin(replay, 29); // takes the place of the oldest
    assert_false(replay_get(replay, replay_count(replay) / N, 0, &transition));
    assert_true(replay_get(replay, replay_count(replay) / N - 1, 0, &transition));
    replay_destroy(replay);
}

static void draws_reach_every_transition_and_no_other(void **state)
{
    (void)state;
    struct replay *replay = make(2, 100);
    struct transition transition;
    struct rng rng;
    uint32_t counts[N][8] = {{0}};
    rng_init(&rng, 1, 0);
    assert_false(replay_draw(replay, false, &rng, &transition));
    for (uint32_t t = 0; t < 8; t++) add(replay, t, t == 6, false);
    for (int i = 0; i < 12000; i++) {
        assert_true(replay_draw(replay, false, &rng, &transition));
        uint32_t at = (uint32_t)transition.first.state[0];
        counts[at / 100][at % 100]++;
    }
    for (uint32_t p = 0; p < N; p++)
        for (uint32_t t = 0; t < 8; t++) // steps 6 and 7 have no two steps behind them
            assert_true(t >= 6 ? counts[p][t] == 0 : fabs(counts[p][t] - 1000.0) < 160);
    for (int i = 0; i < 1000; i++) {
        assert_true(replay_draw(replay, true, &rng, &transition));
        assert_true(transition.first.state[0] < 100); // place 1 never chose anything
    }
    replay_destroy(replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transition_has_both_of_its_steps),
        cmocka_unit_test(rewards_of_n_steps_are_discounted),
        cmocka_unit_test(rewards_end_with_the_stay),
        cmocka_unit_test(a_stay_that_was_cut_is_estimated_from_its_last_step),
        cmocka_unit_test(a_full_ring_forgets_the_oldest),
        cmocka_unit_test(draws_reach_every_transition_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
