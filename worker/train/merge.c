/* merge.c - see merge.h. What travels from rank to rank: for each part the number of keys (8
 * bytes), keys, rows. Keys ascend, so that a collector merges lists. */
#include "worker/train/merge.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"

// One rank's keys of a part, as they came.
struct list {
    const char *keys; // (num) 8 bytes each, perhaps not aligned
    const char *rows; // (num, dim)
    uint64_t num, next;
};

struct merge {
    struct comm *comm;   // borrowed
    struct batch merged; // parts own their arrays
    char *out, *in;
    size_t out_capacity, in_capacity;
    size_t *out_sizes, *in_sizes; // (ranks) bytes
    struct list *lists;           // (ranks)
    const char **at;              // (ranks) in `in`, behind what was read
};

struct merge *merge_create(struct comm *comm)
{
    struct merge *merge = mem_calloc(1, sizeof *merge, "sums of pushes");
    uint32_t size = comm_size(comm);
    merge->comm = comm;
    merge->out_sizes = mem_calloc(size, sizeof *merge->out_sizes, "sums of pushes");
    merge->in_sizes = mem_calloc(size, sizeof *merge->in_sizes, "sums of pushes");
    merge->lists = mem_calloc(size, sizeof *merge->lists, "sums of pushes");
    merge->at = mem_calloc(size, sizeof *merge->at, "sums of pushes");
    return merge;
}

void merge_destroy(struct merge *merge)
{
    if (!merge) return;
    for (uint32_t p = 0; p < MODEL_TABLES_MAX; p++) batch_part_fini(&merge->merged.parts[p]);
    mem_free(merge->out);
    mem_free(merge->in);
    mem_free(merge->out_sizes);
    mem_free(merge->in_sizes);
    mem_free(merge->lists);
    mem_free(merge->at);
    mem_free(merge);
}

// The rank that collects a key. Another hash than that of slots, so that each rank has keys of all
// servers.
static uint32_t collector(uint64_t key, uint32_t size)
{
    return (uint32_t)(hash_key(key + 0x9E3779B97F4A7C15ULL) % size);
}

/* ---- out ---- */

static char *put(char *at, const void *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

/* A part's keys for a rank, then their rows; the count goes in front. */
static char *pack_part(char *at, const struct batch_part *part, uint32_t rank, uint32_t size)
{
    uint64_t count = 0;
    char *head = at;
    at += sizeof count;
    for (uint32_t i = 0; i < part->num_keys; i++) {
        if (collector(part->keys[i], size) != rank) continue;
        at = put(at, &part->keys[i], sizeof part->keys[i]);
        count++;
    }
    memcpy(head, &count, sizeof count);
    for (uint32_t i = 0; i < part->num_keys; i++)
        if (collector(part->keys[i], size) == rank)
            at = put(at, part->pushes + (size_t)i * part->dim, part->dim * sizeof(float));
    return at;
}

static void pack(struct merge *merge, const struct batch *batch)
{
    uint32_t size = comm_size(merge->comm);
    size_t bytes = (size_t)size * batch->num_parts * sizeof(uint64_t);
    for (uint32_t p = 0; p < batch->num_parts; p++)
        bytes +=
            batch->parts[p].num_keys * (sizeof(uint64_t) + batch->parts[p].dim * sizeof(float));
    mem_reserve(&merge->out, &merge->out_capacity, bytes, 1, "sums of pushes");
    char *at = merge->out;
    for (uint32_t rank = 0; rank < size; rank++) {
        const char *start = at;
        for (uint32_t p = 0; p < batch->num_parts; p++)
            at = pack_part(at, &batch->parts[p], rank, size);
        merge->out_sizes[rank] = (size_t)(at - start);
    }
}

/* ---- in ---- */

static uint64_t key_of(const struct list *list)
{
    uint64_t key;
    memcpy(&key, list->keys + list->next * sizeof key, sizeof key);
    return key;
}

/* Finds the lists of a part; returns how many keys they have together. */
static uint64_t open_lists(struct merge *merge, uint32_t dim)
{
    uint64_t total = 0;
    for (uint32_t rank = 0; rank < comm_size(merge->comm); rank++) {
        struct list *list = &merge->lists[rank];
        memcpy(&list->num, merge->at[rank], sizeof list->num);
        list->next = 0;
        list->keys = merge->at[rank] + sizeof list->num;
        list->rows = list->keys + list->num * sizeof(uint64_t);
        merge->at[rank] = list->rows + list->num * dim * sizeof(float);
        total += list->num;
    }
    return total;
}

static void add_row(struct list *list, uint32_t dim, float *sums)
{
    const char *row = list->rows + list->next++ * dim * sizeof(float);
    for (uint32_t d = 0; d < dim; d++) {
        float value;
        memcpy(&value, row + d * sizeof value, sizeof value);
        sums[d] += value;
    }
}

/* The smallest key that is left; false at the end of all lists. */
static bool find_least(const struct merge *merge, uint64_t *key_out)
{
    bool is_there = false;
    for (uint32_t rank = 0; rank < comm_size(merge->comm); rank++) {
        const struct list *list = &merge->lists[rank];
        if (list->next == list->num) continue;
        uint64_t key = key_of(list);
        if (!is_there || key < *key_out) *key_out = key;
        is_there = true;
    }
    return is_there;
}

static void merge_part(struct merge *merge, const struct batch_part *like, struct batch_part *part)
{
    part->dim = like->dim;
    part->push_mode = like->push_mode;
    part->push_lr = like->push_lr;
    part->num_keys = 0;
    batch_part_reserve(part, (uint32_t)open_lists(merge, like->dim));
    for (uint64_t key = 0; find_least(merge, &key);) {
        float *sums = part->pushes + (size_t)part->num_keys * part->dim;
        memset(sums, 0, part->dim * sizeof *sums);
        part->keys[part->num_keys++] = key;
        for (uint32_t rank = 0; rank < comm_size(merge->comm); rank++) {
            struct list *list = &merge->lists[rank];
            if (list->next < list->num && key_of(list) == key) add_row(list, part->dim, sums);
        }
    }
}

const struct batch *merge_pushes(struct merge *merge, const struct batch *batch)
{
    uint32_t size = comm_size(merge->comm);
    if (size == 1) return batch;
    pack(merge, batch);
    comm_step_sizes(merge->comm, merge->out_sizes, merge->in_sizes);
    size_t bytes = 0;
    for (uint32_t rank = 0; rank < size; rank++) bytes += merge->in_sizes[rank];
    mem_reserve(&merge->in, &merge->in_capacity, bytes, 1, "sums of pushes");
    comm_step_swap(merge->comm, merge->out, merge->out_sizes, merge->in, merge->in_sizes);
    const char *at = merge->in;
    for (uint32_t rank = 0; rank < size; at += merge->in_sizes[rank++]) merge->at[rank] = at;
    merge->merged.num_parts = batch->num_parts;
    for (uint32_t p = 0; p < batch->num_parts; p++)
        merge_part(merge, &batch->parts[p], &merge->merged.parts[p]);
    return &merge->merged;
}
