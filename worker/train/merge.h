/* merge.h - the pushes of all ranks in lock step as one: each key has a rank that collects its
 * rows from all, adds them up in rank order, and is the only one that pushes it.
 *
 * So a server sees the gradient of the whole step at once, as if one worker had had all the
 * samples, and results do not depend on whose push comes first.
 *
 * Threads: owned by the compute thread.
 */
#ifndef SOUK_WORKER_TRAIN_MERGE_H
#define SOUK_WORKER_TRAIN_MERGE_H

#include "worker/model/model.h"

struct merge;

struct merge *merge_create(struct comm *comm);
void merge_destroy(struct merge *merge); // NULL is fine

/* Collective, for batches with the same parts. Returns a batch with the sums that are this rank's
 * to push, borrowed until the next call; the same batch when there is one rank. */
const struct batch *merge_pushes(struct merge *merge, const struct batch *batch);

#endif
