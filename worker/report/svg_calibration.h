/* svg_calibration.h - a picture of how far probabilities of clicks can be taken at their word: for
 * each bin of samples the mean score and the share of clicks, with the 95 % interval of a share
 * from that many samples (Wilson's), against the line where both are the same.
 *
 * Threads: pure function.
 */
#ifndef SOUK_WORKER_REPORT_SVG_CALIBRATION_H
#define SOUK_WORKER_REPORT_SVG_CALIBRATION_H

#include "common/text/buf.h"
#include "worker/eval/click_metrics.h"

void svg_calibration(const struct click_figures *figures, struct buf *out);

#endif
