/* din_batch.c - see din_batch.h. */
#include "worker/model/din_batch.h"

#include <string.h>

#include "common/base/mem.h"

struct din_builder {
    const struct sample_format *format; // borrowed
    uint32_t dim;
    struct unique_keys *unique;
    uint64_t *keys; // of one table's columns, one behind the other
    size_t keys_capacity;
};

struct din_builder *din_builder_create(const struct sample_format *format, uint32_t dim)
{
    struct din_builder *builder = mem_calloc(1, sizeof *builder, "preparation of batches");
    builder->format = format;
    builder->dim = dim;
    builder->unique = unique_keys_create();
    return builder;
}

void din_builder_destroy(struct din_builder *builder)
{
    if (!builder) return;
    unique_keys_destroy(builder->unique);
    mem_free(builder->keys);
    mem_free(builder);
}

struct din_samples *din_batch_samples(struct batch *batch, const struct sample_format *format)
{
    if (batch->samples) return batch->samples;
    struct din_samples *samples = mem_calloc(1, sizeof *samples, "samples of a batch");
    sample_batch_init(&samples->raw, format->num_ids, format->num_histories);
    return batch->samples = samples;
}

/* How many ids the columns of a table have in this batch. */
static size_t count_ids(const struct sample_format *format, const struct sample_batch *raw,
                        uint32_t table)
{
    size_t count = 0;
    for (uint32_t f = 0; f < format->num_fields; f++)
        if (format->ids[f].table == table) count += raw->num_samples;
    for (uint32_t h = 0; h < format->num_histories; h++)
        if (format->histories[h].table == table) count += raw->num_rows;
    return count;
}

static void copy_ids(uint64_t *to, const uint64_t *from, size_t n)
{
    if (n > 0) memcpy(to, from, n * sizeof *to); // without rows there may be no arrays yet
}

/* Copies the columns of a table into keys, and deals out where their indices will be. */
static void gather_columns(struct din_builder *builder, struct din_samples *samples, uint32_t table)
{
    const struct sample_format *format = builder->format;
    const struct sample_batch *raw = &samples->raw;
    size_t at = 0;
    for (uint32_t f = 0; f < format->num_fields; f++) {
        if (format->ids[f].table != table) continue;
        copy_ids(builder->keys + at, raw->ids[f], raw->num_samples);
        samples->field_idxs[f] = samples->idxs[table] + at;
        at += raw->num_samples;
    }
    for (uint32_t h = 0; h < format->num_histories; h++) {
        if (format->histories[h].table != table) continue;
        copy_ids(builder->keys + at, raw->histories[h], raw->num_rows);
        samples->history_idxs[h] = samples->idxs[table] + at;
        at += raw->num_rows;
    }
}

void din_builder_build(struct din_builder *builder, struct batch *batch)
{
    const struct sample_format *format = builder->format;
    struct din_samples *samples = batch->samples;
    batch->num_samples = samples->raw.num_samples;
    batch->num_parts = format->num_tables;
    for (uint32_t t = 0; t < format->num_tables; t++) {
        size_t n = count_ids(format, &samples->raw, t);
        mem_reserve(&builder->keys, &builder->keys_capacity, n, sizeof *builder->keys,
                    "keys of a batch");
        mem_reserve(&samples->idxs[t], &samples->idxs_capacity[t], n, sizeof *samples->idxs[t],
                    "rows of samples");
        samples->num_idxs[t] = (uint32_t)n;
        gather_columns(builder, samples, t);
        batch->parts[t].dim = builder->dim;
        unique_keys_find(builder->unique, builder->keys, (uint32_t)n, &batch->parts[t],
                         samples->idxs[t]);
    }
}

void din_batch_count(struct batch *batch, uint32_t ids, uint32_t counts)
{
    const struct din_samples *samples = batch->samples;
    const struct batch_part *from = &batch->parts[ids];
    struct batch_part *to = &batch->parts[counts];
    to->dim = 1;
    to->push_mode = SOUK_PUSH_ADD;
    batch_part_reserve(to, from->num_keys);
    to->num_keys = from->num_keys;
    if (from->num_keys == 0) return;
    memcpy(to->keys, from->keys, from->num_keys * sizeof *to->keys);
    memset(to->pushes, 0, from->num_keys * sizeof *to->pushes);
    for (uint32_t i = 0; i < samples->num_idxs[ids]; i++) to->pushes[samples->idxs[ids][i]]++;
}

void din_batch_fini(struct batch *batch)
{
    struct din_samples *samples = batch->samples;
    if (!samples) return;
    sample_batch_fini(&samples->raw);
    for (uint32_t t = 0; t < SOUK_TABLES_MAX; t++) mem_free(samples->idxs[t]);
    mem_free(samples);
    batch->samples = NULL;
}
