/* sample_inspection.c - see sample_inspection.h. Histories are read uncut, so that their lengths
 * are those of the file. */
#include "worker/cli/sample_inspection.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/cli/shown_file.h"
#include "worker/data/key_count.h"
#include "worker/data/sample_reader.h"

enum { BLOCK_SAMPLES = 1024, EXACT_KEYS = 2000000, NUM_LENGTH_BARS = 22 };

struct inspection {
    struct shown_file file;
    struct sample_format format; // of the first file
    uint32_t max_history;        // as configured
    uint64_t num_samples, num_clicks;
    uint64_t num_cut;                  // samples whose history is longer than max_history
    uint64_t num_rows;                 // behaviours
    uint32_t longest;                  // history
    uint64_t lengths[NUM_LENGTH_BARS]; // samples with 0, 1, 2-3, 4-7 ... behaviours
    struct key_count *users;           // NULL: no user column
    struct key_count *tables[SOUK_TABLES_MAX];
};

// ---- reading ----

// 0, 1, 2 for 2-3, 3 for 4-7 ...
static uint32_t length_bar(uint32_t length)
{
    return length == 0 ? 0 : 32 - (uint32_t)__builtin_clz(length);
}

static void add_keys(struct inspection *inspection, const struct sample_batch *batch)
{
    const struct sample_format *format = &inspection->format;
    for (uint32_t i = 0; i < format->num_fields; i++)
        for (uint32_t b = 0; b < batch->num_samples; b++)
            key_count_add(inspection->tables[format->ids[i].table], batch->ids[i][b]);
    for (uint32_t h = 0; h < format->num_histories; h++)
        for (uint32_t r = 0; r < batch->num_rows; r++)
            key_count_add(inspection->tables[format->histories[h].table], batch->histories[h][r]);
    for (uint32_t b = 0; format->user >= 0 && b < batch->num_samples; b++)
        key_count_add(inspection->users, batch->ids[format->user][b]);
}

static void add_batch(struct inspection *inspection, const struct sample_batch *batch)
{
    for (uint32_t b = 0; b < batch->num_samples; b++) {
        uint32_t length = batch->row_start[b + 1] - batch->row_start[b];
        inspection->num_clicks += batch->labels[b] > 0;
        inspection->num_cut += length > inspection->max_history;
        inspection->lengths[length_bar(length)]++;
        if (length > inspection->longest) inspection->longest = length;
    }
    inspection->num_samples += batch->num_samples;
    inspection->num_rows += batch->num_rows;
    add_keys(inspection, batch);
}

static souk_status read_samples(struct inspection *inspection)
{
    struct sample_reader *reader = NULL;
    struct sample_batch batch;
    souk_status status =
        sample_reader_open(&(struct sample_reader_options){.files = inspection->file.files,
                                                           .format = &inspection->format,
                                                           .num_parts = 1,
                                                           .max_bad_rows = UINT64_MAX,
                                                           .on_bad_row = shown_file_keep_bad_row,
                                                           .ctx = &inspection->file},
                           &reader);
    if (status) return status;
    sample_format_init_batch(&inspection->format, &batch);
    for (bool is_over = false; !status && !is_over; is_over = batch.num_samples == 0) {
        status = sample_reader_next(reader, BLOCK_SAMPLES, &batch);
        if (!status) add_batch(inspection, &batch);
    }
    inspection->file.num_bad = sample_reader_num_bad(reader);
    sample_reader_close(reader);
    sample_batch_fini(&batch);
    return status;
}

// ---- text ----

static const char *kind_text(enum config_id_kind kind)
{
    return kind == CONFIG_ID_STRING ? "texts" : "whole numbers";
}

static void add_column(const struct inspection *inspection, const char *label,
                       const struct sample_column *column, struct buf *out)
{
    shown_add_label(out, label);
    shown_add_place(&inspection->file, column->column, out);
    if (column->table != SAMPLE_NO_TABLE)
        buf_printf(out, ", table %s", inspection->format.tables[column->table].name);
    buf_printf(out, ", ids are %s", kind_text(column->kind));
}

static void add_columns(const struct inspection *inspection, struct buf *out)
{
    const struct sample_format *format = &inspection->format;
    shown_add_label(out, "label");
    if (format->has_label)
        shown_add_place(&inspection->file, format->label_column, out);
    else
        buf_add_text(out, "none");
    buf_add_char(out, '\n');
    for (uint32_t i = 0; i < format->num_ids; i++) {
        add_column(inspection, i < format->num_fields ? "field" : "group", &format->ids[i], out);
        buf_add_text(out, (int32_t)i == format->user   ? " (the user)\n"
                          : (int32_t)i == format->item ? " (the item)\n"
                                                       : "\n");
    }
    for (uint32_t h = 0; h < format->num_histories; h++) {
        add_column(inspection, "history", &format->histories[h], out);
        if (format->targets[h] >= 0)
            buf_printf(out, ", goes with \"%s\"\n", format->ids[format->targets[h]].name);
        else
            buf_add_text(out, ", goes with no field\n");
    }
    if (format->num_histories == 0) return;
    shown_add_label(out, "lists");
    buf_printf(out, "separated by %s\n",
               format->separator == ' '    ? "space"
               : format->separator == '\t' ? "tab"
                                           : (char[]){format->separator, 0});
}

static void add_counts(const struct inspection *inspection, struct buf *out)
{
    const struct sample_format *format = &inspection->format;
    bool is_exact;
    buf_add_char(out, '\n');
    shown_add_count(out, "samples", inspection->num_samples, true);
    if (format->has_label && inspection->num_samples > 0) {
        char digits[32];
        shown_add_label(out, "clicks");
        buf_printf(out, "%s, %.2f %%\n", text_group_digits(inspection->num_clicks, digits),
                   100 * (double)inspection->num_clicks / (double)inspection->num_samples);
    }
    if (inspection->users) {
        uint64_t count = key_count_distinct(inspection->users, &is_exact);
        shown_add_count(out, "users", count, is_exact);
    }
    for (uint32_t t = 0; t < format->num_tables; t++) {
        struct buf label = {0};
        uint64_t count = key_count_distinct(inspection->tables[t], &is_exact);
        buf_printf(&label, "ids of %s", format->tables[t].name);
        if (label.length > 12) buf_add_char(&label, ' ');
        shown_add_count(out, label.text, count, is_exact);
        buf_fini(&label);
    }
    shown_add_bad_rows(&inspection->file, out);
}

static void add_lengths(const struct inspection *inspection, uint32_t terminal_columns,
                        struct buf *out)
{
    struct shown_bar bars[NUM_LENGTH_BARS];
    uint32_t num_bars = length_bar(inspection->longest) + 1;
    char digits[32];
    if (inspection->format.num_histories == 0 || inspection->num_samples == 0) return;
    for (uint32_t i = 0; i < num_bars; i++) {
        uint32_t low = i == 0 ? 0 : 1u << (i - 1), high = i == 0 ? 0 : (1u << i) - 1;
        if (low == high)
            snprintf(bars[i].label, sizeof(bars[i].label), "%u", low);
        else
            snprintf(bars[i].label, sizeof(bars[i].label), "%u to %u", low, high);
        bars[i].count = inspection->lengths[i];
    }
    buf_add_char(out, '\n');
    shown_add_label(out, "behaviours");
    buf_printf(out, "%.2f a sample, at most %u; %s samples have more than the %u that are used\n",
               (double)inspection->num_rows / (double)inspection->num_samples, inspection->longest,
               text_group_digits(inspection->num_cut, digits), inspection->max_history);
    shown_add_bars(bars, num_bars, inspection->num_samples, terminal_columns, out);
}

// ---- JSON ----

static void json_add_column(const struct inspection *inspection, const struct sample_column *column,
                            int32_t target, struct json *json)
{
    const struct sample_format *format = &inspection->format;
    json_open(json, '{');
    json_key(json, "position"), json_uint(json, column->column + 1);
    json_key(json, "name");
    shown_json_name(&inspection->file, column->column, json);
    json_key(json, "table");
    if (column->table == SAMPLE_NO_TABLE)
        json_null(json);
    else
        json_string(json, format->tables[column->table].name);
    json_key(json, "ids");
    json_string(json, column->kind == CONFIG_ID_STRING ? "string" : "integer");
    if (target >= 0) json_key(json, "goes_with"), json_string(json, format->ids[target].name);
    json_close(json);
}

static void json_add_columns(const struct inspection *inspection, struct json *json)
{
    const struct sample_format *format = &inspection->format;
    json_key(json, "label");
    if (format->has_label)
        json_uint(json, format->label_column + 1);
    else
        json_null(json);
    json_key(json, "fields");
    json_open(json, '[');
    for (uint32_t i = 0; i < format->num_ids; i++)
        json_add_column(inspection, &format->ids[i], -1, json);
    json_close(json);
    json_key(json, "histories");
    json_open(json, '[');
    for (uint32_t h = 0; h < format->num_histories; h++)
        json_add_column(inspection, &format->histories[h], format->targets[h], json);
    json_close(json);
    json_key(json, "list_separator"), json_string_n(json, &format->separator, 1);
}

static void json_add_counts(const struct inspection *inspection, struct json *json)
{
    const struct sample_format *format = &inspection->format;
    bool is_exact;
    json_key(json, "samples"), json_uint(json, inspection->num_samples);
    json_key(json, "clicks"), json_uint(json, inspection->num_clicks);
    shown_json_bad_rows(&inspection->file, json);
    if (inspection->users) {
        json_key(json, "users"), json_uint(json, key_count_distinct(inspection->users, &is_exact));
        json_key(json, "users_exact"), json_bool(json, is_exact);
    }
    json_key(json, "tables");
    json_open(json, '{');
    for (uint32_t t = 0; t < format->num_tables; t++) {
        json_key(json, format->tables[t].name);
        json_open(json, '{');
        json_key(json, "ids"),
            json_uint(json, key_count_distinct(inspection->tables[t], &is_exact));
        json_key(json, "exact"), json_bool(json, is_exact);
        json_close(json);
    }
    json_close(json);
}

static void json_add_lengths(const struct inspection *inspection, struct json *json)
{
    json_key(json, "behaviours"), json_uint(json, inspection->num_rows);
    json_key(json, "longest_history"), json_uint(json, inspection->longest);
    json_key(json, "samples_cut"), json_uint(json, inspection->num_cut);
    json_key(json, "history_lengths");
    json_open(json, '[');
    for (uint32_t i = 0; i <= length_bar(inspection->longest); i++) {
        json_open(json, '{');
        json_key(json, "from"), json_uint(json, i == 0 ? 0 : 1u << (i - 1));
        json_key(json, "to"), json_uint(json, i == 0 ? 0 : (1u << i) - 1);
        json_key(json, "samples"), json_uint(json, inspection->lengths[i]);
        json_close(json);
    }
    json_close(json);
}

// ---- all of it ----

static void print(const struct inspection *inspection, bool is_json, uint32_t terminal_columns)
{
    struct buf text = {0};
    if (is_json) {
        struct json json;
        json_init(&json, &text);
        json_open(&json, '{');
        json_key(&json, "kind"), json_string(&json, "samples");
        shown_json_layout(&inspection->file, &json);
        json_add_columns(inspection, &json);
        json_add_counts(inspection, &json);
        json_add_lengths(inspection, &json);
        json_close(&json);
        buf_add_char(&text, '\n');
    } else {
        shown_add_paths(&inspection->file, &text);
        shown_add_layout(&inspection->file, &text);
        add_columns(inspection, &text);
        shown_add_first_lines(&inspection->file, terminal_columns, &text);
        add_counts(inspection, &text);
        add_lengths(inspection, terminal_columns, &text);
    }
    fputs(buf_text(&text), stdout);
    buf_fini(&text);
}

souk_status inspect_samples(const struct config *config, const struct config_list *files,
                            bool is_json, uint32_t terminal_columns)
{
    struct inspection inspection = {.file = {.files = files}};
    struct sample_format_options options = {.config = config, .path = files->items[0]};
    souk_status status = sample_format_resolve(&options, &inspection.format);
    if (status) return status;
    inspection.max_history = inspection.format.max_history;
    inspection.format.max_history = UINT32_MAX;
    inspection.file.layout = inspection.format.layout;
    if (inspection.format.user >= 0) inspection.users = key_count_create(EXACT_KEYS);
    for (uint32_t t = 0; t < inspection.format.num_tables; t++)
        inspection.tables[t] = key_count_create(EXACT_KEYS);
    status = shown_file_read(&inspection.file);
    if (!status) status = read_samples(&inspection);
    if (!status) print(&inspection, is_json, terminal_columns);
    key_count_destroy(inspection.users);
    for (uint32_t t = 0; t < inspection.format.num_tables; t++)
        key_count_destroy(inspection.tables[t]);
    shown_file_fini(&inspection.file);
    return status;
}
