/* learn_report.h - the end of a run of learn.h: for people on standard output, for programs in
 * run.dir/result.json, as a curve in run.dir/curve.svg.
 *
 * result.json: {"status": "done" | "stopped", "environment", "agent", "steps", "stays", "updates",
 * "seconds", "steps_per_s" (acting and learning, without looks at held-out users), "test":
 * {"users", "return": {"mean", "stderr"}, "clicks", "steps", "quality", "diversity": the same} |
 * null, "curve": [{"steps", "training", "validation", "stderr"}], "topology"}.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_POLICY_LEARN_REPORT_H
#define SOUK_WORKER_POLICY_LEARN_REPORT_H

#include "worker/policy/learn.h"

struct learn_report {
    const struct config *config;
    const struct learn_result *result;
    const char *topology;
    bool is_stopped; // there is a checkpoint to go on from
};

void learn_report_text(const struct learn_report *report, struct buf *out);
void learn_report_json(const struct learn_report *report, struct buf *out);
/* result.json and curve.svg. */
SOUK_MUST_CHECK souk_status learn_report_write(const struct learn_report *report);

#endif
