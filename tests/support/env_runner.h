/* env_runner.h - simulated users led through their sessions by a rule, for tests. */
#ifndef SOUK_TESTS_SUPPORT_ENV_RUNNER_H
#define SOUK_TESTS_SUPPORT_ENV_RUNNER_H

#include "worker/env/env.h"

enum run_rule {
    RUN_RANDOM,     // a slate of the user's own dice
    RUN_GREEDY,     // the highest scores
    RUN_ORACLE,     // the highest qualities
    RUN_ANTI,       // the lowest qualities
    RUN_LAST_FIELD, // the highest last number of the items' features
};

struct run_means {
    double reward, reward_stderr; // of a user's whole stay
    double steps, clicks;         // of a user
    double quality;               // mean over users of the mean of what they chose
};

/* Users first_user..first_user + num_users - 1, each until it leaves. */
void run_users(const struct env_ops *ops, struct env *env, enum run_rule rule, uint64_t first_user,
               struct run_means *means_out);
/* K of C at random, by (user, step). */
void run_random_slate(uint64_t user, uint32_t step, const struct env_shape *shape,
                      uint32_t *slate_out);

#endif
