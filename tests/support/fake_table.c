/* fake_table.c - see fake_table.h. */
#include "tests/support/fake_table.h"

#include <string.h>

#include "common/base/mem.h"
#include "tests/support/fake_shard.h"

float fake_initial(uint64_t key, uint32_t column)
{
    return (float)(key % 97) + (float)column / 16;
}

void fake_table_open(struct fake_table *table, const struct souk_table_spec *spec)
{
    table->spec = *spec;
    table->state_floats = spec->optimizer == SOUK_OPT_ADAGRAD ? spec->dim : 0;
    table->is_open = true;
}

void fake_table_fini(struct fake_table *table)
{
    for (uint32_t i = 0; i < table->num_rows; i++) {
        mem_free(table->rows[i].weights);
        mem_free(table->rows[i].states);
    }
    mem_free(table->rows);
    *table = (struct fake_table){0};
}

/* Index of the first row whose key is not below. */
static uint32_t lower_bound(const struct fake_table *table, uint64_t key)
{
    uint32_t low = 0, high = table->num_rows;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (table->rows[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct fake_row *fake_table_find(struct fake_table *table, uint64_t key)
{
    uint32_t i = lower_bound(table, key);
    return i < table->num_rows && table->rows[i].key == key ? &table->rows[i] : NULL;
}

struct fake_row *fake_table_make(struct fake_table *table, uint64_t key)
{
    struct fake_row *found = fake_table_find(table, key);
    if (found) return found;
    uint32_t i = lower_bound(table, key);
    mem_reserve(&table->rows, &table->capacity, table->num_rows + 1, sizeof(*table->rows),
                "fake rows");
    memmove(table->rows + i + 1, table->rows + i, (table->num_rows - i) * sizeof(*table->rows));
    table->num_rows++;
    struct fake_row *row = &table->rows[i];
    *row = (struct fake_row){
        .key = key,
        .weights = mem_calloc(table->spec.dim, sizeof(float), "fake weights"),
        .states = mem_calloc(table->state_floats, sizeof(float), "fake states"),
    };
    for (uint32_t c = 0; c < table->spec.dim; c++) row->weights[c] = fake_initial(key, c);
    return row;
}
