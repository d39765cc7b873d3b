/* evaluate.h - figures of a model over a data source, over all ranks: the one code path for
 * validation in training, for the test at its end, and for `souk evaluate`.
 *
 * Rows are pulled as fp32 whatever the table's codec is; rows that do not exist come with found 0,
 * so the model falls back to what it knows and counts them.
 *
 * A model of clicks has its scores kept until all are there: 16 bytes a sample on each rank while
 * it scores, 32 of its own while they travel, and 32 bytes for every sample of all ranks on rank 0.
 *
 * Threads: owned by the compute thread.
 */
#ifndef SOUK_WORKER_EVAL_EVALUATE_H
#define SOUK_WORKER_EVAL_EVALUATE_H

#include "worker/eval/click_metrics.h"
#include "worker/model/model.h"

struct evaluation {
    uint64_t num_samples;
    uint32_t num_metrics;
    struct model_metric metrics[MODEL_METRICS_MAX]; // the first is what early stopping watches
    struct click_figures clicks;                    // clicks.k 0: the model predicts none
};

/* No samples, and the names of the model's metrics in their order. */
void evaluation_init(struct evaluation *evaluation, const struct model_ops *ops,
                     const struct model *model);

/* Whether the first metric is better than it was, by more than min_delta. Undefined or infinite is
 * worse than anything, and no better than itself. */
bool evaluation_is_better(const struct evaluation *now, const struct evaluation *then,
                          double min_delta);

struct evaluate_options {
    const struct model_ops *ops;
    struct model *model;
    struct souk_client *client;
    const uint32_t *tables; // client's numbers of the model's tables
    struct comm *comm;
    enum model_source source;
    uint32_t k; // of hr@k and ndcg@k, a known one of click_list.h; 0: CLICK_K_DEFAULT
};

/* Collective, and the same on every rank. SOUK_EDATA when the source has no samples at all;
 * SOUK_EDIVERGED when a model of clicks scores by what is no probability; both logged. */
SOUK_MUST_CHECK souk_status evaluate_run(const struct evaluate_options *options,
                                         struct evaluation *evaluation_out);

#endif
