/* loader.h - a thread that reads, parses and prepares the batches of an epoch ahead of the step.
 *
 * A fixed set of batches goes round: the loader fills one, the compute thread takes it, computes,
 * and gives it back. So a loader that is faster waits, and memory stays bounded.
 *
 * Threads: everything here belongs to the compute thread; the loader's thread is inside.
 */
#ifndef SOUK_WORKER_TRAIN_LOADER_H
#define SOUK_WORKER_TRAIN_LOADER_H

#include "worker/model/model.h"

struct loader;

struct loader_options {
    const struct model_ops *ops;
    struct model *model;
    uint32_t epoch;
    uint64_t num_skip;    // samples of the epoch that were trained on before
    uint32_t num_batches; // that go round, >= 1
};

/* Opens the training data and starts the thread. On SOUK_OK the caller owns *loader_out. */
SOUK_MUST_CHECK souk_status loader_start(const struct loader_options *options,
                                         struct loader **loader_out);
/* The next batch, the caller's until loader_give_back. NULL at the end, or when reading failed:
 * loader_status() tells then, and so does loader_stop(). */
struct batch *loader_next(struct loader *loader);
souk_status loader_status(const struct loader *loader);
void loader_give_back(struct loader *loader, struct batch *batch);
/* Share of the epoch that was read, 0..1; < 0 unknown. */
double loader_share(const struct loader *loader);
/* Ends the thread, wherever it is, and frees everything; NULL is fine. What went wrong while
 * reading, SOUK_OK if nothing did. */
souk_status loader_stop(struct loader *loader);

#endif
