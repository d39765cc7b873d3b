/* bandit_log.h - a log of single choices: who saw what (x), which action was taken, how likely that
 * was, and the reward. Columns: action, reward; position, pscore (or propensity) and x0, x1, ... if
 * there are any; others are ignored.
 *
 * Threads: immutable once it is taken.
 */
#ifndef SOUK_WORKER_OPE_BANDIT_LOG_H
#define SOUK_WORKER_OPE_BANDIT_LOG_H

#include "worker/ope/number_table.h"

struct bandit_log {
    const struct number_table *table; // borrowed, for lines in messages
    uint64_t num_rounds;              // n
    uint32_t num_actions;             // largest logged one + 1
    uint32_t num_positions;           // K: largest + 1; 1 without a column
    uint32_t num_features;            // F
    uint32_t *actions, *positions;    // (n)
    double *rewards;                  // (n)
    double *propensities;             // (n) of the logged action, in (0, 1]; NULL: no column
    double *features;                 // (n, F)
};

/* SOUK_EDATA: a cell that cannot be what its column says; logged with its line. bandit_log_fini in
 * any case. */
SOUK_MUST_CHECK souk_status bandit_log_take(const struct number_table *table,
                                            struct bandit_log *log_out);
void bandit_log_fini(struct bandit_log *log);

#endif
