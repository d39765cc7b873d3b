/* fake_table.h - the table of fake_shard.c: rows sorted by key, looked up by bisection. */
#ifndef SOUK_TESTS_SUPPORT_FAKE_TABLE_H
#define SOUK_TESTS_SUPPORT_FAKE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/types.h"

struct fake_row {
    uint64_t key;
    float *weights; // (dim), owned
    float *states;  // (state_floats), owned
};

struct fake_table {
    struct souk_table_spec spec;
    uint32_t state_floats;
    struct fake_row *rows; // (num_rows), ascending
    uint32_t num_rows;
    size_t capacity; // of rows
    bool is_open;
};

void fake_table_open(struct fake_table *table, const struct souk_table_spec *spec);
void fake_table_fini(struct fake_table *table);
/* NULL when no push has made it. */
struct fake_row *fake_table_find(struct fake_table *table, uint64_t key);
struct fake_row *fake_table_make(struct fake_table *table, uint64_t key);

#endif
