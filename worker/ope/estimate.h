/* estimate.h - the value of a policy by an estimator, with its uncertainty.
 *
 * Every estimator says what each round (a row of a bandit log, a slate, an episode) contributes:
 * x_i, or for self-normalised ones a numerator and a denominator, value = sum n_i / sum d_i. The
 * intervals are made out of these, in interval.c, in the same way for all.
 *
 * Threads: none of its own.
 */
#ifndef SOUK_WORKER_OPE_ESTIMATE_H
#define SOUK_WORKER_OPE_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/status.h"

enum { ESTIMATE_NAME_MAX = 32 };

enum interval_kind {
    INTERVAL_BOOTSTRAP,
    INTERVAL_STUDENT_T,
    INTERVAL_BERNSTEIN,
    INTERVAL_HOEFFDING
};
const char *interval_name(enum interval_kind kind); // "student-t"; NULL past the last

struct estimate {
    char name[ESTIMATE_NAME_MAX]; // "snipw", as people call it
    double value;                 // NAN: undefined
    double std_error;             // NAN: undefined, as of one round
    double lower, upper;          // of the interval; NAN: undefined
    const char *undefined;        // why value is NAN, static text; NULL otherwise
};

/* Contributions of rounds to an estimator. */
struct rounds {
    uint64_t num_rounds;      // n
    const double *numerators; // (n) x_i when there are no denominators
    /* NULL: value is the mean of numerators. Else num_slots numbers a round, summed by slot:
     * value = sum over slots of (sum of numerators / sum of denominators); one slot is a plain
     * ratio. numerators is (n, num_slots) then. */
    const double *denominators;
    uint32_t num_slots;
};

struct interval_options {
    enum interval_kind kind;
    double level;           // 0.95: of both sides together
    uint32_t num_resamples; // of the bootstrap, which draws whole rounds
    uint64_t seed;
    struct resamples *resamples; // kept for the next estimate of the log; NULL: they are drawn anew
};

/* Value, standard error (of ratios by linearisation) and interval. 0/0 is undefined, not a number.
 */
void estimate_rounds(const char *name, const struct rounds *rounds,
                     const struct interval_options *options, struct estimate *estimate_out);

#endif
