/* svg_draw.h - what the pictures share: escaped text that is cut to a width, and axes with round
 * numbers. Private to worker/report.
 *
 * Nobody can measure text without a font, so widths are estimates on the wide side: those of
 * DejaVu Sans, which is wider than what most viewers have.
 *
 * Threads: pure functions over their arguments.
 */
#ifndef SOUK_WORKER_REPORT_SVG_DRAW_H
#define SOUK_WORKER_REPORT_SVG_DRAW_H

#include <stdbool.h>

#include "common/text/buf.h"

#define SVG_INK   "#1f2328" // text, axes
#define SVG_FAINT "#6a737d" // text of second rank
#define SVG_GRID  "#e4e7eb"

/* <svg ...> with a white ground, fonts, and a label for screen readers; close with "</svg>\n". */
void svg_begin(struct buf *out, double width, double height, const char *title);

/* Text as XML: quoted, bytes that are not UTF-8 read as Latin-1, control characters replaced. */
void svg_add_escaped(struct buf *out, const char *text);
double svg_text_width(const char *text, double font_px);

struct svg_text {
    double x, y;
    double font_px;
    double max_px;      // longer text is cut with an ellipsis and gets a tool tip; 0: never
    double rotate;      // degrees around (x, y)
    const char *anchor; // "start", "middle", "end"; NULL: start
    const char *fill;   // NULL: SVG_INK
    bool is_bold;
};
void svg_add_text(struct buf *out, const struct svg_text *place, const char *text);

/* Round numbers first, first + step, ... within low..high. */
struct svg_ticks {
    double first, step;
    int num;
    int decimals; // that tell two ticks apart
};
/* About `target` ticks; with is_integer steps are whole numbers. low < high, both finite. */
struct svg_ticks svg_ticks(double low, double high, int target, bool is_integer);

#endif
