/* test_agent_dir.c - policies on disk: they show what they showed, and what is damaged or meant for
 * other users is refused. */
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/cmocka.h"
#include "tests/support/model_cluster.h"
#include "tests/support/temp.h"
#include "tests/support/toy_users.h"
#include "worker/agent/agent_dir.h"

static struct config config;
static char *dir;

static int set_up(void **state)
{
    (void)state;
    static const char *const settings[] = {"policy.hidden=16", "policy.batch_size=32",
                                           "policy.warmup=64", "policy.target_sync=10",
                                           "policy.replay=640"};
    config_init(&config);
    dir = temp_dir_create();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        assert_int_equal(config_set(&config, settings[i]), SOUK_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    config_fini(&config);
    temp_dir_remove(dir);
    return 0;
}

static void set(const char *assignment)
{
    assert_int_equal(config_set(&config, assignment), SOUK_OK);
}

static struct toy users(bool has_keys)
{
    return (struct toy){.num_states = 2,
                        .num_items = 5,
                        .slate_size = 1,
                        .has_keys = has_keys,
                        .scores = {1, 2, 1, 1, 3},
                        .null_score = 1,
                        .steps = {{{1, 0}, {2, 1}, {3, -1}, {4, 0}, {5, 1}},
                                  {{3, -1}, {1, 0}, {2, 1}, {0, 0}, {1, 0}}},
                        .nothing = {{0, 0}, {0, 1}}};
}

static void save(const struct toy *toy, struct souk_client *client)
{
    struct agent_save saving = {.dir = dir, .ops = toy->ops, .agent = toy->agent, .client = client};
    if (toy->ops->settle) assert_int_equal(toy->ops->settle(toy->agent), SOUK_OK);
    assert_int_equal(agent_dir_save(&saving), SOUK_OK);
}

static souk_status load(const struct toy *toy, const struct config *other,
                        struct souk_client *client, struct toy *loaded_out)
{
    struct agent_options options = {.config = other, .client = client};
    toy_shape(toy, &options.shape);
    *loaded_out = *toy;
    loaded_out->agent = NULL;
    return agent_dir_load(dir, &options, &loaded_out->ops, &loaded_out->agent, NULL);
}

/* Softmax tells all that an agent thinks of its items. */
static void expect_same(struct toy *a, struct toy *b)
{
    for (uint32_t state = 0; state < a->num_states; state++)
        for (uint32_t item = 1; item < a->num_items; item++)
            assert_float_equal(toy_difference(a, state, 0, item), toy_difference(b, state, 0, item),
                               1e-6);
}

static void check_round_trip_of(struct toy toy, bool needs_servers)
{
    struct toy loaded;
    struct model_cluster cluster, another;
    struct config defaults; // the folder says what the agent is
    const struct exploration none = {0};
    bool has_rows = !needs_servers;
    config_init(&defaults);
    model_cluster_start(&cluster, 2, 1);
    model_cluster_start(&another, 1, 1);
    toy_start(&toy, &config, cluster.client);
    toy_learn(&toy, 40, 0.01f);
    toy_act(&toy, 0, &none); // tables learn from a step when they see the next
    save(&toy, cluster.client);
    assert_int_equal(agent_dir_has_rows(dir, &has_rows), SOUK_OK);
    assert_int_equal(has_rows, needs_servers);
    assert_int_equal(load(&toy, &defaults, needs_servers ? another.client : NULL, &loaded),
                     SOUK_OK);
    assert_string_equal(loaded.ops->name, toy.ops->name);
    expect_same(&toy, &loaded);
    toy_stop(&loaded);
    toy_stop(&toy);
    model_cluster_stop(&another);
    model_cluster_stop(&cluster);
    config_fini(&defaults);
}

static void check_round_trip(bool has_keys, bool needs_servers)
{
    check_round_trip_of(users(has_keys), needs_servers);
}

static void a_slateq_policy_comes_back(void **state)
{
    (void)state;
    check_round_trip(false, false);
}

static void a_dqn_policy_with_a_memory_comes_back(void **state)
{
    (void)state;
    set("policy.agent=dqn");
    set("policy.dueling=true");
    set("policy.memory=0.5");
    check_round_trip(false, false);
}

static void embeddings_of_items_come_back(void **state)
{
    (void)state;
    check_round_trip(true, true);
}

static void embeddings_of_users_come_back(void **state)
{
    (void)state;
    static const char *const agents[] = {"policy.agent=slateq", "policy.agent=dqn"};
    for (int i = 0; i < 4; i++) {
        struct toy toy = users(i % 2);
        toy.has_user_keys = toy.hides_states = true;
        toy.click_reward = 1;
        set(agents[i / 2]);
        set("policy.user_embedding=3");
        check_round_trip_of(toy, true);
    }
}

static void a_table_comes_back(void **state)
{
    (void)state;
    set("policy.agent=tabular");
    check_round_trip(false, true);
}

static void a_copy_is_what_it_was_made_of(void **state)
{
    (void)state;
    struct toy toy = users(false), copy;
    struct agent_options options = {.config = &config};
    toy_start(&toy, &config, NULL);
    toy_learn(&toy, 40, 0.01f);
    copy = toy;
    toy_shape(&toy, &options.shape);
    assert_int_equal(agent_copy(toy.ops, toy.agent, &options, &copy.agent), SOUK_OK);
    expect_same(&toy, &copy);
    toy_stop(&copy);
    toy_stop(&toy);
}

static void learning_goes_on_from_a_folder(void **state)
{
    (void)state;
    struct toy toy = users(false), again = toy;
    struct agent_options options = {.config = &config, .is_learning = true};
    toy_start(&toy, &config, NULL);
    toy_learn(&toy, 40, 0.01f);
    struct agent_save saving = {.dir = dir, .ops = toy.ops, .agent = toy.agent, .with_state = true};
    assert_int_equal(agent_dir_save(&saving), SOUK_OK);
    toy_shape(&toy, &options.shape);
    assert_int_equal(agent_dir_load(dir, &options, &again.ops, &again.agent, NULL), SOUK_OK);
    expect_same(&toy, &again);
    toy_learn(&again, 20, 0.01f);
    toy_stop(&again);
    toy_stop(&toy);
}

/* ---- what is refused ---- */

static void write_policy(const struct toy *toy)
{
    struct toy learnt = *toy;
    toy_start(&learnt, &config, NULL);
    toy_learn(&learnt, 5, 0.01f);
    save(&learnt, NULL);
    toy_stop(&learnt);
}

static void expect_refusal(const struct toy *toy, const char *message)
{
    struct toy loaded;
    capture_log_begin();
    souk_status status = load(toy, &config, NULL, &loaded);
    if (!strstr(capture_log_text(), message)) fail_msg("log: %s", capture_log_text());
    capture_log_end();
    assert_int_equal(status, SOUK_EDATA);
    assert_null(loaded.agent);
}

static void policies_for_other_users_are_refused(void **state)
{
    (void)state;
    struct toy toy = users(false), other = users(false);
    write_policy(&toy);
    other.num_states = 3;
    expect_refusal(&other, "the number of features of a user was 2, here it is 3");
    other = users(false);
    other.num_items = 4;
    expect_refusal(&other, "the number of features of an item was 5, here it is 4");
    other = users(true);
    expect_refusal(&other, "features of an item was 5, here it is 0");
}

static void policies_that_know_users_are_refused_among_strangers(void **state)
{
    (void)state;
    struct toy toy = users(false), strangers = toy, loaded;
    struct model_cluster cluster;
    toy.has_user_keys = true;
    set("policy.user_embedding=3");
    model_cluster_start(&cluster, 1, 1);
    toy_start(&toy, &config, cluster.client);
    toy_learn(&toy, 5, 0.01f);
    save(&toy, cluster.client);
    toy_stop(&toy);
    capture_log_begin();
    assert_int_equal(load(&strangers, &config, cluster.client, &loaded), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "knows users by their ids"));
    capture_log_end();
    model_cluster_stop(&cluster);
}

static void damaged_policies_are_refused(void **state)
{
    (void)state;
    struct toy toy = users(false);
    write_policy(&toy);
    char *bytes;
    size_t length;
    const char *path = temp_path(dir, "dense.g1.weights");
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length), SOUK_OK);
    bytes[length / 2] ^= 1;
    temp_file_n(dir, "dense.g1.weights", bytes, length);
    expect_refusal(&toy, "dense.g1.weights");
    bytes[length / 2] ^= 1;
    temp_file_n(dir, "dense.g1.weights", bytes, length - 4);
    expect_refusal(&toy, "dense.g1.weights");
    mem_free(bytes);
    assert_int_equal(remove(path), 0);
    expect_refusal(&toy, "dense.g1.weights");
}

static void damaged_manifests_are_refused(void **state)
{
    (void)state;
    struct toy toy = users(false);
    write_policy(&toy);
    char *text;
    size_t length;
    const char *path = temp_path(dir, "manifest.json");
    assert_int_equal(file_read(path, 1 << 20, &text, &length), SOUK_OK);
    char *width = strstr(text, "\"width\":16");
    assert_non_null(width);
    width[9] = '7';
    temp_file_n(dir, "manifest.json", text, length);
    expect_refusal(&toy, "manifest.json");
    mem_free(text);
}

static void models_that_are_no_policies_are_refused(void **state)
{
    (void)state;
    struct toy toy = users(false);
    struct model_dir_save saving = {
        .dir = dir, .type = "din", .state_json = "{}", .weights = "abc", .weights_bytes = 3};
    assert_int_equal(model_dir_save(&saving), SOUK_OK);
    expect_refusal(&toy, "is a model of type \"din\" and no policy");
    saving.type = "policy:oracle";
    assert_int_equal(model_dir_save(&saving), SOUK_OK);
    toy = users(false);
    expect_refusal(&toy, "a policy of \"oracle\", which this souk does not know");
}

static void weights_of_another_network_are_refused(void **state)
{
    (void)state;
    struct toy toy = users(false);
    char state_json[512];
    snprintf(state_json, sizeof state_json,
             "{\"user_dim\":2,\"item_dim\":5,\"num_items\":0,\"memory\":0,\"reward_scale\":1,"
             "\"hidden\":[{\"width\":%s}],\"embedding\":0,\"slate\":1,\"bins\":4,\"bins_low\":-1,"
             "\"bins_high\":1}",
             "8");
    struct model_dir_save saving = {.dir = dir,
                                    .type = "policy:slateq",
                                    .state_json = state_json,
                                    .weights = "abc",
                                    .weights_bytes = 3};
    assert_int_equal(model_dir_save(&saving), SOUK_OK);
    expect_refusal(&toy, "is no file of dense parameters");
    saving.state_json = "{\"user_dim\":2,\"item_dim\":5,\"num_items\":0,\"hidden\":[]}";
    assert_int_equal(model_dir_save(&saving), SOUK_OK);
    expect_refusal(&toy, "not that of a policy that was learnt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_slateq_policy_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dqn_policy_with_a_memory_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(embeddings_of_items_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(embeddings_of_users_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_is_what_it_was_made_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(learning_goes_on_from_a_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(policies_for_other_users_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(policies_that_know_users_are_refused_among_strangers,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_policies_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_manifests_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(models_that_are_no_policies_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(weights_of_another_network_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
