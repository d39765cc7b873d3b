/* Damaged, foreign and newer model folders: none is loaded, each is refused with a message that
 * names the file. Older ones are loaded. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/crc32c.h"
#include "tests/support/cmocka.h"
#include "tests/support/model_cluster.h"
#include "tests/support/temp.h"
#include "worker/model/model_dir.h"

enum { FILES_MAX = 8, NUM_ROWS = 6, DIM = 3 };

static char *dir;
static struct model_cluster cluster;

static void push_rows(uint32_t table, float value)
{
    uint64_t keys[NUM_ROWS];
    float rows[NUM_ROWS * DIM];
    for (uint32_t i = 0; i < NUM_ROWS; i++) keys[i] = 10 + i * 1000;
    for (uint32_t i = 0; i < NUM_ROWS * DIM; i++) rows[i] = value + (float)i;
    struct souk_push push = {
        .table = table, .num_keys = NUM_ROWS, .keys = keys, .rows = rows, .mode = SOUK_PUSH_ASSIGN};
    souk_ticket ticket;
    assert_int_equal(souk_client_push(cluster.client, &push, 1, &ticket), SOUK_OK);
    assert_int_equal(souk_client_wait(cluster.client, ticket), SOUK_OK);
}

// A model of two tables and names in `where`.
static void save_model(const char *where, float value)
{
    struct souk_table_spec specs[2];
    uint32_t tables[2];
    souk_table_spec_init(&specs[0], "user", DIM);
    souk_table_spec_init(&specs[1], "item", DIM);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(souk_client_open_table(cluster.client, &specs[i], &tables[i]), SOUK_OK);
        push_rows(tables[i], value);
    }
    struct names *users = names_create();
    assert_int_equal(names_learn(users, 10, "ten", 3), SOUK_OK);
    assert_int_equal(names_learn(users, 1010, "thousand and ten", 16), SOUK_OK);
    struct model_dir_save save = {.dir = where,
                                  .client = cluster.client,
                                  .specs = specs,
                                  .tables = tables,
                                  .num_tables = 2,
                                  .type = "mf",
                                  .state_json = "{\"k\":2}",
                                  .names = (const struct names *const[]){users, NULL}};
    assert_int_equal(model_dir_save(&save), SOUK_OK);
    names_destroy(users);
}

static int set_up(void **state)
{
    (void)state;
    dir = temp_dir_create();
    model_cluster_start(&cluster, 1, 1);
    save_model(dir, 0.5f);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_cluster_stop(&cluster);
    temp_dir_remove(dir);
    return 0;
}

// Opens and loads everything that there is.
static souk_status load_all(void)
{
    struct model_dir *model;
    const struct names *names;
    uint32_t tables[2];
    souk_status status = model_dir_open(dir, &model);
    if (status != SOUK_OK) return status;
    status = model_dir_load(model, cluster.client, 0, 1, tables);
    if (status == SOUK_OK) status = model_dir_names(model, "user", &names);
    model_dir_close(model);
    return status;
}

static void list_files(char *paths[FILES_MAX], uint32_t *num_out)
{
    *num_out = 0;
    DIR *folder = opendir(dir);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.')
            paths[(*num_out)++] = mem_strdup(temp_path(dir, entry->d_name));
    closedir(folder);
}

static void write_file(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static void must_refuse(const char *path, size_t offset, const char *what)
{
    const char *name = strrchr(path, '/') + 1;
    capture_log_begin();
    souk_status status = load_all();
    bool is_named = strstr(capture_log_text(), name) != NULL;
    if (status != SOUK_EDATA || !is_named)
        print_error("%s of byte %zu of %s: %s, %s\n", what, offset, name, souk_status_name(status),
                    capture_log_text());
    capture_log_end();
    assert_int_equal(status, SOUK_EDATA);
    assert_true(is_named);
}

// fn damages a copy of each file at each of its bytes; each must be refused.
static void damage_each_byte(const char *what,
                             size_t (*damage)(char *bytes, size_t length, size_t offset))
{
    char *paths[FILES_MAX];
    uint32_t num_files;
    list_files(paths, &num_files);
    assert_int_equal(num_files, 4); // two tables, names, the manifest
    for (uint32_t i = 0; i < num_files; i++) {
        char *bytes, *copy;
        size_t length;
        assert_int_equal(file_read(paths[i], 1 << 20, &bytes, &length), SOUK_OK);
        copy = mem_alloc(length, "copy");
        for (size_t offset = 0; offset < length; offset++) {
            memcpy(copy, bytes, length);
            write_file(paths[i], copy, damage(copy, length, offset));
            must_refuse(paths[i], offset, what);
        }
        write_file(paths[i], bytes, length);
        mem_free(bytes);
        mem_free(copy);
        mem_free(paths[i]);
    }
    assert_int_equal(load_all(), SOUK_OK); // all is as it was
}

static size_t flip(char *bytes, size_t length, size_t offset)
{
    bytes[offset] = (char)(bytes[offset] ^ (1 << offset % 8));
    return length;
}

static size_t cut(char *bytes, size_t length, size_t offset)
{
    (void)bytes, (void)length;
    return offset;
}

static void a_flipped_bit_in_any_byte_is_refused(void **state)
{
    (void)state;
    damage_each_byte("flip", flip);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    damage_each_byte("cut", cut);
}

static void a_file_that_is_missing_is_named(void **state)
{
    (void)state;
    const char *path = temp_path(dir, "item.0000-4095.g1.rows");
    assert_int_equal(unlink(path), 0);
    must_refuse(path, 0, "removal");
}

static void a_sound_file_of_another_model_is_refused(void **state)
{
    (void)state;
    char *bytes;
    size_t length;
    const char *other = temp_path(dir, "other"), *path = temp_path(dir, "user.0000-4095.g1.rows");
    save_model(other, 7.25f);
    assert_int_equal(
        file_read(temp_path(dir, "other/user.0000-4095.g1.rows"), 1 << 20, &bytes, &length),
        SOUK_OK);
    write_file(path, bytes, length);
    mem_free(bytes);
    must_refuse(path, 0, "exchange");
}

// Replaces text in the manifest and makes its checksum right again.
static void edit_manifest(const char *from, const char *to)
{
    static const char crc_key[] = ",\"manifest_crc32c\":";
    char *text;
    size_t length;
    const char *path = temp_path(dir, "manifest.json");
    assert_int_equal(file_read(path, 1 << 20, &text, &length), SOUK_OK);
    char *at = strstr(text, from), *end = strstr(text, crc_key);
    assert_non_null(at);
    assert_true(at < end);
    struct buf out = {0};
    buf_add(&out, text, (size_t)(at - text));
    buf_add_text(&out, to);
    buf_add(&out, at + strlen(from), (size_t)(end - at) - strlen(from));
    buf_printf(&out, "%s%u}\n", crc_key, crc32c(0, out.text, out.length));
    write_file(path, out.text, out.length);
    buf_fini(&out);
    mem_free(text);
}

static void a_manifest_with_wrong_contents_is_refused(void **state)
{
    (void)state;
    static const char *const edits[][3] = {
        {"\"lr\":0.009999999776482582", "\"lr\":null", "\"lr\" is not a number"},
        {"\"lr\":0.009999999776482582", "\"lr\":1e300", "\"lr\" is not a number"},
        {"\"lr\":0.009999999776482582", "\"lr\":-1", "spec"},
        {"\"dim\":3", "\"dim\":\"three\"", "\"dim\" is not a number"},
        {"\"dim\":3", "\"dim\":0", "too large"}, // init_columns, which is at most dim
        {"\"dim\":3", "\"dim\":5000", "\"dim\" is too large"},
        {"\"dim\":3", "\"dim\":4", "rows"},
        {"\"state_floats\":0", "\"state_floats\":1", "optimizer state"},
        {"\"optimizer\":\"sgd\"", "\"optimizer\":\"lion\"", "does not know"},
        {"\"rows\":6", "\"rows\":7", "is not the sum"},
        {"\"rows\":6,\"bytes\"", "\"rows\":5,\"bytes\"", "is not the sum"},
        {"\"generation\":1", "\"generation\":-1", "\"generation\" is not a number"},
        {"\"type\":\"mf\"", "\"type\":7", "\"type\" is missing"},
        {"\"name\":\"user.0000", "\"name\":\"../user.0000", "not the name of a model's file"},
        {"\"last_slot\":4095", "\"last_slot\":4096", "too large"},
        {"\"last_slot\":4095", "\"last_slot\":17", "other slots"},
        {"\"crc32c\":", "\"crc32c\":1", ""},
    };
    char *kept;
    size_t length;
    const char *path = temp_path(dir, "manifest.json");
    assert_int_equal(file_read(path, 1 << 20, &kept, &length), SOUK_OK);
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        edit_manifest(edits[i][0], edits[i][1]);
        model_cluster_stop(&cluster); // its tables would object to other settings
        model_cluster_start(&cluster, 1, 1);
        capture_log_begin();
        souk_status status = load_all();
        bool is_told = strstr(capture_log_text(), edits[i][2]) != NULL;
        if (status != SOUK_EDATA || !is_told)
            print_error("%s: %s, %s\n", edits[i][1], souk_status_name(status), capture_log_text());
        capture_log_end();
        assert_int_equal(status, SOUK_EDATA);
        assert_true(is_told);
        write_file(path, kept, length);
    }
    mem_free(kept);
}

static void a_newer_format_is_refused_by_its_version(void **state)
{
    (void)state;
    edit_manifest("\"version\":1,\"souk\":\"0.1.0\"", "\"version\":2,\"souk\":\"9.0.0\"");
    capture_log_begin();
    assert_int_equal(load_all(), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "format 2 by souk 9.0.0"));
    assert_int_equal(model_dir_prepare(dir), SOUK_EEXIST); // and must not be overwritten
    capture_log_end();
}

static void foreign_folders_are_refused(void **state)
{
    (void)state;
    static const char *const manifests[] = {"",
                                            "{}",
                                            "[1, 2]",
                                            "{\"format\": \"pt\"}",
                                            "not JSON",
                                            "{\"format\":\"souk model\",",
                                            "{\"format\":\"souk model\",\"version\":1}\n"};
    const char *path = temp_path(dir, "manifest.json");
    for (size_t i = 0; i < sizeof(manifests) / sizeof(manifests[0]); i++) {
        write_file(path, manifests[i], strlen(manifests[i]));
        must_refuse(path, 0, manifests[i]);
    }
    struct model_dir *model;
    unlink(path);
    capture_log_begin();
    assert_int_equal(model_dir_open(dir, &model), SOUK_ENOTFOUND);
    assert_non_null(strstr(capture_log_text(), "no model in this folder"));
    assert_int_equal(model_dir_open(temp_path(dir, "nowhere"), &model), SOUK_ENOTFOUND);
    assert_non_null(strstr(capture_log_text(), "no such folder"));
    capture_log_end();
}

static void an_observed_file_of_another_size_is_refused(void **state)
{
    (void)state;
    const char *path = temp_path(dir, "observed.0.g1");
    edit_manifest("\"observed\":[]", "\"observed\":[{\"name\":\"observed.0.g1\",\"count\":0,"
                                     "\"bytes\":5,\"crc32c\":0}]");
    write_file(path, "1234", 4);
    must_refuse(path, 0, "size");
    unlink(path);
    must_refuse(path, 0, "removal");
    write_file(path, "12345", 5);
    assert_int_equal(load_all(), SOUK_OK);
}

// Versions before this knew names of users and items only, and told of them at the top.
static void names_of_older_models_are_found_and_replaced(void **state)
{
    (void)state;
    char *bytes, entry[160];
    size_t length;
    assert_int_equal(rename(temp_path(dir, "user.g1.names"), temp_path(dir, "users.g1.names")), 0);
    assert_int_equal(file_read(temp_path(dir, "users.g1.names"), 1 << 20, &bytes, &length),
                     SOUK_OK);
    snprintf(entry, sizeof entry,
             "\"users\":{\"name\":\"users.g1.names\",\"count\":2,\"bytes\":%zu,\"crc32c\":%u},"
             "\"observed\":[]",
             length, crc32c(0, bytes, length));
    mem_free(bytes);
    edit_manifest("\"names\":{", "\"nobody\":{");
    edit_manifest("\"observed\":[]", entry);

    struct model_dir *model;
    const struct names *names;
    assert_int_equal(model_dir_open(dir, &model), SOUK_OK);
    assert_int_equal(model_dir_names(model, "user", &names), SOUK_OK);
    assert_memory_equal(names_get(names, 10, &length), "ten", 3);
    assert_int_equal(model_dir_names(model, "item", &names), SOUK_OK);
    assert_null(names);
    model_dir_close(model);
    save_model(dir, 0.5f);
    assert_false(file_exists(temp_path(dir, "users.g1.names")));
    assert_true(file_exists(temp_path(dir, "user.g2.names")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_flipped_bit_in_any_byte_is_refused),
        TEST(a_file_cut_anywhere_is_refused),
        TEST(a_file_that_is_missing_is_named),
        TEST(a_sound_file_of_another_model_is_refused),
        TEST(a_manifest_with_wrong_contents_is_refused),
        TEST(a_newer_format_is_refused_by_its_version),
        TEST(foreign_folders_are_refused),
        TEST(an_observed_file_of_another_size_is_refused),
        TEST(names_of_older_models_are_found_and_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
