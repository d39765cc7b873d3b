/* codec_round.h - the arithmetic of the row codecs: flat arrays of floats to 16 or 8 bits and back.
 * Internal to common/bytes; see codec.h for the promise. Threads: pure functions.
 *
 * Stochastic rounding takes a value to one of its two neighbours so that the mean of many draws is
 * the value itself. The draws come from a counter hash: 16 bits a value, a function of (seed,
 * position, index of the value), so that a message that is coded again gives the same bytes.
 */
#ifndef SOUK_COMMON_BYTES_CODEC_ROUND_H
#define SOUK_COMMON_BYTES_CODEC_ROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROUND_BLOCK = 4096 }; // most draws at once; SOUK_DIM_MAX fits, and it stays in the cache

/* Two words that stand for (seed, position) in the hash. */
struct round_stream {
    uint32_t a, b;
};
struct round_stream round_stream_of(uint64_t seed, uint64_t position);
/* Draws for the values [block * ROUND_BLOCK, + n) of a message, n <= ROUND_BLOCK. draws has room
 * for ROUND_BLOCK. */
void round_draw(struct round_stream stream, uint32_t block, uint16_t *draws, size_t n);

/* n values; draws is NULL for rounding to nearest, ties to even. What is beyond the largest value
 * of the format becomes that. Bytes need no alignment. */
void round_to_half(const float *values, const uint16_t *draws, size_t n, uint8_t *out);
void round_to_bf16(const float *values, const uint16_t *draws, size_t n, uint8_t *out);
/* Each row: its scale as fp32, then a byte a value. */
void round_to_int8(const float *rows, const uint16_t *draws, size_t num_rows, uint32_t dim,
                   uint8_t *out);

/* False when one of the values is not finite or, of int8, not what an encoder writes. */
bool widen_fp32(const uint8_t *bytes, float *values, size_t n);
bool widen_half(const uint8_t *bytes, float *values, size_t n);
bool widen_bf16(const uint8_t *bytes, float *values, size_t n);
bool widen_int8(const uint8_t *bytes, float *rows, size_t num_rows, uint32_t dim);

#endif
