/* Saving and loading of models: round trips over servers in this process, generations, and what a
 * failing save leaves behind. Damage is in test_model_damage.c. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "tests/support/cmocka.h"
#include "tests/support/model_cluster.h"
#include "tests/support/temp.h"
#include "worker/model/model_dir.h"

static char *dir;
static struct model_cluster cluster;

static int set_up(void **state)
{
    (void)state;
    dir = temp_dir_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_cluster_stop(&cluster);
    temp_dir_remove(dir);
    return 0;
}

// ---- tables with known contents ----

static float value_of(uint64_t key, uint32_t column, uint32_t salt)
{
    return (float)(hash_key(key * 31 + column * 7 + salt) % 20011) / 997.0f - 9.0f;
}

static struct souk_table_spec spec_of(const char *name, uint32_t dim, enum souk_optimizer optimizer)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, name, dim);
    spec.seed = UINT64_MAX - 5; // beyond what a JSON number holds
    spec.init = SOUK_INIT_NORMAL;
    spec.optimizer = optimizer;
    return spec;
}

static uint64_t *keys_of(uint32_t num, uint64_t salt)
{
    uint64_t *keys = mem_calloc(num, sizeof(*keys), "keys");
    for (uint32_t i = 0; i < num; i++) keys[i] = (uint64_t)i * 3 + salt;
    return keys;
}

// Makes a table of num rows, with states where it has some.
static uint32_t fill(struct souk_client *client, const struct souk_table_spec *spec, uint32_t num,
                     uint32_t salt)
{
    uint32_t table;
    assert_int_equal(souk_client_open_table(client, spec, &table), SOUK_OK);
    uint32_t state_floats = souk_client_state_floats(client, table);
    uint64_t *keys = keys_of(num, 1);
    float *rows = mem_calloc((size_t)num * spec->dim, sizeof(float), "rows");
    float *states = mem_calloc((size_t)num * state_floats + 1, sizeof(float), "states");
    for (uint32_t i = 0; i < num; i++) {
        for (uint32_t c = 0; c < spec->dim; c++)
            rows[(size_t)i * spec->dim + c] = value_of(keys[i], c, salt);
        for (uint32_t c = 0; c < state_floats; c++)
            states[(size_t)i * state_floats + c] = value_of(keys[i], c, salt + 1) + 20.0f;
    }
    for (uint32_t first = 0; first < num; first += 4096) {
        struct souk_push push = {.table = table,
                                 .num_keys = num - first < 4096 ? num - first : 4096,
                                 .keys = keys + first,
                                 .rows = rows + (size_t)first * spec->dim,
                                 .states =
                                     state_floats ? states + (size_t)first * state_floats : NULL,
                                 .mode = SOUK_PUSH_ASSIGN};
        souk_ticket ticket;
        assert_int_equal(souk_client_push(client, &push, 1, &ticket), SOUK_OK);
    }
    assert_int_equal(souk_client_flush(client), SOUK_OK);
    mem_free(keys);
    mem_free(rows);
    mem_free(states);
    return table;
}

struct checking {
    uint32_t dim, state_floats, salt;
    uint32_t num_rows;
};

static souk_status check_block(void *ctx, const struct souk_scan_block *block)
{
    struct checking *checking = ctx;
    for (uint32_t i = 0; i < block->num_rows; i++) {
        uint64_t key = block->keys[i];
        const float *row = block->rows + (size_t)i * checking->dim;
        for (uint32_t c = 0; c < checking->dim; c++)
            assert_true(row[c] == value_of(key, c, checking->salt));
        for (uint32_t c = 0; c < checking->state_floats; c++)
            assert_true(block->states[(size_t)i * checking->state_floats + c] ==
                        value_of(key, c, checking->salt + 1) + 20.0f);
        checking->num_rows++;
    }
    return SOUK_OK;
}

// Every row, bit for bit.
static void check_rows(struct souk_client *client, uint32_t table, uint32_t dim, bool with_states,
                       uint32_t num, uint32_t salt)
{
    struct checking checking = {.dim = dim,
                                .state_floats =
                                    with_states ? souk_client_state_floats(client, table) : 0,
                                .salt = salt};
    assert_int_equal(souk_client_scan(client, table, with_states, check_block, &checking), SOUK_OK);
    assert_int_equal(checking.num_rows, num);
}

static struct model_dir_save save_of(struct souk_client *client,
                                     const struct souk_table_spec *specs, const uint32_t *tables,
                                     uint32_t num_tables)
{
    return (struct model_dir_save){.dir = dir,
                                   .client = client,
                                   .specs = specs,
                                   .tables = tables,
                                   .num_tables = num_tables,
                                   .type = "mf",
                                   .state_json = "{\"k\":3,\"mean\":3.5}"};
}

static uint32_t count_files(const char *suffix)
{
    uint32_t num = 0;
    DIR *folder = opendir(dir);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t length = strlen(entry->d_name), end = strlen(suffix);
        num += entry->d_name[0] != '.' && length >= end &&
               strcmp(entry->d_name + length - end, suffix) == 0;
    }
    closedir(folder);
    return num;
}

// ---- tests ----

static void a_model_of_one_server_loads_on_three(void **state)
{
    (void)state;
    struct souk_table_spec specs[2] = {spec_of("user", 5, SOUK_OPT_ADAM),
                                       spec_of("item", 4, SOUK_OPT_SGD)};
    // Rows come back exactly, however lossy the way of gradients is.
    specs[1].push_codec = specs[1].pull_codec = SOUK_CODEC_INT8;
    model_cluster_start(&cluster, 1, 1);
    uint32_t tables[2] = {fill(cluster.client, &specs[0], 3000, 1),
                          fill(cluster.client, &specs[1], 50, 2)};
    struct model_dir_save save = save_of(cluster.client, specs, tables, 2);
    save.with_states = true;
    save.extra_json = "{\"epoch\":4}";
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    model_cluster_stop(&cluster);

    model_cluster_start(&cluster, 3, 2);
    struct model_dir *model;
    assert_int_equal(model_dir_open(dir, &model), SOUK_OK);
    assert_string_equal(model_dir_type(model), "mf");
    assert_true(json_value_number(model_dir_state(model), "mean", 0) == 3.5);
    assert_true(json_value_number(model_dir_extra(model), "epoch", 0) == 4);
    assert_int_equal(model_dir_num_tables(model), 2);
    assert_int_equal(model_dir_num_rows(model, 0), 3000);
    assert_true(model_dir_spec(model, 0)->seed == UINT64_MAX - 5);
    uint32_t loaded[2];
    assert_int_equal(model_dir_load(model, cluster.client, 0, 1, loaded), SOUK_OK);
    check_rows(cluster.client, loaded[0], 5, true, 3000, 1);
    check_rows(cluster.client, loaded[1], 4, false, 50, 2);
    model_dir_close(model);
}

static void a_table_of_many_blocks_is_cut_by_slots_and_loads_in_parts(void **state)
{
    (void)state;
    enum { NUM = 150000, DIM = 128 }; // 77 MB: more than a block in each range
    struct souk_table_spec spec = spec_of("wide", DIM, SOUK_OPT_SGD);
    model_cluster_start(&cluster, 2, 1);
    uint32_t table = fill(cluster.client, &spec, NUM, 3);
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    assert_int_equal(count_files(".rows"), 16);
    model_cluster_stop(&cluster);

    model_cluster_start(&cluster, 1, 2);
    struct souk_client *second = model_cluster_client(&cluster, 1);
    struct model_dir *model;
    uint32_t loaded;
    assert_int_equal(model_dir_open(dir, &model), SOUK_OK);
    assert_int_equal(model_dir_load(model, cluster.client, 0, 2, &loaded), SOUK_OK);
    uint32_t second_loaded;
    assert_int_equal(model_dir_load(model, second, 1, 2, &second_loaded), SOUK_OK);
    check_rows(cluster.client, loaded, DIM, false, NUM, 3);
    model_dir_close(model);
    souk_client_destroy(second);
}

static void an_empty_table_is_a_model_too(void **state)
{
    (void)state;
    struct souk_table_spec spec = spec_of("user", 4, SOUK_OPT_SGD);
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 0, 1), loaded;
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    struct model_dir *model;
    assert_int_equal(model_dir_open(dir, &model), SOUK_OK);
    assert_int_equal(model_dir_num_rows(model, 0), 0);
    assert_int_equal(model_dir_load(model, cluster.client, 0, 1, &loaded), SOUK_OK);
    model_dir_close(model);
}

static void names_and_observed_files_come_along(void **state)
{
    (void)state;
    struct souk_table_spec spec = spec_of("user", 2, SOUK_OPT_SGD);
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 3, 1);
    struct names *users = names_create();
    assert_int_equal(names_learn(users, 7, "zo\xe9,\"x\"", 8), SOUK_OK);
    const char *observed[2] = {mem_strdup(temp_file(dir, "part-a", "aaa")),
                               mem_strdup(temp_file(dir, "part-b", "bbbb"))};
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    save.names = (const struct names *const[]){users};
    save.observed = observed;
    save.num_observed = 2;
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    assert_false(file_exists(observed[0]));

    save.num_observed = 0; // a later generation keeps them
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    struct model_dir *model;
    assert_int_equal(model_dir_open(dir, &model), SOUK_OK);
    assert_int_equal(model_dir_num_observed(model), 2);
    assert_true(file_exists(model_dir_observed(model, 0)));
    const struct names *read;
    size_t length;
    assert_int_equal(model_dir_names(model, "user", &read), SOUK_OK);
    assert_memory_equal(names_get(read, 7, &length), "zo\xe9,\"x\"", 8);
    assert_int_equal(length, 8);
    assert_int_equal(model_dir_names(model, "item", &read), SOUK_OK);
    assert_null(read);
    model_dir_close(model);
    names_destroy(users);
    for (int i = 0; i < 2; i++) free((void *)(uintptr_t)observed[i]);
}

static void a_save_replaces_the_old_generation_and_strays_of_crashes(void **state)
{
    (void)state;
    struct souk_table_spec spec = spec_of("user", 2, SOUK_OPT_SGD);
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 3, 1), loaded;
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    temp_file(dir, "user.0000-4095.g9.rows", "left by a crash");
    temp_file(dir, "users.g9.names.tmp", "left by a crash");
    temp_file(dir, "notes.txt", "of the user");
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    assert_true(file_exists(temp_path(dir, "user.0000-4095.g10.rows")));
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    assert_true(file_exists(temp_path(dir, "user.0000-4095.g11.rows")));
    assert_true(file_exists(temp_path(dir, "notes.txt")));
    assert_int_equal(count_files(""), 3); // the rows, the manifest, the notes

    struct model_dir *model;
    assert_int_equal(model_dir_open(dir, &model), SOUK_OK);
    assert_int_equal(model_dir_load(model, cluster.client, 0, 1, &loaded), SOUK_OK);
    model_dir_close(model);
}

static void a_model_that_is_being_loaded_stays_until_it_is(void **state)
{
    (void)state;
    struct souk_table_spec spec = spec_of("user", 2, SOUK_OPT_SGD);
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 3, 1), loaded;
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    struct model_dir *model;
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    assert_int_equal(model_dir_open(dir, &model), SOUK_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(model_dir_save(&save), SOUK_OK);
    assert_int_equal(model_dir_load(model, cluster.client, 0, 1, &loaded), SOUK_OK);
    model_dir_close(model);
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    assert_int_equal(count_files(""), 2); // the rows, the manifest
}

static void a_run_folder_is_as_good_as_its_model_folder(void **state)
{
    (void)state;
    struct souk_table_spec spec = spec_of("user", 2, SOUK_OPT_SGD);
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 3, 1);
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    save.dir = temp_path(dir, "model");
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    struct model_dir *model;
    assert_int_equal(model_dir_open(dir, &model), SOUK_OK);
    assert_string_equal(model_dir_path(model), temp_path(dir, "model"));
    model_dir_close(model);
}

// Saves a new generation while files cannot become longer than this; gives the save's status.
static souk_status save_with_limit(const struct model_dir_save *save, rlim_t max_bytes)
{
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = max_bytes;
    void (*old_handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    souk_status status = model_dir_save(save);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, old_handler);
    return status;
}

static void check_old_model(uint32_t num)
{
    struct model_dir *model;
    struct model_cluster fresh;
    uint32_t loaded;
    model_cluster_start(&fresh, 1, 1);
    assert_int_equal(model_dir_open(dir, &model), SOUK_OK);
    assert_int_equal(model_dir_load(model, fresh.client, 0, 1, &loaded), SOUK_OK);
    check_rows(fresh.client, loaded, 8, false, num, 1);
    model_dir_close(model);
    model_cluster_stop(&fresh);
}

static void a_failed_write_anywhere_leaves_the_old_model_alone(void **state)
{
    (void)state;
    struct souk_table_spec spec = spec_of("user", 8, SOUK_OPT_SGD);
    struct names *users = names_create();
    char name[64];
    for (uint64_t i = 0; i < 300; i++) {
        int length = snprintf(name, sizeof(name), "a name of some length %d", (int)i);
        assert_int_equal(names_learn(users, i, name, (size_t)length), SOUK_OK);
    }
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 100, 1);
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    save.names = (const struct names *const[]){users};
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    uint32_t num_files = count_files("");

    const char *observed = mem_strdup(temp_file(dir, "part", "abc"));
    save.observed = &observed;
    save.num_observed = 1;
    // The rows have 3,700 bytes, the names 10,000, the manifest 1,000: each fails once, early or
    // late.
    static const rlim_t limits[] = {0, 10, 23, 24, 500, 3000, 5000, 9000};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        capture_log_begin();
        assert_int_not_equal(save_with_limit(&save, limits[i]), SOUK_OK);
        assert_non_null(strstr(capture_log_text(), "cannot be written"));
        capture_log_end();
        assert_int_equal(count_files(""), num_files + 1); // the old files and "part"
        assert_true(file_exists(observed));
        check_old_model(100);
    }
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    names_destroy(users);
    free((void *)(uintptr_t)observed);
}

// Here the rows are the longest file, so nothing else can be what fails.
static void a_failed_write_of_rows_is_not_passed_over(void **state)
{
    (void)state;
    struct souk_table_spec spec = spec_of("user", 8, SOUK_OPT_SGD);
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 1000, 1);
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    static const rlim_t limits[] = {3000, 20000};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        capture_log_begin();
        assert_int_not_equal(save_with_limit(&save, limits[i]), SOUK_OK);
        assert_non_null(strstr(capture_log_text(), ".rows: cannot be written"));
        capture_log_end();
        assert_int_equal(count_files(""), 2);
        check_old_model(1000);
    }
}

static void a_failed_manifest_leaves_the_old_model_alone(void **state)
{
    (void)state;
    struct souk_table_spec spec = spec_of("user", 8, SOUK_OPT_SGD);
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 3, 1);
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    const char *observed = mem_strdup(temp_file(dir, "part", "abc"));
    save.observed = &observed;
    save.num_observed = 1;
    capture_log_begin();
    assert_int_not_equal(save_with_limit(&save, 400), SOUK_OK); // the rows fit, the manifest not
    assert_non_null(strstr(capture_log_text(), "manifest.json"));
    capture_log_end();
    assert_int_equal(count_files(""), 3);
    assert_true(file_exists(observed));
    check_old_model(3);
    free((void *)(uintptr_t)observed);
}

static void a_full_disk_is_told_and_leaves_the_old_model_alone(void **state)
{
    (void)state;
    if (mount("tmpfs", dir, "tmpfs", 0, "size=64k") != 0) skip(); // needs the right to mount
    struct souk_table_spec spec = spec_of("user", 8, SOUK_OPT_SGD);
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 100, 1);
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    souk_status first = model_dir_save(&save);
    fill(cluster.client, &spec, 4000, 2);
    capture_log_begin();
    souk_status second = model_dir_save(&save);
    bool is_told = strstr(capture_log_text(), "No space left on device") != NULL;
    capture_log_end();
    uint32_t num_files = count_files("");
    if (first == SOUK_OK) check_old_model(100);
    umount2(dir, MNT_DETACH);
    assert_int_equal(first, SOUK_OK);
    assert_int_equal(second, SOUK_ENOSPC);
    assert_true(is_told);
    assert_int_equal(num_files, 2);
}

static void a_folder_of_another_tool_is_not_written_to(void **state)
{
    (void)state;
    struct souk_table_spec spec = spec_of("user", 2, SOUK_OPT_SGD);
    temp_file(dir, "manifest.json", "{\"artifact\": \"of another tool\"}");
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 3, 1);
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    capture_log_begin();
    assert_int_equal(model_dir_prepare(dir), SOUK_EEXIST);
    assert_int_equal(model_dir_save(&save), SOUK_EEXIST);
    assert_non_null(strstr(capture_log_text(), "was not written by souk"));
    capture_log_end();
    assert_int_equal(count_files(""), 1);
}

static void a_damaged_model_is_replaced_when_the_new_one_is_there(void **state)
{
    (void)state;
    struct souk_table_spec spec = spec_of("user", 8, SOUK_OPT_SGD);
    model_cluster_start(&cluster, 1, 1);
    uint32_t table = fill(cluster.client, &spec, 3, 1);
    struct model_dir_save save = save_of(cluster.client, &spec, &table, 1);
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    assert_int_equal(truncate(temp_path(dir, "manifest.json"), 200), 0);
    capture_log_begin();
    assert_int_equal(model_dir_prepare(dir), SOUK_OK);
    assert_non_null(strstr(capture_log_text(), "will be replaced"));
    assert_int_not_equal(save_with_limit(&save, 10), SOUK_OK);
    assert_true(file_exists(temp_path(dir, "user.0000-4095.g1.rows")));
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    capture_log_end();
    assert_false(file_exists(temp_path(dir, "user.0000-4095.g1.rows")));
    check_old_model(3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_model_of_one_server_loads_on_three),
        TEST(a_table_of_many_blocks_is_cut_by_slots_and_loads_in_parts),
        TEST(an_empty_table_is_a_model_too),
        TEST(names_and_observed_files_come_along),
        TEST(a_save_replaces_the_old_generation_and_strays_of_crashes),
        TEST(a_model_that_is_being_loaded_stays_until_it_is),
        TEST(a_run_folder_is_as_good_as_its_model_folder),
        TEST(a_failed_write_anywhere_leaves_the_old_model_alone),
        TEST(a_failed_write_of_rows_is_not_passed_over),
        TEST(a_failed_manifest_leaves_the_old_model_alone),
        TEST(a_full_disk_is_told_and_leaves_the_old_model_alone),
        TEST(a_folder_of_another_tool_is_not_written_to),
        TEST(a_damaged_model_is_replaced_when_the_new_one_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
