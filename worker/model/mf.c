/* mf.c - see mf.h: the model_ops of matrix factorisation. */
#include "worker/model/mf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "worker/model/mf_data.h"
#include "worker/model/unique_keys.h"

struct model {
    const struct config *config; // borrowed
    struct mf_data *data;
    uint32_t k, dim;
    double mean;
    float min, max; // range of the ratings in training
    bool clip;      // predictions stay in that range
};

// The walk that is open, and room for one batch of ratings in file order.
struct model_loader {
    struct mf_data *data; // borrowed
    struct unique_keys *unique;
    uint32_t batch_size, dim;
    struct rating *ratings; // (batch_size)
    uint64_t *keys;         // (batch_size)
};

// struct batch.samples: ratings as rows of the parts.
struct samples {
    uint32_t *idxs[MF_NUM_TABLES]; // (n) row of the user, of the item
    float *values;                 // (n) NAN: no rating
    uint32_t capacity;             // samples
};

// What model_sums.values mean.
enum { SUM_SAMPLES, SUM_SQUARES, SUM_ABSOLUTES, SUM_COLD_USERS, SUM_COLD_ITEMS };

/* ---- life ---- */

static void mf_destroy(struct model *model)
{
    if (!model) return;
    mf_data_destroy(model->data);
    mem_free(model);
}

static struct model *make_model(const struct config *config, struct comm *comm, uint32_t k,
                                const enum config_id_kind ids[MF_NUM_TABLES])
{
    struct model *model = mem_calloc(1, sizeof *model, "model");
    model->config = config;
    model->k = k;
    model->dim = k + 1 + (config->train.optimizer == CONFIG_MF_ADAGRAD);
    model->clip = config->model.clip;
    struct mf_data_options options = {.config = config,
                                      .part = comm ? comm_rank(comm) : 0,
                                      .num_parts = comm ? comm_size(comm) : 1,
                                      .user_id = ids[MF_USER],
                                      .item_id = ids[MF_ITEM]};
    model->data = mf_data_create(&options);
    return model;
}

/* Rank 0 is the first to open the files: what is wrong for all is said once. */
static souk_status open_data(struct mf_data *data, struct comm *comm)
{
    bool is_rank_0 = comm_rank(comm) == 0;
    souk_status status = comm_agree(comm, is_rank_0 ? mf_data_open(data) : SOUK_OK);
    if (status != SOUK_OK) return status;
    return comm_agree(comm, is_rank_0 ? SOUK_OK : mf_data_open(data));
}

static souk_status mf_create(const struct config *config, struct comm *comm,
                             struct model **model_out)
{
    const enum config_id_kind ids[MF_NUM_TABLES] = {config->data.user_id, config->data.item_id};
    struct model *model = make_model(config, comm, config->model.k, ids);
    struct mf_head head = {.min = INFINITY, .max = -INFINITY};
    souk_status status = open_data(model->data, comm);
    if (status == SOUK_OK) status = comm_agree(comm, mf_data_read_head(model->data, &head));
    if (status != SOUK_OK) goto fail;

    double sums[2] = {head.sum, (double)head.num_ratings};
    comm_sum(comm, sums, 2);
    double bounds[2] = {-head.min, head.max};
    comm_max(comm, bounds, 2);
    if (sums[1] == 0) {
        status = SOUK_EDATA;
        if (comm_rank(comm) == 0)
            log_fail(status, "%s: there are no ratings to train on", config->data.train.items[0]);
        goto fail;
    }
    model->mean = sums[0] / sums[1];
    model->min = (float)-bounds[0];
    model->max = (float)bounds[1];
    *model_out = model;
    return SOUK_OK;
fail:
    mf_destroy(model);
    return status;
}

static const char *id_name(enum config_id_kind kind)
{
    return kind == CONFIG_ID_STRING ? "string" : "integer";
}

static enum config_id_kind id_kind(const void *json, const char *key)
{
    bool is_string = strcmp(json_value_text(json, key, "integer"), "string") == 0;
    return is_string ? CONFIG_ID_STRING : CONFIG_ID_INTEGER;
}

static souk_status mf_load(const struct config *config, const void *json, struct comm *comm,
                           struct model **model_out)
{
    double k = json_value_number(json, "k", 0), dim = json_value_number(json, "dim", 0);
    double mean = json_value_number(json, "mean", NAN);
    if (!(k >= 1 && dim > k && dim <= SOUK_DIM_MAX) || !isfinite(mean))
        return log_fail(SOUK_EDATA, "the manifest has no state of a matrix factorisation; "
                                    "train again, or take another folder");
    const enum config_id_kind ids[MF_NUM_TABLES] = {id_kind(json, "user_id"),
                                                    id_kind(json, "item_id")};
    struct model *model = make_model(config, comm, (uint32_t)k, ids);
    model->dim = (uint32_t)dim;
    model->mean = mean;
    model->min = (float)json_value_number(json, "min", -INFINITY);
    model->max = (float)json_value_number(json, "max", INFINITY);
    model->clip = json_value_bool(json, "clip", false);
    *model_out = model;
    return SOUK_OK;
}

static void mf_save_state(const struct model *model, struct json *json)
{
    json_key(json, "k"), json_uint(json, model->k);
    json_key(json, "dim"), json_uint(json, model->dim);
    json_key(json, "mean"), json_double(json, model->mean);
    json_key(json, "min"), json_double(json, model->min);
    json_key(json, "max"), json_double(json, model->max);
    json_key(json, "clip"), json_bool(json, model->clip);
    json_key(json, "user_id"), json_string(json, id_name(mf_data_user_id(model->data)));
    json_key(json, "item_id"), json_string(json, id_name(mf_data_item_id(model->data)));
}

static uint32_t mf_tables(const struct model *model, struct souk_table_spec *specs_out)
{
    static const char *const NAMES[MF_NUM_TABLES] = {"user", "item"};
    for (uint32_t i = 0; i < MF_NUM_TABLES; i++) {
        struct souk_table_spec *spec = &specs_out[i];
        souk_table_spec_init(spec, NAMES[i], model->dim);
        spec->seed = model->config->run.seed;
        spec->init = SOUK_INIT_NORMAL;
        spec->init_scale = model->config->model.init_scale;
        spec->init_columns = model->k;
    }
    return MF_NUM_TABLES;
}

/* ---- batches ---- */

static void mf_loader_close(struct model_loader *loader)
{
    if (!loader) return;
    mf_data_end(loader->data);
    unique_keys_destroy(loader->unique);
    mem_free(loader->ratings);
    mem_free(loader->keys);
    mem_free(loader);
}

static souk_status mf_loader_open(struct model *model, enum model_source source, uint32_t epoch,
                                  uint64_t num_skip, struct model_loader **loader_out)
{
    souk_status status = mf_data_begin(model->data, source, epoch, num_skip);
    if (status != SOUK_OK) return status;
    struct model_loader *loader = mem_calloc(1, sizeof *loader, "loader");
    loader->data = model->data;
    loader->batch_size = model->config->train.batch_size;
    loader->dim = model->dim;
    loader->unique = unique_keys_create();
    loader->ratings = mem_calloc(loader->batch_size, sizeof *loader->ratings, "ratings of a batch");
    loader->keys = mem_calloc(loader->batch_size, sizeof *loader->keys, "keys of a batch");
    *loader_out = loader;
    return SOUK_OK;
}

static void mf_batch_fini(struct batch *batch)
{
    struct samples *samples = batch->samples;
    if (!samples) return;
    for (uint32_t i = 0; i < MF_NUM_TABLES; i++) mem_free(samples->idxs[i]);
    mem_free(samples->values);
    mem_free(samples);
    batch->samples = NULL;
}

static struct samples *reserve_samples(struct batch *batch, uint32_t n)
{
    struct samples *samples = batch->samples;
    if (samples && samples->capacity >= n) return samples;
    mf_batch_fini(batch);
    samples = mem_calloc(1, sizeof *samples, "samples of a batch");
    for (uint32_t i = 0; i < MF_NUM_TABLES; i++)
        samples->idxs[i] = mem_calloc(n, sizeof *samples->idxs[i], "samples of a batch");
    samples->values = mem_calloc(n, sizeof *samples->values, "samples of a batch");
    samples->capacity = n;
    return batch->samples = samples;
}

/* Fills a batch to the brim: a file's end is no batch's end. */
static souk_status read_ratings(struct model_loader *loader, uint32_t *num_out)
{
    uint32_t num = 0, n = 1;
    while (num < loader->batch_size && n > 0) {
        souk_status status =
            mf_data_next(loader->data, loader->ratings + num, loader->batch_size - num, &n);
        if (status != SOUK_OK) return status;
        num += n;
    }
    *num_out = num;
    return num > 0 ? SOUK_OK : SOUK_EEND;
}

static souk_status mf_next_batch(struct model_loader *loader, struct batch *batch)
{
    uint32_t n;
    souk_status status = read_ratings(loader, &n);
    if (status != SOUK_OK) return status;
    struct samples *samples = reserve_samples(batch, loader->batch_size);
    batch->num_samples = n;
    batch->num_parts = MF_NUM_TABLES;
    for (uint32_t i = 0; i < MF_NUM_TABLES; i++) {
        batch->parts[i].dim = loader->dim;
        batch->parts[i].push_mode = SOUK_PUSH_ADD;
        for (uint32_t t = 0; t < n; t++)
            loader->keys[t] = i == MF_USER ? loader->ratings[t].user : loader->ratings[t].item;
        unique_keys_find(loader->unique, loader->keys, n, &batch->parts[i], samples->idxs[i]);
    }
    for (uint32_t t = 0; t < n; t++) samples->values[t] = loader->ratings[t].value;
    return SOUK_OK;
}

static double mf_loader_share(const struct model_loader *loader)
{
    return mf_data_share(loader->data);
}

/* ---- the step ---- */

static souk_status mf_step(struct model *model, struct batch *batch, float lr,
                           struct model_sums *sums)
{
    const struct samples *samples = batch->samples;
    struct batch_part *users = &batch->parts[MF_USER], *items = &batch->parts[MF_ITEM];
    const uint64_t user_floats = (uint64_t)users->num_keys * users->dim;
    const uint64_t item_floats = (uint64_t)items->num_keys * items->dim;
    memcpy(users->pushes, users->rows, user_floats * sizeof(float));
    memcpy(items->pushes, items->rows, item_floats * sizeof(float));
    const struct mf_pass pass = {.users = users->rows,
                                 .items = items->rows,
                                 .user_idxs = samples->idxs[MF_USER],
                                 .item_idxs = samples->idxs[MF_ITEM],
                                 .values = samples->values,
                                 .n = batch->num_samples,
                                 .k = model->k,
                                 .dim = model->dim,
                                 .is_adagrad = model->dim > model->k + 1,
                                 .mean = (float)model->mean,
                                 .lr = lr,
                                 .l2_user = model->config->model.l2_user,
                                 .l2_item = model->config->model.l2_item,
                                 .l2_user_bias = model->config->model.l2_user_bias,
                                 .l2_item_bias = model->config->model.l2_item_bias};
    double squares = mf_train(&pass);
    bool are_users_finite = mf_differences(users->rows, users->pushes, user_floats);
    bool are_items_finite = mf_differences(items->rows, items->pushes, item_floats);
    sums->values[SUM_SAMPLES] += batch->num_samples;
    sums->values[SUM_SQUARES] += squares;
    return are_users_finite && are_items_finite && isfinite(squares) ? SOUK_OK : SOUK_EDIVERGED;
}

/* ---- scores ---- */

float mf_predict(const struct model *model, const float *user_row, const float *item_row)
{
    float rating = (float)model->mean;
    if (user_row) rating += user_row[model->k];
    if (item_row) rating += item_row[model->k];
    if (user_row && item_row) rating += mf_dot(user_row, item_row, model->k);
    if (!model->clip) return rating;
    return fminf(fmaxf(rating, model->min), model->max);
}

static const float *known_row(const struct batch_part *part, uint32_t idx)
{
    return part->found[idx] ? part->rows + (size_t)idx * part->dim : NULL;
}

static void mf_score(const struct model *model, const struct batch *batch, float *predictions_out,
                     struct model_sums *sums)
{
    const struct samples *samples = batch->samples;
    double squares = 0, absolutes = 0;
    uint64_t num_cold_users = 0, num_cold_items = 0;
    for (uint32_t t = 0; t < batch->num_samples; t++) {
        const float *user = known_row(&batch->parts[MF_USER], samples->idxs[MF_USER][t]);
        const float *item = known_row(&batch->parts[MF_ITEM], samples->idxs[MF_ITEM][t]);
        float prediction = mf_predict(model, user, item);
        if (predictions_out) predictions_out[t] = prediction;
        double error = (double)samples->values[t] - prediction;
        squares += error * error;
        absolutes += fabs(error);
        num_cold_users += !user;
        num_cold_items += !item;
    }
    sums->values[SUM_SAMPLES] += batch->num_samples;
    sums->values[SUM_SQUARES] += squares;
    sums->values[SUM_ABSOLUTES] += absolutes;
    sums->values[SUM_COLD_USERS] += (double)num_cold_users;
    sums->values[SUM_COLD_ITEMS] += (double)num_cold_items;
}

static uint32_t mf_metrics(const struct model *model, const struct model_sums *sums,
                           struct model_metric *metrics_out)
{
    (void)model;
    const double *values = sums->values;
    double n = values[SUM_SAMPLES] > 0 ? values[SUM_SAMPLES] : 1;
    metrics_out[0] = (struct model_metric){"rmse", sqrt(values[SUM_SQUARES] / n), true};
    metrics_out[1] = (struct model_metric){"mae", values[SUM_ABSOLUTES] / n, true};
    metrics_out[2] = (struct model_metric){"cold_users", values[SUM_COLD_USERS], true, true};
    metrics_out[3] = (struct model_metric){"cold_items", values[SUM_COLD_ITEMS], true, true};
    return 4;
}

/* ---- what is kept beside the tables ---- */

static struct names *mf_names(struct model *model, uint32_t table)
{
    return table == MF_USER ? mf_data_users(model->data) : mf_data_items(model->data);
}

static const char *mf_take_observed(struct model *model)
{
    return mf_data_take_observed(model->data);
}

static uint64_t mf_num_bad_rows(const struct model *model)
{
    return mf_data_num_bad_rows(model->data);
}

uint32_t mf_k(const struct model *model)
{
    return model->k;
}

enum config_id_kind mf_user_id(const struct model *model)
{
    return mf_data_user_id(model->data);
}

enum config_id_kind mf_item_id(const struct model *model)
{
    return mf_data_item_id(model->data);
}

const struct model_ops mf_ops = {.name = "mf",
                                 .create = mf_create,
                                 .destroy = mf_destroy,
                                 .load = mf_load,
                                 .save_state = mf_save_state,
                                 .tables = mf_tables,
                                 .loader_open = mf_loader_open,
                                 .loader_close = mf_loader_close,
                                 .next_batch = mf_next_batch,
                                 .loader_share = mf_loader_share,
                                 .batch_fini = mf_batch_fini,
                                 .step = mf_step,
                                 .score = mf_score,
                                 .metrics = mf_metrics,
                                 .names = mf_names,
                                 .take_observed = mf_take_observed,
                                 .num_bad_rows = mf_num_bad_rows};
