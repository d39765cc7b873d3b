/* codec_rows.c - rows of a table as bytes, see codec.h; the arithmetic is in codec_round.c. */
#include <assert.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/bytes/codec.h"
#include "common/bytes/codec_round.h"

enum { INT8_HEAD = sizeof(float) }; // the scale ahead of each int8 row

static size_t row_bytes(enum souk_codec codec, uint32_t dim)
{
    switch (codec) {
    case SOUK_CODEC_FP32: return (size_t)dim * 4;
    case SOUK_CODEC_FP16:
    case SOUK_CODEC_BF16: return (size_t)dim * 2;
    case SOUK_CODEC_INT8: return INT8_HEAD + (size_t)dim;
    case SOUK_NUM_CODECS: break;
    }
    return 0;
}

size_t codec_rows_bytes(enum souk_codec codec, uint32_t num_rows, uint32_t dim)
{
    return num_rows * row_bytes(codec, dim);
}

size_t codec_rows_bound(enum souk_codec codec, uint32_t num_rows, uint32_t dim)
{
    return codec_rows_bytes(codec, num_rows, dim); // LZ4 is kept only where it is smaller
}

/* ---- encoding ---- */

static void round_rows(enum souk_codec codec, const float *rows, size_t num_rows, uint32_t dim,
                       const uint16_t *draws, uint8_t *out)
{
    switch (codec) {
    case SOUK_CODEC_FP32: memcpy(out, rows, num_rows * dim * sizeof(float)); break;
    case SOUK_CODEC_FP16: round_to_half(rows, draws, num_rows * dim, out); break;
    case SOUK_CODEC_BF16: round_to_bf16(rows, draws, num_rows * dim, out); break;
    case SOUK_CODEC_INT8: round_to_int8(rows, draws, num_rows, dim, out); break;
    case SOUK_NUM_CODECS: break;
    }
}

/* As many whole rows at a time as one block of draws serves. */
static void round_rows_by_draws(enum souk_codec codec, const float *rows, uint32_t num_rows,
                                uint32_t dim, struct round_stream stream, uint8_t *out)
{
    uint16_t draws[ROUND_BLOCK];
    uint32_t rows_per_block = ROUND_BLOCK / dim, block = 0;
    while (num_rows > 0) {
        uint32_t count = num_rows < rows_per_block ? num_rows : rows_per_block;
        round_draw(stream, block++, draws, (size_t)count * dim);
        round_rows(codec, rows, count, dim, draws, out);
        rows += (size_t)count * dim;
        out += codec_rows_bytes(codec, count, dim);
        num_rows -= count;
    }
}

/* Whether LZ4 is worth a try: looks at some 512 words of 4 bytes, and wants a quarter of them to be
 * zero. Coded values other than zeros are noise to it. */
static bool has_many_zeros(const uint8_t *bytes, size_t length)
{
    size_t step = length / 512 & ~(size_t)3, num_words = 0, num_zeros = 0;
    if (step < 4) step = 4;
    for (size_t i = 0; i + 4 <= length; i += step, num_words++) {
        uint32_t word;
        memcpy(&word, bytes + i, sizeof(word));
        num_zeros += word == 0;
    }
    return num_zeros > 0 && num_zeros * 4 >= num_words;
}

size_t codec_encode_rows(enum souk_codec codec, const float *rows, uint32_t num_rows, uint32_t dim,
                         const struct codec_rounding *rounding, bool try_lz4, uint8_t *out,
                         struct codec_scratch *scratch, uint32_t *wire_codec_out)
{
    assert(dim <= SOUK_DIM_MAX);
    size_t length = codec_rows_bytes(codec, num_rows, dim);
    *wire_codec_out = codec;
    if (length == 0) return 0;
    if (rounding && rounding->is_stochastic && codec != SOUK_CODEC_FP32) {
        struct round_stream stream = round_stream_of(rounding->seed, rounding->position);
        round_rows_by_draws(codec, rows, num_rows, dim, stream, out);
    } else {
        round_rows(codec, rows, num_rows, dim, NULL, out);
    }
    if (!try_lz4 || !has_many_zeros(out, length)) return length;

    mem_reserve(&scratch->bytes, &scratch->capacity, length, 1, "codec");
    size_t packed = codec_lz4_compress(out, length, scratch->bytes, length);
    if (packed == 0) return length;
    memcpy(out, scratch->bytes, packed);
    *wire_codec_out |= CODEC_ROWS_LZ4;
    return packed;
}

/* ---- decoding ---- */

static bool widen_rows(enum souk_codec codec, const uint8_t *bytes, float *rows, size_t num_rows,
                       uint32_t dim)
{
    switch (codec) {
    case SOUK_CODEC_FP32: return widen_fp32(bytes, rows, num_rows * dim);
    case SOUK_CODEC_FP16: return widen_half(bytes, rows, num_rows * dim);
    case SOUK_CODEC_BF16: return widen_bf16(bytes, rows, num_rows * dim);
    case SOUK_CODEC_INT8: return widen_int8(bytes, rows, num_rows, dim);
    case SOUK_NUM_CODECS: break;
    }
    return false;
}

souk_status codec_decode_rows(uint32_t wire_codec, const uint8_t *bytes, size_t length, float *rows,
                              uint32_t num_rows, uint32_t dim, struct codec_scratch *scratch)
{
    uint32_t codec = wire_codec & ~(uint32_t)CODEC_ROWS_LZ4;
    if (codec >= SOUK_NUM_CODECS) return SOUK_EPROTO;
    size_t coded = codec_rows_bytes((enum souk_codec)codec, num_rows, dim);
    if (wire_codec & CODEC_ROWS_LZ4) {
        // 255 : 1 is the most that LZ4 can unpack, so a small message cannot ask for much room.
        if (length >= coded || coded / 255 > length) return SOUK_EPROTO;
        mem_reserve(&scratch->bytes, &scratch->capacity, coded, 1, "codec");
        souk_status status = codec_lz4_decompress(bytes, length, scratch->bytes, coded);
        if (status != SOUK_OK) return status;
        bytes = scratch->bytes;
    } else if (length != coded) {
        return SOUK_EPROTO;
    }
    if (coded == 0) return SOUK_OK;
    bool is_good = widen_rows((enum souk_codec)codec, bytes, rows, num_rows, dim);
    return is_good ? SOUK_OK : SOUK_EPROTO;
}

bool codec_is_finite(const float *values, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        bits &= 0x7fffffff;
        largest = bits > largest ? bits : largest;
    }
    return largest < 0x7f800000;
}
