/* test_crc32c.c - vectors of RFC 3720, B.4; the fast way against the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/bytes/crc32c.h"

enum { SIZE = 3 * 4096 * 2 + 3 * 512 + 100 }; // long lanes, short lanes, words and bytes

static void fill(uint8_t *bytes, size_t length)
{
    uint32_t x = 1;
    for (size_t i = 0; i < length; i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(x >> 24);
    }
}

static void vectors_of_rfc_3720_are_met(void **state)
{
    (void)state;
    uint8_t bytes[32];
    for (int i = 0; i < 32; i++) bytes[i] = 0;
    assert_int_equal(crc32c(0, bytes, 32), 0x8A9136AA);
    for (int i = 0; i < 32; i++) bytes[i] = 0xff;
    assert_int_equal(crc32c(0, bytes, 32), 0x62A8AB43);
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, bytes, 32), 0x46DD794E);
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)(31 - i);
    assert_int_equal(crc32c(0, bytes, 32), 0x113FDB5C);
    static const uint8_t READ_PDU[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,
                                         0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
                                         0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0,    0, 0, 0, 0};
    assert_int_equal(crc32c(0, READ_PDU, 48), 0xD9963A56);
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(crc32c_by_table(0, "123456789", 9), 0xE3069283);
}

static void every_length_and_place_agrees_with_the_table(void **state)
{
    (void)state;
    static uint8_t bytes[SIZE + 16];
    fill(bytes, sizeof(bytes));
    for (size_t length = 0; length <= SIZE; length += length < 2048 ? 1 : 101)
        for (size_t place = 0; place < 16; place += 5)
            assert_int_equal(crc32c(7, bytes + place, length),
                             crc32c_by_table(7, bytes + place, length));
}

static void pieces_give_what_the_whole_gives(void **state)
{
    (void)state;
    static uint8_t bytes[SIZE];
    fill(bytes, sizeof(bytes));
    uint32_t whole = crc32c(0, bytes, SIZE);
    for (size_t cut = 0; cut <= SIZE; cut += 997)
        assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, SIZE - cut), whole);
    assert_int_equal(crc32c(0, NULL, 0), 0);
}

static void a_flipped_bit_changes_it(void **state)
{
    (void)state;
    static uint8_t bytes[SIZE];
    fill(bytes, sizeof(bytes));
    uint32_t whole = crc32c(0, bytes, SIZE);
    for (size_t i = 0; i < SIZE; i += 61) {
        bytes[i] ^= (uint8_t)(1 << i % 8);
        assert_int_not_equal(crc32c(0, bytes, SIZE), whole);
        bytes[i] ^= (uint8_t)(1 << i % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_3720_are_met),
        cmocka_unit_test(every_length_and_place_agrees_with_the_table),
        cmocka_unit_test(pieces_give_what_the_whole_gives),
        cmocka_unit_test(a_flipped_bit_changes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
