/* table.h - one shard's part of a table: rows and optimizer state in a slab, found by hash.
 *
 * Open addressing with one-byte tags (table_index.h); keys, rows and states lie together in chunks
 * that never move (table_slab.h), so growth touches tags and record numbers only. Requests are
 * batches and go through in stages (hash all, prefetch, find all, prefetch rows, work), so that
 * cache misses overlap.
 *
 * Keys of a batch ascend strictly: the codec has checked that, and nobody else makes batches.
 *
 * Threads: owned by the shard loop, so there is no lock in here.
 */
#ifndef SOUK_SERVER_TABLE_H
#define SOUK_SERVER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/types.h"

struct table;

/* What all tables of a shard may take together. */
struct table_budget {
    uint64_t limit_bytes; // 0: no limit
    uint64_t used_bytes;  // by records (in steps of a huge page) and indices
};

/* spec has passed souk_table_spec_check; budget is borrowed for the life of the table. SOUK_ENOMEM:
 * not even an empty table fits. On SOUK_OK the caller owns *table_out. */
SOUK_MUST_CHECK souk_status table_create(const struct souk_table_spec *spec,
                                         struct table_budget *budget, struct table **table_out);
void table_destroy(struct table *table); // NULL is fine

const struct souk_table_spec *table_spec(const struct table *table);
uint32_t table_state_floats(const struct table *table); // a row
uint64_t table_num_rows(const struct table *table);
uint64_t table_memory_bytes(const struct table *table);

/* Copies the rows of keys to rows (num_keys, dim); rows that no push has made get their initial
 * value. found_bitmap has (num_keys + 7) / 8 bytes, or is NULL. */
void table_pull(struct table *table, const uint64_t *keys, uint32_t num_keys, float *rows,
                uint8_t *found_bitmap);

/* A batch that changes rows, and makes those that are missing, from their initial value. */
struct table_push {
    enum souk_push_mode mode;
    float lr;             // > 0; SOUK_PUSH_GRADIENT only
    uint32_t num_keys;    //
    const uint64_t *keys; // (num_keys)
    const float *rows;    // (num_keys, dim), finite
    const float *states;  // (num_keys, state floats), finite; SOUK_PUSH_ASSIGN only. NULL: states
                          // begin anew
};

/* A push in two steps, so that one over several tables happens in all of them or in none: prepare
 * finds the rows and gets the memory for new ones, and changes nothing that can be seen; apply
 * cannot fail and takes the same push, with nothing in between. SOUK_ENOMEM: the table cannot grow.
 */
SOUK_MUST_CHECK souk_status table_prepare(struct table *table, const struct table_push *push);
void table_apply(struct table *table, const struct table_push *push);

/* Copies up to max_rows rows from position *cursor on (0 first), in ascending order of key within
 * the block, and moves *cursor; it is 0 again when the end is reached. states may be NULL. Returns
 * the number of rows. Rows made meanwhile come last; none is missed or given twice. */
uint32_t table_scan(struct table *table, uint64_t *cursor, uint32_t max_rows, uint64_t *keys,
                    float *rows, float *states);

#endif
