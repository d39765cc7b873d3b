/* reward_model.h - expected rewards q(x, a): read from a file, means by action and position that
 * are smoothed towards the mean of all, or a logistic regression a position.
 *
 * A fit may weigh its rounds, which is what makes a model fit for the policy in question:
 * importance weights, or those of MRDR (Farajtabar et al., ICML'18), w (1 - p) / p. With folds, a
 * round's rewards come from a model that has not seen it.
 *
 * Threads: immutable once it is made.
 */
#ifndef SOUK_WORKER_OPE_REWARD_MODEL_H
#define SOUK_WORKER_OPE_REWARD_MODEL_H

#include "worker/ope/bandit_log.h"

struct reward_model;

struct reward_options {
    const char *kind;     // "smoothed", "logistic", or a file
    const char *context;  // file of (A, any) features of actions; NULL: an indicator each
    double smoothing;     // pseudo-counts of the mean of all; "smoothed"
    double penalty;       // C; "logistic"
    uint32_t num_actions; // A
    uint32_t num_folds;   // 1: all rounds; not for a file
    uint64_t seed;        // of the folds
};

/* Whether rewards of this kind are fitted here, and not read. */
bool reward_kind_is_fitted(const char *kind);
/* weights: (n) or NULL. SOUK_EDATA: a file that does not fit, rewards that no logistic regression
 * has, more unknowns than it can have; logged. On SOUK_OK the caller owns *model_out, which borrows
 * the log. */
SOUK_MUST_CHECK souk_status reward_model_create(const struct bandit_log *log,
                                                const struct reward_options *options,
                                                const double *weights,
                                                struct reward_model **model_out);
void reward_model_destroy(struct reward_model *model); // NULL is fine
/* Of all actions (A) in a round. */
void reward_model_row(const struct reward_model *model, uint64_t round, double *row_out);

#endif
