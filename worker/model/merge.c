/* merge.c - see merge.h. What travels from rank to rank: for each part the number of keys (8
 * bytes), keys, pushes, and with_rows the rows. Keys ascend, so that a collector merges lists. */
#include "worker/model/merge.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"

// One rank's keys of a part, as they came.
struct list {
    const char *keys;   // (num) 8 bytes each, perhaps not aligned
    const char *pushes; // (num, dim)
    const char *rows;   // (num, dim), with_rows
    uint64_t num, next;
};

struct merge {
    struct comm *comm; // borrowed
    bool with_rows;
    struct batch merged; // parts own their arrays
    char *out, *in;
    size_t out_capacity, in_capacity;
    size_t *out_sizes, *in_sizes; // (ranks) bytes
    struct list *lists;           // (ranks)
    const char **at;              // (ranks) in `in`, behind what was read
};

struct merge *merge_create(struct comm *comm, bool with_rows)
{
    struct merge *merge = mem_calloc(1, sizeof *merge, "sums of pushes");
    uint32_t size = comm_size(comm);
    merge->comm = comm;
    merge->with_rows = with_rows;
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

/* The rows of keys that a rank collects. */
static char *pack_rows(char *at, const struct batch_part *part, const float *rows, uint32_t rank,
                       uint32_t size)
{
    for (uint32_t i = 0; i < part->num_keys; i++)
        if (collector(part->keys[i], size) == rank)
            at = put(at, rows + (size_t)i * part->dim, part->dim * sizeof(float));
    return at;
}

/* A part's keys for a rank, then what belongs to them; the count goes in front. */
static char *pack_part(const struct merge *merge, char *at, const struct batch_part *part,
                       uint32_t rank)
{
    uint32_t size = comm_size(merge->comm);
    uint64_t count = 0;
    char *head = at;
    at += sizeof count;
    for (uint32_t i = 0; i < part->num_keys; i++) {
        if (collector(part->keys[i], size) != rank) continue;
        at = put(at, &part->keys[i], sizeof part->keys[i]);
        count++;
    }
    memcpy(head, &count, sizeof count);
    at = pack_rows(at, part, part->pushes, rank, size);
    return merge->with_rows ? pack_rows(at, part, part->rows, rank, size) : at;
}

static void pack(struct merge *merge, const struct batch *batch)
{
    uint32_t size = comm_size(merge->comm);
    size_t bytes = (size_t)size * batch->num_parts * sizeof(uint64_t);
    for (uint32_t p = 0; p < batch->num_parts; p++) {
        size_t row_bytes = batch->parts[p].dim * sizeof(float);
        bytes += batch->parts[p].num_keys *
                 (sizeof(uint64_t) + row_bytes + (merge->with_rows ? row_bytes : 0));
    }
    mem_reserve(&merge->out, &merge->out_capacity, bytes, 1, "sums of pushes");
    char *at = merge->out;
    for (uint32_t rank = 0; rank < size; rank++) {
        const char *start = at;
        for (uint32_t p = 0; p < batch->num_parts; p++)
            at = pack_part(merge, at, &batch->parts[p], rank);
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
        list->pushes = list->keys + list->num * sizeof(uint64_t);
        list->rows = list->pushes + list->num * dim * sizeof(float);
        merge->at[rank] = list->rows + (merge->with_rows ? list->num * dim * sizeof(float) : 0);
        total += list->num;
    }
    return total;
}

static void add_push(const struct list *list, uint32_t dim, float *sums)
{
    const char *push = list->pushes + list->next * dim * sizeof(float);
    for (uint32_t d = 0; d < dim; d++) {
        float value;
        memcpy(&value, push + d * sizeof value, sizeof value);
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
    const size_t row_bytes = part->dim * sizeof(float);
    for (uint64_t key = 0; find_least(merge, &key);) {
        size_t offset = (size_t)part->num_keys * part->dim;
        memset(part->pushes + offset, 0, row_bytes);
        part->keys[part->num_keys++] = key;
        for (uint32_t rank = 0; rank < comm_size(merge->comm); rank++) {
            struct list *list = &merge->lists[rank];
            if (list->next == list->num || key_of(list) != key) continue;
            add_push(list, part->dim, part->pushes + offset);
            if (merge->with_rows) // the same from each rank
                memcpy(part->rows + offset, list->rows + list->next * row_bytes, row_bytes);
            list->next++;
        }
    }
}

struct batch *merge_pushes(struct merge *merge, const struct batch *batch)
{
    uint32_t size = comm_size(merge->comm);
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
