/* svg_explain.c - see svg_explain.h. */
#include "worker/report/svg_explain.h"

#include <math.h>

#include "worker/report/svg_draw.h"

enum {
    MARGIN = 24,
    NUMBER = 34,       // room for a behaviour's place in the history
    LABEL_MAX = 300,   // of a title
    DETAIL_MAX = 120,  // of a category
    DETAIL_GAP = 14,   //
    PANEL = 230,       // of bars
    GAP = 36,          // between panels
    VALUE = 50,        // for the number at the end of a bar, within a panel
    ROW = 22,          // of a behaviour
    BAR = 14,          //
    HEADER_TOP = 32,   // base line of the first line
    PANEL_TOP = 142,   // of the first row
    NO_BEHAVIOURS = 30 // what stands there instead
};

static const double HEAD_FONT = 12.5, LABEL_FONT = 12.5;
static const double FIRST_LINE = PANEL_TOP + ROW / 2.0 + 4.4; // base line of the first label

// Okabe and Ito's colours, which colour-blind readers tell apart.
#define WEIGHT_COLOR  "#0072b2"
#define AGAINST_COLOR "#d55e00" // the logit is higher without it
#define FOR_COLOR     "#009e73"

struct panel {
    double left;      // of the bars' range
    double low, high; // values at left and at left + PANEL, but for room for numbers
    double low_room;  // for numbers on the left
    double high_room; // and on the right
    const float *values;
    uint32_t num;
    const char *above, *below; // colours of bars above and below 0
};

static struct panel make_panel(const float *values, uint32_t num, double left)
{
    struct panel panel = {.left = left, .values = values, .num = num};
    for (uint32_t i = 0; i < num; i++) {
        panel.low = fmin(panel.low, (double)values[i]);
        panel.high = fmax(panel.high, (double)values[i]);
    }
    if (panel.high - panel.low < 1e-12) panel.high = panel.low + 1; // all are 0
    panel.low_room = panel.low < 0 ? VALUE : 0;
    panel.high_room = VALUE;
    return panel;
}

static double to_x(const struct panel *panel, double value)
{
    double width = PANEL - panel->low_room - panel->high_room;
    return panel->left + panel->low_room +
           (value - panel->low) / (panel->high - panel->low) * width;
}

static void add_ticks(const struct panel *panel, double bottom, struct buf *out)
{
    struct svg_ticks ticks = svg_ticks(panel->low, panel->high, 4, false);
    for (int i = 0; i < ticks.num; i++) {
        double value = ticks.first + i * ticks.step, x = to_x(panel, value);
        bool is_zero = fabs(value) < ticks.step / 2;
        buf_printf(out,
                   "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n"
                   "<text x=\"%.1f\" y=\"%d\" font-size=\"11\" fill=\"" SVG_FAINT
                   "\" text-anchor=\"middle\">%.*f</text>\n",
                   x, PANEL_TOP - 6, x, bottom, is_zero ? SVG_FAINT : SVG_GRID, x, PANEL_TOP - 11,
                   ticks.decimals, is_zero ? 0.0 : value);
    }
}

static void add_bar(const struct panel *panel, uint32_t i, const char *label, struct buf *out)
{
    double value = (double)panel->values[i], zero = to_x(panel, 0), end = to_x(panel, value);
    double y = PANEL_TOP + i * (double)ROW;
    buf_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"><title>",
               fmin(zero, end), y + (ROW - BAR) / 2.0, fmax(fabs(end - zero), 0.8), BAR,
               value < 0 ? panel->below : panel->above);
    svg_add_escaped(out, label);
    buf_printf(out, ": %.6g</title></rect>\n", value);
    buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"11.5\" fill=\"" SVG_INK "\"%s>%.3f",
               end + (value < 0 ? -4 : 4), y + ROW / 2.0 + 4.1,
               value < 0 ? " text-anchor=\"end\"" : "", value);
    buf_add_text(out, "</text>\n");
}

static void add_panel(const struct panel *panel, const struct explained *explained, struct buf *out)
{
    add_ticks(panel, PANEL_TOP + panel->num * (double)ROW, out);
    for (uint32_t i = 0; i < panel->num; i++) add_bar(panel, i, explained->labels[i], out);
}

// Of a column of texts, its head included.
static double column_width(const char *head, const char *const *texts, uint32_t num, double max)
{
    double width = svg_text_width(head, HEAD_FONT) / 0.88; // bold is wider
    for (uint32_t i = 0; i < num; i++)
        width = fmax(width, svg_text_width(texts[i], LABEL_FONT) + 1);
    return fmin(width, max);
}

static void add_column(const char *const *texts, uint32_t num, const struct svg_text *first,
                       struct buf *out)
{
    struct svg_text place = *first;
    for (uint32_t i = 0; i < num; i++, place.y += ROW) svg_add_text(out, &place, texts[i]);
}

static void add_places(uint32_t num, struct buf *out)
{
    for (uint32_t i = 0; i < num; i++)
        buf_printf(out,
                   "<text x=\"%d\" y=\"%.1f\" font-size=\"11\" fill=\"" SVG_FAINT
                   "\" text-anchor=\"end\">%u</text>\n",
                   MARGIN + NUMBER - 10, FIRST_LINE + i * (double)ROW, i + 1);
}

void rank_correlation_add(const struct rank_correlation *correlation, struct buf *out)
{
    if (correlation->undefined)
        buf_printf(out, "undefined (%s)", correlation->undefined);
    else
        buf_printf(out, "%.3f", correlation->value);
}

static void add_header(const struct explained *explained, double width, struct buf *out)
{
    const struct click_explanation *explanation = explained->explanation;
    struct svg_text place = {.x = MARGIN,
                             .y = HEADER_TOP,
                             .font_px = 17,
                             .is_bold = true,
                             .max_px = 0.88 * (width - 2 * MARGIN)}; // bold is wider
    struct buf line = {0};
    svg_add_text(out, &place, explained->item);
    place = (struct svg_text){
        .x = MARGIN, .y = HEADER_TOP + 24, .font_px = 13, .max_px = width - 2 * MARGIN};
    buf_printf(&line, "probability of a click %.3f, logit %.3f, for user %s",
               explanation->probability, explanation->logit, explained->user);
    svg_add_text(out, &place, buf_text(&line));
    buf_clear(&line);
    place.y += 19;
    place.fill = SVG_FAINT;
    if (explanation->weights) {
        buf_add_text(&line, "rank correlation of weight with change ");
        rank_correlation_add(&explanation->with_changes, &line);
        buf_add_text(&line, ", with its size ");
        rank_correlation_add(&explanation->with_sizes, &line);
    } else {
        buf_add_text(&line, "the model has no attention: changes only");
    }
    svg_add_text(out, &place, buf_text(&line));
    buf_fini(&line);
}

static void add_head(double x, const char *text, const char *more, struct buf *out)
{
    struct svg_text place = {.x = x, .y = PANEL_TOP - 43, .font_px = HEAD_FONT, .is_bold = true};
    svg_add_text(out, &place, text);
    place = (struct svg_text){.x = x, .y = PANEL_TOP - 27, .font_px = 11, .fill = SVG_FAINT};
    svg_add_text(out, &place, more);
}

// Places, titles and details; returns where the panels begin.
static double add_behaviours(const struct explained *explained, struct buf *out)
{
    uint32_t n = explained->explanation->num_behaviours;
    double x = MARGIN + NUMBER, width = column_width("behaviour", explained->labels, n, LABEL_MAX);
    struct svg_text place = {.x = x, .y = FIRST_LINE, .font_px = LABEL_FONT, .max_px = width};
    add_places(n, out);
    add_head(x, "behaviour", "oldest to newest", out);
    add_column(explained->labels, n, &place, out);
    x += width;
    if (!explained->details) return x + GAP;
    x += DETAIL_GAP;
    width = column_width(explained->detail_name, explained->details, n, DETAIL_MAX);
    place = (struct svg_text){
        .x = x, .y = FIRST_LINE, .font_px = LABEL_FONT, .max_px = width, .fill = SVG_FAINT};
    add_head(x, explained->detail_name, "", out);
    add_column(explained->details, n, &place, out);
    return x + width + GAP;
}

static void add_panels(const struct explained *explained, double x, struct buf *out)
{
    const struct click_explanation *explanation = explained->explanation;
    if (explanation->weights) {
        struct panel weights = make_panel(explanation->weights, explanation->num_behaviours, x);
        weights.above = weights.below = WEIGHT_COLOR;
        add_head(x, "attention weight", "what the model looks at", out);
        add_panel(&weights, explained, out);
        x += PANEL + GAP;
    }
    struct panel changes = make_panel(explanation->changes, explanation->num_behaviours, x);
    changes.above = AGAINST_COLOR;
    changes.below = FOR_COLOR;
    add_head(x, "change of the logit without it", "below 0: it spoke for the item", out);
    add_panel(&changes, explained, out);
}

void svg_explain(const struct explained *explained, struct buf *out)
{
    const struct click_explanation *explanation = explained->explanation;
    uint32_t n = explanation->num_behaviours;
    struct buf body = {0}, title = {0};
    double x = add_behaviours(explained, &body); // the width is known only now
    double width = x + PANEL + (explanation->weights ? GAP + PANEL : 0) + MARGIN;
    buf_printf(&title, "Why %s for user %s", explained->item, explained->user);
    svg_begin(out, width, PANEL_TOP + (n > 0 ? n * (double)ROW : NO_BEHAVIOURS) + MARGIN,
              buf_text(&title));
    add_header(explained, width, out);
    buf_add(out, buf_text(&body), body.length);
    add_panels(explained, x, out);
    buf_add_text(out, "</svg>\n");
    buf_fini(&body);
    buf_fini(&title);
}
