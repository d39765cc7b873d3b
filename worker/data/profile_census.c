/* profile_census.c - see profile_census.h. */
#include "worker/data/profile_census.h"

#include <stdlib.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "worker/data/profile_block.h"

struct drawn {
    uint64_t hash, user;
};

struct counting {
    const struct profile_census_options *options;
    struct drawn *drawn; // of the smallest hashes so far; one user may be there twice
    size_t num_drawn, drawn_capacity;
    uint64_t limit;   // hashes from here on are of no interest
    uint64_t *counts; // (items of the catalogue)
    uint64_t *places; // of the items of a block, in the catalogue
    size_t places_capacity;
};

static int by_hash(const void *a, const void *b)
{
    const struct drawn *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

// Hashes of different keys differ, so the same hash is the same user.
static void keep_smallest(struct counting *counting)
{
    struct drawn *drawn = counting->drawn;
    size_t n = 0;
    if (counting->num_drawn > 0) qsort(drawn, counting->num_drawn, sizeof *drawn, by_hash);
    for (size_t i = 0; i < counting->num_drawn && n < counting->options->max_users; i++)
        if (n == 0 || drawn[n - 1].hash != drawn[i].hash) drawn[n++] = drawn[i];
    counting->num_drawn = n;
    if (n == counting->options->max_users) counting->limit = drawn[n - 1].hash;
}

static void take_users(struct counting *counting, const struct profile_block *block)
{
    for (uint32_t u = 0; u < block->num.users; u++) {
        uint64_t hash = hash_key(block->users[u]);
        if (hash >= counting->limit) continue;
        if (counting->num_drawn == 2 * (size_t)counting->options->max_users)
            keep_smallest(counting);
        mem_reserve(&counting->drawn, &counting->drawn_capacity, counting->num_drawn + 1,
                    sizeof *counting->drawn, "users of profiles");
        counting->drawn[counting->num_drawn++] = (struct drawn){hash, block->users[u]};
    }
}

static void take_items(struct counting *counting, const struct profile_block *block)
{
    const struct catalogue *catalogue = counting->options->catalogue;
    mem_reserve(&counting->places, &counting->places_capacity, block->num.items,
                sizeof *counting->places, "items of profiles");
    uint64_t place = 0; // both lists ascend
    for (uint32_t i = 0; i < block->num.items; i++) {
        while (place < catalogue->num_items && catalogue->items[place] < block->items[i]) place++;
        counting->places[i] = place;
    }
    for (uint32_t p = 0; p < block->num.pairs; p++) {
        uint64_t at = counting->places[block->pairs[p]];
        if (at < catalogue->num_items) counting->counts[at]++;
    }
}

static souk_status read_file(struct counting *counting, const char *path)
{
    struct profile_reader *reader = NULL;
    const struct profile_block *block;
    souk_status status = profile_reader_open(path, counting->options->format, &reader);
    if (status != SOUK_OK) return status;
    while ((status = profile_reader_next(reader, &block)) == SOUK_OK) {
        take_users(counting, block);
        take_items(counting, block);
    }
    profile_reader_close(reader);
    return status == SOUK_EEND ? SOUK_OK : status;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void give(struct counting *counting, struct profile_census *census)
{
    keep_smallest(counting);
    census->num_users = (uint32_t)counting->num_drawn;
    census->users = mem_calloc(counting->num_drawn, sizeof *census->users, "users of profiles");
    for (uint32_t u = 0; u < census->num_users; u++) census->users[u] = counting->drawn[u].user;
    if (census->num_users > 0)
        qsort(census->users, census->num_users, sizeof *census->users, compare_keys);
    census->counts = counting->counts;
}

souk_status profile_census_read(const struct profile_census_options *options,
                                struct profile_census *census_out)
{
    struct counting counting = {.options = options, .limit = UINT64_MAX};
    *census_out = (struct profile_census){0};
    counting.counts =
        mem_calloc(options->catalogue->num_items, sizeof *counting.counts, "items of profiles");
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; i < options->num_paths && status == SOUK_OK; i++)
        status = read_file(&counting, options->paths[i]);
    if (status == SOUK_OK)
        give(&counting, census_out);
    else
        mem_free(counting.counts);
    mem_free(counting.drawn);
    mem_free(counting.places);
    return status;
}

void profile_census_fini(struct profile_census *census)
{
    mem_free(census->users);
    mem_free(census->counts);
    *census = (struct profile_census){0};
}
