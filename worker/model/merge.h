/* merge.h - the pushes of all ranks in lock step as one: each key has a rank that collects its
 * rows from all, adds them up in rank order, and is the only one that pushes it.
 *
 * So a server sees the gradient of the whole step at once, as if one worker had had all the
 * samples, and results do not depend on whose push comes first. What a model does to the gradient
 * of a row as a whole, such as regularisation and clipping, it does to these sums.
 *
 * Threads: owned by the compute thread.
 */
#ifndef SOUK_WORKER_MODEL_MERGE_H
#define SOUK_WORKER_MODEL_MERGE_H

#include <stdbool.h>

#include "worker/model/model.h"

struct merge;

/* with_rows: the rows that were pulled come along, since their collector may not have them. */
struct merge *merge_create(struct comm *comm, bool with_rows);
void merge_destroy(struct merge *merge); // NULL is fine

/* Collective, for batches with the same parts. Returns a batch with the sums that are this rank's
 * to push, borrowed until the next call. */
struct batch *merge_pushes(struct merge *merge, const struct batch *batch);

#endif
