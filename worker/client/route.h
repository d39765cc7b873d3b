/* route.h - which keys go to which shard, and in how many messages.
 *
 * The keys of each part of a call (a part is one table's keys) are dealt to shards; within a shard
 * they keep their order, so they still ascend. With one shard nothing is copied. A walk then cuts
 * the keys of a shard into messages of bounded size; one message may hold several parts.
 *
 * Threads: owned by the client.
 */
#ifndef SOUK_WORKER_CLIENT_ROUTE_H
#define SOUK_WORKER_CLIENT_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/types.h"

/* One table's keys in a call. */
struct route_part {
    const uint64_t *keys; // (num_keys), shard after shard once routed
    uint32_t num_keys;
    uint32_t row_bytes; // what a key costs in a message, about
    size_t base;        // where this part begins in positions
};

struct route {
    uint32_t num_shards;
    uint32_t num_parts;
    struct route_part parts[SOUK_TABLES_MAX];
    uint32_t *starts;    // (num_parts, num_shards + 1): first key of each shard within its part
    uint32_t *positions; // (all keys) index in the caller's arrays; borrowed; NULL with one shard
    uint64_t *keys;      // all parts end to end, shard after shard; unused with one shard
    size_t keys_capacity;
    uint16_t *shard_of; // (keys of a part) work space
    size_t shard_of_capacity;
};

void route_init(struct route *route, uint32_t num_shards);
void route_fini(struct route *route);

/* Whether the keys ascend strictly; else *bad_out is the index of the first that does not. */
bool route_keys_ascend(const uint64_t *keys, uint32_t num_keys, uint32_t *bad_out);

/* Begins a call. positions has room for all keys of its parts, or is NULL with one shard. */
void route_begin(struct route *route, uint32_t *positions);
/* Deals the keys of the next part. */
void route_add(struct route *route, const uint64_t *keys, uint32_t num_keys, uint32_t row_bytes);

/* A run of keys of one part, all of one shard. */
struct route_cut {
    uint32_t part;
    uint32_t first; // in the part's keys and positions
    uint32_t count; // >= 1
};
/* Where a walk through the keys of one shard stands. Zeroed but for `shard` at the start. */
struct route_walk {
    uint32_t shard;
    uint32_t part;   // next part to look at
    uint32_t offset; // keys of it that are behind
};
/* Cuts the next message of the walk's shard; returns its number of sections, 0 at the end. */
uint32_t route_next(const struct route *route, struct route_walk *walk,
                    struct route_cut cuts[SOUK_TABLES_MAX]);

#endif
