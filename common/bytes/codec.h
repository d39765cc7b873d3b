/* codec.h - how keys and rows travel and lie in files. All numbers are little-endian.
 *
 * Keys (ascending, unique), CODEC_KEYS_PLAIN: 8 bytes each. CODEC_KEYS_DELTA_LZ4, chosen where it
 * is smaller, codes the differences of neighbours, less one, as 8 byte planes: plane p holds byte p
 * of every difference, so num_keys - 1 bytes.
 *
 *   offset  size          meaning
 *        0  1             bit p: plane p has a byte other than zero; the other planes are not sent
 *        1  1             bit p: plane p is in the LZ4 block; a subset of the byte ahead
 *        2  8             the first key
 *       10  n * planes    the planes of byte 0 without those of byte 1, lowest first
 *       ..  rest          when byte 1 is not zero: the planes of byte 1, lowest first, end to end,
 *                         as one LZ4 block
 *
 * Rows, num_rows of dim values, end to end: fp32, fp16 and bf16 as they are; int8 as
 *
 *   offset  size  meaning
 *        0  4     scale, fp32, finite, >= 0: max|row| / 127
 *        4  dim   levels -127..127; value = level * scale
 *
 * With CODEC_ROWS_LZ4 the whole is one LZ4 block: where a probe says that it wins (rows full of
 * zeros), and it does.
 *
 * Sizes are checked before anything is read or allocated; decoded keys are checked to ascend and
 * decoded rows to be finite, so that what comes out can be used without another look.
 *
 * Threads: pure functions; a struct codec_scratch has one owner.
 */
#ifndef SOUK_COMMON_BYTES_CODEC_H
#define SOUK_COMMON_BYTES_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/types.h"

enum codec_keys { CODEC_KEYS_PLAIN = 0, CODEC_KEYS_DELTA_LZ4 = 1, CODEC_NUM_KEYS };

/* Set in a row codec when LZ4 went over the coded rows; the other bits are an enum souk_codec. */
enum { CODEC_ROWS_LZ4 = 0x10 };

/* Work space that grows to the largest use and is kept. A zeroed struct is a ready one. */
struct codec_scratch {
    uint8_t *bytes;
    size_t capacity;
};
void codec_scratch_fini(struct codec_scratch *scratch);

/* Bytes of rows as coded without LZ4; also what a decoder expects. */
size_t codec_rows_bytes(enum souk_codec codec, uint32_t num_rows, uint32_t dim);
/* Room that an encoder may need: take this much before calling it. */
size_t codec_keys_bound(uint32_t num_keys);
size_t codec_rows_bound(enum souk_codec codec, uint32_t num_rows, uint32_t dim);

/* Returns the bytes written to out; *codec_out says how. Keys ascend strictly: callers have
 * checked that. */
size_t codec_encode_keys(const uint64_t *keys, uint32_t num_keys, uint8_t *out,
                         struct codec_scratch *scratch, enum codec_keys *codec_out);
/* SOUK_EPROTO for bytes that are not num_keys ascending, unique keys. */
SOUK_MUST_CHECK souk_status codec_decode_keys(enum codec_keys codec, const uint8_t *bytes,
                                              size_t length, uint64_t *keys, uint32_t num_keys,
                                              struct codec_scratch *scratch);

struct codec_rounding {
    bool is_stochastic; // else to nearest, ties to even
    uint64_t seed;      // of the draw; with `position` it names the numbers drawn
    uint64_t position;  // such as the sequence number: no two messages share it
};
/* Rows must be finite; values beyond the codec's range are clamped to it. Returns the bytes
 * written; *wire_codec_out is codec, with CODEC_ROWS_LZ4 where try_lz4 was set and it paid.
 * rounding may be NULL: to nearest. The same arguments give the same bytes. */
size_t codec_encode_rows(enum souk_codec codec, const float *rows, uint32_t num_rows, uint32_t dim,
                         const struct codec_rounding *rounding, bool try_lz4, uint8_t *out,
                         struct codec_scratch *scratch, uint32_t *wire_codec_out);
/* SOUK_EPROTO for an unknown codec, another length, or a value that is not finite. */
SOUK_MUST_CHECK souk_status codec_decode_rows(uint32_t wire_codec, const uint8_t *bytes,
                                              size_t length, float *rows, uint32_t num_rows,
                                              uint32_t dim, struct codec_scratch *scratch);

/* Plain LZ4 of a block, for files. Returns 0 when it is not smaller than the input. */
size_t codec_lz4_bound(size_t length);
size_t codec_lz4_compress(const uint8_t *bytes, size_t length, uint8_t *out, size_t capacity);
/* SOUK_EPROTO unless the bytes decompress to exactly out_length. */
SOUK_MUST_CHECK souk_status codec_lz4_decompress(const uint8_t *bytes, size_t length, uint8_t *out,
                                                 size_t out_length);

/* Whether n floats are all finite. */
bool codec_is_finite(const float *values, size_t n);

#endif
