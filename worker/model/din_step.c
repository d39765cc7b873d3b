/* din_step.c - training on a batch, and scoring one. */
#include <math.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/model/din_private.h"
#include "worker/nn/loss.h"
#include "worker/nn/vmath.h"

/* ---- training ---- */

/* Sum of the squares of all gradients of this rank: not finite when one of them is not. */
static double grad_square(const struct model *model, const struct batch *batch)
{
    double square = dense_grad_square(&model->dense);
    for (uint32_t t = 0; t < batch->num_parts; t++) {
        const struct batch_part *part = &batch->parts[t];
        double sum = 0;
        for (size_t i = 0; i < (size_t)part->num_keys * part->dim; i++)
            sum += (double)part->pushes[i] * part->pushes[i];
        square += sum;
    }
    return square;
}

static void scale_pushes(struct batch *batch, float scale)
{
    for (uint32_t t = 0; t < batch->num_parts; t++) {
        struct batch_part *part = &batch->parts[t];
        for (size_t i = 0; i < (size_t)part->num_keys * part->dim; i++) part->pushes[i] *= scale;
    }
}

static void update_dense(struct model *model, float lr, float scale)
{
    if (model->config->train.dense_optimizer == CONFIG_DENSE_ADAM)
        dense_step_adam(&model->dense, lr, scale);
    else
        dense_step_sgd(&model->dense, lr, scale);
}

static double compute_gradients(struct model *model, struct batch *batch)
{
    const struct din_samples *samples = batch->samples;
    uint32_t n = batch->num_samples;
    uint64_t seed = hash_key(model->config->run.seed ^ hash_key(model->dense.num_steps));
    mem_reserve(&model->logit_grad, &model->logit_grad_capacity, n, sizeof(float), "gradients");
    const float *logits = din_net_forward(model->net, batch, true, seed);
    double loss =
        bce_forward_backward(logits, samples->raw.labels, n, 1.0f / (float)n, model->logit_grad);
    dense_clear_grads(&model->dense);
    din_net_backward(model->net, batch, model->logit_grad);
    return loss;
}

souk_status din_step(struct model *model, struct batch *batch, float lr, struct model_sums *sums)
{
    double loss = compute_gradients(model, batch);
    double norm = sqrt(grad_square(model, batch));
    if (!isfinite(norm) || !isfinite(loss)) return SOUK_EDIVERGED;
    double clip = (double)model->config->train.clip_norm;
    float scale = clip > 0 && norm > clip ? (float)(clip / norm) : 1;
    if (scale < 1) scale_pushes(batch, scale);
    update_dense(model, lr, scale);
    float factor = lr / model->config->train.lr;
    for (uint32_t t = 0; t < model->format.num_tables; t++)
        batch->parts[t].push_lr = model->table_lr[t] * factor;
    sums->values[DIN_SUM_SAMPLES] += batch->num_samples;
    sums->values[DIN_SUM_LOSS] += loss;
    return SOUK_OK;
}

/* ---- scores ---- */

/* Rows that no push has made become zero vectors; fields that they are of are counted. */
static void forget_unseen(const struct model *model, const struct batch *batch,
                          struct model_sums *sums)
{
    const struct din_samples *samples = batch->samples;
    const struct sample_format *format = &model->format;
    for (uint32_t t = 0; t < format->num_tables; t++) {
        const struct batch_part *part = &batch->parts[t];
        for (uint32_t i = 0; i < part->num_keys; i++)
            if (!part->found[i])
                memset(part->rows + (size_t)i * part->dim, 0, part->dim * sizeof(float));
    }
    for (uint32_t f = 0; f < format->num_fields; f++) {
        uint32_t table = format->ids[f].table, num_unseen = 0;
        for (uint32_t b = 0; b < batch->num_samples; b++)
            num_unseen += !batch->parts[table].found[samples->field_idxs[f][b]];
        if (DIN_SUM_UNSEEN + table < MODEL_SUMS_MAX)
            sums->values[DIN_SUM_UNSEEN + table] += num_unseen;
    }
}

void din_score(const struct model *model, const struct batch *batch, float *predictions_out,
               struct model_sums *sums)
{
    const struct din_samples *samples = batch->samples;
    uint32_t n = batch->num_samples;
    forget_unseen(model, batch, sums);
    const float *logits = din_net_forward(model->net, batch, false, 0);
    sums->values[DIN_SUM_SAMPLES] += n;
    sums->values[DIN_SUM_LOSS] += bce_forward_backward(logits, samples->raw.labels, n, 0, NULL);
    if (predictions_out) vmath_sigmoid(logits, n, predictions_out);
}
