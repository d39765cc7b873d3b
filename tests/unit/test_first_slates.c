/* test_first_slates.c - what agents show before they have learnt anything: the slates of the click
 * model that users are made of. */
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/learned_world.h"
#include "worker/agent/agent.h"

enum { NUM_STEPS = 6, NUM_SHOWN = LEARNED_USERS * LEARNED_SLATE };

static struct agent *make_agent(struct learned_world *world, const char *name,
                                const struct env_shape *shape, const struct agent_ops **ops_out)
{
    const struct agent_options options = {.config = &world->config,
                                          .shape = *shape,
                                          .client = world->cluster.client,
                                          .is_learning = strcmp(name, "greedy") != 0};
    struct agent *agent;
    learned_world_set(world, "policy.agent", name);
    assert_int_equal(agent_ops_find(&world->config, ops_out), SOUK_OK);
    assert_int_equal((*ops_out)->create(&options, &agent), SOUK_OK);
    if ((*ops_out)->begin) assert_int_equal((*ops_out)->begin(agent), SOUK_OK);
    return agent;
}

static void act(const struct agent_ops *ops, struct agent *agent, const struct env_view *view,
                uint32_t *slates_out)
{
    const uint64_t draws[LEARNED_USERS] = {0};
    const struct agent_turn turn = {.view = view, .draws = draws};
    const struct agent_choice choice = {.slates = slates_out};
    assert_int_equal(ops->act(agent, &turn, &choice), SOUK_OK);
}

/* With settings "policy.slate=exact policy.null_value=zero", both users and agent new. */
static void check_first_slates(struct learned_world *world, const char *name)
{
    const struct env_ops *env_ops;
    const struct agent_ops *ops, *greedy_ops;
    struct env_shape shape;
    struct env *env = learned_world_env(world, &env_ops);
    env_ops->shape(env, &shape);
    struct agent *greedy = make_agent(world, "greedy", &shape, &greedy_ops);
    struct agent *agent = make_agent(world, name, &shape, &ops);
    for (int s = 0; s < NUM_STEPS; s++) {
        uint32_t slates[NUM_SHOWN], expected[NUM_SHOWN];
        struct env_outcome outcomes[LEARNED_USERS];
        struct env_view view;
        env_ops->view(env, &view);
        act(greedy_ops, greedy, &view, expected);
        act(ops, agent, &view, slates);
        assert_memory_equal(slates, expected, sizeof slates);
        env_ops->step(env, slates, outcomes);
        ops->observe(agent, outcomes);
        for (uint32_t n = 0; n < LEARNED_USERS; n++)
            if (outcomes[n].is_over) env_ops->reset(env, n, 1000 * (uint64_t)(s + 1) + n);
    }
    ops->destroy(agent);
    greedy_ops->destroy(greedy);
    env_ops->destroy(env);
}

static void start(struct learned_world *world)
{
    learned_world_start(world, "din", true);
    learned_world_set(world, "policy.reward_scale", "0.3");
    assert_int_equal(learned_world_open(world), SOUK_OK);
}

static void slateq_begins_as_the_click_model(void **state)
{
    (void)state;
    static const char *const slates[] = {"top_k", "greedy", "exact"},
                             *nulls[] = {"zero", "learned"};
    struct learned_world world;
    start(&world);
    for (int i = 0; i < 6; i++) {
        learned_world_set(&world, "policy.slate", slates[i / 2]);
        learned_world_set(&world, "policy.null_value", nulls[i % 2]);
        check_first_slates(&world, "slateq");
    }
    learned_world_set(&world, "policy.embedding", "4"); // rows are any at first
    check_first_slates(&world, "slateq");
    learned_world_stop(&world);
}

static void dqn_begins_as_the_click_model(void **state)
{
    (void)state;
    struct learned_world world;
    start(&world);
    check_first_slates(&world, "dqn");
    learned_world_set(&world, "policy.dueling", "true");
    check_first_slates(&world, "dqn");
    learned_world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slateq_begins_as_the_click_model),
        cmocka_unit_test(dqn_begins_as_the_click_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
