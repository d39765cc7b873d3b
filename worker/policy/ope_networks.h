/* ope_networks.h - what `souk ope` needs networks for (struct ope_networks of ope.h): policies that
 * are one, and fitted Q evaluation (FQE) where states are features.
 *
 * FQE by network: Q(s, t, a) of the reward that is still to come until the longest episode's end,
 *   Q <- argmin sum over the log of (r + g sum_a' p(a'|s') Q'(s', t + 1, a') - Q(s, t, a))^2
 * with a target copy Q' renewed every FQE_SYNC updates, which is a round of the iteration. Inputs
 * are the log's features, shifted and scaled, and the step t: its share of the longest episode,
 * and, of at most FQE_CLOCK_MAX steps, a 1 at its place. Rewards are divided by the root mean
 * square of what was still to come in the log. With K folds the values of an episode are those of a
 * network that has learnt from the K - 1 others.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_POLICY_OPE_NETWORKS_H
#define SOUK_WORKER_POLICY_OPE_NETWORKS_H

#include "worker/ope/ope.h"

enum { FQE_SYNC = 100, FQE_CLOCK_MAX = 64 };

extern const struct ope_networks ope_networks_q;

#endif
