/* interval.h - intervals around an estimate, out of what rounds contribute. Private to estimate.c
 * and tests.
 *
 * With d = (1 - level) / 2 for each side, over the n contributions x of mean m and variance v (by
 * n), M being the largest:
 *   Student-t    m -+ t(1 - d, n - 1) sqrt(v / (n - 1))
 *   Bernstein    m -+ (7 M ln(2/d) / (3 (n - 1)) + sqrt(2 ln(2/d) v / (n - 1)))
 *   Hoeffding    m -+ M sqrt(ln(1/d) / (2 n))
 *   bootstrap    the d and 1 - d quantiles of the estimate over resamples of the rounds
 * M is what was seen, not what could be: Bernstein (Maurer and Pontil, COLT'09) and Hoeffding
 * promise less than their names do.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_OPE_INTERVAL_H
#define SOUK_WORKER_OPE_INTERVAL_H

#include "worker/ope/estimate.h"

struct moments {
    uint64_t num;    // n
    double mean;     // m
    double variance; // v
    double largest;  // M; of all negative ones the largest size
};
struct moments moments_of(const double *x, uint64_t num);

/* Both ends NAN when there are fewer than two. kind: any but the bootstrap. */
void interval_of_moments(const struct moments *moments, enum interval_kind kind, double level,
                         double *lower_out, double *upper_out);
/* Draws whole rounds with replacement and takes numerators and denominators anew in each resample.
 * NAN when more resamples than the level leaves out are 0/0. */
void interval_bootstrap(const struct rounds *rounds, const struct interval_options *options,
                        double *lower_out, double *upper_out);

/* Value of sums by slot; denominators NULL: the mean of num_rounds. NAN: 0/0. */
double ratio_of_sums(const double *numerators, const double *denominators, uint32_t num_slots,
                     uint64_t num_rounds);

#endif
