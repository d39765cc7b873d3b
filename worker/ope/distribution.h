/* distribution.h - whether numbers of a file are probabilities of everything that can happen.
 *
 * Who writes a policy to a file rounds it, and sums are off 1 by a little then. That is no reason
 * to send a file back: such distributions are divided by their sums, and the result says so.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_OPE_DISTRIBUTION_H
#define SOUK_WORKER_OPE_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISTRIBUTION_TOLERANCE 0.01 // of sums of rounded probabilities

/* values: num of them, stride apart. True when they sum to 1 within the tolerance; then they are
 * divided by their sum where it is off by more than 1e-6, and *error grows to that difference when
 * it was less. *sum_out is what they summed to. */
bool distribution_settle(double *values, uint32_t num, size_t stride, double *error,
                         double *sum_out);

#endif
