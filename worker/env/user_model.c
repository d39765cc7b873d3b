/* user_model.c - see user_model.h. */
#include "worker/env/user_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/profile_census.h"
#include "worker/model/din.h"
#include "worker/model/exchange.h"
#include "worker/model/model_config.h"
#include "worker/model/model_dir.h"

struct user_model_parts {
    struct config config; // that the model was trained with
    struct souk_client *client;
    struct comm *comm;
    struct model_dir *dir;
    const struct model_ops *ops;
    struct model *model;
    uint32_t tables[MODEL_TABLES_MAX]; // the client's numbers
    struct click_scorer *scorer;
    const char **paths; // (num_paths) files of profiles; the texts are the folder's
    uint32_t num_paths;
    struct profile_census census;
};

/* ---- the model ---- */

static souk_status check_model(const struct user_model *users, const struct model_ops *ops)
{
    const struct user_model_parts *parts = users->parts;
    if (!ops || !ops->clicks)
        return log_fail(SOUK_EDATA,
                        "%s: is a model of type \"%s\", and users are simulated by models of "
                        "clicks: din, base or ncf",
                        users->path, model_dir_type(parts->dir));
    if (model_dir_num_observed(parts->dir) == 0)
        return log_fail(SOUK_EDATA,
                        "%s does not remember its users and items; train it with "
                        "data.keep_observed=true, and columns that are known as user and item",
                        users->path);
    return SOUK_OK;
}

static souk_status open_model(struct user_model *users, const char *path)
{
    struct user_model_parts *parts = users->parts;
    souk_status status = model_config_read(&parts->config, path);
    if (status == SOUK_OK) status = model_dir_open(path, &parts->dir);
    if (status != SOUK_OK) return status;
    users->path = model_dir_path(parts->dir);
    const struct model_ops *ops = model_ops_get(model_dir_type(parts->dir));
    status = check_model(users, ops);
    if (status != SOUK_OK) return status;
    parts->ops = ops;
    status = ops->load(&parts->config, model_dir_state(parts->dir), parts->comm, &parts->model);
    if (status == SOUK_OK) status = tables_match_dir(ops, parts->model, parts->dir);
    if (status == SOUK_OK) status = weights_load(ops, parts->model, parts->dir);
    if (status == SOUK_OK) users->format = din_format(parts->model);
    return status;
}

static souk_status load_rows(struct user_model *users)
{
    struct user_model_parts *parts = users->parts;
    souk_status status = model_dir_load(parts->dir, parts->client, comm_rank(parts->comm),
                                        comm_size(parts->comm), parts->tables);
    if (status == SOUK_OK)
        parts->scorer = click_scorer_create(parts->model, parts->client, parts->tables);
    return status;
}

/* ---- what it remembers ---- */

static souk_status check_history(const struct user_model *users)
{
    const struct sample_format *format = users->format;
    for (uint32_t h = 0; h < format->num_histories; h++)
        if (format->targets[h] < 0)
            return log_fail(SOUK_EDATA,
                            "%s: nobody knows what a click adds to the history \"%s\", which is "
                            "compared with no field; train a model without it to simulate users",
                            users->path, format->histories[h].name);
    return SOUK_OK;
}

static souk_status read_items(struct user_model *users)
{
    struct user_model_parts *parts = users->parts;
    parts->num_paths = model_dir_num_observed(parts->dir);
    parts->paths = mem_calloc(parts->num_paths, sizeof *parts->paths, "files of a model");
    for (uint32_t i = 0; i < parts->num_paths; i++)
        parts->paths[i] = model_dir_observed(parts->dir, i);
    souk_status status =
        catalogue_read(parts->paths, parts->num_paths, users->format, &users->items);
    if (status == SOUK_OK && users->items.num_items >= UINT32_MAX)
        status =
            log_fail(SOUK_EDATA, "%s: more items than users can be simulated with", users->path);
    return status;
}

static souk_status read_users(struct user_model *users, uint32_t max_users)
{
    struct user_model_parts *parts = users->parts;
    const struct profile_census_options options = {.paths = parts->paths,
                                                   .num_paths = parts->num_paths,
                                                   .format = users->format,
                                                   .catalogue = &users->items,
                                                   .max_users = max_users};
    souk_status status = profile_census_read(&options, &parts->census);
    if (status == SOUK_OK)
        status = profiles_read(parts->paths, parts->num_paths, users->format, parts->census.users,
                               parts->census.num_users, &users->profiles);
    if (status == SOUK_OK && users->profiles.samples.num_samples == 0)
        status = log_fail(SOUK_EDATA, "%s remembers no user at all; train it on data with users",
                          users->path);
    if (status != SOUK_OK) return status;
    users->popularity =
        mem_calloc(users->items.num_items, sizeof *users->popularity, "popularity of items");
    for (uint64_t i = 0; i < users->items.num_items; i++)
        users->popularity[i] = 1 + (double)parts->census.counts[i];
    return SOUK_OK;
}

/* ---- vectors ---- */

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// The values of a field over all items, ascending, unique; keys has room for one an item.
static uint32_t list_keys(const struct catalogue *items, uint32_t field, uint64_t *keys)
{
    uint32_t n = 0;
    for (uint64_t i = 0; i < items->num_items; i++)
        keys[i] = items->ids[i * items->num_fields + field];
    qsort(keys, items->num_items, sizeof *keys, compare_keys);
    for (uint64_t i = 0; i < items->num_items; i++)
        if (n == 0 || keys[n - 1] != keys[i]) keys[n++] = keys[i];
    return n;
}

struct embeddings {
    uint32_t dim, num_keys;
    uint64_t *keys; // (num_keys) ascending
    float *rows;    // (num_keys, dim)
    uint8_t *found; // (num_keys)
};

// Puts the embeddings of a field into all items' vectors; zeros where nothing was learnt.
static void put_embeddings(struct user_model *users, uint32_t field,
                           const struct embeddings *embeddings)
{
    const struct catalogue *items = &users->items;
    uint32_t dim = embeddings->dim;
    for (uint64_t i = 0; i < items->num_items; i++) {
        uint64_t key = items->ids[i * items->num_fields + field];
        const uint64_t *at =
            bsearch(&key, embeddings->keys, embeddings->num_keys, sizeof key, compare_keys);
        size_t k = (size_t)(at - embeddings->keys); // all keys are there
        if (embeddings->found[k])
            memcpy(users->vectors + i * users->vector_dim + (size_t)field * dim,
                   embeddings->rows + k * dim, dim * sizeof(float));
    }
}

static souk_status pull_field(struct user_model *users, uint32_t field,
                              struct embeddings *embeddings)
{
    struct user_model_parts *parts = users->parts;
    uint32_t table = users->format->ids[users->items.fields[field]].table;
    embeddings->num_keys = list_keys(&users->items, field, embeddings->keys);
    const struct souk_pull pull = {.table = parts->tables[table],
                                   .num_keys = embeddings->num_keys,
                                   .keys = embeddings->keys,
                                   .rows = embeddings->rows,
                                   .found = embeddings->found,
                                   .exact = true};
    souk_ticket ticket;
    souk_status status = souk_client_pull(parts->client, &pull, 1, &ticket);
    if (status == SOUK_OK) status = souk_client_wait(parts->client, ticket);
    if (status == SOUK_OK) put_embeddings(users, field, embeddings);
    return status;
}

static souk_status pull_vectors(struct user_model *users)
{
    uint64_t num_items = users->items.num_items;
    uint32_t num_fields = users->items.num_fields;
    struct embeddings embeddings = {.dim = model_dir_spec(users->parts->dir, 0)->dim};
    users->vector_dim = num_fields * embeddings.dim;
    users->vectors =
        mem_calloc(num_items, users->vector_dim * sizeof *users->vectors, "vectors of items");
    embeddings.keys = mem_calloc(num_items, sizeof *embeddings.keys, "keys of items");
    embeddings.rows = mem_calloc(num_items, embeddings.dim * sizeof(float), "rows of items");
    embeddings.found = mem_calloc(num_items, sizeof *embeddings.found, "rows of items");
    souk_status status = SOUK_OK;
    for (uint32_t f = 0; f < num_fields && status == SOUK_OK; f++)
        status = pull_field(users, f, &embeddings);
    mem_free(embeddings.keys);
    mem_free(embeddings.rows);
    mem_free(embeddings.found);
    return status;
}

/* ---- the whole ---- */

static souk_status open_all(struct user_model *users, const struct user_model_options *options)
{
    struct comm *comm = options->comm;
    souk_status status = comm_agree(comm, open_model(users, options->config->env.model));
    if (status == SOUK_OK) status = comm_agree(comm, load_rows(users)); // all rows are there then
    if (status != SOUK_OK) return status;
    status = check_history(users);
    if (status == SOUK_OK) status = read_items(users);
    if (status == SOUK_OK) status = read_users(users, options->config->env.num_profiles);
    if (status == SOUK_OK) status = pull_vectors(users);
    return comm_agree(comm, status);
}

souk_status user_model_open(const struct user_model_options *options, struct user_model **model_out)
{
    if (!options->config->env.model[0])
        return config_fail_at(options->config, "env.model",
                              "learned users need the run.dir of a model of clicks");
    struct user_model *users = mem_calloc(1, sizeof *users, "simulated users");
    users->parts = mem_calloc(1, sizeof *users->parts, "simulated users");
    config_init(&users->parts->config);
    users->parts->client = options->client;
    users->parts->comm = options->comm;
    souk_status status = open_all(users, options);
    if (status == SOUK_OK)
        *model_out = users;
    else
        user_model_close(users);
    return status;
}

void user_model_close(struct user_model *model)
{
    if (!model) return;
    struct user_model_parts *parts = model->parts;
    click_scorer_destroy(parts->scorer);
    if (parts->model) parts->ops->destroy(parts->model);
    model_dir_close(parts->dir);
    profiles_fini(&model->profiles);
    profile_census_fini(&parts->census);
    catalogue_fini(&model->items);
    config_fini(&parts->config);
    mem_free(parts->paths);
    mem_free(parts);
    mem_free(model->popularity);
    mem_free(model->vectors);
    mem_free(model);
}

souk_status user_model_score(struct user_model *model, const struct sample_batch *samples,
                             struct click_scores *scores_out)
{
    return click_scorer_run(model->parts->scorer, samples, scores_out);
}

uint32_t user_model_find_item(const struct user_model *model, uint64_t key)
{
    const struct catalogue *items = &model->items;
    const uint64_t *at = bsearch(&key, items->items, items->num_items, sizeof key, compare_keys);
    return at ? (uint32_t)(at - items->items) : UINT32_MAX;
}

void user_model_tell_item(struct user_model *model, uint32_t item, struct buf *out)
{
    const struct sample_column *column = &model->format->ids[model->format->item];
    const struct names *names = NULL;
    uint64_t key = model->items.items[item];
    const char *text = NULL;
    size_t length = 0;
    if (column->kind == CONFIG_ID_STRING &&
        model_dir_names(model->parts->dir, model->format->tables[column->table].name, &names) ==
            SOUK_OK &&
        names)
        text = names_get(names, key, &length);
    if (text)
        text_add_shown(out, text, length);
    else
        buf_printf(out, column->kind == CONFIG_ID_STRING ? "#%" PRIx64 : "%" PRIu64, key);
}
