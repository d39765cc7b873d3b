/* Tests of worker/cli/loaded: a folder whose rows do not fit its model costs no server and no pull.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/model_cluster.h"
#include "tests/support/temp.h"
#include "worker/cli/loaded.h"

enum { DIM = 5 };

static uint32_t num_started;

static souk_status start_server(struct net *net, const char *address, uint32_t num_threads,
                                void **server_out)
{
    struct server_options options = {.net = net, .address = address, .num_threads = num_threads};
    struct server *server;
    num_started++;
    souk_status status = server_start(&options, &server);
    if (status == SOUK_OK) *server_out = server;
    return status;
}

static void stop_server(void *server)
{
    server_stop(server);
}

static const struct local_server_ops LOCAL = {start_server, stop_server};

// What a folder holds, beside a state of k 4 and dim DIM.
struct content {
    const char *names[2];
    uint32_t num_tables, dims[2];
};

static void save_model(const char *dir, const struct content *content)
{
    struct model_cluster cluster;
    struct souk_table_spec specs[2];
    uint32_t tables[2];
    model_cluster_start(&cluster, 1, 1);
    for (uint32_t i = 0; i < content->num_tables; i++) {
        souk_table_spec_init(&specs[i], content->names[i], content->dims[i]);
        assert_int_equal(souk_client_open_table(cluster.client, &specs[i], &tables[i]), SOUK_OK);
    }
    struct model_dir_save save = {.dir = dir,
                                  .client = cluster.client,
                                  .specs = specs,
                                  .tables = tables,
                                  .num_tables = content->num_tables,
                                  .type = "mf",
                                  .state_json = "{\"k\":4,\"dim\":5,\"mean\":3.5}"};
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    model_cluster_stop(&cluster);
}

// Saves, and opens what was saved; the log is captured until capture_log_end().
static souk_status open_content(const struct content *content)
{
    char *dir = temp_dir_create();
    save_model(dir, content);
    struct program program = {.local = &LOCAL};
    struct args args = {.model_dir = dir};
    struct loaded loaded;
    config_init(&args.config);
    num_started = 0;
    capture_log_begin();
    souk_status status = loaded_open(&program, &args, "test", &loaded);
    loaded_close(&loaded);
    args_fini(&args);
    temp_dir_remove(dir);
    return status;
}

static void a_sound_model_is_opened(void **state)
{
    (void)state;
    struct content content = {{"user", "item"}, 2, {DIM, DIM}};
    assert_int_equal(open_content(&content), SOUK_OK);
    capture_log_end();
    assert_int_equal(num_started, 1);
}

static void tables_that_are_not_the_models_are_refused_before_a_server_starts(void **state)
{
    (void)state;
    static const struct content contents[] = {
        {{"user", "item"}, 2, {DIM, DIM + 1}},
        {{"user", "item"}, 2, {DIM - 1, DIM}},
        {{"user", "film"}, 2, {DIM, DIM}},
        {{"user", ""}, 1, {DIM}},
    };
    static const char *const expected[] = {
        "\"item\" has rows of 6 floats",
        "\"user\" has rows of 4 floats",
        "\"film\" has rows of 5 floats",
        "holds 1 table",
    };
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        assert_int_equal(open_content(&contents[i]), SOUK_EDATA);
        if (!strstr(capture_log_text(), expected[i])) fail_msg("%s", capture_log_text());
        capture_log_end();
        assert_int_equal(num_started, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_model_is_opened),
        cmocka_unit_test(tables_that_are_not_the_models_are_refused_before_a_server_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
