/* summary.h - the end of a run: for people on standard output, for programs in run.dir/result.json,
 * as a curve in run.dir/curve.svg, and for models of clicks as run.dir/calibration.svg.
 *
 * result.json: {"status": "done" | "stopped", "epochs", "best_epoch", "stopped_early" (whether
 * train.patience ended it before train.epochs), "validation": {"samples", metrics..., "protocol" of
 * models of clicks} | null, "test": the same, "samples", "seconds", "samples_per_s",
 * "wait_percent", "staleness", "bad_rows", "bad_steps", "bytes": {"raw_pulled", "sent_pulled",
 * "raw_pushed", "sent_pushed"}, "topology"}. Threads: one owner.
 */
#ifndef SOUK_WORKER_TRAIN_SUMMARY_H
#define SOUK_WORKER_TRAIN_SUMMARY_H

#include "worker/train/trainer.h"

struct summary {
    const struct config *config;
    const struct train_result *result;
    const char *topology;
    bool is_stopped; // there is a checkpoint to go on from
};

void summary_format(const struct summary *summary, struct buf *out);
/* result.json, curve.svg and calibration.svg. Those of a run that was complete before stay. */
SOUK_MUST_CHECK souk_status summary_write_files(const struct summary *summary);

#endif
