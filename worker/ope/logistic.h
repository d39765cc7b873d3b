/* logistic.h - logistic regressions in double precision: of a share, and of a choice among several.
 *
 * The first minimises C sum_i s_i loss(y_i, b + w.z_i) + |w|^2 / 2 over w and b, b free, where z_i
 * is D dense features and, if there are levels, an indicator of one of L. The minimum is unique, so
 * whoever finds it has the same digits.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_OPE_LOGISTIC_H
#define SOUK_WORKER_OPE_LOGISTIC_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/status.h"

struct logistic_problem {
    uint64_t num_rows;      // m
    uint32_t num_dense;     // D
    uint32_t num_levels;    // L; 0: none
    const double *dense;    // (m, D)
    const uint32_t *levels; // (m) below L
    const double *targets;  // (m) 0..1, not all the same among those of weight
    const double *weights;  // (m) s, not negative; NULL: all 1
    double penalty;         // C, positive
};

/* coefficients_out: (D + L + 1) of the dense features, of the levels, b; at most
 * NEWTON_UNKNOWNS_MAX. False when the steps do not settle. */
SOUK_MUST_CHECK bool logistic_fit(const struct logistic_problem *problem, double *coefficients_out);
double logistic_share(double z); // 1 / (1 + exp(-z))

/* Which of several is chosen: minimises C sum_i -log P(y_i | z_i) + |w|^2 / 2, where P is the
 * softmax of w_j.(z_i, 1) over the L choices; the constants are held back like the rest. */
struct softmax_problem {
    uint64_t num_rows;       // m
    uint32_t num_dense;      // D
    uint32_t num_choices;    // L
    const double *dense;     // (m, D)
    const uint32_t *choices; // (m) below L
    double penalty;          // C
};
/* shares_out (m): P of what was chosen. L (D + 1) is at most NEWTON_UNKNOWNS_MAX. */
SOUK_MUST_CHECK bool softmax_fit(const struct softmax_problem *problem, double *shares_out);

#endif
