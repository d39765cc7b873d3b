/* top_list.h - the n best of many, in O(log n) each and n places. Threads: one owner. */
#ifndef SOUK_WORKER_EVAL_TOP_LIST_H
#define SOUK_WORKER_EVAL_TOP_LIST_H

#include <stdbool.h>
#include <stdint.h>

struct top_entry {
    float rank;   // more is better; finite
    float value;  // what is shown; does not take part in the order
    uint64_t key; // among equal ranks the smaller key is better
};

struct top_list {
    struct top_entry *entries; // (capacity) a heap with the worst at 0, until it is sorted
    uint32_t capacity, num_entries;
};

void top_list_init(struct top_list *list, uint32_t capacity);
void top_list_fini(struct top_list *list);
/* Whether an entry would get in: a cheap question before work on it. */
bool top_list_takes(const struct top_list *list, float rank, uint64_t key);
void top_list_add(struct top_list *list, const struct top_entry *entry);
/* Best first. Nothing may be added afterwards. */
void top_list_sort(struct top_list *list);

#endif
