/* evaluate.c - see evaluate.h. Two batches take turns: while one is scored, the rows of the next
 * are under way. */
#include "worker/eval/evaluate.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/train/exchange.h"

enum { NUM_TURNS = 2 };

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

static souk_status score_all(const struct evaluate_options *options, struct model_loader *loader,
                             struct model_sums *sums)
{
    struct batch batches[NUM_TURNS] = {0};
    bool is_there[NUM_TURNS] = {0};
    souk_status status = fetch(options, loader, &batches[0], &is_there[0]);
    for (unsigned turn = 0; status == SOUK_OK && is_there[turn]; turn = !turn) {
        status = fetch(options, loader, &batches[!turn], &is_there[!turn]);
        if (status == SOUK_OK) status = souk_client_wait(options->client, batches[turn].pull);
        if (status == SOUK_OK) options->ops->score(options->model, &batches[turn], NULL, sums);
    }
    if (status != SOUK_OK) { // a pull under way would write into a batch that is gone
        souk_status flushed = souk_client_flush(options->client);
        if (flushed != SOUK_OK) log_debug("evaluation ends early: %s", souk_status_text(flushed));
    }
    for (unsigned i = 0; i < NUM_TURNS; i++) batch_fini(&batches[i], options->ops);
    return status;
}

souk_status evaluate_run(const struct evaluate_options *options, struct evaluation *evaluation_out)
{
    struct model_loader *loader = NULL;
    struct model_sums sums = {0};
    souk_status status = options->ops->loader_open(options->model, options->source, 0, 0, &loader);
    if (status == SOUK_OK) status = score_all(options, loader, &sums);
    options->ops->loader_close(loader);
    status = comm_agree(options->comm, status);
    if (status != SOUK_OK) return status;

    comm_sum(options->comm, sums.values, MODEL_METRICS_MAX);
    if (sums.values[0] == 0) {
        if (comm_rank(options->comm) == 0)
            log_error("there is nothing to evaluate on: the %s data has no samples",
                      options->source == MODEL_SOURCE_TEST ? "test" : "validation");
        return SOUK_EDATA;
    }
    struct evaluation evaluation = {.num_samples = (uint64_t)sums.values[0]};
    evaluation.num_metrics = options->ops->metrics(options->model, &sums, evaluation.metrics);
    *evaluation_out = evaluation;
    return SOUK_OK;
}
