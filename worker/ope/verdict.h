/* verdict.h - whether the new policy may replace the one that logged.
 *
 * The gain is estimated from the same rounds as both values, x_i - r_i, so that the uncertainty of
 * the logging policy's mean is in its interval. Not enough data: fewer effective rounds than
 * min_ess, too little of the policy's probability on what the log has seen, weights whose mean
 * shows that the propensities are wrong, or nothing defined. Else promote when the interval of the
 * gain lies above min_gain, and keep when it does not.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_OPE_VERDICT_H
#define SOUK_WORKER_OPE_VERDICT_H

#include "worker/ope/estimate.h"

enum verdict_kind { VERDICT_PROMOTE, VERDICT_KEEP, VERDICT_NOT_ENOUGH_DATA };

struct verdict_options {
    const char *by;      // name of the estimator that decides; NULL: the kind's own choice
    double min_ess;      // effective rounds
    double min_gain;     // over the logging policy's mean reward
    double min_coverage; // share of the policy's probability on what the log has seen
};

struct verdict {
    enum verdict_kind kind;
    char by[ESTIMATE_NAME_MAX]; // the estimator
    struct estimate gain;       // "gain": over the logging policy's mean, by that estimator
    char reason[256];
};

/* What the verdict rests on. */
struct evidence {
    const char *by;
    /* What rounds contribute to the estimator: numerators and denominators. NULL: undefined. */
    const struct rounds *rounds;
    const char *undefined; // why, static text; NULL when it is defined
    const double *logged;  // (n) reward of each round
    double ess, coverage;  // coverage NAN: not known
    double weight_error;   // how far the mean weight is from 1 beyond chance, 0: it is not
};

void verdict_reach(const struct evidence *evidence, const struct interval_options *interval,
                   const struct verdict_options *options, struct verdict *verdict_out);
const char *verdict_name(enum verdict_kind kind); // "promote", "keep", "not enough data"

#endif
