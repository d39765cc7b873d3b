/* rank_correlation.h - Spearman's rank correlation of two lists; equal values share the mean of
 * their ranks. Threads: pure function. */
#ifndef SOUK_WORKER_EVAL_RANK_CORRELATION_H
#define SOUK_WORKER_EVAL_RANK_CORRELATION_H

#include <stdint.h>

struct rank_correlation {
    double value;          // -1..1; NAN: undefined
    const char *undefined; // why, static text; NULL when value is a number
};

/* x, y: (n), finite. */
struct rank_correlation rank_correlation(const float *x, const float *y, uint32_t n);

#endif
