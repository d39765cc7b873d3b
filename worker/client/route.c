/* route.c - see route.h. Dealing is a counting sort: hash all keys (a loop that the compiler
 * vectorises), count, then move each key to the next place of its shard. */
#include "worker/client/route.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"

/* Rows of a message in bytes, about. Small enough that client and shard work at the same time on
 * one large call, and that the shard finds the records of a push in its second-level cache when it
 * comes to apply it; large enough that what a message costs by itself does not show. Of 64 KiB to
 * 1 MiB, 128 to 256 KiB were best, by a fifth over 512 KiB. */
enum { MESSAGE_BYTES = 192 * 1024 };

void route_init(struct route *route, uint32_t num_shards)
{
    *route = (struct route){.num_shards = num_shards};
    route->starts =
        mem_calloc((size_t)SOUK_TABLES_MAX * (num_shards + 1), sizeof(uint32_t), "shard starts");
}

void route_fini(struct route *route)
{
    mem_free(route->starts);
    mem_free(route->keys);
    mem_free(route->shard_of);
}

bool route_keys_ascend(const uint64_t *keys, uint32_t num_keys, uint32_t *bad_out)
{
    uint32_t num_bad = 0; // counted without a branch, so that the loop is vectorised
    for (uint32_t i = 1; i < num_keys; i++) num_bad += keys[i] <= keys[i - 1];
    if (num_bad == 0) return true;
    uint32_t bad = 1;
    while (keys[bad] > keys[bad - 1]) bad++;
    *bad_out = bad;
    return false;
}

static uint32_t *part_starts(const struct route *route, uint32_t part)
{
    return route->starts + (size_t)part * (route->num_shards + 1);
}

void route_begin(struct route *route, uint32_t *positions)
{
    route->num_parts = 0;
    route->positions = positions;
}

static void find_shards(const uint64_t *keys, uint32_t num_keys, uint32_t num_shards, uint16_t *out)
{
    for (uint32_t i = 0; i < num_keys; i++)
        out[i] = (uint16_t)hash_shard(hash_slot(keys[i]), num_shards);
}

/* Sets starts[s] to the number of keys of the shards before s. */
static void count_starts(const uint16_t *shard_of, uint32_t num_keys, uint32_t num_shards,
                         uint32_t *starts)
{
    memset(starts, 0, (num_shards + 1) * sizeof(*starts));
    for (uint32_t i = 0; i < num_keys; i++) starts[shard_of[i] + 1]++;
    for (uint32_t s = 0; s < num_shards; s++) starts[s + 1] += starts[s];
}

static void deal(struct route *route, const uint64_t *keys, struct route_part *part,
                 uint32_t *starts)
{
    uint32_t n = part->num_keys, num_shards = route->num_shards;
    mem_reserve(&route->shard_of, &route->shard_of_capacity, n, sizeof(uint16_t), "shards of keys");
    find_shards(keys, n, num_shards, route->shard_of);
    count_starts(route->shard_of, n, num_shards, starts);

    uint64_t *out = route->keys + part->base;
    uint32_t *positions = route->positions + part->base;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t to = starts[route->shard_of[i]]++;
        out[to] = keys[i];
        positions[to] = i;
    }
    // Each start has moved on to the next one's place: move them back.
    memmove(starts + 1, starts, num_shards * sizeof(*starts));
    starts[0] = 0;
}

void route_add(struct route *route, const uint64_t *keys, uint32_t num_keys, uint32_t row_bytes)
{
    uint32_t idx = route->num_parts++;
    struct route_part *part = &route->parts[idx];
    size_t base = idx ? part[-1].base + part[-1].num_keys : 0;
    *part = (struct route_part){keys, num_keys, row_bytes, base};

    uint32_t *starts = part_starts(route, idx);
    if (route->num_shards == 1) {
        starts[0] = 0;
        starts[1] = num_keys;
        return;
    }
    mem_reserve(&route->keys, &route->keys_capacity, base + num_keys, sizeof(uint64_t),
                "keys by shard");
    deal(route, keys, part, starts);
    // The array may have moved, so earlier parts are pointed at it again.
    for (uint32_t p = 0; p <= idx; p++) route->parts[p].keys = route->keys + route->parts[p].base;
}

uint32_t route_next(const struct route *route, struct route_walk *walk,
                    struct route_cut cuts[SOUK_TABLES_MAX])
{
    uint32_t num_cuts = 0;
    size_t room = MESSAGE_BYTES;
    for (; walk->part < route->num_parts; walk->part++, walk->offset = 0) {
        const struct route_part *part = &route->parts[walk->part];
        const uint32_t *starts = part_starts(route, walk->part) + walk->shard;
        uint32_t first = starts[0] + walk->offset, left = starts[1] - first;
        if (left == 0) continue;

        size_t fits = room / part->row_bytes;
        if (fits == 0 && num_cuts > 0) break;
        uint32_t count = fits == 0 ? 1 : fits < left ? (uint32_t)fits : left;
        cuts[num_cuts++] = (struct route_cut){walk->part, first, count};
        room -= count * part->row_bytes < room ? count * part->row_bytes : room;
        if (count < left) {
            walk->offset += count;
            break;
        }
    }
    return num_cuts;
}
