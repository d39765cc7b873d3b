/* bandit_figures.h - the estimators of single choices. With w = pi(a|x) / p, r the reward, q the
 * expected reward of the logged action, qpi that of the new policy's actions, E the mean of rounds:
 *   replay          mean r where the new policy is sure to do what was logged
 *   ipw             E[w r]                       dm     E[qpi]
 *   snipw           E[w r] / E[w]                dr     E[qpi + w (r - q)]
 *   ipw_clipL       E[min(w, L) r]               sndr   E[qpi] + E[w (r - q)] / E[w]
 *   dr_clipL        dr with min(w, L)
 *   switch-dr       dr with w where w <= L, else 0
 *   dr-os           dr with L w / (w^2 + L)
 *   sg-ipw, sg-dr   ipw and dr with w / (1 - l + l w)
 *   X_slope         X with L chosen by SLOPE out of 1 5 10 50 100 500 1000 5000 10000 inf
 *
 * Sources: Dudik et al., ICML'11 (dr); Swaminathan and Joachims, NeurIPS'15 (snipw); Wang et al.,
 * ICML'17 (switch-dr); Su et al., ICML'20 (dr-os); Metelli et al., NeurIPS'21 (sg-); slope.h.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_OPE_BANDIT_FIGURES_H
#define SOUK_WORKER_OPE_BANDIT_FIGURES_H

#include "worker/ope/choices.h"
#include "worker/ope/ope.h"

/* Adds all to the result; the verdict by the one that options name, or dr. */
void bandit_figures_add(const struct ope_options *options, const struct choices *choices,
                        struct ope_result *result);
/* One of dm and dr under another name, such as "mrdr". */
void bandit_figures_add_fit(const struct ope_options *options, const struct choices *choices,
                            bool is_dr, const char *name, const char *alias,
                            struct ope_result *result);

#endif
