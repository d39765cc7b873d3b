/* table.c - see table.h. The way of a batch, in blocks of BLOCK keys:
 *
 *   aim      hash each key, fetch its bucket
 *   match    compare the tags in the bucket, fetch the record that matches
 *   resolve  compare the key in the record; rarely, look at another match or bucket
 *
 * Each stage touches only what the one before has fetched, and the aim of the next block is done
 * between match and resolve of this one, so that there is always something under way. */
#include "server/table.h"

#include <assert.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "server/initial.h"
#include "server/table_private.h"

enum {
    BLOCK = 64,           // keys in one block: their buckets and records fit the first-level cache
    CACHE_LINE = 64,      //
    FETCH_BYTES_MAX = 512 // of a record; the hardware follows by itself from there
};

// A block on its way through the stages.
struct lookup {
    uint64_t hashes[BLOCK];
    struct index_bucket *buckets[BLOCK]; // where each key belongs
    uint32_t matches[BLOCK];             // slots of it with the key's tag
    uint8_t *records[BLOCK];             // result; NULL: there is none
};

souk_status table_create(const struct souk_table_spec *spec, struct table_budget *budget,
                         struct table **table_out)
{
    struct table *table = mem_calloc(1, sizeof(*table), "table");
    table->spec = *spec;
    table->optimizer = optimizer_get(spec->optimizer);
    table->initial_seed = initial_seed(spec);
    table->state_floats = table->optimizer->state_floats(spec->dim);
    uint32_t floats = spec->dim + table->state_floats;
    slab_init(&table->slab, RECORD_KEY_BYTES + floats * (uint32_t)sizeof(float), budget);
    if (index_init(&table->index, budget)) {
        table_destroy(table);
        return SOUK_ENOMEM;
    }
    *table_out = table;
    return SOUK_OK;
}

void table_destroy(struct table *table)
{
    if (!table) return;
    index_fini(&table->index);
    slab_fini(&table->slab);
    mem_free(table->prepared);
    mem_free(table->scan_entries);
    mem_free(table);
}

const struct souk_table_spec *table_spec(const struct table *table)
{
    return &table->spec;
}
uint32_t table_state_floats(const struct table *table)
{
    return table->state_floats;
}
uint64_t table_num_rows(const struct table *table)
{
    return table->slab.num_records;
}
uint64_t table_memory_bytes(const struct table *table)
{
    return table->slab.charged_bytes + table->index.bytes;
}

/* Functions that only prefetch are inlined by force: gcc 12 finds that a call of one has no effect,
 * and leaves the call out. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE void fetch(const uint8_t *bytes, uint32_t length)
{
    if (length > FETCH_BYTES_MAX) length = FETCH_BYTES_MAX;
    // From the first byte's line to the last byte's: records are not aligned to lines.
    for (uint32_t i = 0; i < length; i += CACHE_LINE) __builtin_prefetch(bytes + i);
    __builtin_prefetch(bytes + length - 1);
}

static uint32_t block_size(uint32_t num_keys, uint32_t start)
{
    return num_keys - start < BLOCK ? num_keys - start : BLOCK;
}

static void aim(const struct table *table, const uint64_t *keys, uint32_t n, struct lookup *lookup)
{
    for (uint32_t i = 0; i < n; i++) lookup->hashes[i] = hash_key(keys[i]);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t hash = lookup->hashes[i];
        lookup->buckets[i] = index_home(&table->index.parts[index_part_of(hash)], hash);
        __builtin_prefetch(lookup->buckets[i]);
    }
}

static void match(const struct table *table, uint32_t fetch_bytes, uint32_t n,
                  struct lookup *lookup)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct index_bucket *bucket = lookup->buckets[i];
        uint32_t matches = index_match(bucket, index_tag(lookup->hashes[i]));
        lookup->matches[i] = matches;
        if (!matches) continue;
        uint32_t record_idx = bucket->records[__builtin_ctz(matches)];
        lookup->records[i] = slab_record(&table->slab, record_idx);
        fetch(lookup->records[i], fetch_bytes);
    }
}

// The rest of a search, where the first match was not it.
static uint8_t *search(const struct table *table, uint64_t key, uint64_t hash,
                       struct index_bucket *bucket, uint32_t matches)
{
    const struct index_part *part = &table->index.parts[index_part_of(hash)];
    for (;;) {
        for (; matches; matches &= matches - 1) {
            uint32_t record_idx = bucket->records[__builtin_ctz(matches)];
            uint8_t *record = slab_record(&table->slab, record_idx);
            if (record_key(record) == key) return record;
        }
        if (!bucket->has_overflowed) return NULL;
        bucket = index_next(part, bucket);
        matches = index_match(bucket, index_tag(hash));
    }
}

static void resolve(const struct table *table, const uint64_t *keys, uint32_t n,
                    struct lookup *lookup)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t matches = lookup->matches[i];
        if (matches && record_key(lookup->records[i]) == keys[i]) continue;
        lookup->records[i] =
            search(table, keys[i], lookup->hashes[i], lookup->buckets[i], matches & (matches - 1));
    }
}

// What is done with the n records of a block, which begins at key `start`.
typedef void (*block_fn)(struct table *table, void *ctx, uint32_t start, uint32_t n,
                         uint8_t *const *records);

static void find_all(struct table *table, const uint64_t *keys, uint32_t num_keys,
                     uint32_t fetch_bytes, block_fn work, void *ctx)
{
    struct lookup lookups[2];
    aim(table, keys, block_size(num_keys, 0), &lookups[0]);
    for (uint32_t start = 0, turn = 0; start < num_keys; start += BLOCK, turn ^= 1) {
        struct lookup *now = &lookups[turn];
        uint32_t n = block_size(num_keys, start);
        match(table, fetch_bytes, n, now);
        if (start + n < num_keys)
            aim(table, keys + start + n, block_size(num_keys, start + n), &lookups[turn ^ 1]);
        resolve(table, keys + start, n, now);
        work(table, ctx, start, n, now->records);
    }
}

struct pull {
    const uint64_t *keys;
    float *rows;
    uint8_t *found_bitmap;
};

static void pull_block(struct table *table, void *ctx, uint32_t start, uint32_t n,
                       uint8_t *const *records)
{
    const struct pull *pull = ctx;
    uint32_t dim = table->spec.dim;
    float *out = pull->rows + (size_t)start * dim;
    for (uint32_t i = 0; i < n; i++, out += dim) {
        if (records[i])
            copy_floats(out, record_row(records[i]), dim);
        else
            initial_row(&table->spec, table->initial_seed, pull->keys[start + i], out);
    }
    if (!pull->found_bitmap) return;
    for (uint32_t i = 0; i < n; i++) // blocks begin at multiples of 8
        pull->found_bitmap[(start + i) / 8] |= (uint8_t)((records[i] != NULL) << (i % 8));
}

void table_pull(struct table *table, const uint64_t *keys, uint32_t num_keys, float *rows,
                uint8_t *found_bitmap)
{
    struct pull pull = {keys, rows, found_bitmap};
    if (found_bitmap) memset(found_bitmap, 0, (num_keys + 7) / 8);
    uint32_t fetch_bytes = RECORD_KEY_BYTES + table->spec.dim * (uint32_t)sizeof(float);
    find_all(table, keys, num_keys, fetch_bytes, pull_block, &pull);
}

struct preparation {
    const uint64_t *keys;
    uint32_t num_new[INDEX_NUM_PARTS]; // keys without a record, by part of the index
    uint32_t num_missing;              // sum of them
};

static void prepare_block(struct table *table, void *ctx, uint32_t start, uint32_t n,
                          uint8_t *const *records)
{
    struct preparation *preparation = ctx;
    for (uint32_t i = 0; i < n; i++) {
        table->prepared[start + i] = records[i];
        if (records[i]) continue;
        preparation->num_new[index_part_of(hash_key(preparation->keys[start + i]))]++;
        preparation->num_missing++;
    }
}

souk_status table_prepare(struct table *table, const struct table_push *push)
{
    struct preparation preparation = {.keys = push->keys};
    mem_reserve(&table->prepared, &table->prepared_capacity, push->num_keys,
                sizeof(*table->prepared), "records of a push");
    find_all(table, push->keys, push->num_keys, RECORD_KEY_BYTES, prepare_block, &preparation);
    if (preparation.num_missing == 0) return SOUK_OK;
    if (slab_reserve(&table->slab, preparation.num_missing)) return SOUK_ENOMEM;
    return index_reserve(&table->index, &table->slab, preparation.num_new);
}

// A record for a key that has none, with its initial value unless that is about to be replaced.
static uint8_t *make_record(struct table *table, uint64_t key, enum souk_push_mode mode)
{
    uint32_t record_idx = slab_add(&table->slab);
    uint8_t *record = slab_record(&table->slab, record_idx);
    memcpy(record, &key, sizeof(key));
    float *row = record_row(record);
    if (mode != SOUK_PUSH_ASSIGN) {
        initial_row(&table->spec, table->initial_seed, key, row);
        if (table->optimizer->init_state)
            table->optimizer->init_state(&table->spec, row, row + table->spec.dim);
    }
    index_insert(&table->index, hash_key(key), record_idx);
    return record;
}

static void assign(struct table *table, const struct table_push *push, uint32_t start, uint32_t n,
                   float *const *rows)
{
    uint32_t dim = table->spec.dim, state_floats = table->state_floats;
    for (uint32_t i = 0; i < n; i++) {
        float *state = rows[i] + dim;
        size_t k = start + i;
        copy_floats(rows[i], push->rows + k * dim, dim);
        if (push->states) {
            copy_floats(state, push->states + k * state_floats, state_floats);
            continue;
        }
        memset(state, 0, state_floats * sizeof(float));
        if (table->optimizer->init_state)
            table->optimizer->init_state(&table->spec, rows[i], state);
    }
}

static void apply_block(struct table *table, const struct table_push *push, uint32_t start,
                        uint32_t n)
{
    float *rows[BLOCK];
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *record = table->prepared[start + i];
        if (!record) record = make_record(table, push->keys[start + i], push->mode);
        rows[i] = record_row(record);
    }
    const float *pushed = push->rows + (size_t)start * table->spec.dim;
    switch (push->mode) {
    case SOUK_PUSH_GRADIENT:
        table->optimizer->apply(&table->spec, push->lr, pushed, rows, n);
        break;
    case SOUK_PUSH_ADD: optimizer_add(table->optimizer, &table->spec, pushed, rows, n); break;
    case SOUK_PUSH_ASSIGN: assign(table, push, start, n, rows); break;
    case SOUK_NUM_PUSH_MODES: assert(0);
    }
}

// The records of a block, or where the index will take the new ones.
static ALWAYS_INLINE void fetch_prepared(const struct table *table, const struct table_push *push,
                                         uint32_t start, uint32_t n)
{
    for (uint32_t i = start; i < start + n; i++) {
        if (table->prepared[i]) {
            fetch(table->prepared[i], table->slab.record_bytes);
            continue;
        }
        uint64_t hash = hash_key(push->keys[i]);
        __builtin_prefetch(index_home(&table->index.parts[index_part_of(hash)], hash));
    }
}

void table_apply(struct table *table, const struct table_push *push)
{
    for (uint32_t start = 0; start < push->num_keys; start += BLOCK) {
        uint32_t n = block_size(push->num_keys, start), next = start + n;
        fetch_prepared(table, push, next, block_size(push->num_keys, next));
        apply_block(table, push, start, n);
    }
}
