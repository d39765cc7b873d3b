/* sample_store.h - samples kept in memory, compactly, to be given out in any order.
 *
 * Rows of one user usually come one after the other, and each one's history is that of the row
 * before, perhaps with one behaviour more. So histories lie in one pool, and one that begins with
 * what the pool ends with shares it: n rows of a user take n behaviours, not n * n / 2.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_SAMPLE_STORE_H
#define SOUK_WORKER_DATA_SAMPLE_STORE_H

#include "worker/data/sample.h"

struct sample_span {
    uint64_t begin;  // in the pools
    uint32_t length; // of the history
    float label;
};

struct sample_store {
    uint32_t num_ids, num_histories;
    uint64_t num_samples;
    struct sample_span *spans;             // (num_samples)
    uint64_t *ids;                         // (num_samples, num_ids)
    uint64_t *pools[SAMPLE_HISTORIES_MAX]; // (pool_length) each
    uint64_t pool_length;
    size_t spans_capacity, ids_capacity, pool_capacities[SAMPLE_HISTORIES_MAX];
};

void sample_store_init(struct sample_store *store, uint32_t num_ids, uint32_t num_histories);
void sample_store_fini(struct sample_store *store); // a zeroed one is fine
/* Forgets the samples, keeps the room. */
void sample_store_clear(struct sample_store *store);
void sample_store_add(struct sample_store *store, const struct sample_batch *batch, uint32_t b);
/* Appends a sample to a batch. */
void sample_store_give(const struct sample_store *store, uint64_t sample,
                       struct sample_batch *batch);
/* Tells the processor that a sample will be given soon. */
static inline void sample_store_prefetch(const struct sample_store *store, uint64_t sample)
{
    __builtin_prefetch(&store->spans[sample]);
    __builtin_prefetch(&store->ids[sample * store->num_ids]);
}

#endif
