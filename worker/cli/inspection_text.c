/* inspection_text.c - inspection_print_text() and inspection_print_json() of inspection.h. */
#include <stdio.h>
#include <string.h>

#include "common/text/json.h"
#include "worker/cli/inspection.h"

enum { CELL_MAX = 24, NAME_MAX_COLUMNS = 60, BAR_MAX = 48, LABEL_COLUMNS = 13 };

// ---- text ----

static void add_blanks(struct buf *out, size_t n)
{
    while (n-- > 0) buf_add_char(out, ' ');
}

static void add_label(struct buf *out, const char *label)
{
    buf_printf(out, "  %-*s", LABEL_COLUMNS, label);
}

static void add_count(struct buf *out, const char *label, uint64_t count, bool is_exact)
{
    char digits[32];
    add_label(out, label);
    buf_printf(out, "%s%s\n", is_exact ? "" : "about ", text_group_digits(count, digits));
}

// "column 3" or its name.
static void add_column_name(const struct inspection *inspection, uint32_t column, struct buf *out)
{
    if (inspection->names && inspection->names[column])
        buf_add_text(out, inspection->names[column]);
    else
        buf_printf(out, "column %u", column + 1);
}

static void add_layout(const struct inspection *inspection, struct buf *out)
{
    const struct rating_format *format = &inspection->format;
    static const char *const kinds[] = {"", "whole numbers", "texts"};
    const uint32_t columns[] = {format->user_column, format->item_column, format->rating_column};
    const char *const roles[] = {"user", "item", "rating"};
    add_label(out, "separator");
    buf_printf(out, "%s\n", inspection_delimiter(inspection));
    add_label(out, "header");
    buf_printf(out, "%s\n", format->layout.has_header ? "yes" : "no");
    for (int i = 0; i < 3; i++) {
        add_label(out, roles[i]);
        if (i == 2 && !format->has_rating) {
            buf_add_text(out, "none\n");
            continue;
        }
        buf_printf(out, "column %u of %u", columns[i] + 1, format->layout.num_columns);
        if (inspection->names && inspection->names[columns[i]])
            buf_printf(out, ", \"%s\"", inspection->names[columns[i]]);
        if (i < 2) buf_printf(out, ", ids are %s", kinds[i ? format->item_id : format->user_id]);
        buf_add_char(out, '\n');
    }
}

// Text that is at most `max` columns wide, with control characters as blanks.
static void add_cut(const char *text, size_t max, struct buf *out)
{
    size_t length = strlen(text), taken = 0;
    while (taken < length && text_columns(text, taken + 1) <= max) taken++;
    while (taken < length && taken > 0 && ((unsigned char)text[taken] & 0xC0) == 0x80) taken--;
    for (size_t i = 0; i < taken; i++)
        buf_add_char(out, (unsigned char)text[i] < 32 || text[i] == 127 ? ' ' : text[i]);
    if (taken < length) buf_add_text(out, "...");
}

static void add_cell(const char *text, struct buf *out)
{
    add_cut(text, CELL_MAX, out);
}

// One row of the table of first lines; line 0 is that of names. Columns that do not fit are left
// out.
static void add_line(const struct inspection *inspection, uint32_t line, const uint32_t *widths,
                     uint32_t num_shown, struct buf *out)
{
    uint32_t num_columns = inspection->format.layout.num_columns;
    buf_add_text(out, "    ");
    for (uint32_t column = 0; column < num_shown; column++) {
        struct buf cell = {0};
        if (line == 0) {
            struct buf name = {0};
            add_column_name(inspection, column, &name);
            add_cell(buf_text(&name), &cell);
            buf_fini(&name);
        } else {
            add_cell(inspection->cells[(line - 1) * num_columns + column], &cell);
        }
        size_t used = text_columns(buf_text(&cell), cell.length);
        buf_add(out, buf_text(&cell), cell.length);
        bool is_last = column + 1 == num_shown;
        if (!is_last) add_blanks(out, widths[column] - used + 2);
        buf_fini(&cell);
    }
    buf_add_text(out, num_shown < num_columns ? " ...\n" : "\n");
}

// How wide the table's columns are, and how many fit.
static uint32_t measure_columns(const struct inspection *inspection, uint32_t terminal_columns,
                                uint32_t *widths)
{
    uint32_t num_columns = inspection->format.layout.num_columns, used = 8, num_shown = 0;
    for (uint32_t column = 0; column < num_columns; column++) {
        for (uint32_t line = 0; line <= inspection->num_lines; line++) {
            struct buf cell = {0}, text = {0};
            if (line == 0)
                add_column_name(inspection, column, &text);
            else
                buf_add_text(&text, inspection->cells[(line - 1) * num_columns + column]);
            add_cell(buf_text(&text), &cell);
            uint32_t width = (uint32_t)text_columns(buf_text(&cell), cell.length);
            if (width > widths[column]) widths[column] = width;
            buf_fini(&cell);
            buf_fini(&text);
        }
        used += widths[column] + 2;
        if (num_shown == column && (used <= terminal_columns || column < 2)) num_shown++;
    }
    return num_shown;
}

static void add_first_lines(const struct inspection *inspection, uint32_t terminal_columns,
                            struct buf *out)
{
    uint32_t widths[COLUMNS_MAX] = {0};
    uint32_t num_shown = measure_columns(inspection, terminal_columns, widths);
    buf_add_text(out, "\n  first lines, as read\n");
    for (uint32_t line = 0; line <= inspection->num_lines; line++)
        add_line(inspection, line, widths, num_shown, out);
}

static void add_counts(const struct inspection *inspection, struct buf *out)
{
    const struct summary_result *summary = &inspection->summary;
    buf_add_char(out, '\n');
    add_count(out, "rows", summary->num_rows, true);
    add_count(out, "users", summary->num_users, summary->are_users_exact);
    add_count(out, "items", summary->num_items, summary->are_items_exact);
    if (summary->knows_duplicates) {
        add_count(out, "duplicates", summary->num_duplicates, true);
    } else {
        add_label(out, "duplicates");
        buf_add_text(out, "not counted: too many rows\n");
    }
    add_count(out, "bad rows", inspection->num_bad, true);
    for (uint32_t i = 0; i < inspection->num_bad_rows; i++)
        buf_printf(out, "    %s\n", inspection->bad_rows[i]);
}

static void add_bar_label(const struct summary_bar *bar, struct buf *out)
{
    char label[64];
    if (bar->low == bar->high)
        snprintf(label, sizeof(label), "%g", bar->low);
    else
        snprintf(label, sizeof(label), "%.4g to %.4g", bar->low, bar->high);
    buf_printf(out, "    %18s  ", label);
}

// Eighths of a block, so that short bars still differ.
static void add_bar(double share, uint32_t width, struct buf *out)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    uint32_t n = (uint32_t)(share * width * 8 + 0.5);
    for (uint32_t i = 0; i < n / 8; i++) buf_add_text(out, "█");
    buf_add_text(out, eighths[n % 8]);
    add_blanks(out, width - n / 8 - (n % 8 > 0) + 1);
}

static void add_histogram(const struct summary_result *summary, uint32_t terminal_columns,
                          struct buf *out)
{
    uint32_t width = terminal_columns > 62 ? terminal_columns - 50 : 12;
    if (width > BAR_MAX) width = BAR_MAX;
    uint64_t most = 1;
    for (uint32_t i = 0; i < summary->num_bars; i++)
        if (summary->bars[i].count > most) most = summary->bars[i].count;
    for (uint32_t i = 0; i < summary->num_bars; i++) {
        const struct summary_bar *bar = &summary->bars[i];
        char digits[32];
        add_bar_label(bar, out);
        add_bar((double)bar->count / (double)most, width, out);
        buf_printf(out, "%12s %5.1f %%\n", text_group_digits(bar->count, digits),
                   100 * (double)bar->count / (double)summary->num_with_rating);
    }
    if (summary->is_sampled) buf_add_text(out, "    (bars are estimates from a sample of rows)\n");
}

static void add_top_items(const struct inspection *inspection, struct buf *out)
{
    const struct summary_result *summary = &inspection->summary;
    if (summary->num_top_items == 0) return;
    buf_add_text(out, "\n  most rated items\n");
    for (uint32_t i = 0; i < summary->num_top_items; i++) {
        char digits[32];
        struct buf name = {0};
        inspection_add_item(inspection, summary->top_items[i].key, &name);
        buf_printf(out, "%14s  ", text_group_digits(summary->top_items[i].count, digits));
        add_cut(buf_text(&name), NAME_MAX_COLUMNS, out);
        buf_add_char(out, '\n');
        buf_fini(&name);
    }
}

void inspection_print_text(const struct inspection *inspection, uint32_t terminal_columns,
                           struct buf *out)
{
    const struct summary_result *summary = &inspection->summary;
    for (uint32_t i = 0; i < inspection->files->num_items; i++) {
        const char *path = inspection->files->items[i];
        buf_printf(out, "%s\n", strcmp(path, "-") == 0 ? "standard input" : path);
    }
    add_layout(inspection, out);
    add_first_lines(inspection, terminal_columns, out);
    add_counts(inspection, out);
    if (summary->num_with_rating > 0) {
        buf_add_char(out, '\n');
        add_label(out, "ratings");
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
        if (inspection->names && inspection->names[i])
            json_string(json, inspection->names[i]);
        else
            json_null(json);
        json_key(json, "role");
        if (role)
            json_string(json, role);
        else
            json_null(json);
        json_close(json);
    }
    json_close(json);
}

static void add_ratings(const struct summary_result *summary, struct json *json)
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

static void add_bad_rows(const struct inspection *inspection, struct json *json)
{
    json_key(json, "bad_rows"), json_uint(json, inspection->num_bad);
    json_key(json, "bad_examples");
    json_open(json, '[');
    for (uint32_t i = 0; i < inspection->num_bad_rows; i++)
        json_string(json, inspection->bad_rows[i]);
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
    const struct summary_result *summary = &inspection->summary;
    static const char *const kinds[] = {"auto", "integer", "string"};
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    json_key(&json, "files");
    json_open(&json, '[');
    for (uint32_t i = 0; i < inspection->files->num_items; i++)
        json_string(&json, inspection->files->items[i]);
    json_close(&json);
    json_key(&json, "delimiter"), json_string(&json, inspection_delimiter(inspection));
    json_key(&json, "header"), json_bool(&json, format->layout.has_header);
    add_columns(inspection, &json);
    json_key(&json, "user_id"), json_string(&json, kinds[format->user_id]);
    json_key(&json, "item_id"), json_string(&json, kinds[format->item_id]);
    json_key(&json, "rows"), json_uint(&json, summary->num_rows);
    add_bad_rows(inspection, &json);
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
