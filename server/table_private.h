/* table_private.h - the inside of a table, for table.c and table_scan.c only. */
#ifndef SOUK_SERVER_TABLE_PRIVATE_H
#define SOUK_SERVER_TABLE_PRIVATE_H

#include "server/optimizer.h"
#include "server/table_index.h"
#include "server/table_slab.h"

struct scan_entry {
    uint64_t key;
    uint32_t record_idx;
};

struct table {
    struct souk_table_spec spec;
    const struct optimizer_ops *optimizer; // static
    uint64_t initial_seed;
    uint32_t state_floats; // a row
    struct slab slab;
    struct table_index index;
    uint8_t **prepared; // (prepared_capacity) by key of the prepared push: its record, NULL: new
    size_t prepared_capacity;
    struct scan_entry *scan_entries; // (scan_capacity) of the block that is being scanned
    size_t scan_capacity;
};

/* memcpy for rows, which are short and mostly a multiple of 8 floats: saves the call. */
static inline void copy_floats(float *to, const float *from, uint32_t n)
{
    for (; n >= 8; n -= 8, to += 8, from += 8) memcpy(to, from, 8 * sizeof(float));
    if (n) memcpy(to, from, n * sizeof(float));
}

#endif
