/* test_codec_rows.c - rows as bytes: golden bytes, exactness, refusals. What stochastic rounding
 * promises is in test_codec_round.c. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes/codec.h"
#include "tests/golden/bytes_rows.inc"
#include "tests/support/cmocka.h"

enum { ROWS = 2, DIM = 9 };

// The rows of tests/golden/bytes.py.
static const float GOLDEN_ROWS[ROWS * DIM] = {
    0.0f, 1.0f,  -1.0f, 0.5f,  3.14159274f, -1e-3f, 1e-7f, 65504.0f, -70000.0f,
    0.1f, -0.2f, 0.3f,  -0.4f, 0.05f,       -0.06f, 0.07f, 0.0f,     0.9f};

static uint32_t next_random(uint64_t *x)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*x >> 32);
}

static float random_value(uint64_t *x)
{
    return (float)(int32_t)next_random(x) * 0x1p-31f;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Encodes at an odd address into just as many bytes as are promised. The caller frees. */
static uint8_t *encode(enum souk_codec codec, const float *rows, uint32_t num_rows, uint32_t dim,
                       const struct codec_rounding *rounding)
{
    struct codec_scratch scratch = {0};
    size_t bound = codec_rows_bound(codec, num_rows, dim);
    uint8_t *room = malloc(bound + 1), *bytes = malloc(bound + 1);
    uint32_t wire_codec;
    size_t length = codec_encode_rows(codec, rows, num_rows, dim, rounding, false, room + 1,
                                      &scratch, &wire_codec);
    assert_int_equal(length, codec_rows_bytes(codec, num_rows, dim));
    assert_int_equal(wire_codec, codec);
    memcpy(bytes, room + 1, length);
    free(room);
    codec_scratch_fini(&scratch);
    return bytes;
}

/* Decodes from an odd address, in a buffer of just that length. */
static souk_status decode(uint32_t wire_codec, const void *bytes, size_t length, float *rows,
                          uint32_t num_rows, uint32_t dim)
{
    struct codec_scratch scratch = {0};
    uint8_t *copy = malloc(length + 1);
    memcpy(copy + 1, bytes, length);
    souk_status status =
        codec_decode_rows(wire_codec, copy + 1, length, rows, num_rows, dim, &scratch);
    free(copy);
    codec_scratch_fini(&scratch);
    return status;
}

static void assert_golden(enum souk_codec codec, const uint8_t *golden, size_t length,
                          const struct codec_rounding *rounding)
{
    float back[ROWS * DIM];
    assert_int_equal(codec_rows_bytes(codec, ROWS, DIM), length);
    uint8_t *bytes = encode(codec, GOLDEN_ROWS, ROWS, DIM, rounding);
    assert_memory_equal(bytes, golden, length);
    free(bytes);
    assert_int_equal(decode(codec, golden, length, back, ROWS, DIM), SOUK_OK);
}

static void rows_are_the_golden_bytes(void **state)
{
    (void)state;
    const struct codec_rounding drawn = {.is_stochastic = true, .seed = 7, .position = 11};
    assert_golden(SOUK_CODEC_FP32, GOLDEN_FP32, sizeof(GOLDEN_FP32), &drawn);
    assert_golden(SOUK_CODEC_FP16, GOLDEN_FP16, sizeof(GOLDEN_FP16), NULL);
    assert_golden(SOUK_CODEC_BF16, GOLDEN_BF16, sizeof(GOLDEN_BF16), NULL);
    assert_golden(SOUK_CODEC_INT8, GOLDEN_INT8, sizeof(GOLDEN_INT8), NULL);
    assert_golden(SOUK_CODEC_FP16, GOLDEN_FP16_DRAWN, sizeof(GOLDEN_FP16_DRAWN), &drawn);
    assert_golden(SOUK_CODEC_BF16, GOLDEN_BF16_DRAWN, sizeof(GOLDEN_BF16_DRAWN), &drawn);
    assert_golden(SOUK_CODEC_INT8, GOLDEN_INT8_DRAWN, sizeof(GOLDEN_INT8_DRAWN), &drawn);
}

static void fp32_comes_back_bit_by_bit(void **state)
{
    (void)state;
    float rows[8] = {0.0f, -0.0f, FLT_MAX, -FLT_MAX, FLT_MIN, 1e-45f, 1.0f, -3.5f}, back[8];
    uint8_t *bytes = encode(SOUK_CODEC_FP32, rows, 2, 4, NULL);
    assert_int_equal(decode(SOUK_CODEC_FP32, bytes, 32, back, 2, 4), SOUK_OK);
    assert_memory_equal(back, rows, sizeof(rows));
    free(bytes);
}

/* Every 16-bit pattern: either refused or decoded to what encodes to the same. */
static void every_16_bit_value_comes_back_or_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum souk_codec codec;
        uint16_t largest; // magnitudes from the next on are not finite
    } FORMATS[] = {{SOUK_CODEC_FP16, 0x7bff}, {SOUK_CODEC_BF16, 0x7f7f}};
    for (int f = 0; f < 2; f++) {
        for (uint32_t pattern = 0; pattern <= 0xffff; pattern++) {
            uint16_t in = (uint16_t)pattern;
            float value = 1.0f;
            souk_status status = decode(FORMATS[f].codec, &in, 2, &value, 1, 1);
            if ((in & 0x7fff) > FORMATS[f].largest) {
                assert_int_equal(status, SOUK_EPROTO);
                continue;
            }
            assert_int_equal(status, SOUK_OK);
            uint8_t *bytes = encode(FORMATS[f].codec, &value, 1, 1, NULL);
            assert_memory_equal(bytes, &in, 2);
            free(bytes);
        }
    }
}

/* The nearest value of a format with `bits` bits behind the first, by double arithmetic. */
static double nearest(double value, int bits, int smallest_exponent)
{
    int exponent;
    frexp(value, &exponent); // value = 0.1xxx * 2^exponent
    if (exponent - 1 < smallest_exponent) exponent = smallest_exponent + 1;
    double unit = ldexp(1.0, exponent - 1 - bits);
    return nearbyint(value / unit) * unit; // ties to even
}

static void sixteen_bit_values_are_the_nearest(void **state)
{
    (void)state;
    enum { N = 1 << 16 };
    static float values[N], half[N], bf16[N];
    uint64_t seed = 5;
    for (int i = 0; i < N; i++) { // magnitudes 2^-30 .. 2^13, some of them ties
        uint32_t bits = (97 + next_random(&seed) % 43) << 23 | next_random(&seed) >> 9;
        if (i % 8 == 0) bits = (bits & ~0x1fffu) | 0x1000; // of fp16
        if (i % 8 == 1) bits = (bits & ~0xffffu) | 0x8000; // of bf16
        values[i] = float_of(bits | (next_random(&seed) & 0x80000000));
    }
    uint8_t *bytes = encode(SOUK_CODEC_FP16, values, 1024, N / 1024, NULL);
    assert_int_equal(decode(SOUK_CODEC_FP16, bytes, 2 * N, half, 1024, N / 1024), SOUK_OK);
    free(bytes);
    bytes = encode(SOUK_CODEC_BF16, values, 1024, N / 1024, NULL);
    assert_int_equal(decode(SOUK_CODEC_BF16, bytes, 2 * N, bf16, 1024, N / 1024), SOUK_OK);
    free(bytes);
    for (int i = 0; i < N; i++) {
        assert_true(half[i] == (float)nearest(values[i], 10, -14));
        assert_true(bf16[i] == (float)nearest(values[i], 7, -126));
    }
}

static void values_beyond_the_range_become_the_largest(void **state)
{
    (void)state;
    const struct codec_rounding drawn = {.is_stochastic = true, .seed = 1, .position = 2};
    float rows[2] = {FLT_MAX, -FLT_MAX}, back[2];
    const struct codec_rounding *const roundings[] = {NULL, &drawn};
    for (int r = 0; r < 2; r++) {
        uint8_t *bytes = encode(SOUK_CODEC_FP16, rows, 1, 2, roundings[r]);
        assert_int_equal(decode(SOUK_CODEC_FP16, bytes, 4, back, 1, 2), SOUK_OK);
        assert_true(back[0] == 65504.0f && back[1] == -65504.0f);
        free(bytes);
        bytes = encode(SOUK_CODEC_BF16, rows, 1, 2, roundings[r]);
        assert_int_equal(decode(SOUK_CODEC_BF16, bytes, 4, back, 1, 2), SOUK_OK);
        assert_true(back[0] == float_of(0x7f7f0000) && back[1] == -back[0]);
        free(bytes);
        bytes = encode(SOUK_CODEC_INT8, rows, 1, 2, roundings[r]);
        assert_int_equal(decode(SOUK_CODEC_INT8, bytes, 6, back, 1, 2), SOUK_OK);
        assert_true(back[0] > 0.9999f * FLT_MAX && back[1] < -0.9999f * FLT_MAX);
        free(bytes);
    }
}

/* Every width: eights, what is left of them, and both at once, against the formula. */
static void int8_is_within_half_a_level_at_every_width(void **state)
{
    (void)state;
    float rows[3 * 70], back[3 * 70];
    uint64_t seed = 9;
    for (uint32_t dim = 1; dim <= 70; dim++) {
        for (uint32_t i = 0; i < 3 * dim; i++) rows[i] = random_value(&seed);
        uint8_t *bytes = encode(SOUK_CODEC_INT8, rows, 3, dim, NULL);
        size_t length = codec_rows_bytes(SOUK_CODEC_INT8, 3, dim);
        assert_int_equal(length, 3 * (4 + dim));
        assert_int_equal(decode(SOUK_CODEC_INT8, bytes, length, back, 3, dim), SOUK_OK);
        for (uint32_t r = 0; r < 3; r++) {
            float largest = 0.0f;
            for (uint32_t i = 0; i < dim; i++) largest = fmaxf(largest, fabsf(rows[r * dim + i]));
            for (uint32_t i = r * dim; i < (r + 1) * dim; i++)
                assert_true(fabsf(back[i] - rows[i]) <= largest / 127 * 0.50001f);
        }
        free(bytes);
    }
}

static void int8_rows_of_zeros_or_nearly_so_have_scale_zero(void **state)
{
    (void)state;
    static const uint8_t ZEROS[4 + 9] = {0};
    float rows[9] = {0}, back[9] = {1};
    for (int round = 0; round < 2; round++) {
        uint8_t *bytes = encode(SOUK_CODEC_INT8, rows, 1, 9, NULL);
        assert_memory_equal(bytes, ZEROS, sizeof(ZEROS));
        assert_int_equal(decode(SOUK_CODEC_INT8, bytes, 13, back, 1, 9), SOUK_OK);
        for (int i = 0; i < 9; i++) assert_true(back[i] == 0.0f);
        free(bytes);
        for (int i = 0; i < 9; i++) rows[i] = 1e-40f; // not a normal float
    }
}

static void values_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    static const uint32_t BAD[] = {0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffffffff};
    float rows[20];
    for (size_t b = 0; b < sizeof(BAD) / sizeof(BAD[0]); b++) {
        uint32_t bits[20] = {0};
        for (int place = 0; place < 20; place++) {
            bits[place] = BAD[b];
            assert_int_equal(decode(SOUK_CODEC_FP32, bits, 80, rows, 2, 10), SOUK_EPROTO);
            memcpy(rows, bits, sizeof(rows));
            assert_false(codec_is_finite(rows, 20));
            bits[place] = 0x7f7fffff; // the largest that is finite
        }
        memcpy(rows, bits, sizeof(rows));
        assert_true(codec_is_finite(rows, 20));
    }
    assert_true(codec_is_finite(NULL, 0));
}

static void int8_rows_that_no_encoder_writes_are_refused(void **state)
{
    (void)state;
    static const float BAD[] = {-1.0f, INFINITY, NAN, FLT_MAX, FLT_MAX / 127};
    float row[12];
    for (uint32_t dim = 1; dim <= 12; dim++) {
        uint8_t bytes[4 + 12] = {0};
        float scale = 0x1.020406p+121f; // the largest
        memcpy(bytes, &scale, 4);
        memset(bytes + 4, 127, dim);
        assert_int_equal(decode(SOUK_CODEC_INT8, bytes, 4 + dim, row, 1, dim), SOUK_OK);
        assert_true(codec_is_finite(row, dim));
        bytes[3 + dim] = 0x80; // -128
        assert_int_equal(decode(SOUK_CODEC_INT8, bytes, 4 + dim, row, 1, dim), SOUK_EPROTO);
        bytes[3 + dim] = 0;
        for (size_t b = 0; b < sizeof(BAD) / sizeof(BAD[0]); b++) {
            memcpy(bytes, &BAD[b], 4);
            assert_int_equal(decode(SOUK_CODEC_INT8, bytes, 4 + dim, row, 1, dim), SOUK_EPROTO);
        }
    }
}

static void other_lengths_and_codecs_are_refused(void **state)
{
    (void)state;
    static const uint8_t BYTES[64] = {0};
    float rows[16];
    for (uint32_t codec = 0; codec < SOUK_NUM_CODECS; codec++) {
        size_t right = codec_rows_bytes((enum souk_codec)codec, 3, 4);
        for (size_t length = 0; length <= sizeof(BYTES); length++)
            assert_int_equal(decode(codec, BYTES, length, rows, 3, 4),
                             length == right ? SOUK_OK : SOUK_EPROTO);
        assert_int_equal(decode(codec, BYTES, 0, rows, 0, 4), SOUK_OK);
    }
    assert_int_equal(decode(SOUK_NUM_CODECS, BYTES, 48, rows, 3, 4), SOUK_EPROTO);
    assert_int_equal(decode(SOUK_NUM_CODECS, BYTES, 0, rows, 3, 4), SOUK_EPROTO);
    assert_int_equal(decode(0x20, BYTES, 48, rows, 3, 4), SOUK_EPROTO);
    assert_int_equal(decode(UINT32_MAX, BYTES, 48, rows, 3, 4), SOUK_EPROTO);
}

static void rows_full_of_zeros_shrink_and_others_do_not(void **state)
{
    (void)state;
    enum { N = 256, D = 16 };
    static float rows[N * D], back[N * D];
    static uint8_t out[N * D * 4];
    struct codec_scratch scratch = {0};
    uint64_t seed = 3;
    for (uint32_t codec = 0; codec < SOUK_NUM_CODECS; codec++) {
        for (int is_sparse = 0; is_sparse < 2; is_sparse++) {
            for (int i = 0; i < N * D; i++)
                rows[i] = is_sparse && i / D % 10 ? 0.0f : random_value(&seed);
            uint32_t wire_codec;
            size_t raw = codec_rows_bytes((enum souk_codec)codec, N, D);
            size_t length = codec_encode_rows((enum souk_codec)codec, rows, N, D, NULL, true, out,
                                              &scratch, &wire_codec);
            assert_int_equal(wire_codec, codec | (is_sparse ? CODEC_ROWS_LZ4 : 0));
            assert_true(is_sparse ? length < raw / 4 : length == raw);
            assert_int_equal(decode(wire_codec, out, length, back, N, D), SOUK_OK);
            for (int i = 0; i < N * D; i++) assert_true(fabsf(back[i] - rows[i]) < 0.005f);
        }
    }
    codec_scratch_fini(&scratch);
}

static void lz4_rows_of_another_size_are_refused(void **state)
{
    (void)state;
    static float rows[1024], back[1024];
    static uint8_t out[4096];
    struct codec_scratch scratch = {0};
    uint32_t wire_codec;
    size_t length =
        codec_encode_rows(SOUK_CODEC_FP32, rows, 64, 16, NULL, true, out, &scratch, &wire_codec);
    assert_int_equal(wire_codec, SOUK_CODEC_FP32 | CODEC_ROWS_LZ4);
    assert_int_equal(decode(wire_codec, out, length, back, 64, 16), SOUK_OK);
    assert_int_equal(decode(wire_codec, out, length, back, 63, 16), SOUK_EPROTO);
    assert_int_equal(decode(wire_codec, out, length, back, 64, 15), SOUK_EPROTO);
    for (size_t n = 0; n < length; n++)
        assert_int_equal(decode(wire_codec, out, n, back, 64, 16), SOUK_EPROTO);
    // A few bytes that claim to be 16 GB are refused before anything is reserved for them.
    size_t before = scratch.capacity;
    assert_int_equal(codec_decode_rows(wire_codec, out, length, back, 1 << 20, 4096, &scratch),
                     SOUK_EPROTO);
    assert_int_equal(scratch.capacity, before);
    codec_scratch_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_golden_bytes),
        cmocka_unit_test(fp32_comes_back_bit_by_bit),
        cmocka_unit_test(every_16_bit_value_comes_back_or_is_refused),
        cmocka_unit_test(sixteen_bit_values_are_the_nearest),
        cmocka_unit_test(values_beyond_the_range_become_the_largest),
        cmocka_unit_test(int8_is_within_half_a_level_at_every_width),
        cmocka_unit_test(int8_rows_of_zeros_or_nearly_so_have_scale_zero),
        cmocka_unit_test(values_that_are_not_finite_are_refused),
        cmocka_unit_test(int8_rows_that_no_encoder_writes_are_refused),
        cmocka_unit_test(other_lengths_and_codecs_are_refused),
        cmocka_unit_test(rows_full_of_zeros_shrink_and_others_do_not),
        cmocka_unit_test(lz4_rows_of_another_size_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
