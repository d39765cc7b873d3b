/* sim_log.h - a log of what simulated users were shown and did, CSV, a row a step of a user:
 *
 *   user, step             from 0
 *   x0, x1, ...            what is seen of the user
 *   null_score             v_0 of choosing nothing, as far as an agent may know it
 *   c0_score, c0_x0, ...   of each candidate its v_i and features, and c0_key where it has one
 *   action0, action1, ...  candidates on the slate, by position
 *   choice                 position of what was chosen; -1: nothing
 *   reward, pscore         what came of it; how likely the slate was
 *   done                   1 where the user left; a user who was cut off by env.max_steps has none
 *
 * Numbers are as exact as floats are. `souk learn-policy --slates` reads it (slate_turns.h).
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_POLICY_SIM_LOG_H
#define SOUK_WORKER_POLICY_SIM_LOG_H

#include "worker/env/env.h"

struct sim_log;

/* On SOUK_OK the caller owns *log_out. SOUK_EIO: logged. */
SOUK_MUST_CHECK souk_status sim_log_open(const char *path, const struct env_shape *shape,
                                         struct sim_log **log_out);
/* Before the step: what a place sees and is shown. slate (K). */
void sim_log_show(struct sim_log *log, uint32_t place, const struct env_view *view,
                  const uint32_t *slate);
struct sim_log_row {
    uint64_t user, step;
    double propensity;
};
/* Behind it: the row of what was shown last at this place. */
void sim_log_add(struct sim_log *log, uint32_t place, const struct sim_log_row *row,
                 const struct env_outcome *outcome);
/* SOUK_EIO, SOUK_ENOSPC: not all of it could be written; logged. The log is gone in any case. */
SOUK_MUST_CHECK souk_status sim_log_close(struct sim_log *log); // NULL is fine

#endif
