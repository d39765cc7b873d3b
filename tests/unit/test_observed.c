/* Tests of worker/data/observed: blocks, lookups, damage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/observed.h"

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = temp_dir_create();
    return dir == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static void write_rows(const char *path, const struct rating *rows, uint32_t n)
{
    struct observed_writer *writer = NULL;
    assert_int_equal(observed_writer_open(path, &writer), SOUK_OK);
    assert_int_equal(observed_writer_add(writer, rows, n / 2), SOUK_OK);
    assert_int_equal(observed_writer_add(writer, rows + n / 2, n - n / 2), SOUK_OK);
    assert_int_equal(observed_writer_close(writer), SOUK_OK);
}

static void add_text(void *ctx, const struct rating *rating)
{
    buf_printf(ctx, "%llu %llu %g|", (unsigned long long)rating->user,
               (unsigned long long)rating->item, (double)rating->value);
}

static void assert_seen(const char *path, const uint64_t *users, uint32_t n, const char *wanted)
{
    struct buf out = {0};
    assert_int_equal(observed_read(path, users, n, add_text, &out), SOUK_OK);
    assert_string_equal(buf_text(&out), wanted);
    buf_fini(&out);
}

static void ratings_of_chosen_users_come_back(void **state)
{
    (void)state;
    const struct rating rows[] = {{7, 3, 4.5f}, {UINT64_MAX, UINT64_MAX, -1},
                                  {7, 1, 5},    {0, 9, 2},
                                  {7, 3, 1},    {UINT64_MAX, 0, 3}};
    const char *path = temp_path(dir, "seen");
    write_rows(path, rows, 6);
    const uint64_t all[] = {0, 7, UINT64_MAX}, one[] = {7}, none[] = {1, 8};
    assert_seen(path, all, 3,
                "0 9 2|7 1 5|7 3 4.5|7 3 1|18446744073709551615 0 3|"
                "18446744073709551615 18446744073709551615 -1|");
    assert_seen(path, one, 1, "7 1 5|7 3 4.5|7 3 1|");
    assert_seen(path, none, 2, "");
    assert_seen(path, NULL, 0, "");
}

static void file_without_ratings_is_fine(void **state)
{
    (void)state;
    const uint64_t user = 1;
    write_rows(temp_path(dir, "none"), NULL, 0);
    assert_seen(temp_path(dir, "none"), &user, 1, "");
}

struct sum {
    uint64_t count, users, items;
    double values;
};

static void add_up(void *ctx, const struct rating *rating)
{
    struct sum *sum = ctx;
    sum->count++;
    sum->users += rating->user;
    sum->items ^= rating->item;
    sum->values += (double)rating->value;
}

static void several_blocks_hold_everything_in_few_bytes(void **state)
{
    (void)state;
    enum { NUM_ROWS = OBSERVED_BLOCK + 1000, NUM_USERS = 5000 };
    struct rating *rows = calloc(NUM_ROWS, sizeof(*rows));
    struct sum wanted = {0}, got = {0};
    uint64_t odd_users[NUM_USERS / 2];
    for (uint32_t i = 0; i < NUM_USERS / 2; i++) odd_users[i] = 2 * i + 1;
    struct rng rng;
    rng_init(&rng, 1, 2);
    for (uint32_t i = 0; i < NUM_ROWS; i++) {
        rows[i] = (struct rating){rng_below(&rng, NUM_USERS), rng_below(&rng, 100000),
                                  (float)rng_below(&rng, 10) / 2};
        if (rows[i].user % 2) add_up(&wanted, &rows[i]);
    }
    const char *path = temp_path(dir, "big");
    write_rows(path, rows, NUM_ROWS);
    assert_int_equal(observed_read(path, odd_users, NUM_USERS / 2, add_up, &got), SOUK_OK);
    assert_memory_equal(&got, &wanted, sizeof(got));
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    assert_true(ftell(file) < NUM_ROWS * 6); // 20 bytes a rating as they are
    fclose(file);
    free(rows);
}

// Damage may be noticed behind good blocks, but what was given by then must be right.
static void assert_damaged(const void *bytes, size_t length)
{
    const uint64_t users[] = {1, 2};
    struct buf out = {0};
    const char *path = temp_file_n(dir, "damaged", bytes, length);
    assert_int_equal(observed_read(path, users, 2, add_text, &out), SOUK_EDATA);
    if (out.length > 0) assert_string_equal(buf_text(&out), "1 3 4.5|2 5 5|2 6 1|");
    buf_fini(&out);
}

static void damage_is_noticed_wherever_it_is(void **state)
{
    (void)state;
    const struct rating rows[] = {{1, 3, 4.5f}, {2, 5, 5}, {2, 6, 1}};
    unsigned char bytes[256] = {0};
    write_rows(temp_path(dir, "whole"), rows, 3);
    FILE *file = fopen(temp_path(dir, "whole"), "rb");
    size_t length = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    assert_true(length > 40 && length < sizeof(bytes));

    capture_log_begin();
    for (size_t n = 0; n < length; n++) {
        assert_damaged(bytes, n);
        bytes[n] ^= 0x10;
        assert_damaged(bytes, length);
        bytes[n] ^= 0x10;
    }
    assert_damaged(bytes, length + 1);
    memmove(bytes + 8, bytes + length - 16, 16); // the block is missing
    assert_damaged(bytes, 8 + 16);
    assert_non_null(strstr(capture_log_text(), "is not a file of observed ratings"));
    assert_non_null(strstr(capture_log_text(), "is damaged near byte"));
    capture_log_end();
}

static void dropped_and_failed_files_are_gone(void **state)
{
    (void)state;
    struct observed_writer *writer = NULL;
    const char *path = temp_path(dir, "dropped");
    assert_int_equal(observed_writer_open(path, &writer), SOUK_OK);
    observed_writer_drop(writer);
    observed_writer_drop(NULL);
    assert_int_equal(access(path, F_OK), -1);
    capture_log_begin();
    assert_int_equal(observed_writer_open(temp_path(dir, "no/folder"), &writer), SOUK_EIO);
    capture_log_end();
}

static void full_disk_is_reported(void **state)
{
    (void)state;
    const struct rating row = {1, 2, 3};
    struct observed_writer *writer = NULL;
    char link[512];
    snprintf(link, sizeof(link), "%s", temp_path(dir, "full"));
    assert_int_equal(symlink("/dev/full", link), 0);
    assert_int_equal(observed_writer_open(link, &writer), SOUK_OK);
    assert_int_equal(observed_writer_add(writer, &row, 1), SOUK_OK);
    capture_log_begin();
    assert_int_equal(observed_writer_close(writer), SOUK_ENOSPC);
    assert_non_null(strstr(capture_log_text(), "cannot write"));
    capture_log_end();
    assert_int_equal(access(link, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratings_of_chosen_users_come_back),
        cmocka_unit_test(file_without_ratings_is_fine),
        cmocka_unit_test(several_blocks_hold_everything_in_few_bytes),
        cmocka_unit_test(damage_is_noticed_wherever_it_is),
        cmocka_unit_test(dropped_and_failed_files_are_gone),
        cmocka_unit_test(full_disk_is_reported),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
