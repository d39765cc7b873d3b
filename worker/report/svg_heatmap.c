/* svg_heatmap.c - svg_heatmap() of svg.h: a matrix of coloured cells with labels above and to the
 * left, a colour bar to the right, and a line below that says what outline and hatching mean. */
#include "worker/report/svg.h"

#include <math.h>
#include <stdio.h>

#include "worker/report/color.h"
#include "worker/report/heatmap_range.h"
#include "worker/report/svg_draw.h"

#define TITLE_PX 17.0
#define AXIS_PX  13.0
#define LABEL_PX 12.0

// Where things are, in pixels.
struct layout {
    double cell_width, cell_height, gap;
    double left, top;               // of the first cell
    double right, bottom;           // of the last cell
    double label_max;               // width of a column label before it is cut
    double row_label_max;           // the same of a row label
    double rotate;                  // of column labels that do not fit above their cells, degrees
    double label_across, label_up;  // share of a label's width that it takes to the right, upwards
    bool has_observed, has_unknown; // cells, so that the legend says it
    double number_px;               // font of the numbers in the cells; 0: no room
    double bar_left, bar_bottom;    // colour bar, from `top`
    double width, height;           // of the picture
    struct heatmap_range range;     // of the colours
};

static double widest(const char *const *labels, uint32_t num_labels, double max)
{
    double width = 0.0;
    for (uint32_t i = 0; i < num_labels; i++)
        width = fmax(width, svg_text_width(labels[i], LABEL_PX));
    return fmin(width, max);
}

static double cell_side(uint32_t num, const double sides[4])
{
    return num <= 12 ? sides[0] : num <= 30 ? sides[1] : num <= 60 ? sides[2] : sides[3];
}

static double number_size(const struct layout *layout)
{
    char text[32];
    heatmap_format(&layout->range, layout->range.high, text);
    for (double px = 13.0; px >= 8.5; px -= 0.5)
        if (svg_text_width(text, px) <= layout->cell_width - 8.0 && px <= layout->cell_height - 6.0)
            return px;
    return 0.0;
}

static double legend_width(const struct layout *layout);

// Level where they fit, else aslant; upright above cells too narrow for a slanted line of text.
static void turn_labels(struct layout *layout)
{
    if (layout->label_max <= layout->cell_width - 6.0) return;
    layout->rotate = layout->cell_width < 18.0 ? -90.0 : -45.0;
    layout->label_across = layout->cell_width < 18.0 ? 0.0 : 0.7072;
    layout->label_up = layout->cell_width < 18.0 ? 1.0 : 0.7072;
}

static void find_marks(const struct heatmap *heatmap, struct layout *layout)
{
    size_t num_cells = (size_t)heatmap->num_rows * heatmap->num_columns;
    for (size_t i = 0; i < num_cells; i++) {
        if (heatmap_is_unknown(heatmap, i)) layout->has_unknown = true;
        if (heatmap->is_observed && heatmap->is_observed[i]) layout->has_observed = true;
    }
}

static void place_all(const struct heatmap *heatmap, struct layout *layout)
{
    layout->range = heatmap_range(heatmap);
    layout->cell_width = cell_side(heatmap->num_columns, (double[]){64, 44, 24, 13});
    layout->cell_height = cell_side(heatmap->num_rows, (double[]){40, 28, 20, 14});
    layout->gap = layout->cell_width < 20 ? 1.0 : 2.0;
    layout->row_label_max = widest(heatmap->row_labels, heatmap->num_rows, 230.0);
    layout->label_max = widest(heatmap->column_labels, heatmap->num_columns, 220.0);
    turn_labels(layout);
    find_marks(heatmap, layout);
    layout->number_px = number_size(layout);

    double label_height = layout->label_max * layout->label_up + 22.0;
    layout->left = 46.0 + layout->row_label_max + 10.0;
    layout->top = 62.0 + label_height;
    layout->right = layout->left + heatmap->num_columns * layout->cell_width;
    layout->bottom = layout->top + heatmap->num_rows * layout->cell_height;
    layout->bar_left = layout->right + 26.0;
    layout->bar_bottom = fmax(layout->bottom, layout->top + 130.0);

    double overhang = layout->right + layout->label_max * layout->label_across + 12.0;
    double title = 24.0 + svg_text_width(heatmap->title, TITLE_PX) * 1.05;
    layout->width = fmax(fmax(layout->bar_left + 92.0, overhang), title);
    layout->width = fmax(layout->width, 24.0 + legend_width(layout)) + 16.0;
    layout->height = layout->bar_bottom + 58.0;
}

static void add_axes(const struct heatmap *heatmap, const struct layout *layout, struct buf *out)
{
    svg_add_text(out, &(struct svg_text){.x = 24, .y = 32, .font_px = TITLE_PX, .is_bold = true},
                 heatmap->title);
    double middle = (layout->left + layout->right) / 2.0;
    svg_add_text(
        out,
        &(struct svg_text){
            .x = middle, .y = 56, .font_px = AXIS_PX, .anchor = "middle", .fill = SVG_FAINT},
        heatmap->column_axis);
    svg_add_text(out,
                 &(struct svg_text){.x = 30,
                                    .y = (layout->top + layout->bottom) / 2.0,
                                    .font_px = AXIS_PX,
                                    .rotate = -90,
                                    .anchor = "middle",
                                    .fill = SVG_FAINT},
                 heatmap->row_axis);
}

static void add_labels(const struct heatmap *heatmap, const struct layout *layout, struct buf *out)
{
    for (uint32_t r = 0; r < heatmap->num_rows; r++) {
        struct svg_text place = {.x = layout->left - 8.0,
                                 .y = layout->top + (r + 0.5) * layout->cell_height + 4.2,
                                 .font_px = LABEL_PX,
                                 .max_px = layout->row_label_max + 0.5,
                                 .anchor = "end"};
        svg_add_text(out, &place, heatmap->row_labels[r]);
    }
    for (uint32_t c = 0; c < heatmap->num_columns; c++) {
        double middle = layout->left + (c + 0.5) * layout->cell_width;
        struct svg_text place = {.x = middle + (layout->rotate == -90.0   ? 4.2
                                                : layout->rotate == -45.0 ? 3.0
                                                                          : 0.0),
                                 .y = layout->top - 8.0,
                                 .font_px = LABEL_PX,
                                 .max_px = layout->label_max + 0.5,
                                 .rotate = layout->rotate,
                                 .anchor = layout->rotate != 0.0 ? "start" : "middle"};
        svg_add_text(out, &place, heatmap->column_labels[c]);
    }
}

static void add_tool_tip(const struct heatmap *heatmap, const struct heatmap_range *range,
                         uint32_t row, uint32_t column, struct buf *out)
{
    size_t idx = (size_t)row * heatmap->num_columns + column;
    char text[32];
    buf_add_text(out, "<title>");
    svg_add_escaped(out, heatmap->row_labels[row]);
    buf_add_text(out, " · ");
    svg_add_escaped(out, heatmap->column_labels[column]);
    buf_add_text(out, "&#10;");
    svg_add_escaped(out, heatmap->value_name);
    buf_printf(out, " %s", heatmap_format(range, heatmap->values[idx], text));
    if (heatmap_is_unknown(heatmap, idx)) buf_add_text(out, ", never seen in training");
    if (heatmap->is_observed && heatmap->is_observed[idx]) {
        buf_add_text(out, ", rated");
        if (heatmap->observed && isfinite(heatmap->observed[idx]))
            buf_printf(out, " %.6g", (double)heatmap->observed[idx]);
    }
    buf_add_text(out, "</title>");
}

static void add_rect(struct buf *out, double x, double y, double width, double height)
{
    buf_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"", x, y, width,
               height);
}

// A dark line with a light one within: one of them stands out on any colour.
static void add_outline(struct buf *out, double x, double y, double width, double height)
{
    bool is_small = width < 18.0;
    double dark = is_small ? 1.4 : 2.2, light = is_small ? 0.8 : 1.4;
    add_rect(out, x + dark / 2, y + dark / 2, width - dark, height - dark);
    buf_printf(out, " fill=\"none\" stroke=\"#111111\" stroke-width=\"%.1f\"/>", dark);
    double inset = dark + light / 2;
    add_rect(out, x + inset, y + inset, width - 2 * inset, height - 2 * inset);
    buf_printf(out, " fill=\"none\" stroke=\"#ffffff\" stroke-width=\"%.1f\"/>", light);
}

static void add_number(const struct layout *layout, double value, double x, double y,
                       const char *fill, struct buf *out)
{
    char text[32];
    buf_printf(out,
               "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.4g\" fill=\"%s\" "
               "text-anchor=\"middle\">%s</text>",
               x, y + layout->number_px * 0.36, layout->number_px, fill,
               heatmap_format(&layout->range, value, text));
}

static void add_cell(const struct heatmap *heatmap, const struct layout *layout, uint32_t row,
                     uint32_t column, struct buf *out)
{
    size_t idx = (size_t)row * heatmap->num_columns + column;
    bool is_unknown = heatmap_is_unknown(heatmap, idx);
    double x = layout->left + column * layout->cell_width + layout->gap / 2;
    double y = layout->top + row * layout->cell_height + layout->gap / 2;
    double width = layout->cell_width - layout->gap, height = layout->cell_height - layout->gap;
    struct color color = color_ramp(heatmap_share(&layout->range, heatmap->values[idx]));

    buf_add_text(out, "<g>");
    add_tool_tip(heatmap, &layout->range, row, column, out);
    add_rect(out, x, y, width, height);
    if (is_unknown)
        buf_add_text(out, " fill=\"url(#unknown)\"/>");
    else
        buf_printf(out, " fill=\"#%02x%02x%02x\"/>", color.red, color.green, color.blue);
    if (heatmap->is_observed && heatmap->is_observed[idx]) add_outline(out, x, y, width, height);
    if (layout->number_px > 0.0 && isfinite(heatmap->values[idx])) {
        bool is_white = !is_unknown && color_needs_white_text(color);
        const char *fill = is_unknown ? "#57606a" : is_white ? "#ffffff" : "#111111";
        add_number(layout, heatmap->values[idx], x + width / 2, y + height / 2, fill, out);
    }
    buf_add_text(out, "</g>\n");
}

static void add_definitions(struct buf *out)
{
    buf_add_text(out, "<defs><linearGradient id=\"ramp\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0\">");
    for (int i = 0; i <= 10; i++) {
        struct color color = color_ramp(i / 10.0);
        buf_printf(out, "<stop offset=\"%d%%\" stop-color=\"#%02x%02x%02x\"/>", i * 10, color.red,
                   color.green, color.blue);
    }
    buf_add_text(out, "</linearGradient>\n<pattern id=\"unknown\" width=\"6\" height=\"6\" "
                      "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
                      "<rect width=\"6\" height=\"6\" fill=\"#f3f4f6\"/>"
                      "<rect width=\"1.4\" height=\"6\" fill=\"#c3c9d0\"/></pattern></defs>\n");
}

static void add_bar(const struct heatmap *heatmap, const struct layout *layout, struct buf *out)
{
    double height = layout->bar_bottom - layout->top, x = layout->bar_left;
    const struct heatmap_range *range = &layout->range;
    add_rect(out, x, layout->top, 16, height);
    buf_add_text(out, " fill=\"url(#ramp)\"/>\n");
    struct svg_ticks ticks = svg_ticks(range->low, range->high, height > 250 ? 6 : 4, false);
    for (int i = 0; i < ticks.num; i++) {
        double value = ticks.first + i * ticks.step;
        double y = layout->bar_bottom - heatmap_share(range, value) * height;
        buf_printf(out,
                   "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"" SVG_INK "\"/>",
                   x + 16, y, x + 21, y);
        buf_printf(
            out, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"11\" fill=\"" SVG_INK "\">%.*f</text>\n",
            x + 25, y + 4, ticks.decimals, value);
    }
    svg_add_text(out,
                 &(struct svg_text){.x = x + 74,
                                    .y = (layout->top + layout->bar_bottom) / 2,
                                    .font_px = LABEL_PX,
                                    .rotate = -90,
                                    .anchor = "middle",
                                    .fill = SVG_FAINT},
                 heatmap->value_name);
}

static const char *const legend_observed = "rated in the training data";
static const char *const legend_unknown = "user or item never seen in training";

static double legend_width(const struct layout *layout)
{
    double width = 0.0;
    if (layout->has_observed) width += 24.0 + svg_text_width(legend_observed, LABEL_PX) + 28.0;
    if (layout->has_unknown) width += 24.0 + svg_text_width(legend_unknown, LABEL_PX);
    return width;
}

static void add_legend(const struct layout *layout, struct buf *out)
{
    double x = 24.0, y = layout->bar_bottom + 26.0;
    if (layout->has_observed) {
        add_rect(out, x, y, 16, 16);
        struct color color = color_ramp(0.45);
        buf_printf(out, " fill=\"#%02x%02x%02x\"/>", color.red, color.green, color.blue);
        add_outline(out, x, y, 16, 16);
        svg_add_text(out, &(struct svg_text){.x = x + 24, .y = y + 12.5, .font_px = LABEL_PX},
                     legend_observed);
        x += 24.0 + svg_text_width(legend_observed, LABEL_PX) + 28.0;
    }
    if (layout->has_unknown) {
        add_rect(out, x, y, 16, 16);
        buf_add_text(out, " fill=\"url(#unknown)\" stroke=\"#c3c9d0\"/>");
        svg_add_text(out, &(struct svg_text){.x = x + 24, .y = y + 12.5, .font_px = LABEL_PX},
                     legend_unknown);
    }
}

void svg_heatmap(const struct heatmap *heatmap, struct buf *out)
{
    struct layout layout = {0};
    place_all(heatmap, &layout);
    svg_begin(out, layout.width, layout.height, heatmap->title);
    add_definitions(out);
    add_axes(heatmap, &layout, out);
    add_labels(heatmap, &layout, out);
    for (uint32_t r = 0; r < heatmap->num_rows; r++)
        for (uint32_t c = 0; c < heatmap->num_columns; c++) add_cell(heatmap, &layout, r, c, out);
    add_bar(heatmap, &layout, out);
    add_legend(&layout, out);
    buf_add_text(out, "</svg>\n");
}
