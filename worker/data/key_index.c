/* key_index.c - see key_index.h. Open addressing with linear probing; slots hold numbers. */
#include "worker/data/key_index.h"

#include <stddef.h>

#include "common/base/hash.h"
#include "common/base/mem.h"

enum { FIRST_SLOTS = 1024 };

struct key_index {
    uint64_t *keys; // by number
    size_t keys_capacity;
    uint32_t *slots;    // number + 1; 0: free
    uint64_t num_slots; // a power of two, at most 2/3 used
    uint32_t count;
};

struct key_index *key_index_create(void)
{
    struct key_index *index = mem_calloc(1, sizeof(*index), "key index");
    index->num_slots = FIRST_SLOTS;
    index->slots = mem_calloc(index->num_slots, sizeof(*index->slots), "key index");
    return index;
}

void key_index_destroy(struct key_index *index)
{
    if (!index) return;
    mem_free(index->keys);
    mem_free(index->slots);
    mem_free(index);
}

// The slot of a key, or the free one where it belongs.
static uint32_t *find(const struct key_index *index, uint64_t key)
{
    uint64_t mask = index->num_slots - 1, i = hash_key(key) & mask;
    while (index->slots[i] && index->keys[index->slots[i] - 1] != key) i = (i + 1) & mask;
    return &index->slots[i];
}

static void grow(struct key_index *index)
{
    mem_free(index->slots);
    index->num_slots *= 2;
    index->slots = mem_calloc(index->num_slots, sizeof(*index->slots), "key index");
    for (uint32_t i = 0; i < index->count; i++) *find(index, index->keys[i]) = i + 1;
}

uint32_t key_index_add(struct key_index *index, uint64_t key)
{
    uint32_t *slot = find(index, key);
    if (*slot) return *slot - 1;
    if (((uint64_t)index->count + 1) * 3 > index->num_slots * 2) {
        grow(index);
        slot = find(index, key);
    }
    mem_reserve(&index->keys, &index->keys_capacity, (size_t)index->count + 1, sizeof(uint64_t),
                "key index");
    index->keys[index->count] = key;
    *slot = ++index->count;
    return index->count - 1;
}

uint32_t key_index_count(const struct key_index *index)
{
    return index->count;
}

uint64_t key_index_key(const struct key_index *index, uint32_t number)
{
    return index->keys[number];
}
