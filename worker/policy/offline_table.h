/* offline_table.h - Q of numbered states and actions, learnt from a log and from nothing else.
 *
 * Fitted Q iteration: rounds of Q <- mean of r + g max Q(next) over the log's steps, until nothing
 * changes any more. A pair that the log does not have stays at 0: it is taken where all others are
 * worth less, which is why one does not trust it.
 *
 * Conservative Q learning (Kumar et al., NeurIPS'20): each round minimises
 *   mean over steps of (Q(s,a) - y)^2 / 2 + alpha (log sum_a' exp Q(s,a') - Q(s,a))
 * exactly, state by state, by Newton's method. What the log never does in a state falls without
 * end, so it is left out from the start: such pairs have Q -inf and are never taken.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_POLICY_OFFLINE_TABLE_H
#define SOUK_WORKER_POLICY_OFFLINE_TABLE_H

#include "worker/ope/tabular.h"

struct offline_table_options {
    double discount;     // g, 0..1
    double conservatism; // alpha; 0: fitted Q iteration
    uint32_t max_rounds;
    double tolerance; // it has settled when no Q changes by more, relative to the largest
};

/* q_out (S, A). On SOUK_OK *rounds_out is how many it took. SOUK_EDIVERGED: it has not settled;
 * logged. */
SOUK_MUST_CHECK souk_status offline_table_learn(const struct tabular *tabular,
                                                const struct offline_table_options *options,
                                                double *q_out, uint32_t *rounds_out);
/* The action of the largest Q of a state, the lower one among equals. q (A), with one that is
 * finite, or all are -inf: action 0. */
uint32_t offline_best_action(const double *q, uint32_t num_actions);

#endif
