/* heatmap_range.h - values of a heat map as shares of its range and as text, the same in SVG and on
 * a terminal. Private to worker/report. Threads: pure functions. */
#ifndef SOUK_WORKER_REPORT_HEATMAP_RANGE_H
#define SOUK_WORKER_REPORT_HEATMAP_RANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/report/svg.h"

struct heatmap_range {
    double low, high; // low < high
    int decimals;     // that tell two values apart
};

/* Of the finite values of known cells; of all finite ones when no cell is known. */
struct heatmap_range heatmap_range(const struct heatmap *heatmap);
double heatmap_share(const struct heatmap_range *range, double value); // 0..1 within the range
/* "4.32"; "-" when it is not finite. Returns out. */
const char *heatmap_format(const struct heatmap_range *range, double value, char out[32]);
/* Marked unknown, or not a number. */
bool heatmap_is_unknown(const struct heatmap *heatmap, size_t idx);

#endif
