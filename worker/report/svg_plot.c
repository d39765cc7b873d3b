/* svg_plot.c - svg_plot() of svg.h: curves over round ticks, and a line at a point of interest. */
#include <math.h>

#include "worker/report/svg.h"
#include "worker/report/svg_draw.h"

enum { WIDTH = 760, HEIGHT = 440, LEFT = 78, RIGHT = 736, TOP = 92, BOTTOM = 384, DOTS_MAX = 80 };

// Okabe and Ito's colours, which colour-blind readers tell apart; dark ones first.
static const char *const colors[] = {"#0072b2", "#d55e00", "#009e73",
                                     "#cc79a7", "#56b4e9", "#e69f00"};
enum { NUM_COLORS = sizeof(colors) / sizeof(colors[0]) };

// What the axes cover.
struct frame_range {
    double x_low, x_high, y_low, y_high;
    bool is_x_integer; // epochs, steps
};

static bool is_point(const struct svg_curve *curve, uint32_t i)
{
    return isfinite(curve->x[i]) && isfinite(curve->y[i]);
}

static void cover(const struct svg_curve *curve, struct frame_range *range)
{
    for (uint32_t i = 0; i < curve->num_points; i++) {
        if (!is_point(curve, i)) continue;
        range->x_low = fmin(range->x_low, curve->x[i]);
        range->x_high = fmax(range->x_high, curve->x[i]);
        range->y_low = fmin(range->y_low, curve->y_low ? curve->y_low[i] : curve->y[i]);
        range->y_high = fmax(range->y_high, curve->y_high ? curve->y_high[i] : curve->y[i]);
        if (curve->x[i] != floor(curve->x[i])) range->is_x_integer = false;
    }
}

// Some air, and never an empty range.
static void pad(double *low, double *high, double share)
{
    if (*low > *high) *low = 0.0, *high = 1.0;
    double span = *high - *low;
    double air = span > 1e-9 * fmax(fabs(*low), 1e-30) ? span * share : fmax(fabs(*low), 1.0) * 0.5;
    *low -= air;
    *high += air;
}

static struct frame_range cover_all(const struct svg_plot *plot)
{
    struct frame_range range = {INFINITY, -INFINITY, INFINITY, -INFINITY, true};
    for (uint32_t i = 0; i < plot->num_curves; i++) cover(&plot->curves[i], &range);
    if (isfinite(plot->marker_x)) {
        range.x_low = fmin(range.x_low, plot->marker_x);
        range.x_high = fmax(range.x_high, plot->marker_x);
    }
    pad(&range.x_low, &range.x_high, 0.02);
    pad(&range.y_low, &range.y_high, 0.06);
    return range;
}

static double to_x(const struct frame_range *range, double x)
{
    return LEFT + (x - range->x_low) / (range->x_high - range->x_low) * (RIGHT - LEFT);
}

static double to_y(const struct frame_range *range, double y)
{
    return BOTTOM - (y - range->y_low) / (range->y_high - range->y_low) * (BOTTOM - TOP);
}

static void add_line(struct buf *out, double x1, double y1, double x2, double y2, const char *style)
{
    buf_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
               style);
}

static void add_grid(const struct frame_range *range, struct buf *out)
{
    struct svg_ticks ticks = svg_ticks(range->y_low, range->y_high, 6, false);
    for (int i = 0; i < ticks.num; i++) {
        double value = ticks.first + i * ticks.step, y = to_y(range, value);
        add_line(out, LEFT, y, RIGHT, y, "stroke=\"" SVG_GRID "\"");
        buf_printf(out,
                   "<text x=\"%d\" y=\"%.1f\" font-size=\"12\" fill=\"" SVG_INK
                   "\" text-anchor=\"end\">%.*f</text>\n",
                   LEFT - 8, y + 4.2, ticks.decimals, value);
    }
    ticks = svg_ticks(range->x_low, range->x_high, 10, range->is_x_integer);
    for (int i = 0; i < ticks.num; i++) {
        double value = ticks.first + i * ticks.step, x = to_x(range, value);
        add_line(out, x, BOTTOM, x, BOTTOM + 5, "stroke=\"" SVG_INK "\"");
        buf_printf(out,
                   "<text x=\"%.1f\" y=\"%d\" font-size=\"12\" fill=\"" SVG_INK
                   "\" text-anchor=\"middle\">%.*f</text>\n",
                   x, BOTTOM + 20, ticks.decimals, value);
    }
    add_line(out, LEFT, BOTTOM, RIGHT, BOTTOM, "stroke=\"" SVG_INK "\"");
}

static void add_names(const struct svg_plot *plot, struct buf *out)
{
    svg_add_text(
        out,
        &(struct svg_text){.x = 24, .y = 32, .font_px = 17, .is_bold = true, .max_px = WIDTH - 48},
        plot->title);
    svg_add_text(out,
                 &(struct svg_text){.x = (LEFT + RIGHT) / 2.0,
                                    .y = BOTTOM + 42,
                                    .font_px = 13,
                                    .anchor = "middle",
                                    .fill = SVG_FAINT},
                 plot->x_axis);
    svg_add_text(out,
                 &(struct svg_text){.x = 24,
                                    .y = (TOP + BOTTOM) / 2.0,
                                    .font_px = 13,
                                    .rotate = -90,
                                    .anchor = "middle",
                                    .fill = SVG_FAINT},
                 plot->y_axis);
}

static const char *color_of(const struct svg_plot *plot, uint32_t i)
{
    return plot->curves[i].is_reference ? SVG_FAINT : colors[i % NUM_COLORS];
}

static const char *dashes_of(const struct svg_curve *curve)
{
    return curve->is_reference ? " stroke-dasharray=\"5 5\"" : "";
}

static void add_legend(const struct svg_plot *plot, struct buf *out)
{
    double x = 24.0;
    for (uint32_t i = 0; i < plot->num_curves; i++) {
        buf_printf(out,
                   "<line x1=\"%.1f\" y1=\"54\" x2=\"%.1f\" y2=\"54\" stroke=\"%s\" "
                   "stroke-width=\"3\" stroke-linecap=\"round\"%s/>\n",
                   x, x + 20, color_of(plot, i), dashes_of(&plot->curves[i]));
        svg_add_text(out, &(struct svg_text){.x = x + 27, .y = 58.2, .font_px = 13},
                     plot->curves[i].name);
        x += 27 + svg_text_width(plot->curves[i].name, 13) + 20;
    }
}

static void add_path(const struct svg_curve *curve, const struct frame_range *range,
                     const char *color, struct buf *out)
{
    buf_printf(out,
               "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2.2\" stroke-linejoin=\"round\" "
               "stroke-linecap=\"round\"%s d=\"",
               color, dashes_of(curve));
    bool is_open = false; // the pen is down
    for (uint32_t i = 0; i < curve->num_points; i++) {
        bool is_drawn = is_point(curve, i);
        if (is_drawn)
            buf_printf(out, "%c%.1f %.1f", is_open ? 'L' : 'M', to_x(range, curve->x[i]),
                       to_y(range, curve->y[i]));
        is_open = is_drawn;
    }
    buf_add_text(out, "\"/>\n");
}

// Dots carry the tool tips. With many points they would hide the line, so they are clear then.
static void add_dots(const struct svg_curve *curve, const struct frame_range *range,
                     const char *color, struct buf *out)
{
    const char *opacity = curve->num_points > DOTS_MAX ? " opacity=\"0\"" : "";
    for (uint32_t i = 0; i < curve->num_points; i++) {
        if (!is_point(curve, i)) continue;
        buf_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%s\" fill=\"%s\"%s><title>",
                   to_x(range, curve->x[i]), to_y(range, curve->y[i]),
                   curve->num_points > DOTS_MAX / 2 ? "2.2" : "3", color, opacity);
        svg_add_escaped(out, curve->name);
        buf_printf(out, " at %.6g: %.6g</title></circle>\n", curve->x[i], curve->y[i]);
    }
}

static void add_whiskers(const struct svg_curve *curve, const struct frame_range *range,
                         const char *color, struct buf *out)
{
    for (uint32_t i = 0; curve->y_low && curve->y_high && i < curve->num_points; i++) {
        if (!is_point(curve, i)) continue;
        double x = to_x(range, curve->x[i]);
        buf_printf(out,
                   "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                   "stroke-opacity=\"0.55\" stroke-width=\"1.4\"/>\n",
                   x, to_y(range, curve->y_low[i]), x, to_y(range, curve->y_high[i]), color);
    }
}

static void add_marker(const struct svg_plot *plot, const struct frame_range *range,
                       struct buf *out)
{
    if (!isfinite(plot->marker_x)) return;
    double x = to_x(range, plot->marker_x);
    add_line(out, x, TOP - 4, x, BOTTOM, "stroke=\"" SVG_FAINT "\" stroke-dasharray=\"5 4\"");
    if (!plot->marker_name) return;
    bool is_right = x > (LEFT + RIGHT) / 2.0; // then the text goes to the left
    svg_add_text(out,
                 &(struct svg_text){.x = x + (is_right ? -6 : 6),
                                    .y = TOP + 6,
                                    .font_px = 12,
                                    .anchor = is_right ? "end" : "start",
                                    .fill = SVG_FAINT},
                 plot->marker_name);
}

void svg_plot(const struct svg_plot *plot, struct buf *out)
{
    struct frame_range range = cover_all(plot);
    svg_begin(out, WIDTH, HEIGHT, plot->title);
    add_names(plot, out);
    add_legend(plot, out);
    add_grid(&range, out);
    add_marker(plot, &range, out);
    for (uint32_t i = 0; i < plot->num_curves; i++) {
        const struct svg_curve *curve = &plot->curves[i];
        add_whiskers(curve, &range, color_of(plot, i), out);
        add_path(curve, &range, color_of(plot, i), out);
        if (!curve->is_reference) add_dots(curve, &range, color_of(plot, i), out);
    }
    buf_add_text(out, "</svg>\n");
}
