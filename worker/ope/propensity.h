/* propensity.h - how likely the logging policy was to take what it took, for logs that do not say:
 * how often each action occurs at a position, or a logistic regression of the action on x, one a
 * position. Threads: pure function.
 */
#ifndef SOUK_WORKER_OPE_PROPENSITY_H
#define SOUK_WORKER_OPE_PROPENSITY_H

#include "worker/ope/bandit_log.h"

/* kind: "frequencies" or "logistic". Fills propensities (n). SOUK_EDATA: more unknowns than a
 * regression can have, or it does not settle; logged. */
SOUK_MUST_CHECK souk_status propensity_estimate(const struct bandit_log *log, const char *kind,
                                                double *propensities);

#endif
