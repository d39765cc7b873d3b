/* terminal_heatmap.c - terminal_heatmap() of svg.h.
 *
 * A cell is its number on a coloured ground, or with a block of shade behind it where there is no
 * colour; [4.32] was rated in the training data, 4.32? has a user or an item that nobody has seen.
 * Labels of columns that do not fit above their cells become numbers with a list below.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "worker/report/color.h"
#include "worker/report/heatmap_range.h"

enum { LABEL_MAX = 24, CELL_MAX = 14 };

struct grid {
    struct heatmap_range range;
    uint32_t label_width; // of row labels
    uint32_t cell_width;  // with the blank before the next
    uint32_t num_columns; // that fit
    bool has_label_list;  // columns are numbered
    bool has_color;
};

static uint32_t columns_of(const char *text)
{
    struct buf clean = {0};
    text_add_utf8(&clean, text, strlen(text));
    size_t columns = text_columns(buf_text(&clean), clean.length);
    buf_fini(&clean);
    return (uint32_t)columns;
}

static uint32_t widest(const char *const *labels, uint32_t num_labels)
{
    uint32_t width = 0;
    for (uint32_t i = 0; i < num_labels; i++) {
        uint32_t columns = columns_of(labels[i]);
        if (columns > width) width = columns;
    }
    return width;
}

// Adds text as exactly `width` columns: cut with an ellipsis, or padded. Control characters, which
// could steer the terminal, are shown as '?'.
static void add_fitted(struct buf *out, const char *text, uint32_t width, bool is_right)
{
    struct buf clean = {0};
    text_add_utf8(&clean, text, strlen(text));
    size_t columns = text_columns(buf_text(&clean), clean.length), used = 0;
    bool is_cut = columns > width;
    for (size_t pad = columns; is_right && pad < width; pad++) buf_add_char(out, ' ');
    const char *at = buf_text(&clean), *end = at + clean.length;
    while (at < end) {
        size_t length = 1;
        while (at + length < end && ((unsigned char)at[length] & 0xC0) == 0x80) length++;
        size_t point = text_columns(at, length);
        if (is_cut && used + point > width - 1) break;
        unsigned char first = (unsigned char)at[0];
        bool is_control =
            first < 0x20 || first == 0x7F || (first == 0xC2 && (unsigned char)at[1] < 0xA0);
        if (is_control)
            buf_add_char(out, '?');
        else
            buf_add(out, at, length);
        used += point;
        at += length;
    }
    if (is_cut) buf_add_text(out, "…"), used++;
    for (; !is_right && used < width; used++) buf_add_char(out, ' ');
    buf_fini(&clean);
}

static uint32_t number_width(const struct heatmap *heatmap, const struct heatmap_range *range)
{
    size_t num_cells = (size_t)heatmap->num_rows * heatmap->num_columns;
    uint32_t width = 1;
    for (size_t i = 0; i < num_cells; i++) {
        char text[32];
        uint32_t length = (uint32_t)strlen(heatmap_format(range, heatmap->values[i], text));
        if (length > width) width = length;
    }
    return width;
}

static struct grid place_all(const struct heatmap *heatmap, bool has_color, uint32_t columns)
{
    struct grid grid = {.range = heatmap_range(heatmap), .has_color = has_color};
    uint32_t labels = widest(heatmap->row_labels, heatmap->num_rows);
    uint32_t axis = columns_of(heatmap->row_axis);
    if (labels < axis) labels = axis;
    grid.label_width = labels > LABEL_MAX ? LABEL_MAX : labels;

    // Number, two marks, one blank; a shade where there is no colour.
    uint32_t least = number_width(heatmap, &grid.range) + 3 + (has_color ? 0 : 1);
    uint32_t room = columns > grid.label_width + 1 ? columns - grid.label_width - 1 : 0;
    uint32_t share = heatmap->num_columns ? room / heatmap->num_columns : room;
    uint32_t wanted = widest(heatmap->column_labels, heatmap->num_columns) + 1;
    grid.has_label_list = wanted > CELL_MAX || wanted > (share > least ? share : least);
    grid.cell_width = grid.has_label_list || wanted < least ? least : wanted;
    grid.num_columns = room / grid.cell_width;
    if (grid.num_columns > heatmap->num_columns) grid.num_columns = heatmap->num_columns;
    if (grid.num_columns == 0 && heatmap->num_columns > 0) grid.num_columns = 1;
    return grid;
}

static void add_head(const struct heatmap *heatmap, const struct grid *grid, struct buf *out)
{
    buf_add_text(out, heatmap->title);
    buf_add_char(out, '\n');
    add_fitted(out, heatmap->row_axis, grid->label_width, false);
    for (uint32_t c = 0; c < grid->num_columns; c++) {
        char number[16];
        snprintf(number, sizeof(number), "#%u", c + 1);
        const char *label = grid->has_label_list ? number : heatmap->column_labels[c];
        // Above the end of the numbers, where the label leaves room for that.
        uint32_t marks = grid->has_color ? 1 : 2, room = grid->cell_width - 1;
        if (columns_of(label) + marks > room) marks = 0;
        buf_add_char(out, ' ');
        add_fitted(out, label, room - marks, true);
        add_fitted(out, "", marks, true);
    }
    buf_add_char(out, '\n');
}

static const char *shade(double share)
{
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
    int idx = (int)(share * 5.0);
    return shades[idx > 4 ? 4 : idx];
}

static void add_cell(const struct heatmap *heatmap, const struct grid *grid, size_t idx,
                     struct buf *out)
{
    char number[32], marked[40];
    heatmap_format(&grid->range, heatmap->values[idx], number);
    bool is_unknown = heatmap_is_unknown(heatmap, idx);
    bool is_observed = heatmap->is_observed && heatmap->is_observed[idx];
    snprintf(marked, sizeof(marked), is_observed ? "[%s]" : is_unknown ? "%s?" : "%s ", number);
    double share = heatmap_share(&grid->range, heatmap->values[idx]);

    buf_add_char(out, ' ');
    if (!grid->has_color) {
        add_fitted(out, marked, grid->cell_width - 2, true);
        buf_add_text(out, is_unknown ? " " : shade(share));
        return;
    }
    struct color color = color_ramp(share);
    if (is_unknown)
        buf_add_text(out, "\033[48;5;252m\033[38;5;240m");
    else
        buf_printf(out, "\033[48;5;%um\033[38;5;%um", color_to_256(color),
                   color_needs_white_text(color) ? 231u : 16u);
    add_fitted(out, marked, grid->cell_width - 1, true);
    buf_add_text(out, "\033[0m");
}

static void add_notes(const struct heatmap *heatmap, const struct grid *grid, struct buf *out)
{
    bool has_unknown = false, has_observed = false;
    size_t num_cells = (size_t)heatmap->num_rows * heatmap->num_columns;
    for (size_t i = 0; i < num_cells; i++) {
        has_unknown = has_unknown || heatmap_is_unknown(heatmap, i);
        has_observed = has_observed || (heatmap->is_observed && heatmap->is_observed[i]);
    }
    if (has_observed) buf_add_text(out, "[ ] rated in the training data\n");
    if (has_unknown) buf_add_text(out, "? user or item never seen in training\n");
    if (grid->num_columns < heatmap->num_columns)
        buf_printf(out, "%u of %u columns fit; the SVG picture has all of them\n",
                   grid->num_columns, heatmap->num_columns);
}

static void add_label_list(const struct heatmap *heatmap, const struct grid *grid, uint32_t columns,
                           struct buf *out)
{
    for (uint32_t c = 0; c < grid->num_columns; c++) {
        char number[16];
        int length = snprintf(number, sizeof(number), "#%-3u ", c + 1);
        uint32_t label = columns_of(heatmap->column_labels[c]);
        uint32_t room = columns > (uint32_t)length + 8 ? columns - (uint32_t)length : 8;
        buf_add_text(out, number);
        add_fitted(out, heatmap->column_labels[c], label < room ? label : room, false);
        buf_add_char(out, '\n');
    }
}

void terminal_heatmap(const struct heatmap *heatmap, bool has_color, uint32_t columns,
                      struct buf *out)
{
    struct grid grid = place_all(heatmap, has_color, columns);
    add_head(heatmap, &grid, out);
    for (uint32_t r = 0; r < heatmap->num_rows; r++) {
        add_fitted(out, heatmap->row_labels[r], grid.label_width, false);
        for (uint32_t c = 0; c < grid.num_columns; c++)
            add_cell(heatmap, &grid, (size_t)r * heatmap->num_columns + c, out);
        buf_add_char(out, '\n');
    }
    if (grid.has_label_list) add_label_list(heatmap, &grid, columns, out);
    add_notes(heatmap, &grid, out);
}
