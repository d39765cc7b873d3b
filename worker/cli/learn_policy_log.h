/* learn_policy_log.h - souk learn-policy --log: a policy out of a log, by one process, without
 * servers or simulated users. Threads: pure functions. */
#ifndef SOUK_WORKER_CLI_LEARN_POLICY_LOG_H
#define SOUK_WORKER_CLI_LEARN_POLICY_LOG_H

#include "worker/cli/verb.h"

/* Whether the words ask for it: --log or --from is among them. */
bool learn_policy_has_log(int argc, char **argv);
/* SOUK_EUSAGE, SOUK_EDATA, SOUK_EDIVERGED, SOUK_EIO: logged. */
SOUK_MUST_CHECK souk_status learn_policy_from_log(const struct program *program, int argc,
                                                  char **argv);

// Of these options, for the verb's page.
#define LEARN_POLICY_LOG_HELP                                                                      \
    "usage: souk learn-policy --log LOG -o DIR [options]\n"                                        \
    "       souk learn-policy --from DIR --policy-for LOG2 [-o DIR2] [--epsilon E]\n"              \
    "\n"                                                                                           \
    "Learns from a log and from nothing else. LOG is CSV with a header, a row a step: episode "    \
    "(or\n"                                                                                        \
    "user), t (or step, from 0), action, reward; state (a number) or x0, x1, ... (features); if\n" \
    "known pscore, next_state and done (1 where an episode ended). Numbered states are learnt "    \
    "as\n"                                                                                         \
    "a table, features by a network. DIR gets policy.csv, which `souk ope --policy` reads: a "     \
    "row\n"                                                                                        \
    "a state, or, of a network, a row a row of the log; q.csv; result.json. A network's weights\n" \
    "are kept there too: `souk ope --policy DIR` asks it for any log with the same columns, and\n" \
    "--from DIR writes what it would do there, without learning again.\n"                          \
    "\n"                                                                                           \
    "  --method M        cql: conservative Q learning, which keeps to what was tried (if not\n"    \
    "                    given); fqi: fitted Q iteration, which does not\n"                        \
    "  --alpha A         weight of cql's conservatism (1)\n"                                       \
    "  --discount G      of rewards a step later, 0 to 1 (0.95)\n"                                 \
    "  --epsilon E       probability that policy.csv gives to tried actions in equal parts (0)\n"  \
    "  --states N, --actions N  that there are, if the log does not show all\n"                    \
    "  --memory D        states also have what was done in the episode before and what came of\n"  \
    "                    it, counting D times less each step back; learnt by a network\n"          \
    "  --policy-for LOG2 a network's policy.csv is for the rows of this log\n"                     \
    "  --hidden 64,64 --lr 0.001 --updates 20000 --batch 64 --target-sync 500 --seed 1\n"          \
    "                    of the network: layers, Adam's rate, how long\n"                          \
    "  --json            the result as one JSON object\n"

#endif
