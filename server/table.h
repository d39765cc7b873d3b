/* table.h - one shard's part of a table: rows and optimizer state in a slab, found by hash.
 *
 * Open addressing with one-byte tags; keys, rows and states lie together in chunks that never
 * move, so growth rehashes tags and indices only. Requests are batches and go through in stages
 * (hash all, prefetch, find all, prefetch rows, work), so that cache misses overlap.
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

/* spec has passed souk_table_spec_check. On SOUK_OK the caller owns *table_out. */
SOUK_MUST_CHECK souk_status table_create(const struct souk_table_spec *spec,
                                         struct table **table_out);
void table_destroy(struct table *table); // NULL is fine

const struct souk_table_spec *table_spec(const struct table *table);
uint32_t table_state_floats(const struct table *table); // a row
uint64_t table_num_rows(const struct table *table);
uint64_t table_memory_bytes(const struct table *table);

/* Copies the rows of keys to rows (num_keys, dim); rows that no push has made get their initial
 * value. found_bitmap has (num_keys + 7) / 8 bytes, or is NULL. */
void table_pull(struct table *table, const uint64_t *keys, uint32_t num_keys, float *rows,
                uint8_t *found_bitmap);

/* Applies num_keys rows; makes those that are missing, from their initial value. states may be NULL
 * (SOUK_PUSH_ASSIGN then begins them anew). SOUK_ENOMEM: the table cannot grow, nothing was
 * applied.
 */
SOUK_MUST_CHECK souk_status table_push(struct table *table, enum souk_push_mode mode, float lr,
                                       const uint64_t *keys, uint32_t num_keys, const float *rows,
                                       const float *states);

/* Copies up to max_rows rows from position *cursor on, in ascending order of key within the block,
 * and moves *cursor; 0 when the end is reached. states may be NULL. Returns the number of rows. */
uint32_t table_scan(struct table *table, uint64_t *cursor, uint32_t max_rows, uint64_t *keys,
                    float *rows, float *states);

#endif
