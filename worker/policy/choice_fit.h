/* choice_fit.h - what users choose from a slate, fitted to a log that has no scores.
 *
 *   P(i | slate) = v_i / (1 + sum over the slate of v),  v_i = exp(w . f_i),  1: choosing nothing
 *   f_i = 1, the item's E features, and, where a user has at least as many, their products with
 *         the user's first E
 * by Newton's method, with |w|^2 / 2 added to minus the log likelihood.
 *
 * Threads: pure function.
 */
#ifndef SOUK_WORKER_POLICY_CHOICE_FIT_H
#define SOUK_WORKER_POLICY_CHOICE_FIT_H

#include "worker/policy/slate_turns.h"

enum { CHOICE_FEATURES_MAX = 256 };

/* Fills in scores and null_scores. *loss_out: minus the mean log likelihood. SOUK_EDATA: too many
 * features, or no minimum; logged. */
SOUK_MUST_CHECK souk_status choice_fit(struct slate_turns *turns, double *loss_out);

#endif
