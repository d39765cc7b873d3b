/* learn_policy_slates.h - souk learn-policy --slates: a policy for slates out of a log, by one
 * process, without servers or simulated users. Threads: pure functions. */
#ifndef SOUK_WORKER_CLI_LEARN_POLICY_SLATES_H
#define SOUK_WORKER_CLI_LEARN_POLICY_SLATES_H

#include "worker/cli/verb.h"

/* Whether the words ask for it: --slates is among them. */
bool learn_policy_has_slates(int argc, char **argv);
/* SOUK_EUSAGE, SOUK_ECONFIG, SOUK_EDATA, SOUK_EDIVERGED, SOUK_EIO: logged. */
SOUK_MUST_CHECK souk_status learn_policy_from_slates(const struct program *program, int argc,
                                                     char **argv);

// Of these options, for the verb's page.
#define LEARN_POLICY_SLATES_HELP                                                                  \
    "\n"                                                                                          \
    "usage: souk learn-policy --slates LOG -o DIR [-c FILE] [--set KEY=VALUE]... [--updates N]\n" \
    "\n"                                                                                          \
    "Learns slates from a log, by SlateQ or DQN (policy.agent) with the whole log as its "        \
    "replay.\n"                                                                                   \
    "LOG is CSV, a row a step, as `souk simulate --log` writes it: user, step; x0, ... of the\n"  \
    "user; c0_x0, ... of each candidate; action0, ... (the slate, as numbers of candidates);\n"   \
    "choice (position, -1: nothing), reward; if known null_score, c0_score, ... (how choices\n"   \
    "are made; else a conditional choice model is fitted, and said so), pscore, done. DIR gets\n" \
    "the policy, which `souk simulate --policies DIR` takes, and result.json.\n"                  \
    "\n"                                                                                          \
    "  -c FILE, --set    section policy: agent, gamma, target (sarsa: the slate logged next;\n"   \
    "                    q_learning: the best of what could be shown next), slate, null_value,\n" \
    "                    hidden, lr, batch_size, target_sync, n_step, memory\n"                   \
    "  --updates N       (20000)\n"                                                               \
    "  --json            the result as one JSON object\n"

#endif
