/* offline_states.h - states of a log as a network takes them: features, and the past.
 *
 *   x0, x1, ...   of the log; or, of numbered states, a 1 at the state's place where there are
 *                 several
 *   the past      with memory m > 0: for each action the decayed count of how often it was taken
 *                 before in the episode, then for each the decayed sum of its rewards; a step back
 *                 counts m, two m^2, ...
 *
 * All are shifted and scaled to mean 0 and deviation 1, by numbers that belong to the policy.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_POLICY_OFFLINE_STATES_H
#define SOUK_WORKER_POLICY_OFFLINE_STATES_H

#include "worker/ope/episode_log.h"

enum { OFFLINE_STATES_MAX = 1024, OFFLINE_FEATURES_MAX = 4096 }; // of one-hot states; in all

/* D; 0: there is nothing that tells states apart. SOUK_EDATA: too many; logged. */
SOUK_MUST_CHECK souk_status offline_states_width(const struct episode_log *log, float memory,
                                                 uint32_t *width_out);
/* states_out (num_steps, D), as they are. */
void offline_states_make(const struct episode_log *log, float memory, float *states_out);
/* shift, scale (D) of states (num, D); constants get scale 1. */
void offline_states_measure(const float *states, uint64_t num, uint32_t width, float *shift_out,
                            float *scale_out);
void offline_states_scale(float *states, uint64_t num, uint32_t width, const float *shift,
                          const float *scale);

#endif
