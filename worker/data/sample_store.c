/* sample_store.c - see sample_store.h. */
#include "worker/data/sample_store.h"

#include <string.h>

#include "common/base/mem.h"

void sample_store_init(struct sample_store *store, uint32_t num_ids, uint32_t num_histories)
{
    *store = (struct sample_store){.num_ids = num_ids, .num_histories = num_histories};
}

void sample_store_fini(struct sample_store *store)
{
    for (uint32_t h = 0; h < store->num_histories; h++) mem_free(store->pools[h]);
    mem_free(store->spans);
    mem_free(store->ids);
    *store = (struct sample_store){.num_samples = 0};
}

void sample_store_clear(struct sample_store *store)
{
    store->num_samples = store->pool_length = 0;
}

// Whether the last k behaviours of the pools are the first k of sample b.
static bool is_overlap(const struct sample_store *store, const struct sample_batch *batch,
                       uint32_t b, uint32_t k)
{
    uint32_t begin = batch->row_start[b];
    for (uint32_t h = 0; h < store->num_histories; h++)
        if (memcmp(store->pools[h] + store->pool_length - k, batch->histories[h] + begin,
                   k * sizeof(uint64_t)) != 0)
            return false;
    return true;
}

// How many behaviours of sample b the pools end with: all of the sample before, or, where the
// longest history is cut, all but its oldest.
static uint32_t find_overlap(const struct sample_store *store, const struct sample_batch *batch,
                             uint32_t b)
{
    uint32_t n = batch->row_start[b + 1] - batch->row_start[b];
    if (store->num_samples == 0) return 0;
    uint32_t last = store->spans[store->num_samples - 1].length;
    for (uint32_t k = last, i = 0; k > 0 && i < 2; k--, i++)
        if (k <= n && is_overlap(store, batch, b, k)) return k;
    return 0;
}

void sample_store_add(struct sample_store *store, const struct sample_batch *batch, uint32_t b)
{
    uint32_t begin = batch->row_start[b], n = batch->row_start[b + 1] - begin;
    uint32_t shared = find_overlap(store, batch, b), more = n - shared;
    uint64_t s = store->num_samples, num_ids = store->num_ids;
    for (uint32_t h = 0; more > 0 && h < store->num_histories; h++) {
        mem_reserve(&store->pools[h], &store->pool_capacities[h], store->pool_length + more,
                    sizeof(uint64_t), "samples in memory");
        memcpy(store->pools[h] + store->pool_length, batch->histories[h] + begin + shared,
               more * sizeof(uint64_t));
    }
    mem_reserve(&store->spans, &store->spans_capacity, s + 1, sizeof(*store->spans),
                "samples in memory");
    mem_reserve(&store->ids, &store->ids_capacity, (s + 1) * num_ids, sizeof(uint64_t),
                "samples in memory");
    for (uint32_t i = 0; i < num_ids; i++) store->ids[s * num_ids + i] = batch->ids[i][b];
    store->spans[s] = (struct sample_span){store->pool_length - shared, n, batch->labels[b]};
    store->pool_length += more;
    store->num_samples++;
}

void sample_store_give(const struct sample_store *store, uint64_t sample,
                       struct sample_batch *batch)
{
    struct sample_span span = store->spans[sample];
    const uint64_t *ids = store->ids + sample * store->num_ids;
    uint32_t b = batch->num_samples;
    sample_batch_reserve(batch, 1, span.length);
    batch->labels[b] = span.label;
    for (uint32_t i = 0; i < store->num_ids; i++) batch->ids[i][b] = ids[i];
    for (uint32_t h = 0; span.length > 0 && h < store->num_histories; h++)
        memcpy(batch->histories[h] + batch->num_rows, store->pools[h] + span.begin,
               span.length * sizeof(uint64_t));
    batch->num_rows += span.length;
    batch->row_start[b + 1] = batch->num_rows;
    batch->num_samples++;
}
