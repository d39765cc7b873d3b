/* test_wire.c - headers: golden bytes, the scan before msgpack, versions; and the small bodies. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes/codec.h"
#include "common/bytes/wire.h"
#include "tests/golden/bytes_wire.inc"
#include "tests/support/cmocka.h"

/* The header of tests/golden/bytes.py. */
static struct wire_header golden_header(void)
{
    return (struct wire_header){
        .version = WIRE_VERSION,
        .type = WIRE_PUSH,
        .status = SOUK_EPROTO,
        .job_epoch = (1ull << 40) + 1,
        .client = 300,
        .request = 70000,
        .sequence = 9,
        .clock = 128,
        .incarnation = UINT64_MAX,
        .body_crc = 0xDEADBEEF,
        .num_sections = 2,
        .sections = {
            {.table = 0,
             .flags = WIRE_HAS_STATES | SOUK_PUSH_ADD << WIRE_MODE_SHIFT,
             .key_codec = CODEC_KEYS_DELTA_LZ4,
             .row_codec = SOUK_CODEC_INT8,
             .num_keys = 4096,
             .key_bytes = 6560,
             .row_bytes = 81920,
             .state_bytes = 16384,
             .lr_bits = 0x3C23D70A},
            {.table = 15, .num_keys = 1, .key_bytes = 8, .row_bytes = 64, .digest = 1ull << 63}}};
}

/* Unpacks a copy of just that length, so that sanitizers see a read past its end. */
static souk_status unpack(const void *bytes, size_t length, struct wire_header *out)
{
    uint8_t *copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    souk_status status = wire_unpack_header(copy, length, out);
    assert_true(wire_scan_header(copy, length) || status != SOUK_OK);
    free(copy);
    return status;
}

static void assert_same_section(const struct wire_section *a, const struct wire_section *b)
{
    assert_int_equal(a->table, b->table);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->key_codec, b->key_codec);
    assert_int_equal(a->row_codec, b->row_codec);
    assert_int_equal(a->num_keys, b->num_keys);
    assert_int_equal(a->key_bytes, b->key_bytes);
    assert_int_equal(a->row_bytes, b->row_bytes);
    assert_int_equal(a->state_bytes, b->state_bytes);
    assert_int_equal(a->lr_bits, b->lr_bits);
    assert_int_equal(a->digest, b->digest);
}

static void assert_same_header(const struct wire_header *a, const struct wire_header *b)
{
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->job_epoch, b->job_epoch);
    assert_int_equal(a->client, b->client);
    assert_int_equal(a->request, b->request);
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(a->clock, b->clock);
    assert_int_equal(a->incarnation, b->incarnation);
    assert_int_equal(a->body_crc, b->body_crc);
    assert_int_equal(a->num_sections, b->num_sections);
    for (uint32_t i = 0; i < a->num_sections; i++)
        assert_same_section(&a->sections[i], &b->sections[i]);
}

static void a_header_is_the_golden_bytes(void **state)
{
    (void)state;
    uint8_t out[WIRE_HEADER_MAX];
    struct wire_header header = golden_header(), back;
    assert_int_equal(wire_pack_header(&header, out), sizeof(GOLDEN_HEADER));
    assert_memory_equal(out, GOLDEN_HEADER, sizeof(GOLDEN_HEADER));
    assert_int_equal(unpack(GOLDEN_HEADER, sizeof(GOLDEN_HEADER), &back), SOUK_OK);
    assert_same_header(&back, &header);
}

static void the_largest_header_fits_and_comes_back(void **state)
{
    (void)state;
    uint8_t out[WIRE_HEADER_MAX];
    struct wire_header header = golden_header(), back;
    header.status = INT32_MIN;
    header.type = header.client = header.body_crc = UINT32_MAX;
    header.job_epoch = header.request = header.sequence = header.clock = UINT64_MAX;
    header.num_sections = SOUK_TABLES_MAX;
    for (uint32_t i = 0; i < SOUK_TABLES_MAX; i++)
        header.sections[i] = (struct wire_section){.table = UINT32_MAX,
                                                   .flags = 0x37,
                                                   .key_codec = 1,
                                                   .row_codec = CODEC_ROWS_LZ4 | 3,
                                                   .num_keys = WIRE_KEYS_MAX,
                                                   .key_bytes = WIRE_BODY_MAX / SOUK_TABLES_MAX,
                                                   .lr_bits = UINT32_MAX,
                                                   .digest = UINT64_MAX};
    size_t length = wire_pack_header(&header, out);
    assert_in_range(length, 1, 1024);
    assert_int_equal(unpack(out, length, &back), SOUK_OK);
    assert_same_header(&back, &header);

    header.num_sections = 0;
    header.status = 0;
    length = wire_pack_header(&header, out);
    assert_int_equal(unpack(out, length, &back), SOUK_OK);
    assert_same_header(&back, &header);
}

static void truncated_and_longer_headers_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[sizeof(GOLDEN_HEADER) + 1] = {0};
    struct wire_header back;
    memcpy(bytes, GOLDEN_HEADER, sizeof(GOLDEN_HEADER));
    for (size_t n = 0; n < sizeof(GOLDEN_HEADER); n++)
        assert_int_equal(unpack(bytes, n, &back), SOUK_EPROTO);
    assert_int_equal(unpack(bytes, sizeof(bytes), &back), SOUK_EPROTO); // one byte behind the end
    assert_false(wire_scan_header(bytes, sizeof(bytes)));
    assert_true(wire_scan_header(bytes, sizeof(GOLDEN_HEADER)));
    assert_int_equal(wire_unpack_header(NULL, 0, &back), SOUK_EPROTO); // an empty frame
    uint8_t *large = calloc(1, WIRE_HEADER_MAX + 1);
    memcpy(large, GOLDEN_HEADER, sizeof(GOLDEN_HEADER));
    assert_int_equal(unpack(large, WIRE_HEADER_MAX + 1, &back), SOUK_EPROTO);
    free(large);
}

/* A header by hand: ten numbers and no sections, with one element replaced. */
struct hand {
    uint8_t bytes[256];
    size_t length;
};

static void append(struct hand *hand, const void *bytes, size_t length)
{
    memcpy(hand->bytes + hand->length, bytes, length);
    hand->length += length;
}

static struct hand header_with(int idx, const char *element, size_t length)
{
    struct hand hand = {0};
    append(&hand, "\x9b", 1);
    for (int i = 0; i < WIRE_NUM_FIELDS; i++) {
        if (i == idx) {
            append(&hand, element, length);
        } else {
            append(&hand, i == 10 ? "\x90" : "\x01", 1);
        }
    }
    return hand;
}

static souk_status unpack_with(int idx, const char *element, size_t length, struct wire_header *out)
{
    struct hand hand = header_with(idx, element, length);
    return unpack(hand.bytes, hand.length, out);
}
#define UNPACK_WITH(idx, element, out) unpack_with(idx, element, sizeof(element) - 1, out)

static void numbers_of_every_width_are_read(void **state)
{
    (void)state;
    struct wire_header back;
    assert_int_equal(UNPACK_WITH(-1, "", &back), SOUK_OK);
    assert_int_equal(UNPACK_WITH(5, "\x7f", &back), SOUK_OK);
    assert_int_equal(back.request, 127);
    assert_int_equal(UNPACK_WITH(5, "\xcc\x05", &back), SOUK_OK);
    assert_int_equal(back.request, 5);
    assert_int_equal(UNPACK_WITH(5, "\xcd\x00\x06", &back), SOUK_OK);
    assert_int_equal(back.request, 6);
    assert_int_equal(UNPACK_WITH(5, "\xce\x00\x00\x00\x07", &back), SOUK_OK);
    assert_int_equal(back.request, 7);
    assert_int_equal(UNPACK_WITH(5, "\xcf\xff\x00\x00\x00\x00\x00\x00\x08", &back), SOUK_OK);
    assert_int_equal(back.request, 0xff00000000000008u);
    assert_int_equal(UNPACK_WITH(0, "\xcf\x00\x00\x00\x00\x00\x00\x00\x01", &back), SOUK_OK);
    assert_int_equal(UNPACK_WITH(10, "\xdc\x00\x00", &back), SOUK_OK);
    assert_int_equal(UNPACK_WITH(10, "\xdd\x00\x00\x00\x00", &back), SOUK_OK);
    assert_int_equal(back.num_sections, 0);
}

static void a_status_has_a_sign(void **state)
{
    (void)state;
    struct wire_header back;
    assert_int_equal(UNPACK_WITH(2, "\xff", &back), SOUK_OK);
    assert_int_equal(back.status, -1);
    assert_int_equal(UNPACK_WITH(2, "\xd0\x9b", &back), SOUK_OK);
    assert_int_equal(back.status, SOUK_EPROTO);
    assert_int_equal(UNPACK_WITH(2, "\xd1\xff\x38", &back), SOUK_OK);
    assert_int_equal(back.status, SOUK_EIO);
    assert_int_equal(UNPACK_WITH(2, "\xd2\x80\x00\x00\x00", &back), SOUK_OK);
    assert_int_equal(back.status, INT32_MIN);
    assert_int_equal(UNPACK_WITH(2, "\xd3\xff\xff\xff\xff\xff\xff\xff\xfe", &back), SOUK_OK);
    assert_int_equal(back.status, -2);
    assert_int_equal(UNPACK_WITH(2, "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff", &back), SOUK_EPROTO);
    assert_int_equal(UNPACK_WITH(2, "\xce\x7f\xff\xff\xff", &back), SOUK_OK);
    assert_int_equal(UNPACK_WITH(2, "\xce\x80\x00\x00\x00", &back), SOUK_EPROTO);
}

static void anything_but_numbers_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } BAD[] = {
#define BYTES(text) {text, sizeof(text) - 1}
        BYTES("\xc0"),                                 // nil
        BYTES("\xc1"),                                 // no such type
        BYTES("\xc2"),                                 // false
        BYTES("\xca\x3f\x80\x00\x00"),                 // float
        BYTES("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"), // double
        BYTES("\xa1\x01"),                             // str
        BYTES("\xd9\x01\x01"),                         // str 8
        BYTES("\xc4\x01\x01"),                         // bin
        BYTES("\xc6\xff\xff\xff\xff"),                 // bin of 4 GB
        BYTES("\xd4\x01\x01"),                         // ext
        BYTES("\xc7\x01\x01\x01"),                     // ext 8
        BYTES("\x80"),                                 // map
        BYTES("\xdf\xff\xff\xff\xff"),                 // map of 4 G pairs
        BYTES("\x90"),                                 // array
        BYTES("\xdd\xff\x00\x00\x00"),                 // array of 4 G elements
#undef BYTES
    };
    struct wire_header back;
    for (int idx = 0; idx < 10; idx++)
        for (size_t b = 0; b < sizeof(BAD) / sizeof(BAD[0]); b++)
            assert_int_equal(unpack_with(idx, BAD[b].bytes, BAD[b].length, &back), SOUK_EPROTO);
    for (int idx = 0; idx < 10; idx++) { // negative numbers only in the status
        assert_int_equal(UNPACK_WITH(idx, "\xff", &back), idx == 2 ? SOUK_OK : SOUK_EPROTO);
        assert_int_equal(UNPACK_WITH(idx, "\xd0\x80", &back), idx == 2 ? SOUK_OK : SOUK_EPROTO);
    }
}

static void numbers_too_large_for_their_field_are_refused(void **state)
{
    (void)state;
    struct wire_header back;
    static const int U32[] = {1, 4, 9};
    for (int i = 0; i < 3; i++)
        assert_int_equal(UNPACK_WITH(U32[i], "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", &back),
                         SOUK_EPROTO);
}

static void sections_of_another_shape_are_refused(void **state)
{
    (void)state;
    struct wire_header back;
    assert_int_equal(UNPACK_WITH(10, "\x9a\0\0\0\0\0\0\0\0\0\0", &back), SOUK_OK);
    assert_int_equal(back.num_sections, 1);
    assert_int_equal(UNPACK_WITH(10, "\x99\0\0\0\0\0\0\0\0\0", &back), SOUK_EPROTO);
    assert_int_equal(UNPACK_WITH(10, "\x9a\0\0\0\0\0\0\0\0\x90", &back), SOUK_EPROTO);
    assert_int_equal(UNPACK_WITH(10, "\x9a\0\0\0\0\0\0\0\0\xff", &back), SOUK_EPROTO);
    assert_int_equal(UNPACK_WITH(10, "\x00", &back), SOUK_EPROTO);
    char many[3 + 170] = "\xdc\x00\xaa"; // 17 tables
    assert_int_equal(unpack_with(10, many, sizeof(many), &back), SOUK_EPROTO);
    many[2] = '\xa0'; // 16
    assert_int_equal(unpack_with(10, many, sizeof(many) - 10, &back), SOUK_OK);
    assert_int_equal(back.num_sections, SOUK_TABLES_MAX);
}

static void sections_out_of_range_are_refused(void **state)
{
    (void)state;
    uint8_t out[WIRE_HEADER_MAX];
    struct wire_header back;
#define REFUSED(field, value)                                                              \
    do {                                                                                   \
        struct wire_header header = golden_header();                                       \
        header.sections[1].field = (value);                                                \
        assert_int_equal(unpack(out, wire_pack_header(&header, out), &back), SOUK_EPROTO); \
    } while (0)
    REFUSED(flags, 1 << 6);
    REFUSED(flags, 1 << 3);
    REFUSED(key_codec, CODEC_NUM_KEYS);
    REFUSED(row_codec, SOUK_NUM_CODECS);
    REFUSED(row_codec, 0x20);
    REFUSED(num_keys, WIRE_KEYS_MAX + 1);
    REFUSED(key_bytes, WIRE_BODY_MAX);
    REFUSED(row_bytes, UINT32_MAX);
    REFUSED(state_bytes, UINT32_MAX);
#undef REFUSED
}

static void another_version_is_told_with_its_request(void **state)
{
    (void)state;
    struct wire_header back = {0};
    assert_int_equal(UNPACK_WITH(0, "\x02", &back), SOUK_EVERSION);
    assert_int_equal(back.version, 2);
    assert_int_equal(back.request, 1);
    assert_int_equal(unpack("\x91\x07", 2, &back), SOUK_EVERSION); // a header of one element
    assert_int_equal(back.version, 7);
    assert_int_equal(back.request, 0);
    assert_int_equal(unpack("\x91\x07\x01\x01\x01\x01\x05", 7, &back), SOUK_EVERSION);
    assert_int_equal(back.request, 0); // what lies behind the array is not the request
    // More elements than ours, of types we do not know, behind the request.
    assert_int_equal(unpack("\x98\xcc\x09\x01\xd0\xff\x01\x01\xcd\x12\x34\x80\xc0", 13, &back),
                     SOUK_EVERSION);
    assert_int_equal(back.version, 9);
    assert_int_equal(back.request, 0x1234);
    assert_int_equal(unpack("\x98\x09\x01\x80\x01\x01\x05", 7, &back), SOUK_EVERSION);
    assert_int_equal(back.request, 0); // a map ahead of it
    assert_int_equal(unpack("\x9b\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 10, &back), SOUK_EVERSION);
    assert_int_equal(back.version, UINT32_MAX);
    assert_int_equal(unpack("\x90", 1, &back), SOUK_EPROTO);
    assert_int_equal(unpack("\x91\xff", 2, &back), SOUK_EPROTO);
    assert_int_equal(unpack("\x91\xcd\x01", 3, &back), SOUK_EPROTO);
    assert_int_equal(unpack("GET / HTTP/1.1", 14, &back), SOUK_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_the_golden_bytes),
        cmocka_unit_test(the_largest_header_fits_and_comes_back),
        cmocka_unit_test(truncated_and_longer_headers_are_refused),
        cmocka_unit_test(numbers_of_every_width_are_read),
        cmocka_unit_test(a_status_has_a_sign),
        cmocka_unit_test(anything_but_numbers_is_refused),
        cmocka_unit_test(numbers_too_large_for_their_field_are_refused),
        cmocka_unit_test(sections_of_another_shape_are_refused),
        cmocka_unit_test(sections_out_of_range_are_refused),
        cmocka_unit_test(another_version_is_told_with_its_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
