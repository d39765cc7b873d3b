/* run_dir.h - the folder of a run: config.yaml, events.jsonl, result.json, curve.svg, model/,
 * checkpoint/. Threads: functions of their arguments.
 */
#ifndef SOUK_WORKER_TRAIN_RUN_DIR_H
#define SOUK_WORKER_TRAIN_RUN_DIR_H

#include "common/text/config.h"
#include "worker/train/comm.h"

// What makes a folder a checkpoint, below run.dir.
#define RUN_DIR_CHECKPOINT "checkpoint/manifest.json"

/* run.dir/name, the caller's. */
char *run_dir_path(const struct config *config, const char *name);

/* Makes run.dir and what belongs in it before training: the configuration is written, a folder that
 * a model could not be saved in is refused. Without is_resuming an older checkpoint goes, because
 * it belongs to another run; with it, the model must be described as it was (SOUK_ECONFIG).
 * Collective: rank 0 does it. */
SOUK_MUST_CHECK souk_status run_dir_prepare(const struct config *config, struct comm *comm,
                                            bool is_resuming);

#endif
