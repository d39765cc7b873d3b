/* offline_slates.h - a policy for slates out of a log (slate_turns.h), without any user to try it
 * on: SlateQ or DQN as agents learn them, with the whole log as their replay.
 *
 * SlateQ takes users' choices to follow the scores v of the log, or those of choice_fit.h where it
 * has none. Its Q is of what the logging policy goes on with (policy.target sarsa), or of the best
 * slate of the next candidates (q_learning), which needs more than what was shown in the log.
 * The folder is that of an agent (agent_dir.h): `souk simulate` leads users by it.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_POLICY_OFFLINE_SLATES_H
#define SOUK_WORKER_POLICY_OFFLINE_SLATES_H

#include <signal.h>

#include "common/text/buf.h"
#include "common/text/config.h"
#include "worker/env/env.h"

struct offline_slates_options {
    struct config *config; // section policy; replay, warmup and updates become what a log needs
    const char *log;       // file
    const char *dir;       // to write to; made when it is not there
    uint64_t num_updates;
    volatile sig_atomic_t *stop_signal; // not 0: stop; NULL: nobody does
};

struct offline_slates_result {
    struct env_shape shape;
    uint64_t num_users, num_turns;
    bool has_scores;    // of the log; else fitted
    double choice_loss; // of the fit; NAN: there was none
    double logged;      // mean return of a user, undiscounted
    double chosen;      // share of steps with a choice
    double loss;        // mean over the last tenth of updates
};

/* SOUK_ECONFIG, SOUK_EDATA, SOUK_EDIVERGED, SOUK_ESTOPPED, SOUK_EIO: logged. */
SOUK_MUST_CHECK souk_status offline_slates_run(const struct offline_slates_options *options,
                                               struct offline_slates_result *result_out);
/* The result for programs (an object, as in result.json), and for people. */
void offline_slates_json(const struct offline_slates_options *options,
                         const struct offline_slates_result *result, struct buf *out);
void offline_slates_text(const struct offline_slates_options *options,
                         const struct offline_slates_result *result, struct buf *out);

#endif
