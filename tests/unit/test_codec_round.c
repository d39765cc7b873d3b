/* test_codec_round.c - stochastic rounding: the mean is the value, draws are independent. Bounds
 * are five to six standard deviations of what a perfect generator would give; the seeds are fixed,
 * so nothing here fails by chance. */
#include <math.h>
#include <string.h>

#include "common/bytes/codec.h"
#include "common/bytes/codec_round.h"
#include "tests/support/cmocka.h"

enum { DIM = 20, REPEATS = 20000 };

/* A row between 2^-3 and 2^-2 but for the first value, which makes the int8 scale 2^-9. */
static void fill_row(float row[DIM])
{
    row[0] = 127 * 0x1p-9f;
    for (int i = 1; i < DIM; i++) row[i] = (i % 2 ? -1 : 1) * (0.125f + 0.006f * (float)i);
}

/* Rounds the same row at REPEATS positions, and gives the mean of what comes back. */
static void mean_row(enum souk_codec codec, const float row[DIM], double mean[DIM])
{
    struct codec_scratch scratch = {0};
    uint8_t bytes[4 + 4 * DIM];
    uint32_t wire_codec;
    float back[DIM];
    memset(mean, 0, DIM * sizeof(mean[0]));
    for (uint64_t p = 0; p < REPEATS; p++) {
        struct codec_rounding rounding = {.is_stochastic = true, .seed = 42, .position = p};
        size_t length =
            codec_encode_rows(codec, row, 1, DIM, &rounding, false, bytes, &scratch, &wire_codec);
        assert_int_equal(codec_decode_rows(wire_codec, bytes, length, back, 1, DIM, &scratch),
                         SOUK_OK);
        for (int i = 0; i < DIM; i++) mean[i] += (double)back[i] / REPEATS;
    }
    codec_scratch_fini(&scratch);
}

/* unit: the distance of the neighbours that values of the row are rounded to. */
static void assert_unbiased(enum souk_codec codec, double unit)
{
    float row[DIM];
    double mean[DIM], sum_of_squares = 0;
    fill_row(row);
    mean_row(codec, row, mean);
    for (int i = 1; i < DIM; i++) {
        double part = fabs(row[i]) / unit - floor(fabs(row[i]) / unit); // of the way up
        double deviation = unit * sqrt(part * (1 - part) / REPEATS);
        double z = (mean[i] - row[i]) / deviation;
        assert_true(fabs(mean[i] - row[i]) < 5 * deviation + unit * 0x1p-16);
        sum_of_squares += z * z; // chi-square, 19 degrees of freedom
    }
    assert_true(sum_of_squares < 60);
    assert_true(sum_of_squares > 2); // rounding to one side always would not vary like this
}

static void the_mean_of_many_roundings_is_the_value(void **state)
{
    (void)state;
    assert_unbiased(SOUK_CODEC_FP16, 0x1p-13);
    assert_unbiased(SOUK_CODEC_BF16, 0x1p-10);
    assert_unbiased(SOUK_CODEC_INT8, 0x1p-9);
}

static void small_halves_are_unbiased_too(void **state)
{
    (void)state;
    float row[DIM];
    double mean[DIM];
    for (int i = 0; i < DIM; i++) row[i] = 0x1p-24f * (0.5f + 0.23f * (float)i);
    mean_row(SOUK_CODEC_FP16, row, mean);
    for (int i = 0; i < DIM; i++) // a deviation is 0.0035 units at most
        assert_true(fabs(mean[i] - row[i]) < 0.018 * 0x1p-24);
}

static void the_error_stays_below_one_step(void **state)
{
    (void)state;
    float row[DIM], back[DIM];
    uint16_t draws[ROUND_BLOCK];
    uint8_t bytes[4 + 2 * DIM];
    fill_row(row);
    for (uint32_t block = 0; block < 1000; block++) {
        round_draw(round_stream_of(1, 2), block, draws, DIM);
        round_to_half(row, draws, DIM, bytes);
        assert_true(widen_half(bytes, back, DIM));
        for (int i = 1; i < DIM; i++) assert_true(fabsf(back[i] - row[i]) < 0x1p-13f);
        round_to_int8(row, draws, 1, DIM, bytes);
        assert_true(widen_int8(bytes, back, 1, DIM));
        for (int i = 1; i < DIM; i++) assert_true(fabsf(back[i] - row[i]) < 0x1p-9f);
        assert_true(back[0] == row[0]); // the largest is on the grid
    }
}

static void the_same_position_gives_the_same_bytes_and_another_one_others(void **state)
{
    (void)state;
    float row[DIM];
    uint8_t bytes[3][2 * DIM];
    struct codec_scratch scratch = {0};
    uint32_t wire_codec;
    fill_row(row);
    for (int i = 0; i < 3; i++) {
        struct codec_rounding rounding = {.is_stochastic = true, .seed = 1, .position = i == 2};
        codec_encode_rows(SOUK_CODEC_BF16, row, 1, DIM, &rounding, false, bytes[i], &scratch,
                          &wire_codec);
    }
    assert_memory_equal(bytes[0], bytes[1], sizeof(bytes[0]));
    assert_memory_not_equal(bytes[0], bytes[2], sizeof(bytes[0]));
    codec_scratch_fini(&scratch);
}

/* ---- the generator ---- */

static void draws_fall_evenly(void **state)
{
    (void)state;
    enum { BLOCKS = 256, N = BLOCKS * ROUND_BLOCK };
    static uint32_t counts[2][256]; // of lower and upper bytes
    uint16_t draws[ROUND_BLOCK];
    for (uint32_t b = 0; b < BLOCKS; b++) {
        round_draw(round_stream_of(3, 4), b, draws, ROUND_BLOCK);
        for (int i = 0; i < ROUND_BLOCK; i++) {
            counts[0][draws[i] & 0xff]++;
            counts[1][draws[i] >> 8]++;
        }
    }
    for (int half = 0; half < 2; half++) {
        double chi = 0, expected = N / 256.0;
        for (int i = 0; i < 256; i++)
            chi += (counts[half][i] - expected) * (counts[half][i] - expected) / expected;
        assert_true(chi > 255 - 5 * 22.6 && chi < 255 + 5 * 22.6); // deviation sqrt(2 * 255)
    }
}

static double correlation(const uint16_t *a, const uint16_t *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (a[i] - 32767.5) * (b[i] - 32767.5);
    return sum / n / (65536.0 * 65536.0 / 12);
}

static void draws_do_not_depend_on_each_other(void **state)
{
    (void)state;
    enum { N = ROUND_BLOCK };
    static const int LAGS[] = {1, 2, 3, 4, 8, 16, 32, 64, 128};
    const double bound = 5.5 / sqrt(N - 128);
    uint16_t here[N], there[N];
    for (uint64_t p = 0; p < 200; p++) {
        round_draw(round_stream_of(5, p), 0, here, N);
        for (size_t l = 0; l < sizeof(LAGS) / sizeof(LAGS[0]); l++)
            assert_true(fabs(correlation(here, here + LAGS[l], N - LAGS[l])) < bound);
        round_draw(round_stream_of(5, p + 1), 0, there, N); // the next message
        assert_true(fabs(correlation(here, there, N)) < bound);
        round_draw(round_stream_of(6, p), 0, there, N); // another client
        assert_true(fabs(correlation(here, there, N)) < bound);
        round_draw(round_stream_of(5, p), 1, there, N); // the next block
        assert_true(fabs(correlation(here, there, N)) < bound);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_of_many_roundings_is_the_value),
        cmocka_unit_test(small_halves_are_unbiased_too),
        cmocka_unit_test(the_error_stays_below_one_step),
        cmocka_unit_test(the_same_position_gives_the_same_bytes_and_another_one_others),
        cmocka_unit_test(draws_fall_evenly),
        cmocka_unit_test(draws_do_not_depend_on_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
