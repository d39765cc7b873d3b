/* rng.h - random numbers that depend on a seed and a position only (Philox4x32-10).
 *
 * Counter-based: the n-th block of a stream is a function of (seed, stream, n), so any process can
 * compute any number without having drawn those before it. Salmon, Moraes, Dror, Shaw: "Parallel
 * random numbers: as easy as 1, 2, 3", SC'11. Threads: pure functions; a struct rng has one owner.
 */
#ifndef SOUK_COMMON_BASE_RNG_H
#define SOUK_COMMON_BASE_RNG_H

#include <stdint.h>

/* One block: 10 rounds of Philox4x32 over counter with key. */
void rng_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/* A stream that is drawn from one number after another. */
struct rng {
    uint64_t seed;
    uint64_t stream;   // purpose, rank, epoch ... see rng_stream()
    uint64_t position; // blocks drawn
    uint32_t block[4];
    uint32_t num_left; // numbers of block not yet given out
};

void rng_init(struct rng *rng, uint64_t seed, uint64_t stream);
uint32_t rng_next_u32(struct rng *rng);
uint64_t rng_next_u64(struct rng *rng);
double rng_uniform_double(struct rng *rng);          // [0, 1), 53 bits
double rng_normal(struct rng *rng);                  // mean 0, variance 1 (Box-Muller)
uint64_t rng_below(struct rng *rng, uint64_t limit); // 0..limit-1 without bias, limit >= 1
void rng_shuffle(struct rng *rng, void *array, uint64_t count, uint64_t size); // size <= 64

/* A stream number made of a purpose and up to two indices, so that streams do not meet. */
uint64_t rng_stream(const char *purpose, uint64_t a, uint64_t b);

/* Initial values: n floats, in [-scale, scale) or normal with that deviation, that depend on
 * (seed, key) only. */
void rng_fill_uniform(uint64_t seed, uint64_t key, float scale, float *out, uint32_t n);
void rng_fill_normal(uint64_t seed, uint64_t key, float scale, float *out, uint32_t n);

#endif
