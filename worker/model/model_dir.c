/* model_dir.c - opening and loading of model_dir.h. */
#include "worker/model/model_dir.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/crc32c.h"
#include "common/text/json_value.h"
#include "worker/model/manifest.h"

enum { PUSHES_IN_FLIGHT = 8 };

struct model_dir {
    char *path; // folder of the manifest
    struct manifest manifest;
    struct names *names[SOUK_TABLES_MAX]; // by table of the manifest; NULL until they are asked for
    char **observed;                      // (manifest.num_observed) paths
    int lock; // keeps its files from a run that saves the next; -1: none
};

static void join(struct buf *path, const struct model_dir *model, const char *name)
{
    buf_clear(path);
    buf_printf(path, "%s/%s", model->path, name);
}

// Locks before it reads, so that the files of this manifest stay.
static souk_status read_manifest(struct model_dir *model)
{
    struct buf path = {0};
    join(&path, model, MANIFEST_FILE);
    souk_status status = SOUK_OK;
    if (file_exists(buf_text(&path))) status = file_lock_dir(model->path, true, &model->lock);
    buf_fini(&path);
    return status == SOUK_OK ? manifest_read(model->path, &model->manifest) : status;
}

// The folder itself, or model/ in it.
static souk_status find_manifest(const char *dir, struct model_dir *model)
{
    model->path = mem_strdup(dir);
    souk_status status = read_manifest(model);
    if (status != SOUK_ENOTFOUND) return status;
    struct buf path = {0};
    buf_printf(&path, "%s/model", dir);
    mem_free(model->path);
    model->path = mem_strdup(buf_text(&path));
    buf_fini(&path);
    status = read_manifest(model);
    if (status != SOUK_ENOTFOUND) return status;
    return log_fail(status, "%s: %s; give the run.dir of `souk train` or `souk learn-policy`", dir,
                    file_exists(dir) ? "no model in this folder" : "there is no such folder");
}

static souk_status check_observed(const struct model_dir *model, uint32_t idx)
{
    struct stat st;
    const char *path = model->observed[idx];
    if (stat(path, &st) != 0)
        return log_fail(SOUK_EDATA, "%s: the manifest names it, but it cannot be opened: %s", path,
                        strerror(errno));
    uint64_t bytes = model->manifest.observed[idx].sum.bytes;
    if ((uint64_t)st.st_size == bytes) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: has %" PRIu64 " bytes where the manifest says %" PRIu64
                    "; copy the model again, or train it again",
                    path, (uint64_t)st.st_size, bytes);
}

static souk_status find_observed(struct model_dir *model)
{
    uint32_t num = model->manifest.num_observed;
    model->observed = mem_calloc(num, sizeof(*model->observed), "paths of a model");
    struct buf path = {0};
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; i < num && status == SOUK_OK; i++) {
        join(&path, model, model->manifest.observed[i].name);
        model->observed[i] = mem_strdup(buf_text(&path));
        status = check_observed(model, i);
    }
    buf_fini(&path);
    return status;
}

souk_status model_dir_open(const char *dir, struct model_dir **model_out)
{
    struct model_dir *model = mem_calloc(1, sizeof(*model), "model folder");
    model->lock = -1;
    souk_status status = find_manifest(dir, model);
    if (status == SOUK_EEXIST) status = SOUK_EDATA;
    if (status == SOUK_OK) status = find_observed(model);
    if (status != SOUK_OK) {
        model_dir_close(model);
        return status;
    }
    *model_out = model;
    return SOUK_OK;
}

void model_dir_close(struct model_dir *model)
{
    if (!model) return;
    for (uint32_t i = 0; model->observed && i < model->manifest.num_observed; i++)
        mem_free(model->observed[i]);
    mem_free(model->observed);
    for (uint32_t t = 0; t < SOUK_TABLES_MAX; t++) names_destroy(model->names[t]);
    manifest_fini(&model->manifest);
    if (model->lock >= 0) close(model->lock);
    mem_free(model->path);
    mem_free(model);
}

const char *model_dir_path(const struct model_dir *model)
{
    return model->path;
}

const char *model_dir_type(const struct model_dir *model)
{
    return model->manifest.type;
}

const void *model_dir_state(const struct model_dir *model)
{
    return json_value_get(model->manifest.json, "state");
}

const void *model_dir_extra(const struct model_dir *model)
{
    return json_value_get(model->manifest.json, "extra");
}

uint32_t model_dir_num_tables(const struct model_dir *model)
{
    return model->manifest.num_tables;
}

const struct souk_table_spec *model_dir_spec(const struct model_dir *model, uint32_t idx)
{
    return &model->manifest.tables[idx].spec;
}

uint64_t model_dir_num_rows(const struct model_dir *model, uint32_t idx)
{
    return model->manifest.tables[idx].num_rows;
}

uint32_t model_dir_num_observed(const struct model_dir *model)
{
    return model->manifest.num_observed;
}

const char *model_dir_observed(const struct model_dir *model, uint32_t idx)
{
    return model->observed[idx];
}

static souk_status unpack_names(const char *path, const struct manifest_file *file,
                                const void *bytes, size_t length, struct names **names_out)
{
    struct names *names = names_create();
    bool is_whole = length == file->sum.bytes && crc32c(0, bytes, length) == file->sum.crc;
    if (is_whole && names_unpack(names, bytes, length) == SOUK_OK &&
        names_count(names) == file->sum.rows) {
        *names_out = names;
        return SOUK_OK;
    }
    names_destroy(names);
    return log_fail(SOUK_EDATA,
                    "%s: damaged: size or checksum are not those of the manifest; copy the model "
                    "again, or train it again",
                    path);
}

static souk_status read_names(const struct model_dir *model, const struct manifest_file *file,
                              struct names **names_out)
{
    struct buf path = {0};
    char *bytes = NULL;
    size_t length;
    join(&path, model, file->name);
    souk_status status = file_read(buf_text(&path), SIZE_MAX / 2, &bytes, &length);
    if (status == SOUK_ENOTFOUND) status = SOUK_EDATA;
    if (status == SOUK_OK) status = unpack_names(buf_text(&path), file, bytes, length, names_out);
    mem_free(bytes);
    buf_fini(&path);
    return status;
}

souk_status model_dir_names(struct model_dir *model, const char *table,
                            const struct names **names_out)
{
    const struct manifest *manifest = &model->manifest;
    uint32_t t = 0;
    while (t < manifest->num_tables && strcmp(manifest->tables[t].spec.name, table) != 0) t++;
    bool has_names = t < manifest->num_tables && manifest->tables[t].has_names;
    souk_status status = SOUK_OK;
    if (has_names && !model->names[t])
        status = read_names(model, &manifest->tables[t].names, &model->names[t]);
    if (status == SOUK_OK) *names_out = has_names ? model->names[t] : NULL;
    return status;
}

souk_status model_dir_weights(const struct model_dir *model, char **bytes_out, size_t *length_out,
                              struct buf *path_out)
{
    const struct manifest_file *file = &model->manifest.weights;
    char *bytes = NULL;
    size_t length = 0;
    if (model->manifest.has_weights) {
        join(path_out, model, file->name);
        souk_status status = file_read(buf_text(path_out), SIZE_MAX / 2, &bytes, &length);
        if (status == SOUK_ENOTFOUND) status = SOUK_EDATA;
        if (status == SOUK_OK &&
            (length != file->sum.bytes || crc32c(0, bytes, length) != file->sum.crc))
            status = log_fail(SOUK_EDATA,
                              "%s: damaged: size or checksum are not those of the manifest; copy "
                              "the model again, or train it again",
                              buf_text(path_out));
        if (status != SOUK_OK) {
            mem_free(bytes);
            return status;
        }
    }
    *bytes_out = bytes;
    *length_out = length;
    return SOUK_OK;
}

// What is on its way to the servers while files are read.
struct loading {
    struct souk_client *client;
    souk_ticket tickets[PUSHES_IN_FLIGHT]; // 0: free
    uint32_t next;                         // ticket to wait for next
};

static souk_status push_block(struct loading *loading, uint32_t table,
                              const struct rows_block *block)
{
    struct souk_push push = {.table = table,
                             .num_keys = block->num_rows,
                             .keys = block->keys,
                             .rows = block->rows,
                             .states = block->states,
                             .mode = SOUK_PUSH_ASSIGN};
    souk_ticket *ticket = &loading->tickets[loading->next];
    loading->next = (loading->next + 1) % PUSHES_IN_FLIGHT;
    souk_status status = souk_client_wait(loading->client, *ticket);
    *ticket = 0;
    if (status != SOUK_OK) return status;
    return souk_client_push(loading->client, &push, 1, ticket);
}

static souk_status load_file(struct loading *loading, const char *path, uint32_t table,
                             const struct manifest_table *about, const struct manifest_file *file)
{
    struct rows_head head = {.dim = about->spec.dim,
                             .state_floats = about->state_floats,
                             .first_slot = file->first_slot,
                             .last_slot = file->last_slot};
    struct rows_reader *reader;
    souk_status status = rows_reader_open(path, &head, &file->sum, &reader);
    if (status != SOUK_OK) return status;
    struct rows_block block;
    while ((status = rows_reader_next(reader, &block)) == SOUK_OK) {
        status = push_block(loading, table, &block);
        if (status != SOUK_OK) break;
    }
    rows_reader_close(reader);
    return status == SOUK_EEND ? SOUK_OK : status;
}

static souk_status open_table(const struct model_dir *model, struct souk_client *client,
                              const struct manifest_table *about, uint32_t *table_out)
{
    souk_status status = souk_client_open_table(client, &about->spec, table_out);
    if (status != SOUK_OK) return status;
    uint32_t state_floats = souk_client_state_floats(client, *table_out);
    if (about->state_floats == 0 || about->state_floats == state_floats) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: table %s has %u floats of optimizer state a row, %s needs %u; the model "
                    "was written by another version of souk",
                    model->path, about->spec.name, about->state_floats,
                    souk_optimizer_name(about->spec.optimizer), state_floats);
}

souk_status model_dir_load(struct model_dir *model, struct souk_client *client, uint32_t part,
                           uint32_t num_parts, uint32_t *tables_out)
{
    struct loading loading = {.client = client};
    struct buf path = {0};
    uint32_t file_number = 0; // over all tables, so that parts get equal shares
    souk_status status = SOUK_OK;
    for (uint32_t t = 0; t < model->manifest.num_tables && status == SOUK_OK; t++) {
        const struct manifest_table *about = &model->manifest.tables[t];
        status = open_table(model, client, about, &tables_out[t]);
        for (uint32_t f = 0; f < about->num_files && status == SOUK_OK; f++) {
            if (file_number++ % num_parts != part) continue;
            join(&path, model, about->files[f].name);
            status = load_file(&loading, buf_text(&path), tables_out[t], about, &about->files[f]);
        }
    }
    buf_fini(&path);
    return status == SOUK_OK ? souk_client_flush(client) : status;
}
