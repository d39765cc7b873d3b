/* test_cursor.c - bounded reading and writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/bytes/cursor.h"

static void numbers_are_little_endian(void **state)
{
    (void)state;
    static const uint8_t GOLDEN[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                                     0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0x00,
                                     0x00, 0x80, 0x3f, 'h',  'i'}; // by hand; 1.0f is 0x3f800000
    uint8_t bytes[sizeof(GOLDEN)];
    struct cursor writer = cursor_writer(bytes, sizeof(bytes));
    cursor_put_u8(&writer, 0x01);
    cursor_put_u16(&writer, 0x0203);
    cursor_put_u32(&writer, 0x04050607);
    cursor_put_u64(&writer, 0x08090a0b0c0d0e0fu);
    cursor_put_f32(&writer, 1.0f);
    cursor_put_bytes(&writer, "hi", 2);
    assert_true(cursor_is_done(&writer));
    assert_memory_equal(bytes, GOLDEN, sizeof(GOLDEN));

    struct cursor reader = cursor_reader(GOLDEN, sizeof(GOLDEN));
    assert_int_equal(cursor_get_u8(&reader), 0x01);
    assert_int_equal(cursor_get_u16(&reader), 0x0203);
    assert_int_equal(cursor_get_u32(&reader), 0x04050607);
    assert_int_equal(cursor_get_u64(&reader), 0x08090a0b0c0d0e0fu);
    assert_true(cursor_get_f32(&reader) == 1.0f);
    assert_memory_equal(cursor_get_bytes(&reader, 2), "hi", 2);
    assert_true(cursor_is_done(&reader));
}

static void reading_past_the_end_fails_and_stays_failed(void **state)
{
    (void)state;
    static const uint8_t BYTES[] = {1, 2, 3};
    struct cursor reader = cursor_reader(BYTES, sizeof(BYTES));
    assert_int_equal(cursor_get_u16(&reader), 0x0201);
    assert_int_equal(cursor_get_u16(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(reader.position, 2);
    assert_int_equal(cursor_get_u8(&reader), 0); // would fit, were it not for the failure
    assert_null(cursor_get_bytes(&reader, 0));
    assert_false(cursor_is_done(&reader));
}

static void a_length_near_the_largest_does_not_wrap(void **state)
{
    (void)state;
    static const uint8_t BYTES[] = {1, 2, 3};
    struct cursor reader = cursor_reader(BYTES, sizeof(BYTES));
    cursor_get_u8(&reader);
    assert_null(cursor_get_bytes(&reader, SIZE_MAX));
    assert_true(reader.failed);
}

static void writing_past_the_end_changes_nothing(void **state)
{
    (void)state;
    uint8_t bytes[4] = {9, 9, 9, 9};
    struct cursor writer = cursor_writer(bytes, 3);
    cursor_put_u32(&writer, 0);
    cursor_put_bytes(&writer, "abcd", 4);
    cursor_put_u8(&writer, 1);
    assert_true(writer.failed);
    assert_memory_equal(bytes, "\x09\x09\x09\x09", 4);
}

static void bytes_that_are_left_are_not_done(void **state)
{
    (void)state;
    static const uint8_t BYTES[] = {1, 2};
    struct cursor reader = cursor_reader(BYTES, sizeof(BYTES));
    cursor_get_u8(&reader);
    assert_false(cursor_is_done(&reader));
    cursor_get_u8(&reader);
    assert_true(cursor_is_done(&reader));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(reading_past_the_end_fails_and_stays_failed),
        cmocka_unit_test(a_length_near_the_largest_does_not_wrap),
        cmocka_unit_test(writing_past_the_end_changes_nothing),
        cmocka_unit_test(bytes_that_are_left_are_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
