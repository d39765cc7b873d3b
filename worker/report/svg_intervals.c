/* svg_intervals.c - see svg_intervals.h. */
#include "worker/report/svg_intervals.h"

#include <math.h>

#include "worker/report/svg_draw.h"

enum {
    WIDTH = 760,
    LEFT = 190,
    RIGHT = 640, // of the axes; numbers stand behind
    TOP = 70,
    ROW_PX = 22,
    HEAD_PX = 26, // of a panel
    FOOT_PX = 34,
};
#define COLOR "#0072b2" // of Okabe and Ito's colours, as svg_plot

struct axis {
    double low, high;
};

static void cover(struct axis *axis, double value)
{
    if (!isfinite(value)) return;
    axis->low = fmin(axis->low, value);
    axis->high = fmax(axis->high, value);
}

static struct axis cover_panel(const struct svg_panel *panel, uint32_t num_names)
{
    struct axis axis = {INFINITY, -INFINITY};
    for (uint32_t i = 0; i < num_names; i++) {
        cover(&axis, panel->values[i]);
        cover(&axis, panel->lows[i]);
        cover(&axis, panel->highs[i]);
    }
    if (axis.low > axis.high) axis = (struct axis){0, 1};
    double span = axis.high - axis.low;
    double air = span > 0 ? 0.06 * span : fmax(0.1 * fabs(axis.low), 1e-3);
    return (struct axis){axis.low - air, axis.high + air};
}

static double to_x(const struct axis *axis, double value)
{
    return LEFT + (value - axis->low) / (axis->high - axis->low) * (RIGHT - LEFT);
}

static void add_axis(const struct axis *axis, double top, double bottom, struct buf *out)
{
    struct svg_ticks ticks = svg_ticks(axis->low, axis->high, 6, false);
    for (int i = 0; i < ticks.num; i++) {
        double value = ticks.first + i * ticks.step, x = to_x(axis, value);
        struct buf label = {0};
        buf_printf(out,
                   "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"" SVG_GRID
                   "\"/>\n",
                   x, top, x, bottom);
        buf_printf(&label, "%.*f", ticks.decimals, value);
        svg_add_text(
            out,
            &(struct svg_text){
                .x = x, .y = bottom + 14, .font_px = 11, .anchor = "middle", .fill = SVG_FAINT},
            buf_text(&label));
        buf_fini(&label);
    }
}

static void add_row(const struct svg_panel *panel, uint32_t i, const struct axis *axis, double y,
                    struct buf *out)
{
    double value = panel->values[i], low = panel->lows[i], high = panel->highs[i];
    struct buf number = {0};
    if (isfinite(low) && isfinite(high))
        buf_printf(out,
                   "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"" COLOR
                   "\" stroke-width=\"2.5\"/>\n",
                   to_x(axis, low), y, to_x(axis, high), y);
    if (isfinite(value)) {
        buf_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"" COLOR "\"><title>",
                   to_x(axis, value), y);
        if (isfinite(low) && isfinite(high))
            buf_printf(out, "%.6g, from %.6g to %.6g", value, low, high);
        else
            buf_printf(out, "%.6g", value);
        buf_add_text(out, "</title></circle>\n");
        buf_printf(&number, "%.5g", value);
    } else {
        buf_add_text(&number, "undefined");
    }
    svg_add_text(out, &(struct svg_text){.x = RIGHT + 12, .y = y + 4, .font_px = 12},
                 buf_text(&number));
    buf_fini(&number);
}

static void add_panel(const struct svg_intervals *picture, const struct svg_panel *panel,
                      double top, struct buf *out)
{
    struct axis axis = cover_panel(panel, picture->num_names);
    double first = top + HEAD_PX, bottom = first + ROW_PX * picture->num_names;
    svg_add_text(out, &(struct svg_text){.x = LEFT, .y = top + 16, .font_px = 13, .is_bold = true},
                 panel->title);
    add_axis(&axis, first, bottom, out);
    for (uint32_t i = 0; i < picture->num_names; i++) {
        double y = first + ROW_PX * (i + 0.5);
        svg_add_text(
            out,
            &(struct svg_text){
                .x = LEFT - 12, .y = y + 4, .font_px = 12, .max_px = LEFT - 24, .anchor = "end"},
            picture->names[i]);
        add_row(panel, i, &axis, y, out);
    }
}

void svg_intervals(const struct svg_intervals *picture, struct buf *out)
{
    double panel_px = HEAD_PX + ROW_PX * picture->num_names + FOOT_PX;
    svg_begin(out, WIDTH, TOP + panel_px * picture->num_panels, picture->title);
    svg_add_text(
        out,
        &(struct svg_text){.x = 24, .y = 32, .font_px = 17, .max_px = WIDTH - 48, .is_bold = true},
        picture->title);
    svg_add_text(out,
                 &(struct svg_text){
                     .x = 24, .y = 54, .font_px = 12, .max_px = WIDTH - 48, .fill = SVG_FAINT},
                 picture->note);
    for (uint32_t p = 0; p < picture->num_panels; p++)
        add_panel(picture, &picture->panels[p], TOP + panel_px * p, out);
    buf_add_text(out, "</svg>\n");
}
