/* inspection_text.c - inspection_print_text() and inspection_print_json() of inspection.h. */
#include <stdio.h>
#include <string.h>

#include "common/text/json.h"
#include "worker/cli/inspection.h"

enum { NAME_MAX_COLUMNS = 60 };

// ---- text ----

static void add_layout(const struct inspection *inspection, struct buf *out)
{
    const struct rating_format *format = &inspection->format;
    static const char *const kinds[] = {"", "whole numbers", "texts"};
    const uint32_t columns[] = {format->user_column, format->item_column, format->rating_column};
    const char *const roles[] = {"user", "item", "rating"};
    shown_add_layout(&inspection->file, out);
    for (int i = 0; i < 3; i++) {
        shown_add_label(out, roles[i]);
        if (i == 2 && !format->has_rating) {
            buf_add_text(out, "none\n");
            continue;
        }
        shown_add_place(&inspection->file, columns[i], out);
        if (i < 2) buf_printf(out, ", ids are %s", kinds[i ? format->item_id : format->user_id]);
        buf_add_char(out, '\n');
    }
}

static void add_counts(const struct inspection *inspection, struct buf *out)
{
    const struct rating_summary_result *summary = &inspection->summary;
    buf_add_char(out, '\n');
    shown_add_count(out, "rows", summary->num_rows, true);
    shown_add_count(out, "users", summary->num_users, summary->are_users_exact);
    shown_add_count(out, "items", summary->num_items, summary->are_items_exact);
    if (summary->knows_duplicates) {
        shown_add_count(out, "duplicates", summary->num_duplicates, true);
    } else {
        shown_add_label(out, "duplicates");
        buf_add_text(out, "not counted: too many rows\n");
    }
    shown_add_bad_rows(&inspection->file, out);
}

static void add_histogram(const struct rating_summary_result *summary, uint32_t terminal_columns,
                          struct buf *out)
{
    struct shown_bar bars[RATING_SUMMARY_BARS_MAX];
    for (uint32_t i = 0; i < summary->num_bars; i++) {
        const struct rating_summary_bar *bar = &summary->bars[i];
        if (bar->low == bar->high)
            snprintf(bars[i].label, sizeof(bars[i].label), "%g", bar->low);
        else
            snprintf(bars[i].label, sizeof(bars[i].label), "%.4g to %.4g", bar->low, bar->high);
        bars[i].count = bar->count;
    }
    shown_add_bars(bars, summary->num_bars, summary->num_with_rating, terminal_columns, out);
    if (summary->is_sampled) buf_add_text(out, "    (bars are estimates from a sample of rows)\n");
}

static void add_top_items(const struct inspection *inspection, struct buf *out)
{
    const struct rating_summary_result *summary = &inspection->summary;
    if (summary->num_top_items == 0) return;
    buf_add_text(out, "\n  most rated items\n");
    for (uint32_t i = 0; i < summary->num_top_items; i++) {
        char digits[32];
        struct buf name = {0};
        inspection_add_item(inspection, summary->top_items[i].key, &name);
        buf_printf(out, "%14s  ", text_group_digits(summary->top_items[i].count, digits));
        shown_add_cut(buf_text(&name), NAME_MAX_COLUMNS, out);
        buf_add_char(out, '\n');
        buf_fini(&name);
    }
}

void inspection_print_text(const struct inspection *inspection, uint32_t terminal_columns,
                           struct buf *out)
{
    const struct rating_summary_result *summary = &inspection->summary;
    shown_add_paths(&inspection->file, out);
    add_layout(inspection, out);
    shown_add_first_lines(&inspection->file, terminal_columns, out);
    add_counts(inspection, out);
    if (summary->num_with_rating > 0) {
        buf_add_char(out, '\n');
        shown_add_label(out, "ratings");
        buf_printf(out, "%g to %g, mean %.4f, standard deviation %.4f\n", summary->min,
                   summary->max, summary->mean, summary->deviation);
        add_histogram(summary, terminal_columns, out);
    }
    add_top_items(inspection, out);
}

// ---- JSON ----

static void add_columns(const struct inspection *inspection, struct json *json)
{
    json_key(json, "columns");
    json_open(json, '[');
    for (uint32_t i = 0; i < inspection->format.layout.num_columns; i++) {
        const char *role = inspection_role(inspection, i);
        json_open(json, '{');
        json_key(json, "position"), json_uint(json, i + 1);
        json_key(json, "name");
        shown_json_name(&inspection->file, i, json);
        json_key(json, "role");
        if (role)
            json_string(json, role);
        else
            json_null(json);
        json_close(json);
    }
    json_close(json);
}

static void add_ratings(const struct rating_summary_result *summary, struct json *json)
{
    json_key(json, "rating");
    if (summary->num_with_rating == 0) {
        json_null(json);
        return;
    }
    json_open(json, '{');
    json_key(json, "min"), json_double(json, summary->min);
    json_key(json, "max"), json_double(json, summary->max);
    json_key(json, "mean"), json_double(json, summary->mean);
    json_key(json, "deviation"), json_double(json, summary->deviation);
    json_key(json, "histogram_is_sampled"), json_bool(json, summary->is_sampled);
    json_key(json, "histogram");
    json_open(json, '[');
    for (uint32_t i = 0; i < summary->num_bars; i++) {
        json_open(json, '{');
        json_key(json, "from"), json_double(json, summary->bars[i].low);
        json_key(json, "to"), json_double(json, summary->bars[i].high);
        json_key(json, "count"), json_uint(json, summary->bars[i].count);
        json_close(json);
    }
    json_close(json);
    json_close(json);
}

static void add_json_top_items(const struct inspection *inspection, struct json *json)
{
    json_key(json, "top_items");
    json_open(json, '[');
    for (uint32_t i = 0; i < inspection->summary.num_top_items; i++) {
        struct buf name = {0};
        inspection_add_item(inspection, inspection->summary.top_items[i].key, &name);
        json_open(json, '{');
        json_key(json, "id"), json_string_n(json, buf_text(&name), name.length);
        json_key(json, "count"), json_uint(json, inspection->summary.top_items[i].count);
        json_close(json);
        buf_fini(&name);
    }
    json_close(json);
}

void inspection_print_json(const struct inspection *inspection, struct buf *out)
{
    const struct rating_format *format = &inspection->format;
    const struct rating_summary_result *summary = &inspection->summary;
    static const char *const kinds[] = {"auto", "integer", "string"};
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    shown_json_layout(&inspection->file, &json);
    add_columns(inspection, &json);
    json_key(&json, "user_id"), json_string(&json, kinds[format->user_id]);
    json_key(&json, "item_id"), json_string(&json, kinds[format->item_id]);
    json_key(&json, "rows"), json_uint(&json, summary->num_rows);
    shown_json_bad_rows(&inspection->file, &json);
    json_key(&json, "users"), json_uint(&json, summary->num_users);
    json_key(&json, "users_exact"), json_bool(&json, summary->are_users_exact);
    json_key(&json, "items"), json_uint(&json, summary->num_items);
    json_key(&json, "items_exact"), json_bool(&json, summary->are_items_exact);
    json_key(&json, "duplicates");
    if (summary->knows_duplicates)
        json_uint(&json, summary->num_duplicates);
    else
        json_null(&json);
    add_ratings(summary, &json);
    add_json_top_items(inspection, &json);
    json_close(&json);
    buf_add_char(out, '\n');
}
