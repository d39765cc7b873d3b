/* sample.h - batches of samples: a label, plain ids, and a history of past behaviours each.
 *
 * Histories are ragged and lie end to end (CSR): the behaviours of sample b are rows
 * [row_start[b], row_start[b + 1]) of every history column, oldest first. There is no padding.
 *
 *   B samples   T rows: behaviours of all samples
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_SAMPLE_H
#define SOUK_WORKER_DATA_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SAMPLE_IDS_MAX = 48, SAMPLE_HISTORIES_MAX = 8 };

struct sample_batch {
    uint32_t num_samples;                      // B
    uint32_t num_rows;                         // T = row_start[B]
    uint32_t num_ids;                          // arrays in ids: those of sample_format.ids
    uint32_t num_histories;                    // arrays in histories
    float *labels;                             // (B) 0 or 1; NAN where the file has none
    uint64_t *ids[SAMPLE_IDS_MAX];             // (B) each: keys
    uint32_t *row_start;                       // (B + 1)
    uint64_t *histories[SAMPLE_HISTORIES_MAX]; // (T) each: keys
    size_t samples_capacity, rows_capacity;    // room that all arrays have
};

void sample_batch_init(struct sample_batch *batch, uint32_t num_ids, uint32_t num_histories);
void sample_batch_fini(struct sample_batch *batch); // a zeroed one is fine
/* Forgets the samples, keeps the room. */
void sample_batch_clear(struct sample_batch *batch);
/* Room for so many more samples and rows. */
void sample_batch_reserve(struct sample_batch *batch, uint32_t num_samples, uint32_t num_rows);
/* Appends sample b of another batch with as many arrays. */
void sample_batch_append(struct sample_batch *batch, const struct sample_batch *from, uint32_t b);
/* Whether one more sample, with a history of any length, still leaves all ids of the batch
 * countable with 32 bits. */
bool sample_batch_has_room(const struct sample_batch *batch);

#endif
