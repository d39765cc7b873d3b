/* codec_int8.c - int8 rows with a scale each, see codec.h and codec_round.h.
 *
 * The scale is max|row| / 127. A row whose scale would not be a normal float (all values below
 * 1.5e-36) is sent as zeros: nothing that trains can tell.
 *
 * Rows are short, so the compiler's own vectors spend most of their time on beginnings and ends:
 * AVX2 written by hand is three times as fast. It takes values by eights and leaves the rest to
 * the plain loops, which do all of it on other processors. Both give the same bytes.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "common/bytes/codec_round.h"

enum { LEVELS = 127 };
// The largest scale with a finite 127 * scale; FLT_MAX / 127 itself rounds up beyond it.
#define SCALE_MAX 0x1.020406p+121f

/* A draw as a number in (0, 1) of mean 1/2. */
static inline float draw_to_float(uint16_t draw)
{
    return (float)draw * 0x1p-16f + 0x1p-17f;
}

/* ---- by eights: each returns how far it went ---- */

#ifdef __AVX2__

/* The magnitudes' maximum of the values that are taken. */
static inline uint32_t vector_largest(const float *row, uint32_t dim, float *largest_out)
{
    const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    __m256 largest = _mm256_setzero_ps();
    uint32_t i = 0;
    for (; i + 8 <= dim; i += 8)
        largest = _mm256_max_ps(largest, _mm256_and_ps(magnitude, _mm256_loadu_ps(row + i)));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    *largest_out = _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
    return i;
}

static inline __m256i round_eight(__m256 scaled, const uint16_t *draws)
{
    if (!draws) return _mm256_cvtps_epi32(scaled);
    __m256i eight = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)draws));
    __m256 up = _mm256_mul_ps(_mm256_cvtepi32_ps(eight), _mm256_set1_ps(0x1p-16f));
    up = _mm256_add_ps(up, _mm256_set1_ps(0x1p-17f));
    return _mm256_cvttps_epi32(_mm256_floor_ps(_mm256_add_ps(scaled, up)));
}

static inline uint32_t vector_round(const float *row, const uint16_t *draws, uint32_t dim,
                                    float inverse, int8_t *levels)
{
    uint32_t i = 0;
    for (; i + 8 <= dim; i += 8) {
        __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(row + i), _mm256_set1_ps(inverse));
        __m256i wide = round_eight(scaled, draws ? draws + i : NULL);
        __m128i eight =
            _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
        eight = _mm_max_epi8(_mm_packs_epi16(eight, eight), _mm_set1_epi8(-LEVELS));
        _mm_storel_epi64((__m128i *)(void *)(levels + i), eight);
    }
    return i;
}

static inline uint32_t vector_widen(const int8_t *levels, float scale, uint32_t dim, float *row,
                                    bool *is_good)
{
    __m128i lowest = _mm_setzero_si128();
    uint32_t i = 0;
    for (; i + 8 <= dim; i += 8) {
        __m128i eight = _mm_loadl_epi64((const __m128i *)(const void *)(levels + i));
        lowest = _mm_min_epi8(lowest, eight);
        __m256 wide = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight));
        _mm256_storeu_ps(row + i, _mm256_mul_ps(wide, _mm256_set1_ps(scale)));
    }
    *is_good &= _mm_movemask_epi8(_mm_cmpeq_epi8(lowest, _mm_set1_epi8(-128))) == 0;
    return i;
}

#else

static inline uint32_t vector_largest(const float *row, uint32_t dim, float *largest_out)
{
    (void)row, (void)dim;
    *largest_out = 0.0f;
    return 0;
}

static inline uint32_t vector_round(const float *row, const uint16_t *draws, uint32_t dim,
                                    float inverse, int8_t *levels)
{
    (void)row, (void)draws, (void)dim, (void)inverse, (void)levels;
    return 0;
}

static inline uint32_t vector_widen(const int8_t *levels, float scale, uint32_t dim, float *row,
                                    bool *is_good)
{
    (void)levels, (void)scale, (void)dim, (void)row, (void)is_good;
    return 0;
}

#endif

/* ---- rows ---- */

static inline float scale_of(const float *row, uint32_t dim)
{
    float largest;
    for (uint32_t i = vector_largest(row, dim, &largest); i < dim; i++)
        largest = fabsf(row[i]) > largest ? fabsf(row[i]) : largest;
    float scale = largest / LEVELS;
    return scale > SCALE_MAX ? SCALE_MAX : scale < FLT_MIN ? 0.0f : scale;
}

/* Rounding may end a hair beyond the range. */
static inline int8_t level_of(float rounded)
{
    int32_t level = (int32_t)rounded;
    level = level < LEVELS ? level : LEVELS;
    return (int8_t)(level > -LEVELS ? level : -LEVELS);
}

static inline void round_row(const float *row, const uint16_t *draws, uint32_t dim, uint8_t *out)
{
    float scale = scale_of(row, dim), inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    memcpy(out, &scale, sizeof(scale));
    int8_t *levels = (int8_t *)(out + sizeof(scale));
    for (uint32_t i = vector_round(row, draws, dim, inverse, levels); i < dim; i++) {
        float scaled = row[i] * inverse;
        if (draws) {
            scaled += draw_to_float(draws[i]);
            scaled = floorf(scaled);
        } else {
            scaled = rintf(scaled);
        }
        levels[i] = level_of(scaled);
    }
}

void round_to_int8(const float *rows, const uint16_t *draws, size_t num_rows, uint32_t dim,
                   uint8_t *out)
{
    for (size_t r = 0; r < num_rows; r++) {
        round_row(rows, draws, dim, out);
        rows += dim;
        out += sizeof(float) + dim;
        if (draws) draws += dim;
    }
}

static inline bool widen_row(const uint8_t *bytes, float *row, uint32_t dim)
{
    float scale;
    memcpy(&scale, bytes, sizeof(scale));
    const int8_t *levels = (const int8_t *)(bytes + sizeof(scale));
    bool is_good = scale >= 0.0f && scale <= SCALE_MAX;
    for (uint32_t i = vector_widen(levels, scale, dim, row, &is_good); i < dim; i++) {
        is_good &= levels[i] >= -LEVELS;
        row[i] = (float)levels[i] * scale;
    }
    return is_good;
}

bool widen_int8(const uint8_t *bytes, float *rows, size_t num_rows, uint32_t dim)
{
    bool is_good = true;
    for (size_t r = 0; r < num_rows; r++) {
        is_good &= widen_row(bytes, rows, dim);
        bytes += sizeof(float) + dim;
        rows += dim;
    }
    return is_good;
}
