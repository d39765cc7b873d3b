/* Files of rows: the bytes of the format, blocks in and out, and hostile sizes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/bytes/crc32c.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/model/rows_file.h"

static char *dir;

static int set_up(void **state)
{
    (void)state;
    dir = temp_dir_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static const struct rows_head all_slots = {.dim = 2, .state_floats = 1, .last_slot = 4095};

static const char *write_golden(struct rows_sum *sum_out)
{
    static const uint64_t keys[] = {5, UINT64_MAX};
    static const float rows[] = {1.0f, -2.0f, 0.5f, 3.25f}, states[] = {7.0f, 8.0f};
    const char *path = temp_path(dir, "golden.rows");
    struct rows_writer *writer;
    struct rows_block block = {.num_rows = 2, .keys = keys, .rows = rows, .states = states};
    assert_int_equal(rows_writer_open(path, &all_slots, &writer), SOUK_OK);
    assert_int_equal(rows_writer_add(writer, &block), SOUK_OK);
    assert_int_equal(rows_writer_finish(writer, sum_out), SOUK_OK);
    rows_writer_close(writer);
    return path;
}

// The bytes and checksums were put together by a script of their own from the table in rows_file.h,
// with a bit-by-bit CRC-32C; two keys are too few for LZ4, so they lie there as they are.
static void the_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    static const char golden[] = "534f554b524f5753"
                                 "01000000"
                                 "02000000"
                                 "01000000"
                                 "0000"
                                 "ff0f"
                                 "02000000"
                                 "00000000"
                                 "10000000"
                                 "77945bfc"
                                 "0500000000000000"
                                 "ffffffffffffffff"
                                 "0000803f"
                                 "000000c0"
                                 "0000003f"
                                 "00005040"
                                 "0000e040"
                                 "00000041"
                                 "00000000"
                                 "01000000"
                                 "0200000000000000"
                                 "a9618f49";
    struct rows_sum sum;
    const char *path = write_golden(&sum);
    char *bytes, text[512];
    size_t length;
    assert_int_equal(file_read(path, 4096, &bytes, &length), SOUK_OK);
    for (size_t i = 0; i < length; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned)(unsigned char)bytes[i]);
    mem_free(bytes);
    assert_string_equal(text, golden);
    assert_int_equal(sum.rows, 2);
    assert_int_equal(sum.bytes, length);
    assert_int_equal(sum.crc, 0xfc623b99u);
}

static void blocks_come_back_as_they_went_in(void **state)
{
    (void)state;
    struct rows_sum sum;
    const char *path = write_golden(&sum);
    struct rows_reader *reader;
    struct rows_block block;
    assert_int_equal(rows_reader_open(path, &all_slots, &sum, &reader), SOUK_OK);
    assert_int_equal(rows_reader_next(reader, &block), SOUK_OK);
    assert_int_equal(block.num_rows, 2);
    assert_true(block.keys[1] == UINT64_MAX);
    assert_true(block.rows[3] == 3.25f);
    assert_true(block.states[1] == 8.0f);
    assert_int_equal(rows_reader_next(reader, &block), SOUK_EEND);
    rows_reader_close(reader);
}

static void a_value_that_is_not_finite_is_not_written(void **state)
{
    (void)state;
    static const uint64_t key = 77;
    static const float bad[] = {1.0f, NAN}, fine[] = {1.0f, 2.0f}, infinite = INFINITY;
    const struct rows_block blocks[] = {
        {.num_rows = 1, .keys = &key, .rows = bad, .states = fine},
        {.num_rows = 1, .keys = &key, .rows = fine, .states = &infinite}};
    for (int i = 0; i < 2; i++) {
        struct rows_writer *writer;
        assert_int_equal(rows_writer_open(temp_path(dir, "x.rows"), &all_slots, &writer), SOUK_OK);
        capture_log_begin();
        assert_int_equal(rows_writer_add(writer, &blocks[i]), SOUK_EDIVERGED);
        assert_non_null(strstr(capture_log_text(), "key 77"));
        capture_log_end();
        rows_writer_close(writer);
    }
}

static souk_status read_all(const char *path, const struct rows_head *head,
                            const struct rows_sum *sum)
{
    struct rows_reader *reader;
    struct rows_block block;
    souk_status status = rows_reader_open(path, head, sum, &reader);
    if (status != SOUK_OK) return status;
    while (status == SOUK_OK) status = rows_reader_next(reader, &block);
    rows_reader_close(reader);
    return status;
}

/* A file of sound checksums, as no version of ours writes it. */
static void a_value_that_is_not_finite_is_not_read(void **state)
{
    (void)state;
    enum { BLOCK = ROWS_HEAD_BYTES, BODY = BLOCK + ROWS_BLOCK_HEAD_BYTES, BODY_BYTES = 40 };
    const float values[] = {NAN, INFINITY};
    for (size_t i = 0; i < 2; i++) {
        struct rows_sum sum;
        const char *path = write_golden(&sum);
        char *bytes;
        size_t length;
        assert_int_equal(file_read(path, 4096, &bytes, &length), SOUK_OK);
        memcpy(bytes + BODY + 16 + 4 + 12 * i, &values[i], sizeof values[i]); // a row's, a state's
        uint32_t crc = crc32c(crc32c(0, bytes + BLOCK, 12), bytes + BODY, BODY_BYTES);
        memcpy(bytes + BLOCK + 12, &crc, sizeof crc);
        sum.crc = crc32c(0, bytes, length);
        path = temp_file_n(dir, "bad.rows", bytes, length);
        mem_free(bytes);
        capture_log_begin();
        assert_int_equal(read_all(path, &all_slots, &sum), SOUK_EDATA);
        assert_non_null(strstr(capture_log_text(), "bad.rows: damaged at byte 24: a value that is "
                                                   "not finite; copy the model again, or train"));
        capture_log_end();
    }
}

static void another_head_than_expected_is_refused(void **state)
{
    (void)state;
    struct rows_sum sum;
    const char *path = write_golden(&sum);
    struct rows_head heads[3] = {all_slots, all_slots, all_slots};
    heads[0].dim = 3;
    heads[1].state_floats = 0;
    heads[2].last_slot = 255;
    capture_log_begin();
    for (int i = 0; i < 3; i++) assert_int_equal(read_all(path, &heads[i], &sum), SOUK_EDATA);
    sum.rows = 3;
    assert_int_equal(read_all(path, &all_slots, &sum), SOUK_EDATA);
    capture_log_end();
}

// Sizes that a block claims are compared with the file before memory is asked for.
static void a_block_that_claims_more_than_the_file_has_costs_nothing(void **state)
{
    (void)state;
    struct rows_sum sum;
    const char *path = write_golden(&sum);
    static const struct {
        size_t offset;
        uint32_t value;
    } claims[] = {{24, 65536}, {24, 65537}, {24, UINT32_MAX}, {32, UINT32_MAX}, {32, 0}};
    char *bytes;
    size_t length;
    assert_int_equal(file_read(path, 4096, &bytes, &length), SOUK_OK);
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        char copy[4096];
        memcpy(copy, bytes, length);
        memcpy(copy + claims[i].offset, &claims[i].value, 4);
        temp_file_n(dir, "golden.rows", copy, length);
        capture_log_begin();
        assert_int_equal(read_all(path, &all_slots, &sum), SOUK_EDATA);
        assert_non_null(strstr(capture_log_text(), "golden.rows: damaged at byte 24"));
        capture_log_end();
    }
    mem_free(bytes);
}

// The checksum of the whole file comes too late for rows that are on their way to servers.
static void no_row_of_a_damaged_block_is_given_out(void **state)
{
    (void)state;
    struct rows_sum sum;
    const char *path = write_golden(&sum);
    char *bytes;
    size_t length;
    assert_int_equal(file_read(path, 4096, &bytes, &length), SOUK_OK);
    for (size_t offset = ROWS_HEAD_BYTES; offset < length - ROWS_END_BYTES; offset++) {
        struct rows_reader *reader;
        struct rows_block block;
        bytes[offset] ^= 1;
        temp_file_n(dir, "golden.rows", bytes, length);
        bytes[offset] ^= 1;
        assert_int_equal(rows_reader_open(path, &all_slots, &sum, &reader), SOUK_OK);
        capture_log_begin();
        assert_int_equal(rows_reader_next(reader, &block), SOUK_EDATA);
        capture_log_end();
        rows_reader_close(reader);
    }
    mem_free(bytes);
}

static void a_key_outside_of_the_slots_is_refused(void **state)
{
    (void)state;
    struct rows_head head = {.dim = 1, .first_slot = 0, .last_slot = 255};
    uint64_t key = 1;
    while (hash_slot(key) <= 255) key++;
    float row = 1.0f;
    struct rows_block block = {.num_rows = 1, .keys = &key, .rows = &row};
    struct rows_writer *writer;
    struct rows_sum sum;
    const char *path = temp_path(dir, "x.rows");
    assert_int_equal(rows_writer_open(path, &head, &writer), SOUK_OK);
    assert_int_equal(rows_writer_add(writer, &block), SOUK_OK);
    assert_int_equal(rows_writer_finish(writer, &sum), SOUK_OK);
    rows_writer_close(writer);
    capture_log_begin();
    assert_int_equal(read_all(path, &head, &sum), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "belongs into another file"));
    capture_log_end();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_bytes_are_those_of_the_format),
        TEST(blocks_come_back_as_they_went_in),
        TEST(a_value_that_is_not_finite_is_not_written),
        TEST(a_value_that_is_not_finite_is_not_read),
        TEST(another_head_than_expected_is_refused),
        TEST(a_block_that_claims_more_than_the_file_has_costs_nothing),
        TEST(no_row_of_a_damaged_block_is_given_out),
        TEST(a_key_outside_of_the_slots_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
