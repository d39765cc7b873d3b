/* svg_intervals.h - a picture of values with intervals: a panel for each figure, each with an axis
 * of its own, and in it a row for each of the things that are compared.
 *
 * Threads: pure functions over their arguments.
 */
#ifndef SOUK_WORKER_REPORT_SVG_INTERVALS_H
#define SOUK_WORKER_REPORT_SVG_INTERVALS_H

#include <stdint.h>

#include "common/text/buf.h"

struct svg_panel {
    const char *title;
    const double *values;       // (num_names); NAN: "undefined" stands there
    const double *lows, *highs; // (num_names) ends of the interval; NAN: none
};
struct svg_intervals {
    const char *title, *note; // the note says what the intervals are
    const char *const *names; // (num_names) UTF-8
    uint32_t num_names;
    const struct svg_panel *panels;
    uint32_t num_panels;
};
void svg_intervals(const struct svg_intervals *picture, struct buf *out);

#endif
