/* trainer.c - see trainer.h. */
#include "worker/train/trainer.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/train/progress.h"
#include "worker/train/record.h"
#include "worker/train/resume.h"
#include "worker/train/run_dir.h"
#include "worker/train/start_check.h"

struct trainer {
    const struct trainer_options *options;
    const struct config *config;
    const struct model_ops *ops;
    struct comm *comm;
    struct souk_client *client;
    struct model *model;
    struct tables tables;
    struct saver *saver;
    int run_lock;               // of run.dir, on rank 0; -1: none
    struct events *events;      // rank 0 only
    struct progress *progress;  // every rank; only rank 0's is printed
    struct model_metric metric; // the first of validation: progress borrows its name
    struct train_state state;
    struct train_meter meter;
    struct train_totals totals; // of the last vote
    uint64_t start_ms;          // of training
    uint64_t checkpoint_ms;     // when the last one was made
    float last_lr;              // of the last step
    struct train_result result;
    size_t points_capacity;
};

/* ---- set-up ---- */

/* What a model keeps on the servers beside its tables. */
static souk_status attach(struct trainer *trainer)
{
    if (!trainer->ops->attach) return SOUK_OK;
    return trainer->ops->attach(trainer->model, trainer->client);
}

static souk_status open_new(struct trainer *trainer)
{
    const struct config *config = trainer->config;
    souk_status status = run_dir_prepare(config, trainer->comm, false, &trainer->run_lock);
    if (status == SOUK_OK) status = trainer->ops->create(config, trainer->comm, &trainer->model);
    if (status != SOUK_OK) return status;
    struct tables *tables = &trainer->tables;
    status = tables_describe(trainer->ops, trainer->model, config, tables);
    if (status == SOUK_OK) status = config_check_tables(config, tables->specs, tables->num_tables);
    status = comm_agree(trainer->comm, status);
    if (status != SOUK_OK) return status;
    status = comm_agree(trainer->comm, tables_open(tables, trainer->client));
    return status == SOUK_OK ? attach(trainer) : status;
}

static bool has_patience_ended(const struct trainer *trainer)
{
    uint32_t patience = trainer->config->train.patience;
    return patience > 0 && trainer->state.best.num_worse >= patience;
}

static void decide_whether_complete(struct trainer *trainer)
{
    struct train_state *state = &trainer->state;
    state->is_complete =
        state->position.epoch >= trainer->config->train.epochs || has_patience_ended(trainer);
}

static void say_where_it_goes_on(struct trainer *trainer)
{
    const struct train_position *position = &trainer->state.position;
    decide_whether_complete(trainer);
    if (!trainer->state.is_complete)
        log_info("goes on in epoch %u after %llu samples", position->epoch + 1,
                 (unsigned long long)position->num_samples);
    else
        log_info("nothing is left to train: the run ended after epoch %u, by %s; raise that to go "
                 "on",
                 position->epoch,
                 position->epoch >= trainer->config->train.epochs ? "train.epochs"
                                                                  : "train.patience");
}

static souk_status open_checkpointed(struct trainer *trainer)
{
    const struct config *config = trainer->config;
    struct model_dir *dir = NULL;
    souk_status status = comm_agree(trainer->comm, resume_open(config, &dir));
    if (status == SOUK_OK)
        status = run_dir_prepare(config, trainer->comm, true, &trainer->run_lock);
    if (status != SOUK_OK) goto out;
    status = trainer->ops->load(config, model_dir_state(dir), trainer->comm, &trainer->model);
    if (status == SOUK_OK) status = tables_match_dir(trainer->ops, trainer->model, dir);
    if (status == SOUK_OK) status = weights_load(trainer->ops, trainer->model, dir);
    if (status == SOUK_OK) status = resume_load_names(dir, trainer->ops, trainer->model);
    if (status == SOUK_OK)
        status =
            resume_read_state(dir, trainer->ops, trainer->model, trainer->comm, &trainer->state);
    status = comm_agree(trainer->comm, status);
    if (status == SOUK_OK)
        status = resume_load_tables(dir, trainer->client, trainer->comm, &trainer->tables);
    if (status == SOUK_OK) status = resume_check_rows(dir, trainer->client, trainer->comm);
    if (status == SOUK_OK) status = attach(trainer);
    if (status == SOUK_OK && comm_rank(trainer->comm) == 0) say_where_it_goes_on(trainer);
out:
    model_dir_close(dir);
    return status;
}

static bool has_validation(const struct config *config)
{
    return config->data.valid.num_items > 0 || config->data.valid_share > 0;
}

static const char *metric_name(struct trainer *trainer)
{
    struct evaluation none;
    evaluation_init(&none, trainer->ops, trainer->model);
    trainer->metric = none.metrics[0];
    return trainer->metric.name;
}

static void start_progress(struct trainer *trainer)
{
    const struct trainer_options *options = trainer->options;
    bool is_printed = comm_rank(trainer->comm) == 0 && !options->is_quiet;
    struct progress_options progress = {.out = is_printed ? stderr : NULL,
                                        .is_terminal = options->is_terminal,
                                        .columns = options->columns,
                                        .metric = metric_name(trainer),
                                        .every_s = trainer->config->run.progress_s,
                                        .num_epochs = trainer->config->train.epochs,
                                        .share_done = (double)trainer->state.position.epoch /
                                                      trainer->config->train.epochs,
                                        .now_ns = clock_now_ns()};
    trainer->progress = progress_create(&progress);
}

static souk_status open_events(struct trainer *trainer)
{
    souk_status status = SOUK_OK;
    if (comm_rank(trainer->comm) == 0) {
        struct buf path = {0};
        buf_printf(&path, "%s/events.jsonl", trainer->config->run.dir);
        status = events_open(buf_text(&path), trainer->options->is_resuming, &trainer->events);
        buf_fini(&path);
    }
    return comm_agree(trainer->comm, status);
}

static souk_status set_up(struct trainer *trainer)
{
    const struct config *config = trainer->config;
    trainer->ops = model_ops_get(config->model.type);
    if (!trainer->ops)
        return log_fail(SOUK_ECONFIG, "model.type \"%s\" is none; there are mf, din, base and ncf",
                        config->model.type);
    struct start_check check = {.config = config,
                                .ops = trainer->ops,
                                .comm = trainer->comm,
                                .client = trainer->client,
                                .is_resuming = trainer->options->is_resuming};
    souk_status status = start_check_servers(&check);
    if (status == SOUK_OK)
        status = trainer->options->is_resuming ? open_checkpointed(trainer) : open_new(trainer);
    if (status == SOUK_OK) status = start_check_sources(&check, trainer->model);
    if (status == SOUK_OK)
        status = run_dir_begin(config, trainer->comm, trainer->options->is_resuming);
    if (status == SOUK_OK) status = open_events(trainer);
    if (status != SOUK_OK) return status;
    struct saver_options saver = {.config = config,
                                  .ops = trainer->ops,
                                  .model = trainer->model,
                                  .comm = trainer->comm,
                                  .client = trainer->client,
                                  .tables = &trainer->tables};
    bool has_saved_model = trainer->options->is_resuming &&
                           (trainer->state.best.epoch > 0 || config->train.patience == 0);
    trainer->saver = saver_create(&saver, has_saved_model);
    start_progress(trainer);
    struct record_start start = {.config = config,
                                 .is_resuming = trainer->options->is_resuming,
                                 .num_workers = comm_size(trainer->comm),
                                 .num_servers = souk_client_num_servers(trainer->client),
                                 .topology = session_topology(trainer->options->session)};
    record_start(trainer->events, &start);
    return SOUK_OK;
}

/* ---- epochs ---- */

static void show_progress(void *ctx, const struct train_totals *totals, float lr)
{
    struct trainer *trainer = ctx;
    struct progress_row row;
    trainer->last_lr = lr;
    if (progress_update(trainer->progress, trainer->state.position.epoch, totals, lr,
                        clock_now_ns(), false, &row))
        record_progress(trainer->events, &row);
}

/* An epoch without samples would end in a model of initial values. */
static souk_status check_trained(const struct trainer *trainer)
{
    if (trainer->totals.num_samples > 0) return SOUK_OK;
    bool has_held_out =
        trainer->config->data.valid.num_items == 0 && trainer->config->data.valid_share > 0;
    if (comm_rank(trainer->comm) == 0)
        log_error("there is nothing to train on: data.train has no samples%s",
                  has_held_out ? " that are not held out for validation; lower data.valid_share"
                               : "");
    return SOUK_EDATA;
}

static souk_status train_epoch(struct trainer *trainer)
{
    const struct config *config = trainer->config;
    double before[2] = {trainer->state.position.sums.values[0],
                        trainer->state.position.sums.values[1]};
    comm_sum(trainer->comm, before, 2);
    progress_begin_epoch(trainer->progress, before[0], before[1]);
    double max_ms = config->train.max_seconds * 1000;
    struct epoch_options options = {.config = config,
                                    .ops = trainer->ops,
                                    .model = trainer->model,
                                    .client = trainer->client,
                                    .tables = &trainer->tables,
                                    .comm = trainer->comm,
                                    .stop_signal = trainer->options->stop_signal,
                                    .stop_at_ms =
                                        max_ms > 0 ? trainer->start_ms + (uint64_t)max_ms : 0,
                                    .on_progress = show_progress,
                                    .ctx = trainer};
    souk_status status =
        epoch_run(&options, &trainer->state.position, &trainer->meter, &trainer->totals);
    if ((status == SOUK_OK || status == SOUK_ESTOPPED) && trainer->ops->settle) {
        souk_status settled = trainer->ops->settle(trainer->model);
        if (settled != SOUK_OK) status = settled;
    }
    if (status == SOUK_OK || status == SOUK_ESTOPPED)
        trainer->result.num_samples += trainer->totals.num_samples - before[0];
    return status == SOUK_OK ? check_trained(trainer) : status;
}

static souk_status evaluate(struct trainer *trainer, enum model_source source,
                            struct evaluation *evaluation_out)
{
    struct evaluate_options options = {.ops = trainer->ops,
                                       .model = trainer->model,
                                       .client = trainer->client,
                                       .tables = trainer->tables.ids,
                                       .comm = trainer->comm,
                                       .source = source};
    return evaluate_run(&options, evaluation_out);
}

static bool is_better(const struct trainer *trainer, const struct evaluation *evaluation)
{
    const struct train_best *best = &trainer->state.best;
    if (trainer->config->train.patience == 0 || best->epoch == 0) return true;
    return evaluation_is_better(evaluation, &best->validation,
                                (double)trainer->config->train.min_delta);
}

static void add_point(struct trainer *trainer, double validation)
{
    struct train_result *result = &trainer->result;
    mem_reserve(&result->points, &trainer->points_capacity, result->num_points + 1,
                sizeof *result->points, "points of a curve");
    const struct train_totals *totals = &trainer->totals;
    result->points[result->num_points++] = (struct train_point){
        .epoch = trainer->state.position.epoch,
        .loss = totals->num_samples > 0 ? totals->loss / totals->num_samples : NAN,
        .validation = validation};
}

/* Validates an epoch that is over; *is_best_out tells whether it is the best so far. */
static souk_status finish_epoch(struct trainer *trainer, bool *is_best_out)
{
    struct train_position *position = &trainer->state.position;
    *position =
        (struct train_position){.epoch = position->epoch + 1, .num_steps = position->num_steps};
    struct evaluation validation = {0};
    double value = NAN;
    if (has_validation(trainer->config)) {
        souk_status status = evaluate(trainer, MODEL_SOURCE_VALID, &validation);
        if (status != SOUK_OK) return status;
        value = validation.metrics[0].value;
        progress_set_validation(trainer->progress, value);
        record_evaluation(trainer->events, "valid", position->epoch, &validation);
    }
    struct train_best *best = &trainer->state.best;
    *is_best_out = is_better(trainer, &validation);
    if (*is_best_out)
        *best = (struct train_best){.epoch = position->epoch, .validation = validation};
    else
        best->num_worse++;
    add_point(trainer, validation.clicks.k > 0 ? validation.clicks.log_loss : value);
    decide_whether_complete(trainer);
    return SOUK_OK;
}

/* A checkpoint lets the run go on; without patience what it holds is also the model, which comes
 * first: where there is room for one of them only, it is the one that counts. */
static souk_status save_checkpoint(struct trainer *trainer)
{
    souk_status status = SOUK_OK;
    if (trainer->config->train.patience == 0)
        status = saver_save_model(trainer->saver, &trainer->state.best);
    if (status == SOUK_OK) status = saver_save_checkpoint(trainer->saver, &trainer->state);
    trainer->checkpoint_ms = clock_now_ms();
    if (status == SOUK_OK) record_checkpoint(trainer->events, &trainer->state.position);
    return status;
}

/* Whether it is time for a checkpoint, by rank 0's clock. */
static bool is_checkpoint_due(struct trainer *trainer)
{
    double every_ms = trainer->config->train.checkpoint_s * 1000;
    double passed_ms = (double)(clock_now_ms() - trainer->checkpoint_ms);
    double is_due = comm_rank(trainer->comm) == 0 && every_ms > 0 && passed_ms >= every_ms;
    comm_max(trainer->comm, &is_due, 1);
    return is_due > 0;
}

static souk_status train_epochs(struct trainer *trainer)
{
    decide_whether_complete(trainer);
    trainer->result.was_complete = trainer->state.is_complete;
    while (!trainer->state.is_complete) {
        bool is_best = false;
        souk_status status = train_epoch(trainer);
        bool is_stopped = status == SOUK_ESTOPPED;
        if (status == SOUK_OK) status = finish_epoch(trainer, &is_best);
        if (status != SOUK_OK && !is_stopped) return status;

        bool is_complete = trainer->state.is_complete;
        is_stopped |= trainer->totals.is_stop_wanted && !is_complete;
        status = SOUK_OK;
        if (is_best && trainer->config->train.patience > 0)
            status = saver_save_model(trainer->saver, &trainer->state.best);
        if (status == SOUK_OK && (is_stopped || is_complete || is_checkpoint_due(trainer)))
            status = save_checkpoint(trainer);
        if (status != SOUK_OK) return status;
        if (is_stopped) return SOUK_ESTOPPED;
    }
    return SOUK_OK;
}

/* ---- the end ---- */

static souk_status test(struct trainer *trainer)
{
    const struct train_best *best = &trainer->state.best;
    souk_status status = SOUK_OK;
    if (best->epoch != trainer->state.position.epoch) status = saver_load_best(trainer->saver);
    if (status != SOUK_OK || trainer->config->data.test.num_items == 0) return status;
    status = evaluate(trainer, MODEL_SOURCE_TEST, &trainer->result.test);
    if (status == SOUK_OK)
        record_evaluation(trainer->events, "test", best->epoch, &trainer->result.test);
    return status;
}

static void sum_wire(struct trainer *trainer, struct souk_client_stats *stats)
{
    souk_client_get_stats(trainer->client, stats);
    uint64_t *const fields[] = {&stats->rows_pulled,       &stats->rows_pushed,
                                &stats->raw_bytes_pulled,  &stats->raw_bytes_pushed,
                                &stats->sent_bytes_pulled, &stats->sent_bytes_pushed,
                                &stats->retries,           &stats->wait_ns};
    enum { NUM = sizeof fields / sizeof *fields };
    double sums[NUM];
    for (unsigned i = 0; i < NUM; i++) sums[i] = (double)*fields[i];
    comm_sum(trainer->comm, sums, NUM);
    for (unsigned i = 0; i < NUM; i++) *fields[i] = (uint64_t)sums[i];
}

static void fill_result(struct trainer *trainer)
{
    struct train_result *result = &trainer->result;
    const struct train_totals *totals = &trainer->totals;
    result->num_epochs = trainer->state.position.epoch;
    result->best_epoch = trainer->state.best.epoch;
    result->is_early =
        result->num_epochs < trainer->config->train.epochs && has_patience_ended(trainer);
    result->validation = trainer->state.best.validation;
    result->seconds = (double)(clock_now_ms() - trainer->start_ms) / 1000;
    result->wait_percent = totals->busy_s > 0 ? 100 * totals->wait_s / totals->busy_s : 0;
    result->staleness = totals->num_batches > 0 ? totals->num_stale / totals->num_batches : 0;
    const struct model_ops *ops = trainer->ops;
    double num_bad[2] = {ops->num_bad_rows ? (double)ops->num_bad_rows(trainer->model) : 0,
                         ops->num_bad_steps ? (double)ops->num_bad_steps(trainer->model) : 0};
    comm_sum(trainer->comm, num_bad, 2);
    result->num_rows_bad = (uint64_t)num_bad[0];
    result->num_bad_steps = (uint64_t)num_bad[1];
}

static void show_last_row(struct trainer *trainer)
{
    struct progress_row row;
    uint32_t epoch = trainer->state.position.epoch;
    if (trainer->totals.num_batches == 0) return; // there was nothing left to train
    uint32_t last = trainer->state.position.num_batches > 0 || epoch == 0 ? epoch : epoch - 1;
    progress_update(trainer->progress, last, &trainer->totals, trainer->last_lr, clock_now_ns(),
                    true, &row);
    record_progress(trainer->events, &row);
}

static void tear_down(struct trainer *trainer)
{
    progress_destroy(trainer->progress);
    saver_destroy(trainer->saver);
    events_close(trainer->events);
    if (trainer->model) trainer->ops->destroy(trainer->model);
    if (trainer->run_lock >= 0) close(trainer->run_lock);
}

/* Trains, tests, and fills the result also when the run was stopped. */
static souk_status run(struct trainer *trainer)
{
    trainer->start_ms = trainer->checkpoint_ms = clock_now_ms();
    souk_status status = train_epochs(trainer);
    if (status != SOUK_OK && status != SOUK_ESTOPPED) return status;
    fill_result(trainer);
    sum_wire(trainer, &trainer->result.wire);
    show_last_row(trainer);
    return status == SOUK_OK ? test(trainer) : status;
}

souk_status trainer_run(const struct trainer_options *options, struct train_result *result_out)
{
    struct trainer *trainer = mem_calloc(1, sizeof *trainer, "trainer");
    trainer->options = options;
    trainer->run_lock = -1;
    trainer->config = options->config;
    trainer->comm = options->comm;
    trainer->client = session_client(options->session);

    souk_status status = set_up(trainer);
    if (status == SOUK_OK) {
        status = run(trainer);
        double seconds = (double)(clock_now_ms() - trainer->start_ms) / 1000;
        record_end(trainer->events, status, trainer->state.position.epoch, seconds);
    }
    if (status == SOUK_OK || status == SOUK_ESTOPPED)
        *result_out = trainer->result;
    else
        train_result_fini(&trainer->result);
    tear_down(trainer);
    mem_free(trainer);
    return status;
}

void train_result_fini(struct train_result *result)
{
    mem_free(result->points);
    *result = (struct train_result){0};
}
