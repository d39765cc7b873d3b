/* choices.h - what the estimators of single choices need of each round, whatever the sizes of
 * policy and rewards: its weight, and what the new policy would expect.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_OPE_CHOICES_H
#define SOUK_WORKER_OPE_CHOICES_H

#include "worker/ope/choice_values.h"
#include "worker/ope/reward_model.h"

struct choices {
    uint64_t num;               // n
    const double *rewards;      // (n) r; borrowed from the log
    const double *propensities; // (n) p; borrowed
    double *chosen;             // (n) pi(a|x), of the new policy for the logged action
    double *weights;            // (n) w = pi / p
    double *predicted;          // (n) q(x, a) of the logged action
    double *expected;           // (n) mean of q over the new policy's actions
    double coverage;  // share of the new policy's probability on what was logged at that position
    bool has_support; // any weight is not 0
};

/* All but predicted and expected. Log and propensities are borrowed until choices_fini. */
void choices_init(struct choices *choices, const struct bandit_log *log, const double *propensities,
                  const struct choice_values *policy);
/* predicted and expected, by a reward model; again for another model. */
void choices_set_rewards(struct choices *choices, const struct bandit_log *log,
                         const struct choice_values *policy, const struct reward_model *model);
void choices_fini(struct choices *choices);

#endif
