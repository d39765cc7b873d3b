/* din_state.c - what a click model is, as JSON:
 *
 *   {"dim": 16, "user": 0, "item": 1, "max_history": 50, "separator": 44, "label": "label",
 *    "tables": [{"name": "user", "id": "integer"}],
 *    "fields": [{"name": "user", "table": 0}],          one beyond num_fields: a user, no feature
 *    "num_fields": 3,
 *    "histories": [{"name": "hist_item", "table": 1, "target": 1}],
 *    "pooling": "sum", "softmax": false, "batch_norm": false, "dropout": 0,
 *    "hidden": [{"width": 200}], "activation": 4, "attention": [{"width": 80}],
 *    "attention_activation": 0}
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/text/json_value.h"
#include "worker/model/din.h"

static void put_uint(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_uint(json, value);
}

static void put_text(struct json *json, const char *key, const char *text)
{
    json_key(json, key);
    json_string(json, text);
}

static void open_list(struct json *json, const char *key)
{
    json_key(json, key);
    json_open(json, '[');
}

static void save_columns(const struct sample_format *format, struct json *json)
{
    open_list(json, "tables");
    for (uint32_t t = 0; t < format->num_tables; t++) {
        json_open(json, '{');
        put_text(json, "name", format->tables[t].name);
        bool is_string = format->tables[t].kind == CONFIG_ID_STRING;
        put_text(json, "id", is_string ? "string" : "integer");
        json_close(json);
    }
    json_close(json);
    open_list(json, "fields");
    for (uint32_t f = 0; f < format->num_ids; f++) {
        json_open(json, '{');
        put_text(json, "name", format->ids[f].name);
        put_uint(json, "table", format->ids[f].table);
        put_text(json, "id", format->ids[f].kind == CONFIG_ID_STRING ? "string" : "integer");
        json_close(json);
    }
    json_close(json);
    open_list(json, "histories");
    for (uint32_t h = 0; h < format->num_histories; h++) {
        json_open(json, '{');
        put_text(json, "name", format->histories[h].name);
        put_uint(json, "table", format->histories[h].table);
        json_key(json, "target"), json_int(json, format->targets[h]);
        json_close(json);
    }
    json_close(json);
}

static void save_widths(struct json *json, const char *key, const uint32_t *widths, uint32_t n)
{
    open_list(json, key);
    for (uint32_t i = 0; i < n; i++) {
        json_open(json, '{');
        put_uint(json, "width", widths[i]);
        json_close(json);
    }
    json_close(json);
}

void din_state_save(const struct din_shape *shape, const struct sample_format *format,
                    struct json *json)
{
    put_uint(json, "dim", shape->dim);
    json_key(json, "user"), json_int(json, format->user);
    json_key(json, "item"), json_int(json, format->item);
    put_uint(json, "max_history", format->max_history);
    put_uint(json, "separator", (unsigned char)format->separator);
    put_text(json, "label", format->label);
    put_uint(json, "num_fields", format->num_fields);
    save_columns(format, json);
    put_text(json, "pooling", shape->is_mean ? "mean" : "sum");
    json_key(json, "softmax"), json_bool(json, shape->has_softmax);
    json_key(json, "batch_norm"), json_bool(json, shape->has_batch_norm);
    json_key(json, "dropout"), json_double(json, (double)shape->dropout);
    save_widths(json, "hidden", shape->hidden, shape->num_hidden);
    put_uint(json, "activation", shape->activation);
    save_widths(json, "attention", shape->attention, shape->num_attention);
    put_uint(json, "attention_activation", shape->attention_activation);
}

/* ---- back ---- */

/* Whether there is a whole number from low to high. */
static bool read_uint(const void *json, const char *key, uint32_t low, uint32_t high, uint32_t *out)
{
    uint64_t value = json_value_u64(json, key, UINT64_MAX);
    *out = (uint32_t)value;
    return value >= low && value <= high;
}

static enum config_id_kind read_kind(const void *json)
{
    bool is_string = strcmp(json_value_text(json, "id", "integer"), "string") == 0;
    return is_string ? CONFIG_ID_STRING : CONFIG_ID_INTEGER;
}

static bool read_tables(const void *list, struct sample_format *format)
{
    size_t n = json_value_count(list);
    if (n < 1 || n > SOUK_TABLES_MAX) return false;
    format->num_tables = (uint32_t)n;
    for (size_t t = 0; t < n; t++) {
        const void *json = json_value_at(list, t);
        const char *name = json_value_text(json, "name", "");
        if (strlen(name) < 1 || strlen(name) >= SOUK_NAME_MAX) return false;
        strcpy(format->tables[t].name, name);
        format->tables[t].kind = read_kind(json);
    }
    return true;
}

static bool read_column(const void *json, const struct sample_format *format,
                        struct sample_column *column)
{
    const char *name = json_value_text(json, "name", "");
    if (strlen(name) < 1 || strlen(name) >= SAMPLE_NAME_MAX) return false;
    strcpy(column->name, name);
    if (!read_uint(json, "table", 0, SAMPLE_NO_TABLE, &column->table)) return false;
    bool has_table = column->table < format->num_tables;
    column->kind = has_table ? format->tables[column->table].kind : read_kind(json);
    return has_table || column->table == SAMPLE_NO_TABLE;
}

static bool read_fields(const void *object, struct sample_format *format)
{
    const void *list = json_value_get(object, "fields");
    size_t n = json_value_count(list);
    format->num_ids = (uint32_t)n;
    if (n < 1 || n > SAMPLE_IDS_MAX) return false;
    if (!read_uint(object, "num_fields", format->num_ids - 1, format->num_ids, &format->num_fields))
        return false;
    for (uint32_t f = 0; f < n; f++) {
        if (!read_column(json_value_at(list, f), format, &format->ids[f])) return false;
        if (f < format->num_fields && format->ids[f].table == SAMPLE_NO_TABLE) return false;
    }
    return true;
}

static bool read_position(const void *json, const char *key, uint32_t limit, int32_t *out)
{
    double value = json_value_number(json, key, -2);
    *out = value >= -1 && value < limit ? (int32_t)value : -2;
    return *out > -2;
}

/* An id that is no feature is the user's. */
static bool read_roles(const void *json, struct sample_format *format)
{
    return read_position(json, "user", format->num_ids, &format->user) &&
           read_position(json, "item", format->num_fields, &format->item) &&
           (format->num_ids == format->num_fields || format->user == (int32_t)format->num_fields);
}

static bool read_histories(const void *object, struct sample_format *format)
{
    const void *list = json_value_get(object, "histories");
    size_t n = json_value_count(list);
    if (n > SAMPLE_HISTORIES_MAX) return false;
    format->num_histories = (uint32_t)n;
    for (uint32_t h = 0; h < n; h++) {
        const void *json = json_value_at(list, h);
        struct sample_column *column = &format->histories[h];
        if (!read_column(json, format, column) || column->table == SAMPLE_NO_TABLE) return false;
        if (!read_position(json, "target", format->num_fields, &format->targets[h])) return false;
    }
    return true;
}

static bool read_format(const void *json, struct sample_format *format)
{
    const char *label = json_value_text(json, "label", "");
    format->has_label = label[0] != 0;
    if (strlen(label) >= SAMPLE_NAME_MAX) return false;
    strcpy(format->label, label);
    format->separator = (char)json_value_u64(json, "separator", ',');
    return read_uint(json, "max_history", 1, UINT32_MAX, &format->max_history) &&
           read_tables(json_value_get(json, "tables"), format) && read_fields(json, format) &&
           read_histories(json, format) && read_roles(json, format);
}

static bool read_widths(const void *list, uint32_t max, uint32_t *widths, uint32_t *num_out)
{
    size_t n = json_value_count(list);
    *num_out = (uint32_t)n;
    if (n < 1 || n > max) return false;
    for (size_t i = 0; i < n; i++) {
        uint64_t width = json_value_u64(json_value_at(list, i), "width", 0);
        if (width < 1 || width > DIN_WIDTH_MAX) return false;
        widths[i] = (uint32_t)width;
    }
    return true;
}

static bool read_shape(const void *json, struct din_shape *shape)
{
    shape->is_mean = strcmp(json_value_text(json, "pooling", "sum"), "mean") == 0;
    shape->has_softmax = json_value_bool(json, "softmax", false);
    shape->has_batch_norm = json_value_bool(json, "batch_norm", false);
    shape->dropout = (float)json_value_number(json, "dropout", 0);
    uint64_t activation = json_value_u64(json, "activation", 0);
    uint64_t attention = json_value_u64(json, "attention_activation", 99);
    shape->activation = (enum config_activation)activation;
    shape->attention_activation = (enum attention_activation)attention;
    return read_uint(json, "dim", 1, SOUK_DIM_MAX, &shape->dim) && shape->dropout >= 0 &&
           shape->dropout < 1 && activation > CONFIG_ACTIVATION_AUTO &&
           activation <= CONFIG_ACTIVATION_DICE && attention <= ATTENTION_DICE &&
           read_widths(json_value_get(json, "hidden"), TOWER_LAYERS_MAX, shape->hidden,
                       &shape->num_hidden) &&
           read_widths(json_value_get(json, "attention"), ATTENTION_LAYERS_MAX, shape->attention,
                       &shape->num_attention);
}

souk_status din_state_load(const void *json, enum din_kind kind, struct din_shape *shape_out,
                           struct sample_format *format_out)
{
    struct din_shape shape = {.kind = kind};
    struct sample_format format;
    memset(&format, 0, sizeof format);
    bool is_good = read_format(json, &format) && read_shape(json, &shape);
    if (is_good) din_shape_deal(&shape, &format);
    is_good = is_good && din_shape_fits(&shape) && (kind != DIN_ATTENTION || shape.num_pairs > 0);
    if (!is_good)
        return log_fail(SOUK_EDATA, "the saved model's state is not that of a click model; copy "
                                    "the model again, or train it again");
    *shape_out = shape;
    *format_out = format;
    return SOUK_OK;
}
