/* table_save.c - see table_save.h. */
#include "worker/model/table_save.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"

enum { SLOTS_A_RANGE = SOUK_NUM_SLOTS / TABLE_SAVE_RANGES };

// Rows of a range that wait for their block, in the order in which they came.
struct range {
    uint32_t num_rows;
    uint64_t *keys; // (num_rows)
    float *rows;    // (num_rows, dim)
    float *states;  // (num_rows, state_floats)
    size_t keys_capacity, rows_capacity, states_capacity;
    struct rows_writer *writer; // NULL until the first block is full
    uint32_t file_idx;          // in the manifest's table
};

struct key_place {
    uint64_t key;
    uint32_t idx; // in the range's buffer
};

struct saving {
    const struct table_save *save;
    struct manifest_table *table;
    uint32_t dim, state_floats; // floats a row
    uint32_t block_rows;        // when a block is full
    struct range ranges[TABLE_SAVE_RANGES];
    struct range sorted; // a block on its way to the file
    struct key_place *places;
    size_t places_capacity;
};

static void reserve(const struct saving *saving, struct range *range, uint32_t num_rows)
{
    mem_reserve(&range->keys, &range->keys_capacity, num_rows, sizeof(uint64_t), "saved keys");
    mem_reserve(&range->rows, &range->rows_capacity, (size_t)num_rows * saving->dim, sizeof(float),
                "saved rows");
    if (saving->state_floats > 0)
        mem_reserve(&range->states, &range->states_capacity,
                    (size_t)num_rows * saving->state_floats, sizeof(float), "saved states");
}

// Appends row `from` of a block to a range.
static void append(const struct saving *saving, struct range *range, const struct rows_block *block,
                   uint32_t from)
{
    uint32_t to = range->num_rows, dim = saving->dim, state_floats = saving->state_floats;
    reserve(saving, range, to + 1);
    range->keys[to] = block->keys[from];
    memcpy(range->rows + (size_t)to * dim, block->rows + (size_t)from * dim, dim * sizeof(float));
    if (state_floats > 0)
        memcpy(range->states + (size_t)to * state_floats,
               block->states + (size_t)from * state_floats, state_floats * sizeof(float));
    range->num_rows = to + 1;
}

static struct rows_block as_block(const struct saving *saving, const struct range *range)
{
    return (struct rows_block){.num_rows = range->num_rows,
                               .keys = range->keys,
                               .rows = range->rows,
                               .states = saving->state_floats > 0 ? range->states : NULL};
}

static souk_status open_file(struct saving *saving, struct range *range, uint32_t first_slot,
                             uint32_t last_slot)
{
    struct manifest_table *table = saving->table;
    range->file_idx = table->num_files++;
    struct manifest_file *file = &table->files[range->file_idx];
    file->first_slot = (uint16_t)first_slot;
    file->last_slot = (uint16_t)last_slot;
    snprintf(file->name, sizeof(file->name), "%s.%04u-%04u.g%" PRIu64 ".rows", table->spec.name,
             first_slot, last_slot, saving->save->generation);

    struct buf path = {0};
    buf_printf(&path, "%s/%s", saving->save->dir, file->name);
    struct rows_head head = {.dim = saving->dim,
                             .state_floats = saving->state_floats,
                             .first_slot = file->first_slot,
                             .last_slot = file->last_slot};
    souk_status status = rows_writer_open(buf_text(&path), &head, &range->writer);
    buf_fini(&path);
    return status;
}

static int compare_places(const void *a, const void *b)
{
    uint64_t key_a = ((const struct key_place *)a)->key, key_b = ((const struct key_place *)b)->key;
    return key_a < key_b ? -1 : key_a > key_b;
}

// Writes what a range holds as one block, sorted, and empties it.
static souk_status flush(struct saving *saving, struct range *range)
{
    uint32_t n = range->num_rows;
    mem_reserve(&saving->places, &saving->places_capacity, n, sizeof(*saving->places), "order");
    for (uint32_t i = 0; i < n; i++)
        saving->places[i] = (struct key_place){.key = range->keys[i], .idx = i};
    qsort(saving->places, n, sizeof(*saving->places), compare_places);

    struct rows_block unsorted = as_block(saving, range);
    saving->sorted.num_rows = 0;
    for (uint32_t i = 0; i < n; i++)
        append(saving, &saving->sorted, &unsorted, saving->places[i].idx);
    range->num_rows = 0;
    saving->table->num_rows += n;
    struct rows_block block = as_block(saving, &saving->sorted);
    return rows_writer_add(range->writer, &block);
}

static souk_status flush_range(struct saving *saving, uint32_t idx)
{
    struct range *range = &saving->ranges[idx];
    souk_status status = SOUK_OK;
    if (!range->writer)
        status = open_file(saving, range, idx * SLOTS_A_RANGE, (idx + 1) * SLOTS_A_RANGE - 1);
    return status == SOUK_OK ? flush(saving, range) : status;
}

static souk_status take_block(void *ctx, const struct souk_scan_block *scanned)
{
    struct saving *saving = ctx;
    struct rows_block block = {.num_rows = scanned->num_rows,
                               .keys = scanned->keys,
                               .rows = scanned->rows,
                               .states = scanned->states};
    for (uint32_t i = 0; i < block.num_rows; i++) {
        uint32_t idx = hash_slot(block.keys[i]) / SLOTS_A_RANGE;
        append(saving, &saving->ranges[idx], &block, i);
        if (saving->ranges[idx].num_rows < saving->block_rows) continue;
        souk_status status = flush_range(saving, idx);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

static souk_status finish_file(struct saving *saving, struct range *range)
{
    return rows_writer_finish(range->writer, &saving->table->files[range->file_idx].sum);
}

// The whole table as one file, when no block is full yet and one holds all.
static souk_status finish_small(struct saving *saving)
{
    struct range *all = &saving->ranges[0];
    for (uint32_t r = 1; r < TABLE_SAVE_RANGES; r++) {
        struct rows_block block = as_block(saving, &saving->ranges[r]);
        for (uint32_t i = 0; i < block.num_rows; i++) append(saving, all, &block, i);
    }
    souk_status status = open_file(saving, all, 0, SOUK_NUM_SLOTS - 1);
    if (status == SOUK_OK && all->num_rows > 0) status = flush(saving, all);
    return status == SOUK_OK ? finish_file(saving, all) : status;
}

static souk_status finish_all(struct saving *saving)
{
    uint64_t num_left = 0;
    for (uint32_t r = 0; r < TABLE_SAVE_RANGES; r++) num_left += saving->ranges[r].num_rows;
    if (saving->table->num_files == 0 && num_left <= saving->block_rows)
        return finish_small(saving);
    for (uint32_t r = 0; r < TABLE_SAVE_RANGES; r++) {
        struct range *range = &saving->ranges[r];
        if (range->num_rows == 0 && !range->writer) continue;
        souk_status status = range->num_rows > 0 ? flush_range(saving, r) : SOUK_OK;
        if (status == SOUK_OK) status = finish_file(saving, range);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

static void fini_range(struct range *range)
{
    rows_writer_close(range->writer);
    mem_free(range->keys);
    mem_free(range->rows);
    mem_free(range->states);
}

souk_status table_save(const struct table_save *save, struct manifest_table *table)
{
    uint32_t state_floats =
        save->with_states ? souk_client_state_floats(save->client, save->table) : 0;
    table->state_floats = state_floats;
    table->files = mem_calloc(TABLE_SAVE_RANGES, sizeof(*table->files), "manifest");
    size_t row_bytes = ((size_t)table->spec.dim + state_floats) * sizeof(float);
    size_t block_rows = TABLE_SAVE_BLOCK_BYTES / row_bytes;

    struct saving *saving = mem_calloc(1, sizeof(*saving), "saving of a table");
    saving->save = save;
    saving->table = table;
    saving->dim = table->spec.dim;
    saving->state_floats = state_floats;
    saving->block_rows = block_rows > ROWS_BLOCK_MAX ? ROWS_BLOCK_MAX
                         : block_rows > 0            ? (uint32_t)block_rows
                                                     : 1;
    souk_status status =
        souk_client_scan(save->client, save->table, state_floats > 0, take_block, saving);
    if (status == SOUK_OK) status = finish_all(saving);

    for (uint32_t r = 0; r < TABLE_SAVE_RANGES; r++) fini_range(&saving->ranges[r]);
    fini_range(&saving->sorted);
    mem_free(saving->places);
    mem_free(saving);
    return status;
}
