/* top_list.c - see top_list.h. A binary heap whose root is the worst entry that still counts. */
#include "worker/eval/top_list.h"

#include <stdlib.h>

#include "common/base/mem.h"

void top_list_init(struct top_list *list, uint32_t capacity)
{
    *list = (struct top_list){.capacity = capacity};
    list->entries = mem_calloc(capacity, sizeof(*list->entries), "list of the best");
}

void top_list_fini(struct top_list *list)
{
    mem_free(list->entries);
    *list = (struct top_list){0};
}

static bool is_better(float rank_a, uint64_t key_a, float rank_b, uint64_t key_b)
{
    return rank_a > rank_b || (rank_a == rank_b && key_a < key_b);
}

static bool is_worse_entry(const struct top_entry *a, const struct top_entry *b)
{
    return is_better(b->rank, b->key, a->rank, a->key);
}

bool top_list_takes(const struct top_list *list, float rank, uint64_t key)
{
    if (list->num_entries < list->capacity) return true;
    return list->capacity > 0 && is_better(rank, key, list->entries[0].rank, list->entries[0].key);
}

static void swap(struct top_entry *a, struct top_entry *b)
{
    struct top_entry kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct top_entry *entries, uint32_t idx)
{
    while (idx > 0 && is_worse_entry(&entries[idx], &entries[(idx - 1) / 2])) {
        swap(&entries[idx], &entries[(idx - 1) / 2]);
        idx = (idx - 1) / 2;
    }
}

static void sift_down(struct top_entry *entries, uint32_t num_entries)
{
    uint32_t idx = 0;
    for (;;) {
        uint32_t child = 2 * idx + 1;
        if (child >= num_entries) return;
        if (child + 1 < num_entries && is_worse_entry(&entries[child + 1], &entries[child]))
            child++;
        if (!is_worse_entry(&entries[child], &entries[idx])) return;
        swap(&entries[child], &entries[idx]);
        idx = child;
    }
}

void top_list_add(struct top_list *list, const struct top_entry *entry)
{
    if (!top_list_takes(list, entry->rank, entry->key)) return;
    if (list->num_entries < list->capacity) {
        list->entries[list->num_entries] = *entry;
        sift_up(list->entries, list->num_entries++);
        return;
    }
    list->entries[0] = *entry;
    sift_down(list->entries, list->num_entries);
}

static int compare_entries(const void *a, const void *b)
{
    const struct top_entry *x = a, *y = b;
    return is_better(x->rank, x->key, y->rank, y->key)   ? -1
           : is_better(y->rank, y->key, x->rank, x->key) ? 1
                                                         : 0;
}

void top_list_sort(struct top_list *list)
{
    qsort(list->entries, list->num_entries, sizeof(*list->entries), compare_entries);
}
