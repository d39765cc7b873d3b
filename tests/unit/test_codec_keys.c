/* test_codec_keys.c - keys as bytes: golden bytes, sizes, round trips, refusals. */
#include <stdlib.h>
#include <string.h>

#include "common/bytes/codec.h"
#include "tests/golden/bytes_keys.inc"
#include "tests/support/cmocka.h"

enum { MAX_KEYS = 1 << 16 };

static uint64_t next_random(uint64_t *x)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return *x >> 33 ^ *x << 31;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Up to n ascending keys below limit (0: all 64 bits); returns how many are left without
 * duplicates. */
static uint32_t random_keys(uint64_t *keys, uint32_t n, uint64_t limit, uint64_t seed)
{
    uint32_t num_unique = 0;
    for (uint32_t i = 0; i < n; i++) {
        keys[i] = next_random(&seed);
        if (limit) keys[i] %= limit;
    }
    qsort(keys, n, sizeof(keys[0]), compare_keys);
    for (uint32_t i = 0; i < n; i++)
        if (num_unique == 0 || keys[i] != keys[num_unique - 1]) keys[num_unique++] = keys[i];
    return num_unique;
}

/* Encodes and decodes from buffers of just the promised sizes; returns the bytes taken. */
static size_t round_trip(const uint64_t *keys, uint32_t n, enum codec_keys *codec_out)
{
    struct codec_scratch scratch = {0};
    uint8_t *out = malloc(codec_keys_bound(n));
    size_t length = codec_encode_keys(keys, n, out, &scratch, codec_out);
    assert_true(length <= (size_t)n * 8);
    uint8_t *bytes = malloc(length + 1); // sanitizers see a read past the end
    memcpy(bytes, out, length);
    uint64_t *back = malloc((size_t)n * 8 + 1);
    assert_int_equal(codec_decode_keys(*codec_out, bytes, length, back, n, &scratch), SOUK_OK);
    assert_memory_equal(back, keys, (size_t)n * 8);
    free(back);
    free(bytes);
    free(out);
    codec_scratch_fini(&scratch);
    return length;
}

static souk_status decode(enum codec_keys codec, const void *bytes, size_t length, uint32_t n)
{
    struct codec_scratch scratch = {0};
    uint64_t keys[64];
    uint8_t *copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    souk_status status = codec_decode_keys(codec, copy, length, keys, n, &scratch);
    free(copy);
    codec_scratch_fini(&scratch);
    return status;
}

static void planes_are_the_golden_bytes(void **state)
{
    (void)state;
    static const uint64_t KEYS[] = {5, 6, 7, 300, 70000, 70001, 1ull << 40, (1ull << 40) + 1};
    enum { N = 8 };
    struct codec_scratch scratch = {0};
    enum codec_keys codec;
    uint8_t out[N * 8 + 16];
    uint64_t back[N];
    assert_true(codec_keys_bound(N) <= sizeof(out));
    size_t length = codec_encode_keys(KEYS, N, out, &scratch, &codec);
    assert_int_equal(codec, CODEC_KEYS_DELTA_LZ4);
    assert_int_equal(length, sizeof(GOLDEN_KEYS));
    assert_memory_equal(out, GOLDEN_KEYS, length);
    assert_int_equal(codec_decode_keys(codec, GOLDEN_KEYS, length, back, N, &scratch), SOUK_OK);
    assert_memory_equal(back, KEYS, sizeof(KEYS));
    codec_scratch_fini(&scratch);
}

static void an_lz4_block_made_by_hand_is_read(void **state)
{
    (void)state;
    struct codec_scratch scratch = {0};
    uint64_t keys[34];
    assert_int_equal(codec_decode_keys(CODEC_KEYS_DELTA_LZ4, GOLDEN_KEYS_LZ4,
                                       sizeof(GOLDEN_KEYS_LZ4), keys, 34, &scratch),
                     SOUK_OK);
    for (uint64_t i = 0; i < 34; i++) assert_int_equal(keys[i], 3 * i);
    codec_scratch_fini(&scratch);
}

static void keys_of_any_spread_come_back(void **state)
{
    (void)state;
    static const uint64_t LIMITS[] = {300, 65536, 1000000, 1ull << 32, 1ull << 45, 0};
    static uint64_t keys[MAX_KEYS];
    enum codec_keys codec;
    for (size_t l = 0; l < sizeof(LIMITS) / sizeof(LIMITS[0]); l++) {
        for (uint32_t n = 0; n < 70; n++)
            round_trip(keys, random_keys(keys, n, LIMITS[l], n + 1), &codec);
        for (uint32_t n = 255; n <= MAX_KEYS; n = n * 2 + 1)
            round_trip(keys, random_keys(keys, n, LIMITS[l], n), &codec);
    }
}

static void the_first_and_the_last_key_there_are_come_back(void **state)
{
    (void)state;
    uint64_t keys[64] = {0, UINT64_MAX};
    enum codec_keys codec;
    round_trip(keys, 2, &codec);
    for (uint64_t i = 0; i < 64; i++) keys[i] = UINT64_MAX - 63 + i;
    assert_int_equal(round_trip(keys, 64, &codec), 10);
    assert_int_equal(codec, CODEC_KEYS_DELTA_LZ4);
}

static void near_keys_take_few_bytes_and_far_ones_no_more_than_eight(void **state)
{
    (void)state;
    static uint64_t keys[MAX_KEYS];
    enum codec_keys codec;
    for (uint32_t i = 0; i < 4096; i++) keys[i] = 1000 + i;
    assert_int_equal(round_trip(keys, 4096, &codec), 10); // in a row: the head alone
    uint32_t n = random_keys(keys, 4096, 1000000, 1);
    assert_true(round_trip(keys, n, &codec) < n * 17 / 10); // 4,096 of a million: 1.62 a key
    n = random_keys(keys, 4096, 0, 1);
    assert_true(round_trip(keys, n, &codec) <= n * 8);
    keys[0] = 1, keys[1] = 1ull << 60;
    round_trip(keys, 2, &codec);
    assert_int_equal(codec, CODEC_KEYS_PLAIN);
}

/* Neighbours that come in pairs look like runs to the probe, and yet LZ4 finds nothing. */
static void planes_that_lz4_cannot_shrink_go_as_they_are(void **state)
{
    (void)state;
    static uint64_t keys[4096];
    uint64_t seed = 3, key = 0, step = 0;
    for (uint32_t i = 0; i < 4096; i++) {
        if (i % 2 == 0) step = 1 + (next_random(&seed) & 0xff);
        keys[i] = key += step;
    }
    enum codec_keys codec;
    assert_true(round_trip(keys, 4096, &codec) <= 10 + 4095);
    assert_int_equal(codec, CODEC_KEYS_DELTA_LZ4);
}

static void plain_keys_that_do_not_ascend_are_refused(void **state)
{
    (void)state;
    static const uint64_t DOUBLE[] = {1, 2, 2}, BACK[] = {1, 3, 2}, GOOD[] = {0, 1, UINT64_MAX};
    assert_int_equal(decode(CODEC_KEYS_PLAIN, GOOD, 24, 3), SOUK_OK);
    assert_int_equal(decode(CODEC_KEYS_PLAIN, DOUBLE, 24, 3), SOUK_EPROTO);
    assert_int_equal(decode(CODEC_KEYS_PLAIN, BACK, 24, 3), SOUK_EPROTO);
    assert_int_equal(decode(CODEC_KEYS_PLAIN, GOOD, 23, 3), SOUK_EPROTO);
    assert_int_equal(decode(CODEC_KEYS_PLAIN, GOOD, 24, 2), SOUK_EPROTO);
    assert_int_equal(decode(CODEC_KEYS_PLAIN, GOOD, 0, 0), SOUK_OK);
    assert_int_equal(decode(CODEC_NUM_KEYS, GOOD, 24, 3), SOUK_EPROTO);
}

static void sums_past_the_last_key_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[10 + 2] = {0x01, 0x00, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0};
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, 11, 2), SOUK_OK); // 2^64-2, 2^64-1
    bytes[10] = 1;
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, 11, 2), SOUK_EPROTO);
    bytes[10] = 0;
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, 12, 3), SOUK_EPROTO);
    // The largest difference there is, less one, would come back to where it began.
    uint8_t full[10 + 8] = {0xff, 0x00};
    memset(full + 10, 0xff, 8);
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, full, 18, 2), SOUK_EPROTO);
    full[10] = 0xfe;
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, full, 18, 2), SOUK_OK); // 0, 2^64-1
}

static void delta_bytes_of_another_shape_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[sizeof(GOLDEN_KEYS_LZ4) + 1];
    size_t length = sizeof(GOLDEN_KEYS_LZ4);
    memcpy(bytes, GOLDEN_KEYS_LZ4, length);
    bytes[length] = 0;
    for (size_t n = 0; n < length; n++)
        assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, n, 34), SOUK_EPROTO);
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, length + 1, 34), SOUK_EPROTO);
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, length, 33), SOUK_EPROTO);
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, length, 35), SOUK_EPROTO);
    bytes[1] = 3; // a plane in the block that is not there
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, length, 34), SOUK_EPROTO);
    bytes[0] = 0, bytes[1] = 1; // the same, with a block of the right size
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, length, 34), SOUK_EPROTO);
    bytes[1] = 0; // bytes behind the end
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, length, 34), SOUK_EPROTO);
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, 10, 34), SOUK_OK);
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, 10, 1), SOUK_EPROTO);
    assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, bytes, 10, 0), SOUK_EPROTO);
    for (size_t n = 0; n < sizeof(GOLDEN_KEYS); n++)
        assert_int_equal(decode(CODEC_KEYS_DELTA_LZ4, GOLDEN_KEYS, n, 8), SOUK_EPROTO);
}

static void lz4_blocks_of_files_come_back_or_are_refused(void **state)
{
    (void)state;
    uint8_t zeros[1000] = {0}, packed[1100], back[1000];
    assert_true(codec_lz4_bound(sizeof(zeros)) <= sizeof(packed));
    size_t length = codec_lz4_compress(zeros, sizeof(zeros), packed, sizeof(packed));
    assert_in_range(length, 1, 30);
    memset(back, 1, sizeof(back));
    assert_int_equal(codec_lz4_decompress(packed, length, back, sizeof(back)), SOUK_OK);
    assert_memory_equal(back, zeros, sizeof(zeros));
    assert_int_equal(codec_lz4_decompress(packed, length, back, 999), SOUK_EPROTO);
    assert_int_equal(codec_lz4_decompress(packed, length - 1, back, sizeof(back)), SOUK_EPROTO);
    assert_int_equal(codec_lz4_decompress(packed, length, back, (size_t)1 << 40), SOUK_EPROTO);
    assert_int_equal(codec_lz4_decompress(packed, (size_t)1 << 40, back, 1000), SOUK_EPROTO);
    assert_int_equal(codec_lz4_bound((size_t)1 << 40), 0);
    assert_int_equal(codec_lz4_compress(zeros, 0, packed, sizeof(packed)), 0);
    for (size_t i = 0; i < sizeof(back); i++) back[i] = (uint8_t)(i * i * 7 >> 3); // noise
    assert_int_equal(codec_lz4_compress(back, 100, packed, sizeof(packed)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_are_the_golden_bytes),
        cmocka_unit_test(an_lz4_block_made_by_hand_is_read),
        cmocka_unit_test(keys_of_any_spread_come_back),
        cmocka_unit_test(the_first_and_the_last_key_there_are_come_back),
        cmocka_unit_test(near_keys_take_few_bytes_and_far_ones_no_more_than_eight),
        cmocka_unit_test(planes_that_lz4_cannot_shrink_go_as_they_are),
        cmocka_unit_test(plain_keys_that_do_not_ascend_are_refused),
        cmocka_unit_test(sums_past_the_last_key_are_refused),
        cmocka_unit_test(delta_bytes_of_another_shape_are_refused),
        cmocka_unit_test(lz4_blocks_of_files_come_back_or_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
