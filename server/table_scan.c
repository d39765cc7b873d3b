/* table_scan.c - walks the records of a table in the order in which they were made, see table.h.
 *
 * Records never move and none is taken away, so a record number is a position that stays valid
 * between two calls, whatever is pushed meanwhile. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "server/table_private.h"

static int compare_entries(const void *left, const void *right)
{
    const struct scan_entry *a = left, *b = right;
    return (a->key > b->key) - (a->key < b->key);
}

static void sort_block(struct table *table, uint64_t start, uint32_t n)
{
    mem_reserve(&table->scan_entries, &table->scan_capacity, n, sizeof(*table->scan_entries),
                "block of a scan");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t record_idx = (uint32_t)(start + i);
        uint64_t key = record_key(slab_record(&table->slab, record_idx));
        table->scan_entries[i] = (struct scan_entry){key, record_idx};
    }
    qsort(table->scan_entries, n, sizeof(*table->scan_entries), compare_entries);
}

uint32_t table_scan(struct table *table, uint64_t *cursor, uint32_t max_rows, uint64_t *keys,
                    float *rows, float *states)
{
    uint64_t start = *cursor, num_rows = table->slab.num_records;
    if (start >= num_rows) { // a cursor comes from the network: any number may
        *cursor = 0;
        return 0;
    }
    uint32_t n = num_rows - start < max_rows ? (uint32_t)(num_rows - start) : max_rows;
    uint32_t dim = table->spec.dim, state_floats = table->state_floats;
    sort_block(table, start, n);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *record = slab_record(&table->slab, table->scan_entries[i].record_idx);
        const float *row = record_row(record);
        keys[i] = table->scan_entries[i].key;
        copy_floats(rows + (size_t)i * dim, row, dim);
        if (states) copy_floats(states + (size_t)i * state_floats, row + dim, state_floats);
    }
    *cursor = start + n == num_rows ? 0 : start + n;
    return n;
}
