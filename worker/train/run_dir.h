/* run_dir.h - the folder of a run: config.yaml, events.jsonl, result.json, curve.svg, model/,
 * checkpoint/. Threads: functions of their arguments.
 */
#ifndef SOUK_WORKER_TRAIN_RUN_DIR_H
#define SOUK_WORKER_TRAIN_RUN_DIR_H

#include "common/text/config.h"
#include "worker/comm/comm.h"

// What makes a folder a checkpoint, below run.dir.
#define RUN_DIR_CHECKPOINT "checkpoint/manifest.json"

/* run.dir/name, the caller's. */
char *run_dir_path(const struct config *config, const char *name);

/* Makes run.dir and looks whether this run may save there: a folder that another run writes to is
 * refused (SOUK_EAGAIN), and one that a model could not be saved in; with is_resuming the model
 * must be described as it was (SOUK_ECONFIG). On SOUK_OK the caller closes *lock_out at the end of
 * the run; -1: nothing to close. Collective: rank 0 does it. */
SOUK_MUST_CHECK souk_status run_dir_prepare(const struct config *config, struct comm *comm,
                                            bool is_resuming, int *lock_out);

/* When only training itself can fail any more: writes the configuration, and without is_resuming
 * drops an older checkpoint and its figures, because they belong to another run. Collective. */
SOUK_MUST_CHECK souk_status run_dir_begin(const struct config *config, struct comm *comm,
                                          bool is_resuming);

#endif
