/* din_private.h - what din.c, din_step.c and click_scorer.c share. */
#ifndef SOUK_WORKER_MODEL_DIN_PRIVATE_H
#define SOUK_WORKER_MODEL_DIN_PRIVATE_H

#include "worker/model/dense_remote.h"
#include "worker/model/din.h"
#include "worker/model/din_data.h"
#include "worker/model/din_net.h"
#include "worker/model/merge.h"

struct model {
    const struct config *config; // borrowed
    struct comm *comm;           // borrowed; NULL: one rank
    struct din_shape shape;
    struct sample_format format;
    struct din_data *data;
    struct dense dense;
    struct din_net *net;
    float table_lr[SOUK_TABLES_MAX]; // of the tables, before the schedule
    float *logit_grad;               // (B)
    size_t logit_grad_capacity;
    uint64_t num_steps;     // of this rank in this process
    float *stats_before;    // (dense.num_stats) of layers, in case a step is skipped
    uint32_t num_bad_steps; // skipped so far in this process

    bool has_counts;     // with model.l2: tables of how often ids occurred, behind those of ids
    uint32_t epoch;      // that is trained
    struct merge *merge; // of pushes, in lock step with other ranks; else NULL
    bool is_remote;      // dense parameters are on the servers
    struct dense_remote remote;
};

// What model_sums.values mean: samples, loss, then ids of fields that were unseen, by table.
enum { DIN_SUM_SAMPLES, DIN_SUM_LOSS, DIN_SUM_UNSEEN };

/* Tables of ids and of counts. */
static inline uint32_t din_num_tables(const struct model *model)
{
    return model->format.num_tables * (model->has_counts ? 2 : 1);
}

souk_status din_step(struct model *model, struct batch *batch, float lr, struct model_sums *sums);
/* Into run.dir/bad_batch.<rank>.tsv. */
void din_write_bad_batch(const struct model *model, const struct batch *batch);
/* Rows that no push has made become zero vectors. */
void din_forget_unseen(const struct model *model, const struct batch *batch);
void din_score(const struct model *model, const struct batch *batch, float *predictions_out,
               struct model_sums *sums);

#endif
