/* din_private.h - what din.c and din_step.c share. */
#ifndef SOUK_WORKER_MODEL_DIN_PRIVATE_H
#define SOUK_WORKER_MODEL_DIN_PRIVATE_H

#include "worker/model/din.h"
#include "worker/model/din_data.h"
#include "worker/model/din_net.h"

struct model {
    const struct config *config; // borrowed
    struct comm *comm;           // borrowed; NULL: one rank
    struct din_shape shape;
    struct sample_format format;
    struct din_data *data;
    struct dense dense;
    struct din_net *net;
    float table_lr[SOUK_TABLES_MAX];                 // of the tables, before the schedule
    char unseen[SOUK_TABLES_MAX][SOUK_NAME_MAX + 8]; // "unseen_user": names of figures
    float *logit_grad;                               // (B)
    size_t logit_grad_capacity;
    uint32_t num_bad_steps; // skipped so far in this process
};

// What model_sums.values mean: samples, loss, then ids of fields that were unseen, by table.
enum { DIN_SUM_SAMPLES, DIN_SUM_LOSS, DIN_SUM_UNSEEN };

souk_status din_step(struct model *model, struct batch *batch, float lr, struct model_sums *sums);
void din_score(const struct model *model, const struct batch *batch, float *predictions_out,
               struct model_sums *sums);

#endif
