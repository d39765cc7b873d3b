/* test_agents.c - agents that learn, on users whose Q values are known.
 *
 * The chain: item 0 ends the stay with 1 in state 0 and with 0 in state 1; item 1 leads from state
 * 0 to 1 for nothing, and ends with 3 there. With gamma .9: Q(0) = 1, 2.7; Q(1) = 0, 3. All agents
 * see random slates while they learn. */
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/model_cluster.h"
#include "tests/support/temp.h"
#include "tests/support/toy_users.h"

static struct config config;

static int set_up(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "policy.gamma=0.9",     "policy.hidden=16",    "policy.batch_size=64",  "policy.updates=2",
        "policy.replay=3200",   "policy.warmup=320",   "policy.target_sync=20", "policy.bins=2",
        "policy.bins_low=-0.5", "policy.bins_high=1.5"};
    config_init(&config);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        assert_int_equal(config_set(&config, settings[i]), SOUK_OK);
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

static struct toy chain(void)
{
    return (struct toy){.num_states = 2,
                        .num_items = 2,
                        .slate_size = 1,
                        .scores = {1, 1},
                        .steps = {{{1, -1}, {0, 1}}, {{0, -1}, {3, -1}}}};
}

static void learn(struct toy *toy, uint32_t num_steps)
{
    toy_learn(toy, num_steps, 0.01f);
    toy_learn(toy, num_steps, 0.001f);
}

static void check_chain(struct toy *toy, double first, double tolerance)
{
    assert_float_equal(toy_difference(toy, 0, 0, 1), first, tolerance);
    assert_float_equal(toy_difference(toy, 1, 0, 1), -3, tolerance);
}

static void dqn_learns_the_chain(void **state)
{
    (void)state;
    struct toy toy = chain();
    set("policy.agent=dqn");
    toy_start(&toy, &config, NULL);
    learn(&toy, 1500);
    check_chain(&toy, 1 - 2.7, 0.1);
    toy_stop(&toy);
}

static void dueling_dqn_learns_the_chain(void **state)
{
    (void)state;
    struct toy toy = chain();
    set("policy.agent=dqn");
    set("policy.dueling=true");
    toy_start(&toy, &config, NULL);
    learn(&toy, 1500);
    check_chain(&toy, 1 - 2.7, 0.1);
    toy_stop(&toy);
}

/* With a target network that stays what it was at first: what Q(0, item 1) comes to when this item
 * of state 1 pays 3 and the other nothing, less Q(0, item 0); and what the target network holds
 * item 1 of state 1 to be worth, less item 0. */
static double learn_from_first_target(uint32_t best, double *held_out)
{
    struct toy toy = chain();
    toy.steps[1][best].reward = 3;
    toy.steps[1][1 - best].reward = 0;
    toy_start(&toy, &config, NULL);
    *held_out = toy_difference(&toy, 1, 1, 0);
    learn(&toy, 1500);
    double learnt = toy_difference(&toy, 0, 1, 0);
    toy_stop(&toy);
    return learnt;
}

/* Whichever item of state 1 the learning network likes, the other network says what it is worth. */
static void double_dqn_chooses_by_one_network_and_values_by_the_other(void **state)
{
    (void)state;
    double held = 0;
    set("policy.agent=dqn");
    set("policy.target_sync=1000000");
    set("run.seed=4");
    double gap = learn_from_first_target(1, &held) - learn_from_first_target(0, &held);
    assert_true(held > 0.3 || held < -0.3); // else nothing would be seen
    assert_float_equal(gap, 0.9 * held, 0.1);
}

/* Two steps as they came, which is at random: .9 (0 + 3) / 2. */
static void n_steps_are_those_that_were_taken(void **state)
{
    (void)state;
    struct toy toy = chain();
    set("policy.agent=dqn");
    set("policy.n_step=2");
    toy_start(&toy, &config, NULL);
    learn(&toy, 1500);
    check_chain(&toy, 1 - 1.35, 0.15);
    toy_stop(&toy);
}

static void slateq_learns_the_chain(void **state)
{
    (void)state;
    struct toy toy = chain();
    toy_start(&toy, &config, NULL);
    learn(&toy, 1500);
    check_chain(&toy, 1 - 2.7, 0.1);
    toy_stop(&toy);
}

/* The next slate was any: Q(0, item 1) = .9 (0 + 3) / 2. */
static void sarsa_values_what_was_shown(void **state)
{
    (void)state;
    struct toy toy = chain();
    set("policy.target=sarsa");
    toy_start(&toy, &config, NULL);
    learn(&toy, 1500);
    check_chain(&toy, 1 - 1.35, 0.15);
    toy_stop(&toy);
}

/* One state. Item 0 (v 1) ends the stay with 1, item 1 (v 3) with .6; nothing (v 1) is for nothing,
 * and the user stays. Preferences are v (q - the best slate's value). */
static struct toy shy(void)
{
    return (struct toy){.num_states = 1,
                        .num_items = 2,
                        .slate_size = 1,
                        .scores = {1, 3},
                        .null_score = 1,
                        .steps = {{{1, -1}, {0.6f, -1}}},
                        .nothing = {{0, 0}}};
}

/* V = max((1 + q0) / 2, (1.8 + q0) / 4), q0 = .9 V: item 0, q0 = .45 / .55, V = 1 / 1.1. */
static void slateq_learns_what_nothing_is_worth(void **state)
{
    (void)state;
    struct toy toy = shy();
    toy_start(&toy, &config, NULL);
    learn(&toy, 1500);
    double value = 1 / 1.1;
    assert_float_equal(toy_difference(&toy, 0, 0, 1), (1 - value) - 3 * (0.6 - value), 0.1);
    const struct exploration none = {0};
    toy_act(&toy, 0, &none);
    assert_int_equal(toy.slates[0], 0);
    toy_stop(&toy);
}

/* V = max(1 / 2, 1.8 / 4) with nothing worth nothing: preferences are 1 - .5 and 3 (.6 - .5). */
static void slateq_may_hold_nothing_to_be_worth_nothing(void **state)
{
    (void)state;
    struct toy toy = shy();
    set("policy.null_value=zero");
    toy_start(&toy, &config, NULL);
    learn(&toy, 1500);
    assert_float_equal(toy_difference(&toy, 0, 0, 1), 0.5 - 0.3, 0.1);
    toy_stop(&toy);
}

/* Items 0 and 2 are worth 2, item 1 and 3 less; each position of a slate learns it. */
static void dqn_fills_every_position(void **state)
{
    (void)state;
    struct toy toy = {.num_states = 1,
                      .num_items = 4,
                      .slate_size = 2,
                      .scores = {1, 1, 1, 1},
                      .steps = {{{2, -1}, {0, -1}, {2, -1}, {1, -1}}}};
    set("policy.agent=dqn");
    toy_start(&toy, &config, NULL);
    learn(&toy, 800);
    const struct exploration none = {0};
    toy_act(&toy, 0, &none);
    assert_int_equal(toy.slates[0] + toy.slates[1], 2);
    assert_int_not_equal(toy.slates[0], 1);
    assert_float_equal(toy.propensities[1], 1, 0);
    toy_stop(&toy);
}

/* The network learns what is left: what is learnt is the same. */
static void first_values_are_learnt_over(void **state)
{
    (void)state;
    static const char *const agents[] = {"policy.agent=slateq", "policy.agent=dqn"};
    for (int i = 0; i < 4; i++) {
        struct toy toy = chain();
        toy.click_reward = 5;
        toy.null_score = 0.001f;
        set(agents[i / 2]);
        set(i % 2 ? "policy.dueling=true" : "policy.dueling=false"); // nothing to slateq
        toy_start(&toy, &config, NULL);
        learn(&toy, 1500);
        check_chain(&toy, 1 - 2.7, 0.15);
        toy_stop(&toy);
    }
}

/* States are hidden: all look like the first. Either item leads on, and then the other one ends the
 * stay with 1, the same with 0: an agent without memory gets 1/2. */
static void a_memory_stands_in_for_a_hidden_state(void **state)
{
    (void)state;
    struct toy toy = {.num_states = 3,
                      .num_items = 2,
                      .slate_size = 1,
                      .hides_states = true,
                      .scores = {1, 1},
                      .steps = {{{0, 1}, {0, 2}}, {{0, -1}, {1, -1}}, {{1, -1}, {0, -1}}}};
    set("policy.agent=dqn");
    set("policy.memory=0.5");
    toy_start(&toy, &config, NULL);
    learn(&toy, 1500);
    assert_float_equal(toy_return(&toy, 20), 1, 1e-6);
    toy_stop(&toy);
}

/* ---- rows on servers ---- */

static void check_with_servers(struct toy toy, double tolerance)
{
    struct model_cluster cluster;
    model_cluster_start(&cluster, 2, 1);
    toy_start(&toy, &config, cluster.client);
    learn(&toy, 1500);
    check_chain(&toy, 1 - 2.7, tolerance);
    toy_stop(&toy);
    model_cluster_stop(&cluster);
}

static void a_table_solves_the_chain(void **state)
{
    (void)state;
    struct toy toy = chain();
    set("policy.agent=tabular");
    set("tables.q.lr=0.1");
    struct model_cluster cluster;
    model_cluster_start(&cluster, 2, 1);
    toy_start(&toy, &config, cluster.client);
    toy_learn(&toy, 300, 0.2f);
    check_chain(&toy, 1 - 2.7, 0.01);
    toy_stop(&toy);
    model_cluster_stop(&cluster);
}

static void slateq_learns_embeddings_of_items(void **state)
{
    (void)state;
    struct toy toy = chain();
    toy.has_keys = true;
    set("policy.embedding=4");
    check_with_servers(toy, 0.2);
}

static void dqn_learns_embeddings_of_items(void **state)
{
    (void)state;
    struct toy toy = chain();
    toy.has_keys = true;
    set("policy.agent=dqn");
    check_with_servers(toy, 0.2); // 16 floats, since nothing else is known of items
}

static void dueling_dqn_learns_embeddings_of_items(void **state)
{
    (void)state;
    struct toy toy = chain();
    toy.has_keys = true;
    set("policy.agent=dqn");
    set("policy.dueling=true");
    check_with_servers(toy, 0.2);
}

/* States cannot be told but by who is in them. */
static void check_users(const char *agent)
{
    struct toy toy = chain();
    toy.hides_states = toy.has_user_keys = true;
    set(agent);
    set("policy.user_embedding=4");
    check_with_servers(toy, 0.2);
}

static void slateq_learns_embeddings_of_users(void **state)
{
    (void)state;
    check_users("policy.agent=slateq");
}

static void dqn_learns_embeddings_of_users(void **state)
{
    (void)state;
    check_users("policy.agent=dqn");
    set("policy.dueling=true");
    check_users("policy.agent=dqn");
}

/* Two positions, each of which learns from its own state; users and items are known by key only. */
static void embeddings_of_users_know_positions(void **state)
{
    (void)state;
    struct toy toy = {.num_states = 1,
                      .num_items = 4,
                      .slate_size = 2,
                      .has_keys = true,
                      .has_user_keys = true,
                      .scores = {1, 1, 1, 1},
                      .steps = {{{2, -1}, {0, -1}, {2, -1}, {1, -1}}}};
    struct model_cluster cluster;
    const struct exploration none = {0};
    set("policy.agent=dqn");
    set("policy.user_embedding=3");
    model_cluster_start(&cluster, 2, 1);
    toy_start(&toy, &config, cluster.client);
    learn(&toy, 800);
    toy_act(&toy, 0, &none);
    assert_int_equal(toy.slates[0] + toy.slates[1], 2);
    assert_int_not_equal(toy.slates[0], 1);
    toy_stop(&toy);
    model_cluster_stop(&cluster);
}

/* ---- what cannot be ---- */

static void expect_refusal_of(const struct env_shape *shape, const char *message)
{
    const struct agent_options options = {.config = &config, .shape = *shape, .is_learning = true};
    const struct agent_ops *ops;
    struct agent *agent = NULL;
    capture_log_begin();
    assert_int_equal(agent_ops_find(&config, &ops), SOUK_OK);
    souk_status status = ops->create(&options, &agent);
    const char *log = capture_log_text();
    assert_non_null(strstr(log, message));
    capture_log_end();
    assert_int_not_equal(status, SOUK_OK);
}

static void expect_refusal(const char *assignment, const char *message)
{
    struct toy toy = chain();
    struct env_shape shape;
    set(assignment);
    toy_shape(&toy, &shape);
    expect_refusal_of(&shape, message);
}

static void more_inputs_than_can_be_counted_are_refused(void **state)
{
    (void)state;
    struct env_shape shape = {.num_users = 1,
                              .num_candidates = 65536,
                              .slate_size = 1,
                              .user_dim = 1,
                              .item_dim = 1,
                              .max_steps = 1};
    set("policy.batch_size=65536"); // 2^32 items
    expect_refusal_of(&shape, "policy.batch_size");
    set("policy.batch_size=64");
    shape.num_users = 65536;
    expect_refusal_of(&shape, "policy.num_users");
    shape.num_users = 1024;
    shape.slate_size = 32;
    set("policy.agent=dqn"); // an input a position
    expect_refusal_of(&shape, "65536 candidates");
}

static void agents_that_cannot_be_are_refused(void **state)
{
    (void)state;
    expect_refusal("policy.embedding=8", "have no keys to embed");
    set("policy.embedding=0");
    expect_refusal("policy.user_embedding=8", "nobody to remember");
    set("policy.user_embedding=0");
    expect_refusal("policy.hidden=16,many", "\"many\" is no width");
    expect_refusal("policy.hidden=1,2,3,4,5,6,7,8,9", "9 layers are more than 8");
    set("policy.hidden=16");
    expect_refusal("policy.agent=tabular", "needs servers");
}

static void updates_that_are_not_finite_are_skipped_and_then_fatal(void **state)
{
    (void)state;
    struct toy toy = chain();
    set("train.max_bad_steps=3");
    set("policy.reward_scale=1e38");
    toy.steps[1][1].reward = 1e30f;
    toy_start(&toy, &config, NULL);
    capture_log_begin();
    assert_int_equal(toy_try(&toy, 100), SOUK_EDIVERGED);
    assert_non_null(strstr(capture_log_text(), "(3 of train.max_bad_steps 3)"));
    assert_non_null(strstr(capture_log_text(), "lower policy.lr"));
    capture_log_end();
    toy_stop(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dqn_learns_the_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dueling_dqn_learns_the_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(double_dqn_chooses_by_one_network_and_values_by_the_other,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(n_steps_are_those_that_were_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slateq_learns_the_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sarsa_values_what_was_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slateq_learns_what_nothing_is_worth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slateq_may_hold_nothing_to_be_worth_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(dqn_fills_every_position, set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_values_are_learnt_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_memory_stands_in_for_a_hidden_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_solves_the_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slateq_learns_embeddings_of_items, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dqn_learns_embeddings_of_items, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dueling_dqn_learns_embeddings_of_items, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slateq_learns_embeddings_of_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dqn_learns_embeddings_of_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(embeddings_of_users_know_positions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(agents_that_cannot_be_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_inputs_than_can_be_counted_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(updates_that_are_not_finite_are_skipped_and_then_fatal,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
