/* manifest_format.c - the writing half of manifest.h, and the names of files. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/bytes/crc32c.h"
#include "common/text/json.h"
#include "worker/model/manifest.h"

static void add_text(struct json *json, const char *key, const char *text)
{
    json_key(json, key);
    json_string(json, text);
}

static void add_number(struct json *json, const char *key, double number)
{
    json_key(json, key);
    json_double(json, number);
}

static void add_u64(struct json *json, const char *key, uint64_t number)
{
    char text[24];
    json_key(json, key);
    snprintf(text, sizeof(text), "%" PRIu64, number);
    if (number > UINT64_C(1) << 53)
        json_string(json, text);
    else
        json_uint(json, number);
}

static void add_spec(struct json *json, const struct souk_table_spec *spec)
{
    json_key(json, "spec");
    json_open(json, '{');
    add_text(json, "name", spec->name);
    add_u64(json, "dim", spec->dim);
    add_u64(json, "seed", spec->seed);
    add_text(json, "init", souk_init_name(spec->init));
    add_number(json, "init_scale", spec->init_scale);
    add_u64(json, "init_columns", spec->init_columns);
    add_text(json, "optimizer", souk_optimizer_name(spec->optimizer));
    add_number(json, "lr", spec->lr);
    add_number(json, "momentum", spec->momentum);
    add_number(json, "beta1", spec->beta1);
    add_number(json, "beta2", spec->beta2);
    add_number(json, "epsilon", spec->epsilon);
    add_number(json, "initial_accumulator", spec->initial_accumulator);
    add_number(json, "ftrl_alpha", spec->ftrl_alpha);
    add_number(json, "ftrl_beta", spec->ftrl_beta);
    add_number(json, "l1", spec->l1);
    add_number(json, "l2", spec->l2);
    add_text(json, "pull_codec", souk_codec_name(spec->pull_codec));
    add_text(json, "push_codec", souk_codec_name(spec->push_codec));
    json_close(json);
}

static void add_file(struct json *json, const struct manifest_file *file, const char *count)
{
    json_open(json, '{');
    add_text(json, "name", file->name);
    if (strcmp(count, "rows") == 0) {
        add_u64(json, "first_slot", file->first_slot);
        add_u64(json, "last_slot", file->last_slot);
    }
    add_u64(json, count, file->sum.rows);
    add_u64(json, "bytes", file->sum.bytes);
    add_u64(json, "crc32c", file->sum.crc);
    json_close(json);
}

static void add_table(struct json *json, const struct manifest_table *table)
{
    json_open(json, '{');
    add_spec(json, &table->spec);
    add_u64(json, "state_floats", table->state_floats);
    add_u64(json, "rows", table->num_rows);
    json_key(json, "files");
    json_open(json, '[');
    for (uint32_t i = 0; i < table->num_files; i++) {
        buf_add_text(json->out, i ? "" : "\n"); // a line a file, for people who look inside
        add_file(json, &table->files[i], "rows");
    }
    json_close(json);
    if (table->has_names) {
        json_key(json, "names");
        add_file(json, &table->names, "count");
    }
    json_close(json);
}

// Text that is JSON already, as the value of a key.
static void add_raw(struct json *json, const char *key, const char *text)
{
    if (!text) return;
    json_key(json, key);
    buf_add_text(json->out, text);
    json->needs_comma = true;
}

void manifest_format(const struct manifest *manifest, struct buf *out)
{
    struct json json;
    size_t start = out->length;
    json_init(&json, out);
    json_open(&json, '{');
    add_text(&json, "format", "souk model"); // first, see MANIFEST_BEGIN
    add_u64(&json, "version", MANIFEST_VERSION);
    add_text(&json, "souk", SOUK_VERSION);
    add_u64(&json, "generation", manifest->generation);
    add_text(&json, "type", manifest->type);
    add_raw(&json, "state", manifest->state_json);
    add_raw(&json, "extra", manifest->extra_json);
    json_key(&json, "tables");
    json_open(&json, '[');
    for (uint32_t i = 0; i < manifest->num_tables; i++) add_table(&json, &manifest->tables[i]);
    json_close(&json);
    if (manifest->has_weights) {
        json_key(&json, "weights");
        add_file(&json, &manifest->weights, "count");
    }
    json_key(&json, "observed");
    json_open(&json, '[');
    for (uint32_t i = 0; i < manifest->num_observed; i++)
        add_file(&json, &manifest->observed[i], "count");
    json_close(&json);
    uint32_t crc = crc32c(0, out->text + start, out->length - start);
    add_u64(&json, "manifest_crc32c", crc);
    json_close(&json);
    buf_add_char(out, '\n');
}

// Takes digits off the front of *at; false when there are none.
static bool skip_digits(const char **at)
{
    const char *start = *at;
    while (**at >= '0' && **at <= '9') (*at)++;
    return *at > start;
}

static bool skip_text(const char **at, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(*at, text, length) != 0) return false;
    *at += length;
    return true;
}

static bool skip_table(const char **at)
{
    size_t length = strspn(*at, "abcdefghijklmnopqrstuvwxyz0123456789_");
    *at += length;
    return length > 0;
}

// user.0000-0255.g7.rows
static bool is_rows_name(const char *at)
{
    return skip_table(&at) && skip_text(&at, ".") && skip_digits(&at) && skip_text(&at, "-") &&
           skip_digits(&at) && skip_text(&at, ".g") && skip_digits(&at) &&
           skip_text(&at, ".rows") && *at == '\0';
}

// user.g7.names, or what a crash left of writing it
static bool is_names_name(const char *at)
{
    return skip_table(&at) && skip_text(&at, ".g") && skip_digits(&at) &&
           skip_text(&at, ".names") && (*at == '\0' || strcmp(at, ".tmp") == 0);
}

// dense.g7.weights, likewise
static bool is_weights_name(const char *at)
{
    return skip_text(&at, "dense.g") && skip_digits(&at) && skip_text(&at, ".weights") &&
           (*at == '\0' || strcmp(at, ".tmp") == 0);
}

// observed.0.g3
static bool is_observed_name(const char *at)
{
    return skip_text(&at, "observed.") && skip_digits(&at) && skip_text(&at, ".g") &&
           skip_digits(&at) && *at == '\0';
}

bool manifest_owns_name(const char *name)
{
    return is_rows_name(name) || is_names_name(name) || is_weights_name(name) ||
           is_observed_name(name) || strcmp(name, MANIFEST_FILE ".tmp") == 0;
}

static bool lists_file(const struct manifest_file *files, uint32_t num_files, const char *name)
{
    for (uint32_t i = 0; i < num_files; i++)
        if (strcmp(files[i].name, name) == 0) return true;
    return false;
}

bool manifest_lists(const struct manifest *manifest, const char *name)
{
    for (uint32_t i = 0; i < manifest->num_tables; i++) {
        const struct manifest_table *table = &manifest->tables[i];
        if (lists_file(table->files, table->num_files, name) ||
            (table->has_names && lists_file(&table->names, 1, name)))
            return true;
    }
    return (manifest->has_weights && lists_file(&manifest->weights, 1, name)) ||
           lists_file(manifest->observed, manifest->num_observed, name);
}
