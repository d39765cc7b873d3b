/* simulation.h - a policy led through the whole stays of simulated users, and what each came to.
 *
 * Rank r of s leads the users n with n % s = r, some at a time; a user's stay is a function of the
 * seed, the user and the policy, so the results are the same for any number of ranks.
 *
 * Threads: one owner. sim_run is collective.
 */
#ifndef SOUK_WORKER_POLICY_SIMULATION_H
#define SOUK_WORKER_POLICY_SIMULATION_H

#include <signal.h>

#include "worker/agent/agent.h"
#include "worker/comm/comm.h"
#include "worker/env/env.h"
#include "worker/policy/sim_log.h"

enum { SIM_TEXT_MAX = 48 };

/* Figures of one user's stay. */
enum sim_figure {
    SIM_RETURN,    // sum of the rewards
    SIM_CLICKS,    // steps in which something was chosen
    SIM_STEPS,     // length of the stay
    SIM_QUALITY,   // mean over what was chosen; NAN: nothing was, or the environment knows none
    SIM_DIVERSITY, // mean over slates of the mean of 1 - cosine over pairs of items' features; NAN:
                   // slates of one, or items without features
    SIM_NUM_FIGURES
};
const char *sim_figure_name(enum sim_figure figure); // "return"

struct sim_user {
    uint64_t user;
    double figures[SIM_NUM_FIGURES];
    uint64_t is_cut; // 1: stayed until max_steps
};

/* A step of a user who is traced. Texts end with a zero byte and are cut to fit. */
struct sim_trace {
    uint64_t user;
    uint32_t step; // from 1
    int32_t choice;
    float reward, quality;
    char items[ENV_SLATE_MAX][SIM_TEXT_MAX]; // the slate
    char after[SIM_TEXT_MAX];                // how the user stands then
};

struct sim_options {
    const struct env_ops *env_ops;
    struct env *env; // as many places as users are led at a time on this rank: sim_places()
    struct comm *comm;
    uint64_t num_users;                       // 0..num_users - 1, over all ranks
    uint64_t num_traced;                      // the first ones
    uint64_t seed;                            // of what policies draw
    const volatile sig_atomic_t *stop_signal; // or NULL
    struct exploration exploration;           // of the policy; zeroed: none
    struct sim_log *log;                      // gets every step, of this rank; or NULL
};

/* Who leads. Without ops it is an oracle: the slate of the highest env_ops.qualities. */
struct sim_policy {
    const struct agent_ops *ops;
    struct agent *agent; // created for the environment's shape, not learning
};

struct sim_result {
    struct sim_user *users; // (num_users) in order; on rank 0 only, as the trace
    uint64_t num_users;
    struct sim_trace *trace; // by user, then step
    uint64_t num_trace;
};

/* Places that this rank's environment should have. */
uint32_t sim_places(uint64_t num_users, struct comm *comm);
/* SOUK_ESTOPPED, logged, by the signal; what the agent returns. sim_result_fini always. */
SOUK_MUST_CHECK souk_status sim_run(const struct sim_options *options,
                                    const struct sim_policy *policy, struct sim_result *result_out);
void sim_result_fini(struct sim_result *result); // a zeroed one is fine

#endif
