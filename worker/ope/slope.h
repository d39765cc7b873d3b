/* slope.h - which of several parameters of an estimator: SLOPE++ (Su, Srinath, Krishnamurthy:
 * "Adaptive estimator selection for off-policy evaluation", 2020; the constant is of the later
 * version). A larger one has less bias and a wider interval; from the widest interval on, the last
 * one is kept that still agrees with all before it. Threads: pure functions.
 */
#ifndef SOUK_WORKER_OPE_SLOPE_H
#define SOUK_WORKER_OPE_SLOPE_H

#include <stdint.h>

enum { SLOPE_CANDIDATES_MAX = 16 };

struct slope_candidate {
    double value; // of the estimator with this parameter
    double width; // from it to its lower bound (Student-t, 0.1 on that side)
};

/* Of contributions x (n). */
struct slope_candidate slope_candidate_of(const double *x, uint64_t num);
/* Position of the chosen one among `num` in ascending order of their parameters. */
uint32_t slope_choose(const struct slope_candidate *candidates, uint32_t num);

#endif
