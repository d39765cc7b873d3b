/* rng.c - see rng.h. The rounds follow the paper's section 3.3; its constants are quoted below. */
#include "common/base/rng.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/base/hash.h"

enum { NUM_ROUNDS = 10 };

void rng_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    const uint32_t multiplier0 = 0xD2511F53, multiplier1 = 0xCD9E8D57; // PHILOX_M4x32
    const uint32_t weyl0 = 0x9E3779B9, weyl1 = 0xBB67AE85;             // PHILOX_W32
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < NUM_ROUNDS; round++) {
        uint64_t product0 = (uint64_t)multiplier0 * c0;
        uint64_t product1 = (uint64_t)multiplier1 * c2;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)product0;
        k0 += weyl0;
        k1 += weyl1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static void draw_block(uint64_t key, uint64_t high, uint64_t low, uint32_t out[4])
{
    const uint32_t k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    const uint32_t c[4] = {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high,
                           (uint32_t)(high >> 32)};
    rng_philox(k, c, out);
}

void rng_init(struct rng *rng, uint64_t seed, uint64_t stream)
{
    *rng = (struct rng){.seed = seed, .stream = stream};
}

uint32_t rng_next_u32(struct rng *rng)
{
    if (rng->num_left == 0) {
        draw_block(rng->seed, rng->stream, rng->position++, rng->block);
        rng->num_left = 4;
    }
    return rng->block[4 - rng->num_left--];
}

uint64_t rng_next_u64(struct rng *rng)
{
    uint64_t low = rng_next_u32(rng);
    return low | (uint64_t)rng_next_u32(rng) << 32;
}

double rng_uniform_double(struct rng *rng)
{
    return (double)(rng_next_u64(rng) >> 11) * 0x1p-53;
}

double rng_normal(struct rng *rng)
{
    double u = 1.0 - rng_uniform_double(rng); // (0, 1], so that the logarithm is finite
    double angle = 2.0 * M_PI * rng_uniform_double(rng);
    return sqrt(-2.0 * log(u)) * cos(angle);
}

uint64_t rng_below(struct rng *rng, uint64_t limit)
{
    assert(limit >= 1);
    // Numbers below `reject` would make the low remainders likelier by one draw: drawn again.
    uint64_t reject = (0 - limit) % limit, number;
    do number = rng_next_u64(rng);
    while (number < reject);
    return number % limit;
}

void rng_shuffle(struct rng *rng, void *array, uint64_t count, uint64_t size)
{
    unsigned char *bytes = array, swap[64];
    assert(size <= sizeof(swap));
    for (uint64_t i = count; i > 1; i--) {
        uint64_t j = rng_below(rng, i);
        memcpy(swap, bytes + (i - 1) * size, size);
        memmove(bytes + (i - 1) * size, bytes + j * size, size);
        memcpy(bytes + j * size, swap, size);
    }
}

uint64_t rng_stream(const char *purpose, uint64_t a, uint64_t b)
{
    uint64_t stream = hash_bytes(purpose, strlen(purpose), 0);
    stream = hash_key(stream ^ a);
    return hash_key(stream + 0x9E3779B97F4A7C15ULL * (b + 1));
}

void rng_fill_uniform(uint64_t seed, uint64_t key, float scale, float *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 4) {
        uint32_t block[4];
        draw_block(seed, i / 4, key, block);
        for (uint32_t j = 0; j < 4 && i + j < n; j++)
            out[i + j] = scale * ((float)(block[j] >> 8) * 0x1p-23f - 1.0f);
    }
}

void rng_fill_normal(uint64_t seed, uint64_t key, float scale, float *out, uint32_t n)
{
    // Box-Muller on pairs: (0, 1) and (2, 3) of each block.
    for (uint32_t i = 0; i < n; i += 4) {
        uint32_t block[4];
        float normal[4];
        draw_block(seed, i / 4, key, block);
        for (int pair = 0; pair < 4; pair += 2) {
            float u = ((float)(block[pair] >> 8) + 1.0f) * 0x1p-24f; // (0, 1]
            float angle = (float)(block[pair + 1] >> 8) * (float)(2.0 * M_PI * 0x1p-24);
            float radius = scale * sqrtf(-2.0f * logf(u));
            normal[pair] = radius * cosf(angle);
            normal[pair + 1] = radius * sinf(angle);
        }
        for (uint32_t j = 0; j < 4 && i + j < n; j++) out[i + j] = normal[j];
    }
}
