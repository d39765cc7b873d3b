/* hash.h - XXH3 for strings and placement. Part of file and wire formats: it never changes.
 * Threads: pure functions. */
#ifndef SOUK_COMMON_BASE_HASH_H
#define SOUK_COMMON_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "souk/types.h"

/* XXH3_64bits with a seed. The key of a string id is hash_bytes(bytes, length, 0). */
uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed);
/* A bijective mix of a key (XXH64's avalanche): all 64 bits of it are good. */
static inline uint64_t hash_key(uint64_t key)
{
    key ^= key >> 33;
    key *= 0xC2B2AE3D27D4EB4FULL;
    key ^= key >> 29;
    key *= 0x165667B19E3779F9ULL;
    key ^= key >> 32;
    return key;
}
/* Slots are dealt out in contiguous runs: shard s of n owns slots [s*4096/n, (s+1)*4096/n). */
static inline uint32_t hash_slot(uint64_t key)
{
    return (uint32_t)(hash_key(key) % SOUK_NUM_SLOTS);
}
static inline uint32_t hash_shard(uint32_t slot, uint32_t num_shards)
{
    return (uint32_t)((((uint64_t)slot + 1) * num_shards - 1) / SOUK_NUM_SLOTS);
}

#endif
