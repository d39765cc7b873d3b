/* shown_text.c - the texts of shown_file.h. */
#include <stdio.h>
#include <string.h>

#include "worker/cli/shown_file.h"

enum { CELL_MAX = 24, BAR_MAX = 48, LABEL_COLUMNS = 13 };

static void add_blanks(struct buf *out, size_t n)
{
    while (n-- > 0) buf_add_char(out, ' ');
}

void shown_add_label(struct buf *out, const char *label)
{
    buf_printf(out, "  %-*s", LABEL_COLUMNS, label);
}

void shown_add_count(struct buf *out, const char *label, uint64_t count, bool is_exact)
{
    char digits[32];
    shown_add_label(out, label);
    buf_printf(out, "%s%s\n", is_exact ? "" : "about ", text_group_digits(count, digits));
}

void shown_add_paths(const struct shown_file *file, struct buf *out)
{
    for (uint32_t i = 0; i < file->files->num_items; i++) {
        const char *path = file->files->items[i];
        buf_printf(out, "%s\n", strcmp(path, "-") == 0 ? "standard input" : path);
    }
}

void shown_add_layout(const struct shown_file *file, struct buf *out)
{
    shown_add_label(out, "separator");
    buf_printf(out, "%s\n", shown_delimiter(file));
    shown_add_label(out, "header");
    buf_printf(out, "%s\n", file->layout.has_header ? "yes" : "no");
}

void shown_add_place(const struct shown_file *file, uint32_t column, struct buf *out)
{
    buf_printf(out, "column %u of %u", column + 1, file->layout.num_columns);
    if (file->names && file->names[column]) buf_printf(out, ", \"%s\"", file->names[column]);
}

void shown_add_cut(const char *text, size_t max, struct buf *out)
{
    size_t length = strlen(text), taken = 0;
    while (taken < length && text_columns(text, taken + 1) <= max) taken++;
    while (taken < length && taken > 0 && ((unsigned char)text[taken] & 0xC0) == 0x80) taken--;
    for (size_t i = 0; i < taken; i++)
        buf_add_char(out, (unsigned char)text[i] < 32 || text[i] == 127 ? ' ' : text[i]);
    if (taken < length) buf_add_text(out, "...");
}

// ---- the first lines ----

// "column 3" or its name.
static void add_column_name(const struct shown_file *file, uint32_t column, struct buf *out)
{
    if (file->names && file->names[column])
        buf_add_text(out, file->names[column]);
    else
        buf_printf(out, "column %u", column + 1);
}

static void add_cell(const char *text, struct buf *out)
{
    shown_add_cut(text, CELL_MAX, out);
}

// One row of the table of first lines; line 0 is that of names. Columns that do not fit are left
// out.
static void add_line(const struct shown_file *file, uint32_t line, const uint32_t *widths,
                     uint32_t num_shown, struct buf *out)
{
    uint32_t num_columns = file->layout.num_columns;
    buf_add_text(out, "    ");
    for (uint32_t column = 0; column < num_shown; column++) {
        struct buf cell = {0};
        if (line == 0) {
            struct buf name = {0};
            add_column_name(file, column, &name);
            add_cell(buf_text(&name), &cell);
            buf_fini(&name);
        } else {
            add_cell(file->cells[(line - 1) * num_columns + column], &cell);
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
static uint32_t measure_columns(const struct shown_file *file, uint32_t terminal_columns,
                                uint32_t *widths)
{
    uint32_t num_columns = file->layout.num_columns, used = 8, num_shown = 0;
    for (uint32_t column = 0; column < num_columns; column++) {
        for (uint32_t line = 0; line <= file->num_lines; line++) {
            struct buf cell = {0}, text = {0};
            if (line == 0)
                add_column_name(file, column, &text);
            else
                buf_add_text(&text, file->cells[(line - 1) * num_columns + column]);
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

void shown_add_first_lines(const struct shown_file *file, uint32_t terminal_columns,
                           struct buf *out)
{
    uint32_t widths[COLUMNS_MAX] = {0};
    uint32_t num_shown = measure_columns(file, terminal_columns, widths);
    buf_add_text(out, "\n  first lines, as read\n");
    for (uint32_t line = 0; line <= file->num_lines; line++)
        add_line(file, line, widths, num_shown, out);
}

void shown_add_bad_rows(const struct shown_file *file, struct buf *out)
{
    shown_add_count(out, "bad rows", file->num_bad, true);
    for (uint32_t i = 0; i < file->num_bad_rows; i++)
        buf_printf(out, "    %s\n", file->bad_rows[i]);
}

// ---- bars ----

// Eighths of a block, so that short bars still differ.
static void add_bar(double share, uint32_t width, struct buf *out)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    uint32_t n = (uint32_t)(share * width * 8 + 0.5);
    for (uint32_t i = 0; i < n / 8; i++) buf_add_text(out, "█");
    buf_add_text(out, eighths[n % 8]);
    add_blanks(out, width - n / 8 - (n % 8 > 0) + 1);
}

void shown_add_bars(const struct shown_bar *bars, uint32_t num_bars, uint64_t total,
                    uint32_t terminal_columns, struct buf *out)
{
    uint32_t width = terminal_columns > 62 ? terminal_columns - 50 : 12;
    if (width > BAR_MAX) width = BAR_MAX;
    uint64_t most = 1;
    for (uint32_t i = 0; i < num_bars; i++)
        if (bars[i].count > most) most = bars[i].count;
    for (uint32_t i = 0; i < num_bars; i++) {
        char digits[32];
        buf_printf(out, "    %18s  ", bars[i].label);
        add_bar((double)bars[i].count / (double)most, width, out);
        buf_printf(out, "%12s %5.1f %%\n", text_group_digits(bars[i].count, digits),
                   100 * (double)bars[i].count / (double)total);
    }
}
