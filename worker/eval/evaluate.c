/* evaluate.c - see evaluate.h. Two batches take turns: while one is scored, the rows of the next
 * are under way. */
#include "worker/eval/evaluate.h"

#include <math.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/eval/click_list.h"
#include "worker/model/exchange.h"

enum { NUM_TURNS = 2 };

// What scoring leaves behind on this rank.
struct tally {
    struct model_sums sums;
    struct click_samples clicks; // of models of clicks
    // One batch of them: (n)
    float *scores;
    uint64_t *groups;
    uint8_t *labels;
    size_t scores_capacity, groups_capacity, labels_capacity;
};

static void tally_fini(struct tally *tally)
{
    click_samples_fini(&tally->clicks);
    mem_free(tally->scores);
    mem_free(tally->groups);
    mem_free(tally->labels);
}

/* Reads the next batch and asks for its rows; *is_there_out false at the end of the data. */
static souk_status fetch(const struct evaluate_options *options, struct model_loader *loader,
                         struct batch *batch, bool *is_there_out)
{
    souk_status status = options->ops->next_batch(loader, batch);
    *is_there_out = status == SOUK_OK;
    if (status == SOUK_EEND) return SOUK_OK;
    if (status != SOUK_OK) return status;
    return batch_pull(batch, options->client, options->tables, true);
}

static souk_status score(const struct evaluate_options *options, const struct batch *batch,
                         struct tally *tally)
{
    const struct model_ops *ops = options->ops;
    uint32_t n = batch->num_samples;
    if (!ops->clicks) {
        ops->score(options->model, batch, NULL, &tally->sums);
        return SOUK_OK;
    }
    mem_reserve(&tally->scores, &tally->scores_capacity, n, sizeof *tally->scores, "scores");
    mem_reserve(&tally->groups, &tally->groups_capacity, n, sizeof *tally->groups, "groups");
    mem_reserve(&tally->labels, &tally->labels_capacity, n, sizeof *tally->labels, "labels");
    ops->score(options->model, batch, tally->scores, &tally->sums);
    ops->clicks(options->model, batch, tally->groups, tally->labels);
    return click_samples_add(&tally->clicks, tally->groups, tally->labels, tally->scores, n);
}

static souk_status score_all(const struct evaluate_options *options, struct model_loader *loader,
                             struct tally *tally)
{
    struct batch batches[NUM_TURNS] = {0};
    bool is_there[NUM_TURNS] = {0};
    souk_status status = fetch(options, loader, &batches[0], &is_there[0]);
    for (unsigned turn = 0; status == SOUK_OK && is_there[turn]; turn = !turn) {
        status = fetch(options, loader, &batches[!turn], &is_there[!turn]);
        if (status == SOUK_OK) status = souk_client_wait(options->client, batches[turn].pull);
        if (status == SOUK_OK) status = score(options, &batches[turn], tally);
    }
    if (status != SOUK_OK) { // a pull under way would write into a batch that is gone
        souk_status flushed = souk_client_flush(options->client);
        if (flushed != SOUK_OK) log_debug("evaluation ends early: %s", souk_status_text(flushed));
    }
    for (unsigned i = 0; i < NUM_TURNS; i++) batch_fini(&batches[i], options->ops);
    return status;
}

/* Rank 0 has all samples and tells the others the figures: the same digits everywhere. */
static void measure_clicks(const struct evaluate_options *options, struct click_samples *clicks,
                           struct click_figures *figures_out)
{
    void *all;
    size_t length;
    comm_gather(options->comm, clicks->items, clicks->num * sizeof *clicks->items, &all, &length);
    click_samples_fini(clicks);
    if (comm_rank(options->comm) == 0) {
        size_t num = length / sizeof *clicks->items;
        *clicks = (struct click_samples){.items = all, .num = num, .capacity = num};
        click_metrics(clicks, options->k > 0 ? options->k : CLICK_K_DEFAULT, figures_out);
    }
    comm_broadcast(options->comm, figures_out, sizeof *figures_out);
}

static void list_metrics(const struct model_ops *ops, const struct model *model,
                         const struct model_sums *sums, struct evaluation *evaluation)
{
    uint32_t num_clicks = ops->clicks ? CLICK_METRICS : 0;
    if (ops->clicks) click_list(&evaluation->clicks, evaluation->metrics);
    evaluation->num_metrics =
        num_clicks + ops->metrics(model, sums, evaluation->metrics + num_clicks);
}

void evaluation_init(struct evaluation *evaluation, const struct model_ops *ops,
                     const struct model *model)
{
    const struct model_sums none = {0};
    *evaluation = (struct evaluation){.clicks.k = ops->clicks ? CLICK_K_DEFAULT : 0};
    list_metrics(ops, model, &none, evaluation);
}

bool evaluation_is_better(const struct evaluation *now, const struct evaluation *then,
                          double min_delta)
{
    double value = now->metrics[0].value, before = then->metrics[0].value;
    if (!isfinite(value)) return false;
    if (!isfinite(before)) return true;
    return now->metrics[0].is_lower_better ? value < before - min_delta
                                           : value > before + min_delta;
}

static souk_status finish(const struct evaluate_options *options, struct tally *tally,
                          struct evaluation *evaluation_out)
{
    bool is_leader = comm_rank(options->comm) == 0;
    const char *source = options->source == MODEL_SOURCE_TEST ? "test" : "validation";
    comm_sum(options->comm, tally->sums.values, MODEL_SUMS_MAX);
    if (tally->sums.values[0] == 0) {
        if (is_leader)
            log_error("there is nothing to evaluate on: the %s data has no samples%s", source,
                      options->source == MODEL_SOURCE_TEST
                          ? ""
                          : "; where they are held out, raise data.valid_share");
        return SOUK_EDATA;
    }
    struct evaluation evaluation = {.num_samples = (uint64_t)tally->sums.values[0]};
    if (options->ops->clicks) measure_clicks(options, &tally->clicks, &evaluation.clicks);
    list_metrics(options->ops, options->model, &tally->sums, &evaluation);
    const struct model_metric *first = &evaluation.metrics[0];
    if (is_leader && first->undefined)
        log_warning("%s of the %s data is undefined: %s", first->name, source, first->undefined);
    *evaluation_out = evaluation;
    return SOUK_OK;
}

souk_status evaluate_run(const struct evaluate_options *options, struct evaluation *evaluation_out)
{
    struct model_loader *loader = NULL;
    struct tally tally = {0};
    souk_status status = options->ops->loader_open(options->model, options->source, 0, 0, &loader);
    if (status == SOUK_OK) status = score_all(options, loader, &tally);
    options->ops->loader_close(loader);
    status = comm_agree(options->comm, status);
    if (status == SOUK_OK) status = finish(options, &tally, evaluation_out);
    tally_fini(&tally);
    return status;
}
