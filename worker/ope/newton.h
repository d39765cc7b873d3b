/* newton.h - the minimum of a smooth convex function of some unknowns, by Newton's method with
 * steps that are halved until they help. Threads: pure functions.
 */
#ifndef SOUK_WORKER_OPE_NEWTON_H
#define SOUK_WORKER_OPE_NEWTON_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/status.h"

enum { NEWTON_UNKNOWNS_MAX = 4096 }; // the matrix has the square of it

struct newton {
    uint32_t size;   // n unknowns
    const void *ctx; // handed to both functions
    double (*objective)(const void *ctx, const double *at);
    /* Adds to zeroed arrays: gradient (n), and the lower half of curvature (n, n). */
    void (*differentiate)(const void *ctx, const double *at, double *gradient, double *curvature);
};

/* at (n): from where to start; the minimum. False, and somewhere, when the curvature is not
 * positive definite or the steps do not settle. */
SOUK_MUST_CHECK bool newton_minimise(const struct newton *newton, double *at);

/* Solves A x = b for a symmetric positive definite A (n, n), of which the lower half is read and
 * overwritten; b becomes x. False when A is not positive definite. */
SOUK_MUST_CHECK bool solve_positive(double *a, double *b, uint32_t n);

#endif
