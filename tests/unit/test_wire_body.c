/* test_wire_body.c - bodies of hello, open table and info. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes/wire.h"
#include "tests/golden/bytes_body.inc"
#include "tests/support/cmocka.h"

static void hello_is_the_golden_bytes(void **state)
{
    (void)state;
    static const uint8_t GOLDEN[] = {2, 0, 1, 0, 0xa1, 0x0f, 0xa2, 0x0f}; // by hand: 4001, 4002
    struct wire_hello hello = {.num_shards = 2, .shard_idx = 1, .ports = {4001, 4002}}, back;
    uint8_t out[WIRE_HELLO_MAX];
    assert_int_equal(wire_pack_hello(&hello, out), sizeof(GOLDEN));
    assert_memory_equal(out, GOLDEN, sizeof(GOLDEN));
    assert_int_equal(wire_unpack_hello(GOLDEN, sizeof(GOLDEN), &back), SOUK_OK);
    assert_memory_equal(&back, &hello, sizeof(hello));
}

static void hellos_that_do_not_add_up_are_refused(void **state)
{
    (void)state;
    struct wire_hello hello = {.num_shards = 64, .shard_idx = 63}, back;
    uint8_t out[WIRE_HELLO_MAX + 2] = {0};
    assert_int_equal(wire_pack_hello(&hello, out), WIRE_HELLO_MAX);
    assert_int_equal(wire_unpack_hello(out, WIRE_HELLO_MAX, &back), SOUK_OK);
    for (size_t n = 0; n < WIRE_HELLO_MAX; n++)
        assert_int_equal(wire_unpack_hello(out, n, &back), SOUK_EPROTO);
    assert_int_equal(wire_unpack_hello(out, WIRE_HELLO_MAX + 1, &back), SOUK_EPROTO);
    out[2] = 64; // own index behind the last
    assert_int_equal(wire_unpack_hello(out, WIRE_HELLO_MAX, &back), SOUK_EPROTO);
    out[0] = 65, out[2] = 0; // more shards than there is room for
    assert_int_equal(wire_unpack_hello(out, WIRE_HELLO_MAX + 2, &back), SOUK_EPROTO);
    assert_int_equal(wire_unpack_hello((const uint8_t *)"\0\0\0\0", 4, &back), SOUK_EPROTO);
}

static struct souk_table_spec golden_spec(void)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "items", 64);
    spec.seed = 0x0102030405060708u;
    spec.init = SOUK_INIT_NORMAL;
    spec.init_columns = 63;
    spec.optimizer = SOUK_OPT_FTRL;
    spec.l1 = 0.5f;
    spec.pull_codec = SOUK_CODEC_BF16;
    spec.push_codec = SOUK_CODEC_INT8;
    return spec;
}

static void a_spec_is_the_golden_bytes(void **state)
{
    (void)state;
    struct souk_table_spec spec = golden_spec(), back;
    uint8_t out[WIRE_SPEC_MAX];
    assert_int_equal(wire_pack_spec(&spec, out), sizeof(GOLDEN_SPEC));
    assert_memory_equal(out, GOLDEN_SPEC, sizeof(GOLDEN_SPEC));
    assert_int_equal(wire_unpack_spec(GOLDEN_SPEC, sizeof(GOLDEN_SPEC), &back), SOUK_OK);
    assert_int_equal(wire_pack_spec(&back, out), sizeof(GOLDEN_SPEC));
    assert_memory_equal(out, GOLDEN_SPEC, sizeof(GOLDEN_SPEC));
    assert_string_equal(back.name, "items");
    assert_int_equal(back.push_codec, SOUK_CODEC_INT8);
}

static void a_spec_with_the_longest_name_fits(void **state)
{
    (void)state;
    struct souk_table_spec spec, back;
    uint8_t out[WIRE_SPEC_MAX];
    souk_table_spec_init(&spec, "abcdefghijklmnopqrstuvwxyz01234", SOUK_DIM_MAX);
    size_t length = wire_pack_spec(&spec, out);
    assert_int_equal(wire_unpack_spec(out, length, &back), SOUK_OK);
    assert_string_equal(back.name, spec.name);
}

static souk_status unpack_spec(const uint8_t *bytes, size_t length)
{
    struct souk_table_spec back;
    uint8_t *copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    souk_status status = wire_unpack_spec(copy, length, &back);
    free(copy);
    return status;
}

static void specs_of_another_shape_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[sizeof(GOLDEN_SPEC) + 1] = {0};
    memcpy(bytes, GOLDEN_SPEC, sizeof(GOLDEN_SPEC));
    for (size_t n = 0; n < sizeof(GOLDEN_SPEC); n++)
        assert_int_equal(unpack_spec(bytes, n), SOUK_EPROTO);
    assert_int_equal(unpack_spec(bytes, sizeof(bytes)), SOUK_EPROTO);
    assert_int_equal(unpack_spec(bytes, sizeof(GOLDEN_SPEC)), SOUK_OK);
    bytes[0] = 255; // a name longer than the message
    assert_int_equal(unpack_spec(bytes, sizeof(GOLDEN_SPEC)), SOUK_EPROTO);
    bytes[0] = 5, bytes[3] = 0; // "it\0ms"
    assert_int_equal(unpack_spec(bytes, sizeof(GOLDEN_SPEC)), SOUK_EPROTO);
}

static void specs_out_of_range_are_refused(void **state)
{
    (void)state;
    struct souk_table_spec spec;
    uint8_t out[WIRE_SPEC_MAX];
#define REFUSED(field, value)                                                        \
    do {                                                                             \
        spec = golden_spec();                                                        \
        spec.field = (value);                                                        \
        assert_int_equal(unpack_spec(out, wire_pack_spec(&spec, out)), SOUK_EPROTO); \
    } while (0)
    REFUSED(name[0], 'A');
    REFUSED(dim, 0);
    REFUSED(dim, UINT32_MAX);
    REFUSED(init, (enum souk_init)77);
    REFUSED(optimizer, (enum souk_optimizer) - 1);
    REFUSED(lr, NAN);
    REFUSED(push_codec, SOUK_NUM_CODECS);
#undef REFUSED
    spec = golden_spec();
    memset(spec.name, 'a', sizeof(spec.name)); // no closing zero
    assert_int_equal(unpack_spec(out, wire_pack_spec(&spec, out)), SOUK_EPROTO);
}

static void info_is_four_numbers(void **state)
{
    (void)state;
    static const uint8_t GOLDEN[WIRE_INFO_BYTES] = {
        1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, // by hand
        0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80};
    struct wire_info info = {1, 1 << 8, 1 << 16, 1ull << 63}, back;
    uint8_t out[WIRE_INFO_BYTES];
    wire_pack_info(&info, out);
    assert_memory_equal(out, GOLDEN, sizeof(GOLDEN));
    assert_int_equal(wire_unpack_info(GOLDEN, sizeof(GOLDEN), &back), SOUK_OK);
    assert_memory_equal(&back, &info, sizeof(info));
    assert_int_equal(wire_unpack_info(GOLDEN, sizeof(GOLDEN) - 1, &back), SOUK_EPROTO);
    assert_int_equal(wire_unpack_info(GOLDEN, 0, &back), SOUK_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_is_the_golden_bytes),
        cmocka_unit_test(hellos_that_do_not_add_up_are_refused),
        cmocka_unit_test(a_spec_is_the_golden_bytes),
        cmocka_unit_test(a_spec_with_the_longest_name_fits),
        cmocka_unit_test(specs_of_another_shape_are_refused),
        cmocka_unit_test(specs_out_of_range_are_refused),
        cmocka_unit_test(info_is_four_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
