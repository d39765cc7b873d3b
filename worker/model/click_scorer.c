/* click_scorer.c - see click_scorer.h. Two pieces take turns: while one is scored, the rows of the
 * next are under way. */
#include "worker/model/click_scorer.h"

#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/model/din_private.h"
#include "worker/model/exchange.h"

enum { NUM_TURNS = 2 };

struct click_scorer {
    struct model *model;        // borrowed
    struct souk_client *client; // borrowed
    const uint32_t *tables;     // borrowed
    struct din_builder *builder;
    struct batch batches[NUM_TURNS]; // pieces
    uint32_t piece_size;             // samples of a piece, at most
    float *logits;                   // (B)
    float *weights;                  // (T)
    uint8_t *is_cold;                // (B)
    size_t logits_capacity, weights_capacity, cold_capacity;
};

struct click_scorer *click_scorer_create(struct model *model, struct souk_client *client,
                                         const uint32_t *tables)
{
    struct click_scorer *scorer = mem_calloc(1, sizeof *scorer, "scorer of clicks");
    scorer->model = model;
    scorer->client = client;
    scorer->tables = tables;
    scorer->builder = din_builder_create(&model->format, model->shape.dim);
    scorer->piece_size = model->config->train.batch_size;
    return scorer;
}

void click_scorer_destroy(struct click_scorer *scorer)
{
    if (!scorer) return;
    for (unsigned i = 0; i < NUM_TURNS; i++) batch_fini(&scorer->batches[i], &din_ops);
    din_builder_destroy(scorer->builder);
    mem_free(scorer->logits);
    mem_free(scorer->weights);
    mem_free(scorer->is_cold);
    mem_free(scorer);
}

/* ---- pieces ---- */

/* Replaces what `to` holds by the samples [first, first + n) of `from`. */
static void copy_samples(const struct sample_batch *from, uint32_t first, uint32_t n,
                         struct sample_batch *to)
{
    uint32_t row = from->row_start[first], num_rows = from->row_start[first + n] - row;
    sample_batch_clear(to);
    sample_batch_reserve(to, n, num_rows);
    for (uint32_t b = 0; b < n; b++) to->labels[b] = 0;
    for (uint32_t i = 0; i < to->num_ids; i++)
        memcpy(to->ids[i], from->ids[i] + first, n * sizeof *to->ids[i]);
    for (uint32_t h = 0; h < to->num_histories && num_rows > 0; h++)
        memcpy(to->histories[h], from->histories[h] + row, num_rows * sizeof *to->histories[h]);
    for (uint32_t b = 0; b <= n; b++) to->row_start[b] = from->row_start[first + b] - row;
    to->num_samples = n;
    to->num_rows = num_rows;
}

/* Builds the piece that begins with a sample and asks for its rows; nothing behind the last one. */
static souk_status fetch(struct click_scorer *scorer, const struct sample_batch *all,
                         uint32_t first, struct batch *batch)
{
    if (first >= all->num_samples) return SOUK_OK;
    uint32_t left = all->num_samples - first;
    struct din_samples *samples = din_batch_samples(batch, &scorer->model->format);
    copy_samples(all, first, left < scorer->piece_size ? left : scorer->piece_size, &samples->raw);
    din_builder_build(scorer->builder, batch);
    return batch_pull(batch, scorer->client, scorer->tables, true);
}

static void mark_cold(const struct model *model, const struct batch *batch, uint32_t field,
                      uint8_t mark, uint8_t *is_cold)
{
    const struct din_samples *samples = batch->samples;
    const struct batch_part *part = &batch->parts[model->format.ids[field].table];
    for (uint32_t b = 0; b < batch->num_samples; b++)
        if (!part->found[samples->field_idxs[field][b]]) is_cold[b] |= mark;
}

static void mark_cold_behaviours(const struct model *model, const struct batch *batch,
                                 uint8_t *is_cold)
{
    const struct din_samples *samples = batch->samples;
    for (uint32_t h = 0; h < model->format.num_histories; h++) {
        const struct batch_part *part = &batch->parts[model->format.histories[h].table];
        for (uint32_t b = 0; b < batch->num_samples; b++)
            for (uint32_t i = samples->raw.row_start[b]; i < samples->raw.row_start[b + 1]; i++)
                if (!part->found[samples->history_idxs[h][i]]) is_cold[b] |= CLICK_COLD_BEHAVIOUR;
    }
}

static void mark_all_cold(const struct model *model, const struct batch *batch, uint8_t *is_cold)
{
    const struct sample_format *format = &model->format;
    memset(is_cold, 0, batch->num_samples);
    for (uint32_t f = 0; f < format->num_fields; f++) {
        uint8_t mark = (int32_t)f == format->user   ? CLICK_COLD_USER
                       : (int32_t)f == format->item ? CLICK_COLD_ITEM
                                                    : CLICK_COLD_FIELD;
        mark_cold(model, batch, f, mark, is_cold);
    }
    mark_cold_behaviours(model, batch, is_cold);
}

static souk_status score(struct click_scorer *scorer, const struct sample_batch *all,
                         uint32_t first, const struct batch *batch)
{
    const struct model *model = scorer->model;
    uint32_t n = batch->num_samples, row = all->row_start[first];
    mark_all_cold(model, batch, scorer->is_cold + first);
    din_forget_unseen(model, batch);
    const float *logits = din_net_forward(model->net, batch, false, 0);
    for (uint32_t b = 0; b < n; b++)
        if (!isfinite(logits[b]))
            return log_fail(SOUK_EDIVERGED,
                            "the model scores a sample by %g, which is no number; take an earlier "
                            "model, or train again with a smaller train.lr",
                            (double)logits[b]);
    memcpy(scorer->logits + first, logits, n * sizeof *logits);
    const float *weights = din_net_weights(model->net);
    uint32_t num_rows = all->row_start[first + n] - row;
    if (weights && num_rows > 0) memcpy(scorer->weights + row, weights, num_rows * sizeof *weights);
    return SOUK_OK;
}

static souk_status score_all(struct click_scorer *scorer, const struct sample_batch *all)
{
    struct batch *batches = scorer->batches;
    souk_status status = fetch(scorer, all, 0, &batches[0]);
    unsigned turn = 0;
    for (uint32_t first = 0; status == SOUK_OK && first < all->num_samples; turn = !turn) {
        uint32_t n = batches[turn].num_samples;
        status = fetch(scorer, all, first + n, &batches[!turn]);
        if (status == SOUK_OK) status = souk_client_wait(scorer->client, batches[turn].pull);
        if (status == SOUK_OK) status = score(scorer, all, first, &batches[turn]);
        first += n;
    }
    return status;
}

souk_status click_scorer_run(struct click_scorer *scorer, const struct sample_batch *samples,
                             struct click_scores *scores_out)
{
    uint32_t n = samples->num_samples;
    mem_reserve(&scorer->logits, &scorer->logits_capacity, n + (size_t)1, sizeof *scorer->logits,
                "scores");
    mem_reserve(&scorer->is_cold, &scorer->cold_capacity, n + (size_t)1, sizeof *scorer->is_cold,
                "scores");
    bool has_weights = scorer->model->shape.kind == DIN_ATTENTION;
    if (has_weights)
        mem_reserve(&scorer->weights, &scorer->weights_capacity, samples->num_rows + (size_t)1,
                    sizeof *scorer->weights, "attention weights");
    souk_status status = score_all(scorer, samples);
    if (status != SOUK_OK) { // a pull under way would write into a piece that is gone
        souk_status flushed = souk_client_flush(scorer->client);
        if (flushed != SOUK_OK) log_debug("scoring ends early: %s", souk_status_text(flushed));
        return status;
    }
    *scores_out = (struct click_scores){.logits = scorer->logits,
                                        .weights = has_weights ? scorer->weights : NULL,
                                        .is_cold = scorer->is_cold};
    return SOUK_OK;
}
