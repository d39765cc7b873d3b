/* bandit.h - evaluation on a log of single choices, one of the kinds in ope.c: reads policy and
 * rewards, estimates propensities where there are none, and adds the estimators. */
#ifndef SOUK_WORKER_OPE_BANDIT_H
#define SOUK_WORKER_OPE_BANDIT_H

#include "worker/ope/ope.h"

extern const struct ope_kind ope_kind_bandit;

#endif
