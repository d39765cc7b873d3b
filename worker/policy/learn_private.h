/* learn_private.h - what the files of learn.h share:
 *
 *   learn.c         the loop
 *   learn_look.c    looking at held-out users
 *   learn_folder.c  policy and checkpoints on disk, and back
 *   learn_log.c     rows of progress, events
 *
 * Threads: as learn.h.
 */
#ifndef SOUK_WORKER_POLICY_LEARN_PRIVATE_H
#define SOUK_WORKER_POLICY_LEARN_PRIVATE_H

#include "worker/env/user_model.h"
#include "worker/policy/learn.h"
#include "worker/policy/learn_log.h"

struct learning {
    const struct learn_options *options;
    const struct config *config;
    struct comm *comm;
    const struct env_ops *env_ops;
    struct user_model *user_model; // NULL: the environment has none
    struct env *env;
    struct env_shape shape;
    const struct agent_ops *ops;
    struct agent *agent;
    uint64_t next_user;                                  // of this rank
    uint64_t *users;                                     // (N) who sits where
    uint64_t *user_steps;                                // (N)
    double *returns;                                     // (N) so far
    uint64_t *draws;                                     // (N)
    uint32_t *slates;                                    // (N, K)
    struct env_outcome *outcomes;                        // (N)
    uint64_t first_iteration, iteration, num_iterations; // steps of all places
    bool is_in_lock_step;
    bool is_agreed;                    // all ranks know of the failure that ends the loop
    double returns_since, stays_since; // of the point of the curve that comes next
    struct tally mine;
    struct learn_log *log; // rank 0; NULL: says nothing
    struct learn_result result;
    uint64_t start_ns, looking_ns; // looking: in validation
    uint64_t saved_ns;             // of the last checkpoint
};

/* ---- learn_look.c; collective ---- */

/* Means over users 0..num_users - 1 of the policy as it is, without exploration. On all ranks. */
SOUK_MUST_CHECK souk_status learn_look(struct learning *run, uint64_t num_users,
                                       struct learn_figure figures_out[SIM_NUM_FIGURES]);

/* ---- learn_folder.c; collective ---- */

SOUK_MUST_CHECK souk_status learn_save_policy(struct learning *run);
SOUK_MUST_CHECK souk_status learn_save_checkpoint(struct learning *run);
/* Makes the agent out of the checkpoint, and sets iteration and the points of the curve. */
SOUK_MUST_CHECK souk_status learn_resume(struct learning *run, const struct agent_options *options);

#endif
