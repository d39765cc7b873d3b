/* manifest_read.c - the reading half of manifest.h. Nothing in the file is believed: every number
 * is asked for by name, must be there, and must lie in its range. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/crc32c.h"
#include "common/text/json_value.h"
#include "worker/model/manifest.h"

enum { MANIFEST_BYTES_MAX = 64 << 20 };

#define CRC_KEY ",\"manifest_crc32c\":"

// What a reader of one manifest carries along. The first fault is logged, the rest is skipped.
struct reading {
    const char *path;
    souk_status status;
};

static void fail(struct reading *reading, const char *key, const char *what)
{
    if (reading->status != SOUK_OK) return;
    reading->status = log_fail(
        SOUK_EDATA, "%s: \"%s\" %s; the file is damaged: copy the model again, or train it again",
        reading->path, key, what);
}

static uint64_t need_u64(struct reading *reading, const void *object, const char *key, uint64_t max)
{
    uint64_t number = json_value_u64(object, key, 0);
    if (number == 0 && json_value_u64(object, key, 1) == 1) fail(reading, key, "is not a number");
    if (number > max) fail(reading, key, "is too large");
    return number > max ? 0 : number;
}

static float need_float(struct reading *reading, const void *object, const char *key)
{
    double number = json_value_number(object, key, NAN);
    if (!isfinite((float)number)) fail(reading, key, "is not a number");
    return (float)number;
}

static const char *need_text(struct reading *reading, const void *object, const char *key,
                             size_t size)
{
    const char *text = json_value_text(object, key, NULL);
    if (!text || text[0] == '\0')
        fail(reading, key, "is missing");
    else if (strlen(text) >= size)
        fail(reading, key, "is too long");
    else
        return text;
    return "";
}

static uint32_t need_name(struct reading *reading, const void *object, const char *key,
                          const char *(*name_of)(uint32_t), uint32_t num)
{
    const char *text = json_value_text(object, key, "");
    for (uint32_t i = 0; i < num; i++)
        if (strcmp(name_of(i), text) == 0) return i;
    fail(reading, key, "is a name that this program does not know");
    return 0;
}

static const char *init_name(uint32_t i)
{
    return souk_init_name((enum souk_init)i);
}

static const char *optimizer_name(uint32_t i)
{
    return souk_optimizer_name((enum souk_optimizer)i);
}

static const char *codec_name(uint32_t i)
{
    return souk_codec_name((enum souk_codec)i);
}

static void read_spec(struct reading *reading, const void *object, struct souk_table_spec *spec)
{
    if (!object) {
        fail(reading, "spec", "is missing");
        return;
    }
    uint32_t dim = (uint32_t)need_u64(reading, object, "dim", SOUK_DIM_MAX);
    souk_table_spec_init(spec, need_text(reading, object, "name", SOUK_NAME_MAX), dim);
    spec->seed = need_u64(reading, object, "seed", UINT64_MAX);
    spec->init = (enum souk_init)need_name(reading, object, "init", init_name, SOUK_NUM_INITS);
    spec->init_scale = need_float(reading, object, "init_scale");
    spec->init_columns = (uint32_t)need_u64(reading, object, "init_columns", dim);
    spec->optimizer = (enum souk_optimizer)need_name(reading, object, "optimizer", optimizer_name,
                                                     SOUK_NUM_OPTIMIZERS);
    spec->lr = need_float(reading, object, "lr");
    spec->momentum = need_float(reading, object, "momentum");
    spec->beta1 = need_float(reading, object, "beta1");
    spec->beta2 = need_float(reading, object, "beta2");
    spec->epsilon = need_float(reading, object, "epsilon");
    spec->initial_accumulator = need_float(reading, object, "initial_accumulator");
    spec->ftrl_alpha = need_float(reading, object, "ftrl_alpha");
    spec->ftrl_beta = need_float(reading, object, "ftrl_beta");
    spec->l1 = need_float(reading, object, "l1");
    spec->l2 = need_float(reading, object, "l2");
    spec->pull_codec =
        (enum souk_codec)need_name(reading, object, "pull_codec", codec_name, SOUK_NUM_CODECS);
    spec->push_codec =
        (enum souk_codec)need_name(reading, object, "push_codec", codec_name, SOUK_NUM_CODECS);
    const char *why;
    if (reading->status == SOUK_OK && souk_table_spec_check(spec, &why) != SOUK_OK)
        fail(reading, "spec", why);
}

static void read_file(struct reading *reading, const void *object, const char *count,
                      struct manifest_file *file)
{
    const char *name = need_text(reading, object, "name", MANIFEST_NAME_MAX);
    if (!manifest_owns_name(name)) fail(reading, "name", "is not the name of a model's file");
    snprintf(file->name, sizeof(file->name), "%s", name);
    file->sum.rows = need_u64(reading, object, count, UINT64_MAX);
    file->sum.bytes = need_u64(reading, object, "bytes", INT64_MAX);
    file->sum.crc = (uint32_t)need_u64(reading, object, "crc32c", UINT32_MAX);
}

static void read_rows_file(struct reading *reading, const void *object, struct manifest_file *file)
{
    read_file(reading, object, "rows", file);
    file->first_slot = (uint16_t)need_u64(reading, object, "first_slot", SOUK_NUM_SLOTS - 1);
    file->last_slot = (uint16_t)need_u64(reading, object, "last_slot", SOUK_NUM_SLOTS - 1);
    if (file->last_slot < file->first_slot) fail(reading, "last_slot", "is below first_slot");
}

static void read_table(struct reading *reading, const void *object, struct manifest_table *table)
{
    read_spec(reading, json_value_get(object, "spec"), &table->spec);
    table->state_floats = (uint32_t)need_u64(reading, object, "state_floats", 4 * SOUK_DIM_MAX);
    table->num_rows = need_u64(reading, object, "rows", UINT64_MAX);
    const void *files = json_value_get(object, "files");
    size_t num_files = json_value_count(files);
    if (!files || num_files > MANIFEST_FILES_MAX) {
        fail(reading, "files", files ? "has too many entries" : "is missing");
        return;
    }
    const void *names = json_value_get(object, "names");
    table->has_names = names != NULL;
    if (names) read_file(reading, names, "count", &table->names);
    table->files = mem_calloc(num_files, sizeof(*table->files), "manifest");
    table->num_files = (uint32_t)num_files;
    uint64_t num_rows = 0;
    for (size_t i = 0; i < num_files; i++) {
        read_rows_file(reading, json_value_at(files, i), &table->files[i]);
        num_rows += table->files[i].sum.rows;
    }
    if (num_rows != table->num_rows) fail(reading, "rows", "is not the sum of the files' rows");
}

// What older versions wrote of two tables at the top.
static void read_old_names(struct reading *reading, const char *key, const char *table,
                           struct manifest *manifest)
{
    const void *names = json_value_get(manifest->json, key);
    for (uint32_t t = 0; names && t < manifest->num_tables; t++) {
        struct manifest_table *about = &manifest->tables[t];
        if (about->has_names || strcmp(about->spec.name, table) != 0) continue;
        about->has_names = true;
        read_file(reading, names, "count", &about->names);
    }
}

static void read_observed(struct reading *reading, const void *array, struct manifest *manifest)
{
    size_t num = json_value_count(array);
    if (num > MANIFEST_FILES_MAX) {
        fail(reading, "observed", "has too many entries");
        return;
    }
    manifest->observed = mem_calloc(num, sizeof(*manifest->observed), "manifest");
    manifest->num_observed = (uint32_t)num;
    for (size_t i = 0; i < num; i++)
        read_file(reading, json_value_at(array, i), "count", &manifest->observed[i]);
}

static void read_all(struct reading *reading, struct manifest *manifest)
{
    const void *root = manifest->json;
    manifest->generation = need_u64(reading, root, "generation", INT64_MAX);
    snprintf(manifest->type, sizeof(manifest->type), "%s",
             need_text(reading, root, "type", sizeof(manifest->type)));
    const void *tables = json_value_get(root, "tables");
    size_t num_tables = json_value_count(tables);
    bool is_empty = num_tables == 0 && !json_value_get(root, "weights");
    if (!tables || is_empty || num_tables > SOUK_TABLES_MAX) {
        fail(reading, "tables", "is missing, or too many");
        return;
    }
    manifest->num_tables = (uint32_t)num_tables;
    for (size_t i = 0; i < num_tables; i++)
        read_table(reading, json_value_at(tables, i), &manifest->tables[i]);
    const void *weights = json_value_get(root, "weights");
    manifest->has_weights = weights != NULL;
    if (weights) read_file(reading, weights, "count", &manifest->weights);
    read_old_names(reading, "users", "user", manifest);
    read_old_names(reading, "items", "item", manifest);
    read_observed(reading, json_value_get(root, "observed"), manifest);
}

// The checksum first: with it right, every later fault is one of the writer.
static souk_status check_crc(const char *path, const char *text)
{
    const char *key = NULL;
    for (const char *at = text; (at = strstr(at, CRC_KEY)) != NULL; at++) key = at;
    char *end;
    unsigned long long crc = key ? strtoull(key + strlen(CRC_KEY), &end, 10) : 0;
    if (key && strcmp(end, "}\n") == 0 && crc == crc32c(0, text, (size_t)(key - text)))
        return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: its checksum is wrong, so it was damaged or edited; copy the model again, "
                    "or train it again",
                    path);
}

static souk_status not_ours(const char *path)
{
    return log_fail(SOUK_EEXIST,
                    "%s: was not written by souk; give the folder of a souk run or model", path);
}

static souk_status check_kind(const char *path, const char *text, const void *root)
{
    uint64_t version = json_value_u64(root, "version", 0);
    if (version > MANIFEST_VERSION)
        return log_fail(SOUK_EEXIST,
                        "%s: format %" PRIu64 " by souk %.16s, this is souk %s and reads format "
                        "%d; use that version",
                        path, version, json_value_text(root, "souk", "?"), SOUK_VERSION,
                        MANIFEST_VERSION);
    return check_crc(path, text);
}

static souk_status parse(const char *path, const char *text, size_t length,
                         struct manifest *manifest)
{
    if (length == 0)
        return log_fail(SOUK_EDATA, "%s: is empty; copy the model again, or train it again", path);
    bool is_ours = strncmp(text, MANIFEST_BEGIN, strlen(MANIFEST_BEGIN)) == 0;
    if (!is_ours) return not_ours(path);
    souk_status status = json_value_parse(text, length, path, &manifest->json);
    if (status == SOUK_OK) status = check_kind(path, text, manifest->json);
    if (status != SOUK_OK) return status;
    struct reading reading = {.path = path, .status = SOUK_OK};
    read_all(&reading, manifest);
    return reading.status;
}

souk_status manifest_read(const char *dir, struct manifest *manifest_out)
{
    struct buf path = {0};
    buf_printf(&path, "%s/" MANIFEST_FILE, dir);
    char *text = NULL;
    size_t length = 0;
    struct manifest manifest = {0};
    souk_status status = SOUK_ENOTFOUND;
    if (file_exists(buf_text(&path)))
        status = file_read(buf_text(&path), MANIFEST_BYTES_MAX, &text, &length);
    if (status == SOUK_OK) status = parse(buf_text(&path), text, length, &manifest);
    mem_free(text);
    buf_fini(&path);
    if (status != SOUK_OK) {
        manifest_fini(&manifest);
        return status;
    }
    *manifest_out = manifest;
    return SOUK_OK;
}

void manifest_fini(struct manifest *manifest)
{
    for (uint32_t i = 0; i < SOUK_TABLES_MAX; i++) mem_free(manifest->tables[i].files);
    mem_free(manifest->observed);
    json_value_destroy(manifest->json);
    *manifest = (struct manifest){0};
}
