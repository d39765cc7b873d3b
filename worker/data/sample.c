/* sample.c - see sample.h. */
#include "worker/data/sample.h"

#include <string.h>

#include "common/base/mem.h"
#include "worker/data/line_reader.h"

void sample_batch_init(struct sample_batch *batch, uint32_t num_ids, uint32_t num_histories)
{
    *batch = (struct sample_batch){.num_ids = num_ids, .num_histories = num_histories};
    sample_batch_reserve(batch, 1, 1);
    sample_batch_clear(batch);
}

void sample_batch_fini(struct sample_batch *batch)
{
    for (uint32_t i = 0; i < batch->num_ids; i++) mem_free(batch->ids[i]);
    for (uint32_t i = 0; i < batch->num_histories; i++) mem_free(batch->histories[i]);
    mem_free(batch->labels);
    mem_free(batch->row_start);
    *batch = (struct sample_batch){.num_samples = 0};
}

void sample_batch_clear(struct sample_batch *batch)
{
    batch->num_samples = batch->num_rows = 0;
    batch->row_start[0] = 0;
}

// What an array grows to when it has to hold `needed`.
static size_t grown(size_t capacity, size_t needed)
{
    size_t more = capacity + capacity / 2;
    return more > needed ? more : needed;
}

void sample_batch_reserve(struct sample_batch *batch, uint32_t num_samples, uint32_t num_rows)
{
    size_t samples = (size_t)batch->num_samples + num_samples;
    size_t rows = (size_t)batch->num_rows + num_rows;
    if (samples > batch->samples_capacity) {
        size_t n = batch->samples_capacity = grown(batch->samples_capacity, samples);
        batch->labels = mem_realloc(batch->labels, n * sizeof(float), "samples");
        batch->row_start =
            mem_realloc(batch->row_start, (n + 1) * sizeof(*batch->row_start), "samples");
        for (uint32_t i = 0; i < batch->num_ids; i++)
            batch->ids[i] = mem_realloc(batch->ids[i], n * sizeof(uint64_t), "samples");
    }
    if (rows > batch->rows_capacity) {
        size_t n = batch->rows_capacity = grown(batch->rows_capacity, rows);
        for (uint32_t i = 0; i < batch->num_histories; i++)
            batch->histories[i] = mem_realloc(batch->histories[i], n * sizeof(uint64_t), "samples");
    }
}

void sample_batch_append(struct sample_batch *batch, const struct sample_batch *from, uint32_t b)
{
    uint32_t begin = from->row_start[b], n = from->row_start[b + 1] - begin;
    sample_batch_reserve(batch, 1, n);
    batch->labels[batch->num_samples] = from->labels[b];
    for (uint32_t i = 0; i < batch->num_ids; i++)
        batch->ids[i][batch->num_samples] = from->ids[i][b];
    for (uint32_t i = 0; i < batch->num_histories; i++)
        memcpy(batch->histories[i] + batch->num_rows, from->histories[i] + begin,
               n * sizeof(uint64_t));
    batch->num_rows += n;
    batch->row_start[++batch->num_samples] = batch->num_rows;
}

bool sample_batch_has_room(const struct sample_batch *batch)
{
    uint64_t num_rows = (uint64_t)batch->num_rows + LINE_MAX_BYTES; // more than a line can hold
    uint64_t num_samples = (uint64_t)batch->num_samples + 1;
    return num_rows * (batch->num_histories > 0 ? batch->num_histories : 1) +
               num_samples * batch->num_ids <=
           UINT32_MAX;
}
