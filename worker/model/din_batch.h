/* din_batch.h - a batch of samples and the rows of tables that it needs.
 *
 * All columns of ids of one table, plain and of histories, are looked up together: their distinct
 * keys are the table's part of the batch, and each id becomes the index of its row there.
 *
 * Threads: the builder belongs to the loader; a batch to whoever has it.
 */
#ifndef SOUK_WORKER_MODEL_DIN_BATCH_H
#define SOUK_WORKER_MODEL_DIN_BATCH_H

#include "worker/data/sample_format.h"
#include "worker/model/model.h"
#include "worker/model/unique_keys.h"

// struct batch.samples of a click model. B samples, T rows of histories.
struct din_samples {
    struct sample_batch raw;         // labels, ids, row_start
    uint32_t *idxs[SOUK_TABLES_MAX]; // all of a table, owned
    uint32_t num_idxs[SOUK_TABLES_MAX];
    size_t idxs_capacity[SOUK_TABLES_MAX];        //
    uint32_t *field_idxs[SAMPLE_IDS_MAX];         // (B) in idxs: row of the part of its table
    uint32_t *history_idxs[SAMPLE_HISTORIES_MAX]; // (T) likewise
};

struct din_builder; // room to gather and to sort in

struct din_builder *din_builder_create(const struct sample_format *format, uint32_t dim);
void din_builder_destroy(struct din_builder *builder); // NULL is fine

/* The samples of a batch, made when there are none yet; raw is for the caller to fill. */
struct din_samples *din_batch_samples(struct batch *batch, const struct sample_format *format);
/* Parts and indices from samples->raw. */
void din_builder_build(struct din_builder *builder, struct batch *batch);
/* Makes part `counts` of part `ids`: the same keys, and as pushes how often each occurs among the
 * samples' ids. */
void din_batch_count(struct batch *batch, uint32_t ids, uint32_t counts);
void din_batch_fini(struct batch *batch); // frees the samples

#endif
