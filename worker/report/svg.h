/* svg.h - pictures as SVG text: heat maps and curves, with a colour ramp that colour-blind readers
 * can tell apart (viridis-like), tool tips, and text that flips with the luminance behind it.
 *
 * Threads: pure functions over their arguments.
 */
#ifndef SOUK_WORKER_REPORT_SVG_H
#define SOUK_WORKER_REPORT_SVG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text/buf.h"

struct heatmap {
    const char *title;
    const char *row_axis, *column_axis, *value_name;
    uint32_t num_rows, num_columns;
    const char *const *row_labels;    // (num_rows), UTF-8
    const char *const *column_labels; // (num_columns)
    const float *values;              // (num_rows, num_columns)
    const uint8_t *is_observed;       // (num_rows, num_columns) outlined; or NULL
    const float *observed;            // (num_rows, num_columns) value there, for tool tips; or NULL
    const uint8_t *is_unknown; // (num_rows, num_columns) hatched: user or item never seen; NULL
};
void svg_heatmap(const struct heatmap *heatmap, struct buf *out);
/* The same for a terminal: 256-colour blocks, or plain characters without colour; observed cells in
 * brackets. */
void terminal_heatmap(const struct heatmap *heatmap, bool has_color, uint32_t columns,
                      struct buf *out);

struct svg_curve {
    const char *name;
    const double *x, *y; // (num_points); NAN breaks the line
    uint32_t num_points;
    const double *y_low, *y_high; // (num_points) ends of a thin line through each; NULL: none
    bool is_reference;            // faint and dashed, without dots: what the others are held to
};
struct svg_plot {
    const char *title, *x_axis, *y_axis;
    const struct svg_curve *curves;
    uint32_t num_curves;
    double marker_x; // a vertical line, such as the best epoch; NAN: none
    const char *marker_name;
};
void svg_plot(const struct svg_plot *plot, struct buf *out);

#endif
