/* table_index.c - see table_index.h. */
#include "server/table_index.h"

#include <assert.h>

#include "common/base/hash.h"
#include "common/base/mem.h"

enum {
    BUCKETS_STEP = 64, // parts grow by multiples of this: a page
    BLOCK = 8,         // buckets whose records are fetched together while a part grows
};

static size_t part_bytes(uint32_t num_buckets)
{
    return (size_t)num_buckets * sizeof(struct index_bucket);
}

souk_status index_init(struct table_index *index, struct table_budget *budget)
{
    *index = (struct table_index){.budget = budget};
    size_t bytes = part_bytes(BUCKETS_STEP) * INDEX_NUM_PARTS;
    if (budget_charge(budget, bytes)) return SOUK_ENOMEM;
    struct index_bucket *buckets = mem_try_map(bytes);
    if (!buckets) {
        budget_release(budget, bytes);
        return SOUK_ENOMEM;
    }
    index->bytes = bytes;
    for (uint32_t p = 0; p < INDEX_NUM_PARTS; p++) // one mapping for all; each is unmapped alone
        index->parts[p] = (struct index_part){buckets + p * BUCKETS_STEP, BUCKETS_STEP, 0};
    return SOUK_OK;
}

void index_fini(struct table_index *index)
{
    for (uint32_t p = 0; p < INDEX_NUM_PARTS; p++)
        mem_unmap(index->parts[p].buckets, part_bytes(index->parts[p].num_buckets));
    if (index->budget) budget_release(index->budget, index->bytes);
}

static void insert(struct index_part *part, uint64_t hash, uint32_t record_idx)
{
    struct index_bucket *bucket = index_home(part, hash);
    uint32_t empty;
    while ((empty = index_match(bucket, 0)) == 0) {
        bucket->has_overflowed = 1;
        bucket = index_next(part, bucket);
    }
    uint32_t slot = (uint32_t)__builtin_ctz(empty);
    bucket->tags[slot] = index_tag(hash);
    bucket->records[slot] = record_idx;
    part->num_records++;
}

void index_insert(struct table_index *index, uint64_t hash, uint32_t record_idx)
{
    struct index_part *part = &index->parts[index_part_of(hash)];
    assert(part->num_records < (uint64_t)part->num_buckets * INDEX_USED_MAX);
    insert(part, hash, record_idx);
}

// The records of a block of buckets, fetched at once, because each of them is a cache miss.
static void move_block(const struct index_bucket *buckets, uint32_t num_buckets,
                       const struct slab *slab, struct index_part *to)
{
    uint32_t moved[BLOCK * INDEX_SLOTS], n = 0;
    for (uint32_t b = 0; b < num_buckets; b++)
        for (uint32_t i = 0; i < INDEX_SLOTS; i++)
            if (buckets[b].tags[i]) moved[n++] = buckets[b].records[i];
    for (uint32_t i = 0; i < n; i++) __builtin_prefetch(slab_record(slab, moved[i]));
    for (uint32_t i = 0; i < n; i++)
        insert(to, hash_key(record_key(slab_record(slab, moved[i]))), moved[i]);
}

// Buckets for num_records, at least a quarter more than now.
static uint64_t next_num_buckets(const struct index_part *part, uint64_t num_records)
{
    uint64_t wanted = (num_records + INDEX_USED_MAX - 1) / INDEX_USED_MAX;
    uint64_t step = part->num_buckets + (uint64_t)part->num_buckets / 4;
    if (wanted < step) wanted = step;
    return (wanted + BUCKETS_STEP - 1) / BUCKETS_STEP * BUCKETS_STEP;
}

static souk_status grow(struct table_index *index, struct index_part *part, const struct slab *slab,
                        uint64_t num_records)
{
    uint64_t num_buckets = next_num_buckets(part, num_records);
    size_t old_bytes = part_bytes(part->num_buckets), new_bytes = part_bytes((uint32_t)num_buckets);
    if (num_buckets > UINT32_MAX || budget_charge(index->budget, new_bytes - old_bytes))
        return SOUK_ENOMEM;
    struct index_bucket *buckets = mem_try_map(new_bytes);
    if (!buckets) {
        budget_release(index->budget, new_bytes - old_bytes);
        return SOUK_ENOMEM;
    }
    struct index_part grown = {buckets, (uint32_t)num_buckets, 0};
    for (uint32_t b = 0; b < part->num_buckets; b += BLOCK) // a multiple of BUCKETS_STEP
        move_block(part->buckets + b, BLOCK, slab, &grown);
    mem_unmap(part->buckets, old_bytes);
    *part = grown;
    index->bytes += new_bytes - old_bytes;
    return SOUK_OK;
}

souk_status index_reserve(struct table_index *index, const struct slab *slab,
                          const uint32_t num_new[INDEX_NUM_PARTS])
{
    for (uint32_t p = 0; p < INDEX_NUM_PARTS; p++) {
        struct index_part *part = &index->parts[p];
        uint64_t wanted = (uint64_t)part->num_records + num_new[p];
        if (wanted <= (uint64_t)part->num_buckets * INDEX_USED_MAX) continue;
        if (grow(index, part, slab, wanted)) return SOUK_ENOMEM;
    }
    return SOUK_OK;
}
