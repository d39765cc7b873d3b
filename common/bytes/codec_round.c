/* codec_round.c - draws, fp16, bf16 and fp32, see codec_round.h.
 *
 * Written without branches and on the bits of the floats, so that the compiler turns every loop
 * into vector instructions and every processor gives the same bytes.
 */
#include "common/bytes/codec_round.h"

#include <string.h>

#include "souk/types.h"

_Static_assert(SOUK_DIM_MAX <= (int)ROUND_BLOCK, "the draws of a row come from one block");

enum {
    MAGNITUDE = 0x7fffffff,   // of the bits of a float: all but the sign
    NOT_FINITE = 0x7f800000,  // magnitudes from here on
    HALF_NORMAL = 0x38800000, // 2^-14: where the normal values of fp16 begin
    HALF_REBIAS = 0x38000000, // 127 - 15 exponents
    HALF_MAX = 0x7bff,        // 65504
    BF16_MAX = 0x7f7f,
};

static inline uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}
static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static inline uint16_t load_u16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

/* ---- draws ---- */

static uint64_t mix_u64(uint64_t x) // splitmix64
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

struct round_stream round_stream_of(uint64_t seed, uint64_t position)
{
    uint64_t mixed = mix_u64(mix_u64(seed) ^ position);
    return (struct round_stream){.a = (uint32_t)mixed, .b = (uint32_t)(mixed >> 32)};
}

void round_draw(struct round_stream stream, uint32_t block, uint16_t *draws, size_t n)
{
    uint32_t counter = block * (ROUND_BLOCK / 2) + stream.a;
    for (size_t i = 0; i < (n + 1) / 2; i++) {
        uint32_t x = counter + (uint32_t)i; // Wellons' lowbias32, with b between its rounds
        x = (x ^ x >> 16) * 0x7FEB352Du;
        x = ((x ^ x >> 15) + stream.b) * 0x846CA68Bu;
        x ^= x >> 16;
        memcpy(draws + 2 * i, &x, sizeof(x)); // two draws of 16 bits
    }
}

/* ---- fp16 ---- */

/* Both ways to round compute both cases and choose: below HALF_NORMAL a half is a multiple of
 * 2^-24, above it has the same exponents as a float, and 13 bits less. */
static inline uint16_t choose_half(uint32_t bits, uint32_t small, uint32_t normal)
{
    uint32_t magnitude = (bits & MAGNITUDE) < HALF_NORMAL ? small : min_u32(normal, HALF_MAX);
    return (uint16_t)(magnitude | (bits >> 16 & 0x8000));
}

/* Multiples of 2^-24 in a value below HALF_NORMAL; for others any number. */
static inline float small_units(uint32_t bits)
{
    return float_of(min_u32(bits & MAGNITUDE, HALF_NORMAL)) * 0x1p24f;
}

static inline uint16_t nearest_half(uint32_t bits)
{
    uint32_t small = bits_of(small_units(bits) + 0x1p23f) - 0x4B000000; // the sum is rounded
    uint32_t normal = ((bits & MAGNITUDE) - HALF_REBIAS + 0xfff + (bits >> 13 & 1)) >> 13;
    return choose_half(bits, small, normal);
}

static inline uint16_t random_half(uint32_t bits, uint16_t draw)
{
    uint32_t small = (uint32_t)(int32_t)(small_units(bits) + ((float)draw + 0.5f) * 0x1p-16f);
    uint32_t normal = ((bits & MAGNITUDE) - HALF_REBIAS + (draw >> 3)) >> 13;
    return choose_half(bits, small, normal);
}

void round_to_half(const float *values, const uint16_t *draws, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = bits_of(values[i]);
        uint16_t half = draws ? random_half(bits, draws[i]) : nearest_half(bits);
        memcpy(out + 2 * i, &half, sizeof(half));
    }
}

bool widen_half(const uint8_t *bytes, float *values, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t half = load_u16(bytes + 2 * i), magnitude = half & 0x7fff;
        largest = max_u32(largest, magnitude);
        // As the bits of a float the exponent is too small by 112; subnormals come out right too.
        float value = float_of(magnitude << 13) * 0x1p112f;
        values[i] = float_of(bits_of(value) | (half & 0x8000) << 16);
    }
    return largest <= HALF_MAX;
}

/* ---- bf16 ---- */

static inline uint16_t bf16_of(uint32_t bits, uint32_t up)
{
    uint32_t magnitude = min_u32(((bits & MAGNITUDE) + up) >> 16, BF16_MAX);
    return (uint16_t)(magnitude | (bits >> 16 & 0x8000));
}

void round_to_bf16(const float *values, const uint16_t *draws, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = bits_of(values[i]);
        uint16_t upper = bf16_of(bits, draws ? draws[i] : 0x7fff + (bits >> 16 & 1));
        memcpy(out + 2 * i, &upper, sizeof(upper));
    }
}

bool widen_bf16(const uint8_t *bytes, float *values, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t upper = load_u16(bytes + 2 * i);
        largest = max_u32(largest, upper & 0x7fff);
        values[i] = float_of(upper << 16);
    }
    return largest <= BF16_MAX;
}

/* ---- fp32 ---- */

bool widen_fp32(const uint8_t *bytes, float *values, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, bytes + 4 * i, sizeof(bits));
        largest = max_u32(largest, bits & MAGNITUDE);
        values[i] = float_of(bits);
    }
    return largest < NOT_FINITE;
}
