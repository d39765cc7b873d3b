/* svg_calibration.c - see svg_calibration.h. */
#include "worker/report/svg_calibration.h"

#include <math.h>

#include "worker/report/svg.h"

static void find_interval(const struct click_bin *bin, double *low_out, double *high_out)
{
    const double z = 1.96, n = (double)bin->num_samples, share = bin->observed;
    double middle = share + z * z / (2 * n), width = 1 + z * z / n;
    double half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    *low_out = fmax((middle - half) / width, 0);
    *high_out = fmin((middle + half) / width, 1);
}

void svg_calibration(const struct click_figures *figures, struct buf *out)
{
    double predicted[CLICK_BINS], observed[CLICK_BINS], low[CLICK_BINS], high[CLICK_BINS];
    double same[2] = {INFINITY, -INFINITY}; // what both axes cover
    for (uint32_t b = 0; b < figures->num_bins; b++) {
        const struct click_bin *bin = &figures->bins[b];
        predicted[b] = bin->predicted;
        observed[b] = bin->observed;
        find_interval(bin, &low[b], &high[b]);
        same[0] = fmin(same[0], fmin(predicted[b], observed[b]));
        same[1] = fmax(same[1], fmax(predicted[b], observed[b]));
    }
    const struct svg_curve curves[] = {{.name = "model, 95 % intervals",
                                        .x = predicted,
                                        .y = observed,
                                        .y_low = low,
                                        .y_high = high,
                                        .num_points = figures->num_bins},
                                       {.name = "predicted = observed",
                                        .x = same,
                                        .y = same,
                                        .num_points = 2,
                                        .is_reference = true}};
    struct buf title = {0};
    char digits[32];
    buf_printf(&title, "Calibration over %s samples: predicted / observed clicks ",
               text_group_digits(figures->num_samples, digits));
    if (isfinite(figures->calibration))
        buf_printf(&title, "%.3f", figures->calibration);
    else
        buf_add_text(&title, "undefined");
    const struct svg_plot plot = {.title = buf_text(&title),
                                  .x_axis = "mean predicted probability",
                                  .y_axis = "share of clicks",
                                  .curves = curves,
                                  .num_curves = 2,
                                  .marker_x = NAN};
    svg_plot(&plot, out);
    buf_fini(&title);
}
