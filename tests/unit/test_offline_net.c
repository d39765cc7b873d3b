/* test_offline_net.c - the target of offline_net.h, on a log of two steps: in state 0 action 1
 * leads to state 1 for nothing, where one action pays and the other does not. */
#include "worker/policy/offline_net.h"

#include <math.h>

#include "tests/support/cmocka.h"

enum { EPISODES = 8, STEPS = 2 * EPISODES };

// A log of episodes 0 -> 1 -> end, where `best` pays 1 in state 1; both actions are tried there.
struct two_steps {
    uint64_t first_step[EPISODES + 1];
    uint32_t states[STEPS], next_states[STEPS], actions[STEPS];
    double rewards[STEPS];
    uint8_t is_end[STEPS];
    float features[STEPS * 2];
    struct episode_log log;
};

static void make_log(struct two_steps *made, uint32_t best)
{
    *made = (struct two_steps){.first_step = {0}};
    for (uint32_t e = 0; e < EPISODES; e++) {
        uint32_t i = 2 * e, action = e % 2;
        made->first_step[e + 1] = i + 2;
        made->actions[i] = 1;
        made->next_states[i] = made->states[i + 1] = 1;
        made->features[2 * i] = made->features[2 * (i + 1) + 1] = 1;
        made->actions[i + 1] = action;
        made->rewards[i + 1] = action == best;
        made->next_states[i + 1] = STATE_NONE;
        made->is_end[i + 1] = 1;
    }
    made->log = (struct episode_log){.num_episodes = EPISODES,
                                     .num_steps = STEPS,
                                     .first_step = made->first_step,
                                     .max_length = 2,
                                     .num_actions = 2,
                                     .num_features = 2,
                                     .states = made->states,
                                     .next_states = made->next_states,
                                     .actions = made->actions,
                                     .rewards = made->rewards,
                                     .features = made->features,
                                     .is_end = made->is_end};
}

/* The target copy stays what it was at first, with values of state 1 that are far apart: whichever
 * action the learning network likes there, the copy says what it is worth. */
static void one_network_chooses_and_the_other_values(void **state)
{
    (void)state;
    static const float states[] = {1, 0, 0, 1};
    for (uint32_t best = 0; best < 2; best++) {
        struct two_steps made;
        float held[4], learnt[4];
        double loss;
        make_log(&made, best);
        const struct offline_net_options options = {.num_features = 2,
                                                    .num_actions = 2,
                                                    .num_layers = 1,
                                                    .widths = {32},
                                                    .discount = 0.9,
                                                    .huber = 1,
                                                    .lr = 0.01f,
                                                    .batch_size = 16,
                                                    .num_updates = 2000,
                                                    .target_sync = 1000000,
                                                    .seed = 1};
        struct offline_net *net = offline_net_create(&options);
        offline_net_score(net, states, 2, held);
        assert_true(fabsf(held[2] - held[3]) > 0.1f); // else nothing would be seen
        assert_int_equal(offline_net_learn(net, &made.log, made.features, &loss), SOUK_OK);
        offline_net_score(net, states, 2, learnt);
        assert_float_equal(learnt[2 + best], 1, 0.02);
        assert_float_equal(learnt[2 + (1 - best)], 0, 0.02);
        assert_float_equal(learnt[1], 0.9f * held[2 + best], 0.02);
        offline_net_destroy(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_network_chooses_and_the_other_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
