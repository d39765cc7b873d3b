/* ope_slates.h - how likely an agent is to show the slates that a log has (slate_turns.h), for
 * `souk ope` (struct ope_networks of ope.h).
 *
 * The agent sees each row as it would have seen the user, and says what it likes best; the logged
 * slate then has the probability that exploration.h gives it. So agents are refused that remember
 * users. Where candidates look the same to an agent, the last digits of its network's numbers
 * decide, which depend on its neighbours: a few weights of its own log may not be 1 then.
 *
 * Threads: pure function.
 */
#ifndef SOUK_WORKER_POLICY_OPE_SLATES_H
#define SOUK_WORKER_POLICY_OPE_SLATES_H

#include "worker/ope/ope.h"

/* As compute_slates of struct ope_networks. */
SOUK_MUST_CHECK souk_status ope_slates_compute(const char *dir, const struct number_table *log,
                                               double epsilon, struct ope_slates *out);

#endif
