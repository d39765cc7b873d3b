/* episode_estimates.h - what a policy would have earned in the states of a log of episodes.
 *
 * With w_t the product of the policy's over the logging policy's probabilities of the actions of
 * steps 0..t, r_t rewards, g the discount, and Q, V fitted to the log (tabular.h, or by a network;
 * Q_t is of the steps from t on):
 *
 *   DM      V_0(s_0), that is fitted Q evaluation
 *   TIS     sum g^t w_{T-1} r_t
 *   PDIS    sum g^t w_t r_t
 *   DR      sum g^t (w_t (r_t - Q_t(s_t, a_t)) + w_{t-1} V_t(s_t)), w_{-1} = 1
 *   SNTIS, SNPDIS, SNDR   with w_t divided by its mean over episodes at the same t
 *
 * An episode that has ended goes on in a state where nothing happens: its weight stays what it was.
 * Precup et al., ICML'00 (TIS, PDIS); Jiang and Li, ICML'16 (DR).
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_OPE_EPISODE_ESTIMATES_H
#define SOUK_WORKER_OPE_EPISODE_ESTIMATES_H

#include "worker/ope/tabular.h"

enum episode_estimator {
    EPISODE_DM,
    EPISODE_TIS,
    EPISODE_PDIS,
    EPISODE_DR,
    EPISODE_SNTIS,
    EPISODE_SNPDIS,
    EPISODE_SNDR,
    NUM_EPISODE_ESTIMATORS
};
const char *episode_estimator_name(enum episode_estimator estimator); // "SNPDIS"

/* What estimators need: weights of each step and values of each state. */
struct episode_terms {
    const struct episode_log *log;
    double discount;
    double *weights; // (num_steps) w_t
    double *q;       // (num_steps) Q_t(s_t, a_t)
    double *values;  // (num_steps) V_t(s_t)
};
/* policy (S, A) of the log's states and actions; the log has numbered states. */
void episode_terms_init(struct episode_terms *terms, const struct episode_log *log,
                        const double *policy, double discount);
/* policy (num_steps, A), a row a row of the log's file: q and values are zeros for the caller to
 * fill in. */
void episode_terms_init_by_row(struct episode_terms *terms, const struct episode_log *log,
                               const double *policy, double discount);
bool episode_needs_values(enum episode_estimator estimator);
void episode_terms_fini(struct episode_terms *terms); // a zeroed one is fine

/* Contributions of episodes, for estimate_rounds(). numerators and denominators: (num_episodes,
 * episode_num_slots()); denominators are written for self-normalised ones only. */
uint32_t episode_num_slots(const struct episode_terms *terms, enum episode_estimator estimator);
bool episode_is_ratio(enum episode_estimator estimator);
void episode_contribute(const struct episode_terms *terms, enum episode_estimator estimator,
                        double *numerators_out, double *denominators_out);

/* (num_episodes) w of whole episodes; sums of discounted rewards. */
void episode_weights(const struct episode_terms *terms, double *weights_out);
void episode_returns(const struct episode_terms *terms, double *returns_out);
/* Share of the policy's probability, over the log's steps, on pairs that the log has. */
double episode_coverage(const struct episode_log *log, const double *policy);

#endif
