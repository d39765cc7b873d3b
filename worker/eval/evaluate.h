/* evaluate.h - figures of a model over a data source, over all ranks: the one code path for
 * validation in training, for the test at its end, and for `souk evaluate`.
 *
 * Rows are pulled as fp32 whatever the table's codec is; rows that do not exist come with found 0,
 * so the model falls back to what it knows and counts them.
 *
 * Threads: owned by the compute thread.
 */
#ifndef SOUK_WORKER_EVAL_EVALUATE_H
#define SOUK_WORKER_EVAL_EVALUATE_H

#include "worker/model/model.h"

struct evaluation {
    uint64_t num_samples;
    uint32_t num_metrics;
    struct model_metric metrics[MODEL_METRICS_MAX]; // the first is what early stopping watches
};

struct evaluate_options {
    const struct model_ops *ops;
    struct model *model;
    struct souk_client *client;
    const uint32_t *tables; // client's numbers of the model's tables
    struct comm *comm;
    enum model_source source;
};

/* Collective. SOUK_EDATA when the source has no samples at all. */
SOUK_MUST_CHECK souk_status evaluate_run(const struct evaluate_options *options,
                                         struct evaluation *evaluation_out);

#endif
