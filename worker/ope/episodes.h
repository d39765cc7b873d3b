/* episodes.h - evaluation on a log of episodes, two of the kinds in ope.c: of actions, where the
 * policy is a file with a row a state and a column an action, or a network; and of slates with
 * their candidates (policy/slate_turns.h), where it is an agent. */
#ifndef SOUK_WORKER_OPE_EPISODES_H
#define SOUK_WORKER_OPE_EPISODES_H

#include "worker/ope/ope.h"

extern const struct ope_kind ope_kind_episodes, ope_kind_slate_episodes;

/* A policy by state: probabilities that sum to 1, but for rounding. On SOUK_OK the caller owns
 * *table_out. SOUK_EDATA, logged. */
SOUK_MUST_CHECK souk_status episode_policy_read(const char *path, struct number_table **table_out);

#endif
