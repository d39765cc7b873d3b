/* svg_forest.c - see svg_forest.h. */
#include "worker/report/svg_forest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "worker/report/svg_draw.h"

enum {
    WIDTH = 940,
    LEFT = 170,
    RIGHT = 710, // figures stand to the right of it
    TOP = 92,
    ROW = 24,
    FOOT = 58,
};
#define COLOR_MAIN  "#1a6fb0"
#define COLOR_OTHER "#57606a"
#define COLOR_BAND  "#f6e7c8"
#define COLOR_LINE  "#9a6700"

struct frame {
    double low, high; // of the axis
    double bottom;    // in pixels
};

static double to_x(const struct frame *frame, double value)
{
    return LEFT + (value - frame->low) / (frame->high - frame->low) * (RIGHT - LEFT);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_width(const struct svg_forest *forest)
{
    double *widths = mem_alloc((forest->num_rows + 1) * sizeof(*widths), "widths");
    uint32_t num = 0;
    for (uint32_t r = 0; r < forest->num_rows; r++) {
        double width = forest->rows[r].upper - forest->rows[r].lower;
        if (isfinite(width)) widths[num++] = width;
    }
    qsort(widths, num, sizeof(*widths), compare);
    double median = num > 0 ? widths[num / 2] : 0;
    mem_free(widths);
    return median;
}

// All values are in the frame, and of each interval what is no further than a usual one reaches.
static void cover(struct frame *frame, const struct svg_forest_row *row, double reach)
{
    if (!isfinite(row->value)) return;
    double lower = isfinite(row->lower) ? fmax(row->lower, row->value - reach) : row->value;
    double upper = isfinite(row->upper) ? fmin(row->upper, row->value + reach) : row->value;
    frame->low = fmin(frame->low, lower);
    frame->high = fmax(frame->high, upper);
}

static struct frame find_frame(const struct svg_forest *forest)
{
    struct frame frame = {INFINITY, -INFINITY, TOP + (double)forest->num_rows * ROW};
    double reach = 1.5 * median_width(forest);
    cover(&frame, &forest->reference, reach);
    for (uint32_t r = 0; r < forest->num_rows; r++) cover(&frame, &forest->rows[r], reach);
    if (!(frame.low <= frame.high)) frame.low = 0, frame.high = 1;
    double margin = 0.04 * (frame.high - frame.low);
    if (!(margin > 0)) margin = fmax(0.5 * fabs(frame.low), 1e-6);
    frame.low -= margin;
    frame.high += margin;
    return frame;
}

static void add_line(struct buf *out, double x1, double y1, double x2, double y2, const char *style)
{
    buf_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
               style);
}

static void add_names(const struct svg_forest *forest, const struct frame *frame, struct buf *out)
{
    svg_add_text(
        out,
        &(struct svg_text){.x = 24, .y = 32, .font_px = 17, .is_bold = true, .max_px = WIDTH - 48},
        forest->title);
    svg_add_text(out,
                 &(struct svg_text){
                     .x = 24, .y = 54, .font_px = 13, .fill = SVG_FAINT, .max_px = WIDTH - 48},
                 forest->subtitle);
    svg_add_text(out,
                 &(struct svg_text){.x = (LEFT + RIGHT) / 2.0,
                                    .y = frame->bottom + 46,
                                    .font_px = 13,
                                    .anchor = "middle",
                                    .fill = SVG_FAINT},
                 forest->axis);
}

static void add_axis(const struct frame *frame, struct buf *out)
{
    struct svg_ticks ticks = svg_ticks(frame->low, frame->high, 7, false);
    for (int i = 0; i < ticks.num; i++) {
        double value = ticks.first + i * ticks.step, x = to_x(frame, value);
        add_line(out, x, TOP - 6, x, frame->bottom, "stroke=\"" SVG_GRID "\"");
        buf_printf(out,
                   "<text x=\"%.1f\" y=\"%.1f\" font-size=\"12\" fill=\"" SVG_INK
                   "\" text-anchor=\"middle\">%.*f</text>\n",
                   x, frame->bottom + 22, ticks.decimals,
                   fabs(value) < 1e-9 * ticks.step ? 0 : value);
    }
    add_line(out, LEFT, frame->bottom + 4, RIGHT, frame->bottom + 4, "stroke=\"" SVG_INK "\"");
}

static void add_reference(const struct svg_forest *forest, const struct frame *frame,
                          struct buf *out)
{
    const struct svg_forest_row *row = &forest->reference;
    if (!isfinite(row->value)) return;
    double x = to_x(frame, row->value);
    if (isfinite(row->lower) && isfinite(row->upper)) {
        double left = fmax(to_x(frame, row->lower), LEFT);
        double right = fmin(to_x(frame, row->upper), RIGHT);
        buf_printf(out,
                   "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%.1f\" fill=\"" COLOR_BAND
                   "\" fill-opacity=\"0.7\"/>\n",
                   left, TOP - 6, right - left, frame->bottom - TOP + 10);
    }
    add_line(out, x, TOP - 6, x, frame->bottom + 4,
             "stroke=\"" COLOR_LINE "\" stroke-width=\"1.5\" stroke-dasharray=\"5 4\"");
    bool is_right = x > (LEFT + RIGHT) / 2.0;
    svg_add_text(out,
                 &(struct svg_text){.x = x,
                                    .y = TOP - 12,
                                    .font_px = 12,
                                    .anchor = is_right ? "end" : "start",
                                    .fill = COLOR_LINE},
                 row->name);
}

// An end of an interval: a tick, or an arrow where it goes on beyond the frame.
static void add_end(const struct frame *frame, double value, double y, const char *color,
                    struct buf *out)
{
    double x = to_x(frame, value), sign = x < LEFT ? -1 : 1;
    if (x >= LEFT && x <= RIGHT) {
        buf_printf(out,
                   "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                   "stroke-width=\"1.6\"/>\n",
                   x, y - 4, x, y + 4, color);
        return;
    }
    double edge = x < LEFT ? LEFT : RIGHT;
    buf_printf(out, "<path d=\"M%.1f %.1f L%.1f %.1f L%.1f %.1f Z\" fill=\"%s\"/>\n", edge, y,
               edge - 7 * sign, y - 4, edge - 7 * sign, y + 4, color);
}

static void add_interval(const struct frame *frame, const struct svg_forest_row *row, double y,
                         struct buf *out)
{
    const char *color = row->is_main ? COLOR_MAIN : COLOR_OTHER;
    if (isfinite(row->lower) && isfinite(row->upper)) {
        double left = fmax(to_x(frame, row->lower), LEFT);
        double right = fmin(to_x(frame, row->upper), RIGHT);
        buf_printf(out,
                   "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                   "stroke-width=\"%s\"/>\n",
                   left, y, right, y, color, row->is_main ? "2.6" : "1.6");
        add_end(frame, row->lower, y, color, out);
        add_end(frame, row->upper, y, color, out);
    }
    buf_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%s\" fill=\"%s\"><title>",
               to_x(frame, row->value), y, row->is_main ? "5" : "4", color);
    svg_add_escaped(out, row->name);
    buf_printf(out, ": %.6g", row->value);
    if (isfinite(row->lower)) buf_printf(out, ", %.6g to %.6g", row->lower, row->upper);
    buf_add_text(out, "</title></circle>\n");
}

static void add_row(const struct svg_forest *forest, const struct frame *frame, uint32_t r,
                    struct buf *out)
{
    const struct svg_forest_row *row = &forest->rows[r];
    double y = TOP + (r + 0.5) * ROW;
    char figure[200];
    struct svg_text place = {.x = LEFT - 14,
                             .y = y + 4.5,
                             .font_px = 13,
                             .anchor = "end",
                             .max_px = LEFT - 30,
                             .is_bold = row->is_main};
    svg_add_text(out, &place, row->name);
    if (isfinite(row->value)) add_interval(frame, row, y, out);
    if (!isfinite(row->value))
        snprintf(figure, sizeof(figure), "undefined: %s", row->undefined ? row->undefined : "0/0");
    else if (isfinite(row->lower))
        snprintf(figure, sizeof(figure), "%.4g (%.3g, %.3g)", row->value, row->lower, row->upper);
    else
        snprintf(figure, sizeof(figure), "%.4g", row->value);
    place = (struct svg_text){.x = RIGHT + 14,
                              .y = y + 4.5,
                              .font_px = 12,
                              .max_px = WIDTH - RIGHT - 20,
                              .is_bold = row->is_main,
                              .fill = isfinite(row->value) ? SVG_INK : SVG_FAINT};
    svg_add_text(out, &place, figure);
}

void svg_forest(const struct svg_forest *forest, struct buf *out)
{
    struct frame frame = find_frame(forest);
    svg_begin(out, WIDTH, frame.bottom + FOOT, forest->title);
    add_names(forest, &frame, out);
    add_axis(&frame, out);
    add_reference(forest, &frame, out);
    for (uint32_t r = 0; r < forest->num_rows; r++) add_row(forest, &frame, r, out);
    buf_add_text(out, "</svg>\n");
}
