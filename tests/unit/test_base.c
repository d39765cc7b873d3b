/* Tests of common/base but for random numbers: status, log, memory, hash, queue, files. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/queue.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

static void every_status_has_name_text_and_exit_code(void **state)
{
    (void)state;
    assert_string_equal(souk_status_name(SOUK_EPEER), "SOUK_EPEER");
    assert_string_equal(souk_status_name((souk_status)77), "SOUK_?");
    assert_string_equal(souk_status_text(SOUK_ENOSPC), "no space left on device");
    assert_int_equal(souk_status_exit_code(SOUK_OK), 0);
    assert_int_equal(souk_status_exit_code(SOUK_ECONFIG), 2);
    assert_int_equal(souk_status_exit_code(SOUK_ETOPOLOGY), 2);
    assert_int_equal(souk_status_exit_code(SOUK_EDATA), 3);
    assert_int_equal(souk_status_exit_code(SOUK_EDIVERGED), 4);
    assert_int_equal(souk_status_exit_code(SOUK_ESTOPPED), 75);
    assert_int_equal(souk_status_exit_code(SOUK_EIO), 1);
}

static void log_fail_gives_the_status_and_the_reason(void **state)
{
    (void)state;
    capture_log_begin();
    assert_int_equal(log_fail(SOUK_EDATA, "f.csv:%d: bad", 7), SOUK_EDATA);
    assert_int_equal(log_fail_errno(ENOSPC, "f.csv"), SOUK_ENOSPC);
    assert_int_equal(log_fail_errno(EACCES, "g.csv"), SOUK_EIO);
    assert_string_equal(capture_log_text(), "f.csv:7: bad\nf.csv: No space left on device\n"
                                            "g.csv: Permission denied\n");
    capture_log_end();
}

static void log_drops_what_is_above_its_level_and_cuts_long_messages(void **state)
{
    (void)state;
    char *text = mem_alloc(10000, "test");
    memset(text, 'x', 9999);
    text[9999] = '\0';
    capture_log_begin();
    log_debug("not shown");
    log_debug("%s", (const char *)(uintptr_t)8); // formatting it would crash
    log_info("%s", text);
    assert_in_range(strlen(capture_log_text()), 3000, 4096);
    assert_null(strstr(capture_log_text(), "not shown"));
    capture_log_end();
    mem_free(text);
}

static void mem_reserve_keeps_what_is_there(void **state)
{
    (void)state;
    uint64_t *numbers = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < 1000; i++) {
        mem_reserve(&numbers, &capacity, i + 1, sizeof(*numbers), "test");
        numbers[i] = i * i;
    }
    for (size_t i = 0; i < 1000; i++) assert_int_equal(numbers[i], i * i);
    assert_in_range(capacity, 1000, 1600);
    mem_free(numbers);
}

static void mapped_memory_is_zero_and_huge_requests_fail_softly(void **state)
{
    (void)state;
    unsigned char *bytes = mem_try_map(3 << 20);
    assert_non_null(bytes);
    assert_int_equal(bytes[0] | bytes[(3 << 20) - 1], 0);
    mem_unmap(bytes, 3 << 20);
    assert_null(mem_try_map((size_t)1 << 60));
}

static void hash_values_are_part_of_the_formats(void **state)
{
    (void)state;
    // From the xxHash command line tool's reference values: XXH3 of the empty input, seed 0.
    assert_int_equal(hash_bytes("", 0, 0), 0x2D06800538D394C2ULL);
    // XXH64's avalanche, worked in Python integers; a change would move every row of every model.
    assert_int_equal(hash_key(0), 0);
    assert_int_equal(hash_key(1), 0x283A72A5B9AB93D3ULL);
    assert_int_equal(hash_key(UINT64_MAX), 0x100AB62DAADD9289ULL);
}

static void slots_are_dealt_evenly_and_each_to_one_shard(void **state)
{
    (void)state;
    for (uint32_t num_shards = 1; num_shards <= 64; num_shards++) {
        for (uint32_t slot = 0; slot < SOUK_NUM_SLOTS; slot++) {
            uint32_t s = hash_shard(slot, num_shards);
            assert_true(slot >= (uint64_t)s * SOUK_NUM_SLOTS / num_shards);
            assert_true(slot < (uint64_t)(s + 1) * SOUK_NUM_SLOTS / num_shards);
        }
    }
}

static void slots_of_consecutive_keys_are_spread(void **state)
{
    (void)state;
    static uint32_t counts[SOUK_NUM_SLOTS];
    for (uint64_t key = 0; key < 64 * SOUK_NUM_SLOTS; key++) counts[hash_slot(key)]++;
    double chi2 = 0;
    for (int i = 0; i < SOUK_NUM_SLOTS; i++) chi2 += (counts[i] - 64.0) * (counts[i] - 64.0) / 64.0;
    // 4095 degrees of freedom: mean 4095, deviation 90.5; six deviations are out of the question.
    assert_in_range((int)chi2, 4095 - 543, 4095 + 543);
}

static void *push_thousand(void *arg)
{
    for (uintptr_t i = 1; i <= 1000; i++) assert_true(queue_push(arg, (void *)i));
    queue_close(arg);
    return NULL;
}

static void queue_passes_items_in_order_between_threads(void **state)
{
    (void)state;
    struct queue *queue = queue_create(3);
    pthread_t thread;
    pthread_create(&thread, NULL, push_thousand, queue);
    for (uintptr_t i = 1; i <= 1000; i++) assert_ptr_equal(queue_pop(queue, -1), (void *)i);
    assert_null(queue_pop(queue, -1)); // closed and empty
    pthread_join(thread, NULL);
    assert_false(queue_push(queue, queue));
    queue_destroy(queue);
}

static void queue_pop_gives_up_at_its_deadline(void **state)
{
    (void)state;
    struct queue *queue = queue_create(1);
    uint64_t start = clock_now_ms();
    assert_null(queue_pop(queue, 20));
    assert_true(clock_now_ms() - start >= 19);
    queue_destroy(queue);
}

static void file_is_written_whole_and_read_back(void **state)
{
    (void)state;
    char *dir = temp_dir_create(), *bytes;
    size_t length;
    const char *path = temp_path(dir, "a/b/c.txt");
    assert_int_equal(file_make_dirs(temp_path(dir, "a/b")), SOUK_OK);
    assert_int_equal(file_make_dirs(temp_path(dir, "a/b")), SOUK_OK);
    assert_int_equal(file_write_atomic(path, "one\0two", 7), SOUK_OK);
    assert_int_equal(file_read(path, 100, &bytes, &length), SOUK_OK);
    assert_int_equal(length, 7);
    assert_memory_equal(bytes, "one\0two", 8);
    mem_free(bytes);
    assert_false(file_exists(temp_path(dir, "a/b/c.txt.tmp")));
    temp_dir_remove(dir);
}

static void file_errors_name_the_file(void **state)
{
    (void)state;
    char *dir = temp_dir_create(), *bytes;
    size_t length;
    const char *file = temp_file(dir, "small", "12345");
    capture_log_begin();
    assert_int_equal(file_read(temp_path(dir, "none"), 9, &bytes, &length), SOUK_ENOTFOUND);
    assert_non_null(strstr(capture_log_text(), "none: cannot be opened: No such file"));
    assert_int_equal(file_read(file, 4, &bytes, &length), SOUK_EDATA);
    assert_int_equal(file_read(dir, 4, &bytes, &length), SOUK_EIO);
    assert_int_equal(file_make_dirs(temp_path(dir, "small/x")), SOUK_EIO);
    assert_int_equal(file_write_atomic(temp_path(dir, "no/such"), "x", 1), SOUK_EIO);
    capture_log_end();
    temp_dir_remove(dir);
}

// A file size limit stands for a full disk: the old file must stay, nothing else be left behind.
static void full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    char *dir = temp_dir_create(), *bytes;
    size_t length;
    const char *path = temp_file(dir, "model", "old");
    assert_int_equal(symlink("/dev/full", temp_path(dir, "model.tmp")), 0);
    capture_log_begin();
    assert_int_equal(file_write_atomic(path, "new", 3), SOUK_ENOSPC);
    capture_log_end();
    assert_int_equal(file_read(path, 100, &bytes, &length), SOUK_OK);
    assert_string_equal(bytes, "old");
    mem_free(bytes);
    assert_false(file_exists(temp_path(dir, "model.tmp")));
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_name_text_and_exit_code),
        cmocka_unit_test(log_fail_gives_the_status_and_the_reason),
        cmocka_unit_test(log_drops_what_is_above_its_level_and_cuts_long_messages),
        cmocka_unit_test(mem_reserve_keeps_what_is_there),
        cmocka_unit_test(mapped_memory_is_zero_and_huge_requests_fail_softly),
        cmocka_unit_test(hash_values_are_part_of_the_formats),
        cmocka_unit_test(slots_are_dealt_evenly_and_each_to_one_shard),
        cmocka_unit_test(slots_of_consecutive_keys_are_spread),
        cmocka_unit_test(queue_passes_items_in_order_between_threads),
        cmocka_unit_test(queue_pop_gives_up_at_its_deadline),
        cmocka_unit_test(file_is_written_whole_and_read_back),
        cmocka_unit_test(file_errors_name_the_file),
        cmocka_unit_test(full_disk_leaves_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
