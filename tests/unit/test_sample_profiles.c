/* test_sample_profiles.c - the last row of each user that is asked for, and what they have seen. */
#include "worker/data/sample_profiles.h"

#include <stdio.h>
#include <string.h>

#include "common/text/buf.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

#define HEAD "label\tuser\titem\tcategory\thist_item\thist_category\n"

struct rig {
    char *dir;
    struct config config;
    struct sample_format model;
    struct profiles profiles;
};

// Reads users out of a file with this text.
static souk_status read_text(struct rig *rig, const char *text, const uint64_t *users,
                             uint32_t num_users)
{
    rig->dir = temp_dir_create();
    config_init(&rig->config);
    char path[512];
    snprintf(path, sizeof path, "%s", temp_file(rig->dir, "samples.tsv", text));
    const char *known = temp_file(rig->dir, "known.tsv", HEAD "1\t1\t1\t1\t2,3\t1,1\n");
    struct sample_format_options columns = {.config = &rig->config, .path = known};
    assert_int_equal(sample_format_resolve(&columns, &rig->model), SOUK_OK);
    char *paths[] = {path};
    struct config_list files = {.items = paths, .num_items = 1};
    struct sample_profiles_options options = {.config = &rig->config,
                                              .files = &files,
                                              .model = &rig->model,
                                              .users = users,
                                              .num_users = num_users};
    return sample_profiles_read(&options, &rig->profiles);
}

static void stop(struct rig *rig)
{
    profiles_fini(&rig->profiles);
    config_fini(&rig->config);
    temp_dir_remove(rig->dir);
}

static void check_seen(const struct rig *rig, uint32_t user, const uint64_t *seen, uint64_t n)
{
    const struct profiles *profiles = &rig->profiles;
    uint64_t start = profiles->seen_start[user];
    assert_int_equal(profiles->seen_start[user + 1] - start, n);
    for (uint64_t i = 0; i < n; i++) assert_int_equal(profiles->seen[start + i], seen[i]);
}

static void the_last_row_is_the_profile_and_all_rows_tell_what_was_seen(void **state)
{
    (void)state;
    static const uint64_t users[] = {5, 7, 9};
    struct rig rig = {0};
    assert_int_equal(read_text(&rig,
                               HEAD "1\t5\t30\t1\t8,3\t1,2\n"
                                    "0\t6\t31\t1\t1\t1\n"
                                    "0\t9\t99\t1\t\t\n"
                                    "0\t5\t40\t4\t3,8,30\t2,1,1\n",
                               users, 3),
                     SOUK_OK);
    const struct profiles *profiles = &rig.profiles;
    const struct sample_batch *samples = &profiles->samples;
    uint32_t five = profiles->sample[0], nine = profiles->sample[2];
    assert_int_equal(samples->ids[0][five], 5);
    assert_int_equal(samples->ids[1][five], 40);
    assert_int_equal(samples->row_start[five + 1] - samples->row_start[five], 3);
    assert_int_equal(samples->histories[0][samples->row_start[five] + 2], 30);
    assert_int_equal(profiles->sample[1], UINT32_MAX);
    assert_int_equal(samples->row_start[nine + 1] - samples->row_start[nine], 0);
    check_seen(&rig, 0, (const uint64_t[]){3, 8, 30}, 3);
    check_seen(&rig, 1, NULL, 0);
    check_seen(&rig, 2, NULL, 0);
    stop(&rig);
}

static void many_rows_of_few_users_take_little_room(void **state)
{
    (void)state;
    enum { ROWS = 30000 };
    static const uint64_t users[] = {1, 2};
    struct buf text = {0};
    struct rig rig = {0};
    buf_add_text(&text, HEAD);
    for (uint32_t i = 0; i < ROWS; i++)
        buf_printf(&text, "1\t%u\t%u\t1\t1,2,3,4,5,6\t1,1,1,1,1,1\n", 1 + i % 2, 10 + i % 50);
    assert_int_equal(read_text(&rig, buf_text(&text), users, 2), SOUK_OK);
    buf_fini(&text);
    assert_true(rig.profiles.samples.num_samples < ROWS / 4);
    for (uint32_t u = 0; u < 2; u++) {
        assert_int_equal(rig.profiles.samples.ids[0][rig.profiles.sample[u]], users[u]);
        assert_int_equal(rig.profiles.seen_start[u + 1] - rig.profiles.seen_start[u], 6 + 25);
    }
    assert_int_equal(rig.profiles.samples.ids[1][rig.profiles.sample[1]], 10 + (ROWS - 1) % 50);
    stop(&rig);
}

static void labels_may_be_missing_then_clicks_are_not_known(void **state)
{
    (void)state;
    static const uint64_t users[] = {5};
    struct rig rig = {0};
    assert_int_equal(read_text(&rig,
                               "user\titem\tcategory\thist_item\thist_category\n"
                               "5\t30\t1\t8,3\t1,2\n",
                               users, 1),
                     SOUK_OK);
    check_seen(&rig, 0, (const uint64_t[]){3, 8}, 2);
    stop(&rig);
}

static void bad_rows_are_named(void **state)
{
    (void)state;
    static const uint64_t users[] = {5};
    struct rig rig = {0};
    capture_log_begin();
    assert_int_equal(read_text(&rig, HEAD "1\t5\t30\t1\t8,3\t1\n", users, 1), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "samples.tsv:2"));
    capture_log_end();
    stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_row_is_the_profile_and_all_rows_tell_what_was_seen),
        cmocka_unit_test(many_rows_of_few_users_take_little_room),
        cmocka_unit_test(labels_may_be_missing_then_clicks_are_not_known),
        cmocka_unit_test(bad_rows_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
