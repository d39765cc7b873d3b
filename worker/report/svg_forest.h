/* svg_forest.h - several estimates of one quantity under each other, each with its interval, beside
 * a reference: a forest plot. Threads: pure function. */
#ifndef SOUK_WORKER_REPORT_SVG_FOREST_H
#define SOUK_WORKER_REPORT_SVG_FOREST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text/buf.h"

struct svg_forest_row {
    const char *name;
    double value, lower, upper; // value NAN: undefined; ends NAN: no interval
    const char *undefined;      // why, for the tool tip; NULL
    bool is_main;               // drawn in bold
};

struct svg_forest {
    const char *title, *subtitle, *axis;
    const struct svg_forest_row *rows;
    uint32_t num_rows;
    struct svg_forest_row reference; // a band and a line through all rows
};

/* Intervals far wider than most are cut at the edge, with an arrow. */
void svg_forest(const struct svg_forest *forest, struct buf *out);

#endif
