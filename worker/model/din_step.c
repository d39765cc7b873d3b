/* din_step.c - training on a batch, and scoring one.
 *
 * In lock step (train.consistency bsp) gradients are means over the samples of all ranks, summed
 * over ranks before anything else is done to them: a step is that of one rank with all samples.
 */
#include <math.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/model/din_private.h"
#include "worker/nn/loss.h"
#include "worker/nn/vmath.h"

/* ---- gradients ---- */

static uint64_t dropout_seed(const struct model *model)
{
    uint64_t rank = model->comm ? comm_rank(model->comm) : 0;
    return hash_key(model->config->run.seed ^ hash_key(model->num_steps << 16 ^ rank));
}

/* Statistics move in the forward; a batch that is skipped must not have moved them. */
static void keep_stats(struct model *model)
{
    const struct dense *dense = &model->dense;
    size_t bytes = dense->num_stats * sizeof *dense->stats;
    if (!model->stats_before) model->stats_before = mem_alloc(bytes, "statistics of layers");
    memcpy(model->stats_before, dense->stats, bytes);
}

/* Returns the sum of the samples' losses. */
static double compute_gradients(struct model *model, struct batch *batch)
{
    const struct din_samples *samples = batch->samples;
    uint32_t n = batch->num_samples;
    mem_reserve(&model->logit_grad, &model->logit_grad_capacity, n, sizeof(float), "gradients");
    const float *logits = din_net_forward(model->net, batch, true, dropout_seed(model));
    double loss = bce_forward_backward(logits, samples->raw.labels, n,
                                       (float)(1 / batch->num_samples_all), model->logit_grad);
    dense_clear_grads(&model->dense);
    din_net_backward(model->net, batch, model->logit_grad);
    return loss;
}

/* Mini-batch aware regularisation (the paper's equation 6): rows of ids in the batch shrink, those
 * of rare ids more. n_j, occurrences in the whole training data there, is those so far over the
 * epochs begun. */
static void regularise(const struct model *model, struct batch *batch)
{
    float l2 = model->config->model.l2, num_epochs = (float)(model->epoch + 1);
    uint32_t num_tables = model->format.num_tables;
    for (uint32_t t = 0; model->has_counts && t < num_tables; t++) {
        const struct batch_part *counts = &batch->parts[num_tables + t];
        struct batch_part *part = &batch->parts[t];
        for (uint32_t i = 0; i < part->num_keys; i++) {
            float n = fmaxf((counts->rows[i] + counts->pushes[i]) / num_epochs, 1);
            const float *row = part->rows + (size_t)i * part->dim;
            float *push = part->pushes + (size_t)i * part->dim;
            for (uint32_t d = 0; d < part->dim; d++) push[d] += l2 / n * row[d];
        }
    }
}

/* Sum of the squares of the gradients of rows. */
static double square_of_rows(const struct model *model, const struct batch *batch)
{
    double square = 0;
    for (uint32_t t = 0; t < model->format.num_tables; t++) {
        const struct batch_part *part = &batch->parts[t];
        double sum = 0;
        for (size_t i = 0; i < (size_t)part->num_keys * part->dim; i++)
            sum += (double)part->pushes[i] * part->pushes[i];
        square += sum;
    }
    return square;
}

/* Length of the whole gradient, the same on all ranks in lock step, where dense gradients become
 * those of all; not finite when a part of it is not. */
static double gradient_norm(struct model *model, const struct batch *batch, double loss)
{
    double words[2] = {square_of_rows(model, batch), loss};
    if (model->merge) {
        comm_step_sum_floats(model->comm, model->dense.grads, model->dense.num_values);
        comm_step_sum(model->comm, words, 2);
    }
    return isfinite(words[1]) ? sqrt(words[0] + dense_grad_square(&model->dense)) : NAN;
}

/* ---- the step ---- */

static void scale_rows(const struct model *model, struct batch *batch, float scale)
{
    for (uint32_t t = 0; t < model->format.num_tables && scale != 1; t++) {
        struct batch_part *part = &batch->parts[t];
        for (size_t i = 0; i < (size_t)part->num_keys * part->dim; i++) part->pushes[i] *= scale;
    }
}

static souk_status update_dense(struct model *model, float lr, float scale)
{
    if (model->is_remote) return dense_remote_give(&model->remote, &model->dense, scale, lr);
    if (model->config->train.dense_optimizer == CONFIG_DENSE_ADAM)
        dense_step_adam(&model->dense, lr, scale);
    else
        dense_step_sgd(&model->dense, lr, scale);
    return SOUK_OK;
}

/* A gradient that is not finite: the batch is skipped, or it is one too many. */
static souk_status skip(struct model *model, const struct batch *batch)
{
    uint32_t max = model->config->train.max_bad_steps;
    const struct dense *dense = &model->dense;
    memcpy(dense->stats, model->stats_before, dense->num_stats * sizeof *dense->stats);
    if (++model->num_bad_steps <= max) {
        log_warning("a batch of %u samples is skipped: its gradient is not finite (%u of "
                    "train.max_bad_steps %u)",
                    batch->num_samples, model->num_bad_steps, max);
        return SOUK_EAGAIN;
    }
    din_write_bad_batch(model, batch);
    return SOUK_EDIVERGED;
}

souk_status din_step(struct model *model, struct batch *batch, float lr, struct model_sums *sums)
{
    souk_status status =
        model->is_remote ? dense_remote_take(&model->remote, &model->dense) : SOUK_OK;
    if (status != SOUK_OK) return status;
    keep_stats(model);
    double loss = compute_gradients(model, batch);
    struct batch *pushed = model->merge ? merge_pushes(model->merge, batch) : batch;
    batch->merged = pushed == batch ? NULL : pushed;
    regularise(model, pushed);
    double norm = gradient_norm(model, pushed, loss);
    model->num_steps++;
    if (!isfinite(norm)) return skip(model, batch);
    double clip = (double)model->config->train.clip_norm;
    float scale = clip > 0 && norm > clip ? (float)(clip / norm) : 1;
    scale_rows(model, pushed, scale);
    status = update_dense(model, lr, scale);
    if (status != SOUK_OK) return status;
    float factor = lr / model->config->train.lr;
    for (uint32_t t = 0; t < model->format.num_tables; t++)
        pushed->parts[t].push_lr = model->table_lr[t] * factor;
    sums->values[DIN_SUM_SAMPLES] += batch->num_samples;
    sums->values[DIN_SUM_LOSS] += loss;
    return SOUK_OK;
}

/* ---- scores ---- */

void din_forget_unseen(const struct model *model, const struct batch *batch)
{
    for (uint32_t t = 0; t < model->format.num_tables; t++) {
        const struct batch_part *part = &batch->parts[t];
        for (uint32_t i = 0; i < part->num_keys; i++)
            if (!part->found[i])
                memset(part->rows + (size_t)i * part->dim, 0, part->dim * sizeof(float));
    }
}

/* Of fields: histories do not count. */
static void count_unseen(const struct model *model, const struct batch *batch,
                         struct model_sums *sums)
{
    const struct din_samples *samples = batch->samples;
    const struct sample_format *format = &model->format;
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
    din_forget_unseen(model, batch);
    count_unseen(model, batch, sums);
    const float *logits = din_net_forward(model->net, batch, false, 0);
    sums->values[DIN_SUM_SAMPLES] += n;
    sums->values[DIN_SUM_LOSS] += bce_forward_backward(logits, samples->raw.labels, n, 0, NULL);
    if (predictions_out) vmath_sigmoid(logits, n, predictions_out);
}
