/* tabular.h - a world of numbered states and actions as a log shows it, and values of policies in
 * it.
 *
 * What follows a pair of state and action is what followed it in the log, in the same shares: its
 * mean reward, and where it led to, or that it ended. A step whose next state nobody knows tells of
 * its reward only.
 *
 * Threads: immutable once it is made.
 */
#ifndef SOUK_WORKER_OPE_TABULAR_H
#define SOUK_WORKER_OPE_TABULAR_H

#include "worker/ope/episode_log.h"

struct tabular {
    uint32_t num_states, num_actions; // S, A
    uint64_t num_pairs;               // S A; pair: state * A + action
    uint64_t num_seen;                // pairs that the log has
    uint64_t *visits;                 // (S A)
    double *rewards;                  // (S A) mean; 0 where there are no visits
    uint64_t *next_start;             // (S A + 1)
    uint32_t *next_states;            // in [next_start[p], next_start[p + 1]) of pair p, ascending
    double *next_shares;              // likewise; they sum to less than 1 where episodes ended
};

/* The log has numbered states. */
void tabular_init(struct tabular *tabular, const struct episode_log *log);
void tabular_fini(struct tabular *tabular); // a zeroed one is fine

/* One round of fitted evaluation or iteration: of each pair that was seen,
 *   q_out = mean reward + discount * mean of next_values where it led to
 * Others are left alone. next_values (S); q_out (S A). */
void tabular_back_up(const struct tabular *tabular, double discount, const double *next_values,
                     double *q_out);

/* One step of fitted evaluation of a policy (S, A): values (S) are those of states with n steps
 * ahead and become those with n + 1; q_out (S A) of pairs likewise. Begin with zeros. Pairs that
 * were never seen have the mean of those that were, by visits. */
void tabular_evaluate_step(const struct tabular *tabular, const double *policy, double discount,
                           double *values, double *q_out);

#endif
