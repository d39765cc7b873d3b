/* codec_int8.c - int8 rows with a scale each, see codec.h and codec_round.h.
 *
 * The scale is max|row| / 127. A row whose scale would not be a normal float (all values below
 * 1.5e-36) is sent as zeros: nothing that trains can tell.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "common/bytes/codec_round.h"

enum { LEVELS = 127 };
// The largest scale with a finite 127 * scale; FLT_MAX / 127 itself rounds up beyond it.
#define SCALE_MAX 0x1.020406p+121f

static inline uint32_t magnitude_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits & 0x7fffffff;
}

/* Compared as integers, which order magnitudes the same way and vectorise without -ffast-math. */
static inline float largest_of(const float *row, uint32_t dim)
{
    uint32_t largest = 0;
    for (uint32_t i = 0; i < dim; i++) {
        uint32_t magnitude = magnitude_of(row[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    float value;
    memcpy(&value, &largest, sizeof(value));
    return value;
}

static inline int8_t level_of(float scaled)
{
    float clamped = scaled < -LEVELS ? -LEVELS : scaled > LEVELS ? LEVELS : scaled;
    return (int8_t)(int32_t)clamped;
}

static inline void round_row(const float *row, const uint16_t *draws, uint32_t dim, uint8_t *out)
{
    float scale = largest_of(row, dim) / LEVELS, inverse = 0.0f;
    if (scale > SCALE_MAX) scale = SCALE_MAX;
    if (scale < FLT_MIN) {
        scale = 0.0f;
    } else {
        inverse = 1.0f / scale;
    }
    memcpy(out, &scale, sizeof(scale));
    int8_t *levels = (int8_t *)(out + sizeof(scale));
    for (uint32_t i = 0; i < dim; i++) {
        float scaled = row[i] * inverse;
        if (draws) {
            float draw = ((float)draws[i] + 0.5f) * 0x1p-16f; // in (0, 1), mean 1/2
            scaled = floorf(scaled + draw);
        } else {
            scaled = rintf(scaled);
        }
        levels[i] = level_of(scaled);
    }
}

static inline __attribute__((always_inline)) void round_rows(const float *rows,
                                                             const uint16_t *draws, size_t num_rows,
                                                             uint32_t dim, uint8_t *out)
{
    for (size_t r = 0; r < num_rows; r++) {
        round_row(rows, draws, dim, out);
        rows += dim;
        out += sizeof(float) + dim;
        if (draws) draws += dim;
    }
}

void round_to_int8(const float *rows, const uint16_t *draws, size_t num_rows, uint32_t dim,
                   uint8_t *out)
{
    round_rows(rows, draws, num_rows, dim, out);
}

static inline bool widen_row(const uint8_t *bytes, float *row, uint32_t dim)
{
    float scale;
    memcpy(&scale, bytes, sizeof(scale));
    const int8_t *levels = (const int8_t *)(bytes + sizeof(scale));
    bool is_good = scale >= 0.0f && scale <= SCALE_MAX;
    int8_t lowest = 0;
    for (uint32_t i = 0; i < dim; i++) {
        lowest = levels[i] < lowest ? levels[i] : lowest;
        row[i] = (float)levels[i] * scale;
    }
    return is_good & (lowest >= -LEVELS);
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
