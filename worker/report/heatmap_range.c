/* heatmap_range.c - see heatmap_range.h. */
#include "worker/report/heatmap_range.h"

#include <math.h>
#include <stdio.h>

bool heatmap_is_unknown(const struct heatmap *heatmap, size_t idx)
{
    return !isfinite(heatmap->values[idx]) || (heatmap->is_unknown && heatmap->is_unknown[idx]);
}

static void widen(const struct heatmap *heatmap, bool with_unknown, double *low, double *high)
{
    size_t num_cells = (size_t)heatmap->num_rows * heatmap->num_columns;
    for (size_t i = 0; i < num_cells; i++) {
        double value = heatmap->values[i];
        if (!isfinite(value) || (!with_unknown && heatmap_is_unknown(heatmap, i))) continue;
        *low = fmin(*low, value);
        *high = fmax(*high, value);
    }
}

struct heatmap_range heatmap_range(const struct heatmap *heatmap)
{
    double low = INFINITY, high = -INFINITY;
    widen(heatmap, false, &low, &high);
    if (low > high) widen(heatmap, true, &low, &high);
    if (low > high) low = high = 0.0;
    if (high - low < 1e-6 * fmax(1.0, fabs(high))) { // one colour, in the middle of the ramp
        low -= 0.5;
        high += 0.5;
    }
    int decimals = 2 - (int)floor(log10(high - low));
    decimals = decimals < 0 ? 0 : decimals > 6 ? 6 : decimals;
    return (struct heatmap_range){.low = low, .high = high, .decimals = decimals};
}

double heatmap_share(const struct heatmap_range *range, double value)
{
    double share = (value - range->low) / (range->high - range->low);
    return share >= 1.0 ? 1.0 : share > 0.0 ? share : 0.0;
}

const char *heatmap_format(const struct heatmap_range *range, double value, char out[32])
{
    if (!isfinite(value))
        snprintf(out, 32, "-");
    else if (fabs(value) < 1e12)
        snprintf(out, 32, "%.*f", range->decimals, value);
    else
        snprintf(out, 32, "%.3g", value);
    return out;
}
