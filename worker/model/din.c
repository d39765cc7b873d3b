/* din.c - see din.h: the model_ops of click models. */
#include "worker/model/din.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "worker/model/din_private.h"

// The walk that is open.
struct model_loader {
    const struct model *model;          // borrowed
    const struct sample_format *format; // of it
    struct din_data *data;              // of it
    bool is_training;
    struct din_builder *builder;
    uint32_t batch_size;
    uint64_t num_given;   // samples of this epoch
    uint64_t num_samples; // that it has in all; 0: unknown
    uint64_t num_steps;   // that all ranks take together in lock step; 0: until there are no more
};

/* ---- life ---- */

static void din_destroy(struct model *model)
{
    if (!model) return;
    din_data_destroy(model->data);
    din_net_destroy(model->net);
    dense_remote_fini(&model->remote);
    merge_destroy(model->merge);
    dense_fini(&model->dense);
    mem_free(model->logit_grad);
    mem_free(model->stats_before);
    mem_free(model);
}

/* How often an id has occurred: sums that workers push. */
static void describe_counts(struct souk_table_spec *spec, const char *table)
{
    char name[SOUK_NAME_MAX + 8];
    snprintf(name, sizeof name, "count_%s", table);
    souk_table_spec_init(spec, name, 1);
    spec->init = SOUK_INIT_ZERO;
}

static uint32_t din_tables(const struct model *model, struct souk_table_spec *specs_out)
{
    const struct sample_format *format = &model->format;
    for (uint32_t t = 0; t < format->num_tables; t++) {
        struct souk_table_spec *spec = &specs_out[t];
        souk_table_spec_init(spec, format->tables[t].name, model->shape.dim);
        spec->seed = model->config->run.seed;
        spec->init = SOUK_INIT_NORMAL;
        spec->init_scale = 0.01f;
        spec->optimizer = SOUK_OPT_ADAGRAD;
        spec->lr = 0.05f;
        spec->epsilon = 1e-10f; // as PyTorch's
    }
    for (uint32_t t = 0; model->has_counts && t < format->num_tables; t++)
        describe_counts(&specs_out[format->num_tables + t], format->tables[t].name);
    return din_num_tables(model);
}

/* Adds sums up over ranks: for statistics of layers. */
static void add_up(void *ctx, double *sums, uint32_t n)
{
    comm_step_sum(ctx, sums, n);
}

static bool is_in_lock_step(const struct model *model)
{
    return model->comm && comm_size(model->comm) > 1 &&
           model->config->train.consistency == CONFIG_BSP;
}

static souk_status check_num_tables(const struct model *model)
{
    uint32_t num_tables = din_num_tables(model) + model->is_remote;
    if (num_tables <= SOUK_TABLES_MAX) return SOUK_OK;
    return log_fail(SOUK_ECONFIG,
                    "%u tables of ids%s%s are %u, the limit is %d; let columns share tables in "
                    "features.fields%s",
                    model->format.num_tables, model->has_counts ? ", as many of counts" : "",
                    model->is_remote ? ", one of dense parameters" : "", num_tables,
                    SOUK_TABLES_MAX, model->has_counts ? ", or set model.l2=0" : "");
}

static souk_status set_up(struct model *model)
{
    struct souk_table_spec specs[SOUK_TABLES_MAX];
    model->is_remote =
        model->comm && comm_size(model->comm) > 1 && model->config->train.consistency == CONFIG_ASP;
    souk_status status = check_num_tables(model);
    if (status != SOUK_OK) return status;
    uint32_t num_tables = din_tables(model, specs);
    for (uint32_t t = 0; t < num_tables; t++) {
        status = config_apply_table(model->config, &specs[t]);
        if (status != SOUK_OK) return status;
        if (t >= model->format.num_tables) continue;
        model->table_lr[t] = specs[t].lr;
    }
    if (is_in_lock_step(model)) model->merge = merge_create(model->comm, model->has_counts);
    struct stats_reducer reducer = {.add_up = add_up, .ctx = model->comm};
    model->net = din_net_create(&model->shape, &model->format, model->merge ? &reducer : NULL,
                                &model->dense);
    dense_initialise(&model->dense, model->config->run.seed);
    return SOUK_OK;
}

static souk_status create(enum din_kind kind, const struct config *config, struct comm *comm,
                          struct model **model_out)
{
    struct model *model = mem_calloc(1, sizeof *model, "model");
    model->config = config;
    model->comm = comm;
    souk_status status = din_data_create(config, comm, &model->data);
    if (status == SOUK_OK) {
        model->format = *din_data_format(model->data);
        model->has_counts = config->model.l2 > 0;
        status = din_shape_make(kind, config, &model->format, &model->shape);
    }
    if (status == SOUK_OK) status = set_up(model);
    if (status != SOUK_OK) {
        din_destroy(model);
        return status;
    }
    *model_out = model;
    return SOUK_OK;
}

static souk_status load(enum din_kind kind, const struct config *config, const void *json,
                        struct comm *comm, struct model **model_out)
{
    struct model *model = mem_calloc(1, sizeof *model, "model");
    model->config = config;
    model->comm = comm;
    souk_status status = din_state_load(json, kind, &model->shape, &model->format);
    if (status == SOUK_OK) {
        model->has_counts = json_value_bool(json, "counts", false);
        model->data = din_data_create_known(config, comm, &model->format);
        status = set_up(model);
    }
    if (status != SOUK_OK) {
        din_destroy(model);
        return status;
    }
    *model_out = model;
    return SOUK_OK;
}

const struct sample_format *din_format(const struct model *model)
{
    return &model->format;
}

static void din_save_state(const struct model *model, struct json *json)
{
    json_key(json, "counts"), json_bool(json, model->has_counts);
    din_state_save(&model->shape, &model->format, json);
}

static void din_pack(const struct model *model, bool with_state, struct buf *out)
{
    dense_pack(&model->dense, with_state, out);
}

static souk_status din_unpack(struct model *model, const void *bytes, size_t length,
                              const char *path)
{
    souk_status status = dense_unpack(&model->dense, bytes, length, path);
    if (status == SOUK_OK) model->num_steps = model->dense.num_steps;
    return status;
}

/* ---- batches ---- */

static void din_loader_close(struct model_loader *loader)
{
    if (!loader) return;
    din_data_end(loader->data);
    din_builder_destroy(loader->builder);
    mem_free(loader);
}

/* Ranks whose shares differ would take the last steps alone, in smaller batches of only some of the
 * users, and what comes last counts most. So each takes its share in as many steps as the others.
 * Collective; 0 when a rank does not know how many samples it has. */
static uint64_t agree_on_steps(struct model *model, uint64_t num_samples)
{
    uint32_t size = comm_size(model->comm);
    double words[2] = {(double)num_samples, num_samples > 0};
    comm_sum(model->comm, words, 2);
    if (words[1] < size) return 0;
    return (uint64_t)ceil(words[0] / ((double)size * model->config->train.batch_size));
}

/* How many samples the next batch has: with num_steps those up to the end of its step. */
static uint32_t next_size(const struct model_loader *loader)
{
    uint64_t n = loader->num_samples, num_steps = loader->num_steps, given = loader->num_given;
    if (num_steps == 0) return loader->batch_size;
    uint64_t step = ((given + 1) * num_steps + n - 1) / n; // the first that ends behind given
    return (uint32_t)(n * step / num_steps - given);
}

static souk_status din_loader_open(struct model *model, enum model_source source, uint32_t epoch,
                                   uint64_t num_skip, struct model_loader **loader_out)
{
    bool is_training = source == MODEL_SOURCE_TRAIN;
    uint64_t num_samples = 0, num_steps = 0;
    souk_status status = din_data_begin(model->data, source, epoch, num_skip);
    if (is_training && status == SOUK_OK) num_samples = din_data_num_samples(model->data);
    if (is_training && model->merge) num_steps = agree_on_steps(model, num_samples);
    if (status != SOUK_OK) return status;
    struct model_loader *loader = mem_calloc(1, sizeof *loader, "loader");
    *loader = (struct model_loader){.model = model,
                                    .format = &model->format,
                                    .data = model->data,
                                    .is_training = is_training,
                                    .batch_size = model->config->train.batch_size,
                                    .num_given = num_skip,
                                    .num_samples = num_samples,
                                    .num_steps = num_steps};
    if (is_training) model->epoch = epoch;
    loader->builder = din_builder_create(&model->format, model->shape.dim);
    *loader_out = loader;
    return SOUK_OK;
}

/* The parts that only training has, behind those of ids. */
static void add_training_parts(const struct model *model, struct batch *batch)
{
    const struct sample_format *format = &model->format;
    for (uint32_t t = 0; model->has_counts && t < format->num_tables; t++)
        din_batch_count(batch, t, format->num_tables + t);
    batch->num_parts = din_num_tables(model);
}

static void din_empty_batch(struct model *model, struct batch *batch)
{
    struct din_samples *samples = din_batch_samples(batch, &model->format);
    sample_batch_clear(&samples->raw);
    batch->num_samples = 0;
    batch->num_parts = model->format.num_tables;
    for (uint32_t t = 0; t < batch->num_parts; t++) {
        batch->parts[t].dim = model->shape.dim;
        batch->parts[t].num_keys = 0;
    }
    add_training_parts(model, batch);
}

static souk_status din_next_batch(struct model_loader *loader, struct batch *batch)
{
    struct din_samples *samples = din_batch_samples(batch, loader->format);
    souk_status status = din_data_next(loader->data, next_size(loader), &samples->raw);
    if (status != SOUK_OK) return status;
    loader->num_given += samples->raw.num_samples;
    din_builder_build(loader->builder, batch);
    if (loader->is_training) add_training_parts(loader->model, batch);
    return batch->num_samples > 0 ? SOUK_OK : SOUK_EEND;
}

static double din_loader_share(const struct model_loader *loader)
{
    return din_data_share(loader->data);
}

/* ---- weights beside tables ---- */

static souk_status din_attach(struct model *model, struct souk_client *client)
{
    if (!model->is_remote) return SOUK_OK;
    souk_status status =
        dense_remote_open(&model->remote, model->config->train.dense_optimizer == CONFIG_DENSE_ADAM,
                          model->config->train.lr, &model->dense, client);
    status = comm_agree(model->comm, status);
    if (status == SOUK_OK && comm_rank(model->comm) == 0)
        status = dense_remote_send(&model->remote, &model->dense);
    return comm_agree(model->comm, status);
}

/* Workers that do not wait for each other have statistics of their own: their mean is what all go
 * on with. */
static souk_status din_settle(struct model *model)
{
    struct dense *dense = &model->dense;
    if (!model->is_remote) return SOUK_OK;
    souk_status status = dense_remote_fetch(&model->remote, dense);
    status = comm_agree(model->comm, status);
    if (status != SOUK_OK) return status;
    double *stats = mem_calloc(dense->num_stats + 1, sizeof *stats, "statistics of layers");
    for (uint32_t i = 0; i < dense->num_stats; i++) stats[i] = (double)dense->stats[i];
    comm_sum(model->comm, stats, dense->num_stats + 1);
    for (uint32_t i = 0; i < dense->num_stats; i++)
        dense->stats[i] = (float)(stats[i] / comm_size(model->comm));
    mem_free(stats);
    return SOUK_OK;
}

/* ---- figures ---- */

static void din_clicks(const struct model *model, const struct batch *batch, uint64_t *groups_out,
                       uint8_t *labels_out)
{
    const struct din_samples *samples = batch->samples;
    const struct sample_batch *raw = &samples->raw;
    int32_t user = model->format.user;
    for (uint32_t b = 0; b < raw->num_samples; b++) {
        groups_out[b] = user >= 0 ? raw->ids[user][b] : 0;
        labels_out[b] = raw->labels[b] > 0.5f;
    }
}

static uint32_t din_metrics(const struct model *model, const struct model_sums *sums,
                            struct model_metric *metrics_out)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < model->format.num_tables; t++) {
        if (DIN_SUM_UNSEEN + t >= MODEL_SUMS_MAX) break;
        struct model_metric *metric = &metrics_out[count++];
        *metric = (struct model_metric){
            .value = sums->values[DIN_SUM_UNSEEN + t], .is_lower_better = true, .is_count = true};
        snprintf(metric->name, sizeof metric->name, "unseen_%s", model->format.tables[t].name);
    }
    return count;
}

/* ---- what is kept beside the tables ---- */

// Tables of counts have no ids of their own.
static struct names *din_names(struct model *model, uint32_t table)
{
    return table < model->format.num_tables ? din_data_names(model->data, table) : NULL;
}

static const char *din_take_observed(struct model *model)
{
    return din_data_take_profiles(model->data);
}

static uint64_t din_num_bad_rows(const struct model *model)
{
    return din_data_num_bad_rows(model->data);
}

static uint64_t din_num_bad_steps(const struct model *model)
{
    return model->merge && comm_rank(model->comm) > 0 ? 0 : model->num_bad_steps;
}

/* ---- one constant a model ---- */

#define CLICK_MODEL(type, kind)                                                      \
    static souk_status type##_create(const struct config *config, struct comm *comm, \
                                     struct model **model_out)                       \
    {                                                                                \
        return create(kind, config, comm, model_out);                                \
    }                                                                                \
    static souk_status type##_load(const struct config *config, const void *json,    \
                                   struct comm *comm, struct model **model_out)      \
    {                                                                                \
        return load(kind, config, json, comm, model_out);                            \
    }                                                                                \
    const struct model_ops type##_ops = {.name = #type,                              \
                                         .create = type##_create,                    \
                                         .destroy = din_destroy,                     \
                                         .load = type##_load,                        \
                                         .save_state = din_save_state,               \
                                         .pack = din_pack,                           \
                                         .unpack = din_unpack,                       \
                                         .tables = din_tables,                       \
                                         .attach = din_attach,                       \
                                         .settle = din_settle,                       \
                                         .empty_batch = din_empty_batch,             \
                                         .loader_open = din_loader_open,             \
                                         .loader_close = din_loader_close,           \
                                         .next_batch = din_next_batch,               \
                                         .loader_share = din_loader_share,           \
                                         .batch_fini = din_batch_fini,               \
                                         .step = din_step,                           \
                                         .score = din_score,                         \
                                         .clicks = din_clicks,                       \
                                         .metrics = din_metrics,                     \
                                         .names = din_names,                         \
                                         .take_observed = din_take_observed,         \
                                         .num_bad_rows = din_num_bad_rows,           \
                                         .num_bad_steps = din_num_bad_steps}

CLICK_MODEL(din, DIN_ATTENTION);
CLICK_MODEL(base, DIN_POOLED);
CLICK_MODEL(ncf, DIN_PLAIN);
