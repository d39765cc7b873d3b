/* episode_log.h - what a policy did and what came of it, episode by episode, in memory.
 *
 * A file with a header, a row a step:
 *   episode       whole number; also called user, session or trajectory
 *   t             step in the episode, from 0 without holes; also called step
 *   state         number of the state, from 0; or columns x0, x1, ... that describe it; or none of
 *                 both: there is one state only
 *   action        from 0
 *   reward        finite
 *   pscore        how likely the action was under the policy that logged it, in (0, 1]; also called
 *                 propensity. Without the column it is estimated: how often the action was taken in
 *                 this state (with x0, ...: in any state)
 *   next_state    optional: checked against the state of the next step, and needed to know the one
 *                 behind the last
 *   done          optional: 1 where the episode ended with the step, which must be its last
 *
 * Rows may stand in any order. Episodes may differ in length. Without done every episode is taken
 * to have ended with its last step. Where all episodes have the same length and all ended, it was
 * the clock that ended them: the state behind the last step, where it is known, is one to go on
 * from.
 *
 * Threads: one owner; immutable once it is read.
 */
#ifndef SOUK_WORKER_OPE_EPISODE_LOG_H
#define SOUK_WORKER_OPE_EPISODE_LOG_H

#include "worker/ope/number_table.h"

#define STATE_NONE UINT32_MAX
enum { CELLS_MAX = 1 << 28 }; // pairs of state and action

struct episode_log {
    uint64_t num_episodes;
    uint64_t num_steps;
    uint64_t *first_step;  // (num_episodes + 1)
    uint32_t max_length;   // of an episode, in steps
    uint32_t num_states;   // S: one more than the largest; 0: states are features
    uint32_t num_actions;  // A: one more than the largest
    uint32_t num_features; // D of x0, ...; 0: there are none
    uint64_t *rows;        // (num_steps) of the file
    uint32_t *states;      // (num_steps) all 0 with features
    uint32_t *next_states; // (num_steps) STATE_NONE: the episode ended, or nobody knows
    uint32_t *actions;     // (num_steps)
    double *rewards;       // (num_steps)
    double *propensities;  // (num_steps) of the action
    float *features;       // (num_steps, D); NULL without
    uint8_t *is_end;       // (num_steps) 1: nothing comes behind the step, ever
    bool has_propensities; // false: they were estimated
    bool is_cut_by_clock;  // all episodes ended at the same step
};

struct episode_log_options {
    uint32_t num_states, num_actions; // that there are; 0: as many as the log shows
};

/* SOUK_EDATA, logged with the line; episode_log_fini always. */
SOUK_MUST_CHECK souk_status episode_log_make(const struct number_table *table,
                                             const struct episode_log_options *options,
                                             struct episode_log *log_out);
void episode_log_fini(struct episode_log *log); // a zeroed one is fine

#endif
