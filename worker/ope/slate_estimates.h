/* slate_estimates.h - what a policy would have earned with slates, from a log of them.
 *
 * With weights w of whole slates, w_l of item and position, w_{1:l} of the items up to l, rewards
 * r_l, and Q_l(a) what the positions from l on bring when a stands at l:
 *
 *   sips         sum w r_l
 *   iips         sum w_l r_l
 *   rips         sum w_{1:l} r_l
 *   snsips, sniips, snrips   with each weight divided by its mean over slates, by position
 *   cascade-dr   sum w_{1:l} (r_l - Q_l(a_l)) + w_{1:l-1} (mean of Q_l under the new policy)
 *
 * sips makes no assumption, and few slates count. rips holds where a reward depends on the items
 * above it, iips where it depends on its own item only. McInerney et al., KDD'20 (rips); Kiyohara
 * et al., WSDM'22 (cascade-dr).
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_OPE_SLATE_ESTIMATES_H
#define SOUK_WORKER_OPE_SLATE_ESTIMATES_H

#include "worker/ope/slate_log.h"

enum slate_estimator {
    SLATE_SIPS,
    SLATE_IIPS,
    SLATE_RIPS,
    SLATE_SNSIPS,
    SLATE_SNIIPS,
    SLATE_SNRIPS,
    SLATE_CASCADE_DR,
    NUM_SLATE_ESTIMATORS
};
const char *slate_estimator_name(enum slate_estimator estimator); // "cascade-dr"
/* Why the log does not do for it (static); NULL when it does. */
const char *slate_estimator_lacks(const struct slate_log *log, enum slate_estimator estimator);

/* Whether any weight that it uses is above 0. Without, it would tell 0 of what nobody has seen. */
bool slate_has_support(const struct slate_log *log, enum slate_estimator estimator);

/* (L, K) mean of what the positions from l on brought when the action stood at l; where it never
 * did the mean of the position. */
void slate_mean_rewards(const struct slate_log *log, double *q_out);

/* Contributions of slates, for estimate_rounds(). numerators and denominators: (num_slates,
 * slate_num_slots()); denominators are written for self-normalised ones only. q (L, K): of
 * cascade-dr.
 */
uint32_t slate_num_slots(const struct slate_log *log, enum slate_estimator estimator);
bool slate_is_ratio(enum slate_estimator estimator);
void slate_contribute(const struct slate_log *log, enum slate_estimator estimator, const double *q,
                      double *numerators_out, double *denominators_out);

#endif
