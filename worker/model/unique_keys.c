/* unique_keys.c - see unique_keys.h. Least significant byte first; a byte that all keys share,
 * which small integer ids have many of, costs no pass. */
#include "worker/model/unique_keys.h"

#include <string.h>

#include "common/base/mem.h"

struct entry {
    uint64_t key;
    uint32_t sample; // whose key it is
};

struct unique_keys {
    struct entry *entries, *spare;
    size_t entries_capacity, spare_capacity; // entries
    uint32_t counts[8][256];                 // by byte of the key, by its value
};

struct unique_keys *unique_keys_create(void)
{
    return mem_calloc(1, sizeof(struct unique_keys), "sorting of keys");
}

void unique_keys_destroy(struct unique_keys *unique)
{
    if (!unique) return;
    mem_free(unique->entries);
    mem_free(unique->spare);
    mem_free(unique);
}

static void take_in(struct unique_keys *unique, const uint64_t *keys, uint32_t n)
{
    mem_reserve(&unique->entries, &unique->entries_capacity, n, sizeof *unique->entries,
                "sorting of keys");
    mem_reserve(&unique->spare, &unique->spare_capacity, n, sizeof *unique->spare,
                "sorting of keys");
    memset(unique->counts, 0, sizeof unique->counts);
    for (uint32_t t = 0; t < n; t++) {
        unique->entries[t] = (struct entry){.key = keys[t], .sample = t};
        for (unsigned b = 0; b < 8; b++) unique->counts[b][keys[t] >> (8 * b) & 255]++;
    }
}

static void sort_by_byte(struct unique_keys *unique, uint32_t n, unsigned b)
{
    uint32_t starts[256], total = 0;
    for (unsigned value = 0; value < 256; value++) {
        starts[value] = total;
        total += unique->counts[b][value];
    }
    for (uint32_t t = 0; t < n; t++) {
        const struct entry *entry = &unique->entries[t];
        unique->spare[starts[entry->key >> (8 * b) & 255]++] = *entry;
    }
    struct entry *sorted = unique->spare;
    unique->spare = unique->entries;
    unique->entries = sorted;
    size_t capacity = unique->spare_capacity;
    unique->spare_capacity = unique->entries_capacity;
    unique->entries_capacity = capacity;
}

void unique_keys_find(struct unique_keys *unique, const uint64_t *keys, uint32_t n,
                      struct batch_part *part, uint32_t *idxs_out)
{
    take_in(unique, keys, n);
    for (unsigned b = 0; b < 8; b++)
        if (n > 0 && unique->counts[b][keys[0] >> (8 * b) & 255] < n) sort_by_byte(unique, n, b);
    const struct entry *entries = unique->entries;
    uint32_t num_keys = n > 0;
    for (uint32_t t = 1; t < n; t++) num_keys += entries[t].key != entries[t - 1].key;
    batch_part_reserve(part, num_keys);
    part->num_keys = num_keys;
    for (uint32_t t = 0, idx = 0; t < n; t++) {
        idx += t > 0 && entries[t].key != entries[t - 1].key;
        part->keys[idx] = entries[t].key;
        idxs_out[entries[t].sample] = idx;
    }
}
