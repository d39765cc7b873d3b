/* ope_world.h - made-up choices whose values are known: a few kinds of users, actions with a
 * probability of a reward for each, a policy that logs, and others of which it is known whether
 * they are better. Threads: immutable after ope_world_init.
 */
#ifndef SOUK_TESTS_SUPPORT_OPE_WORLD_H
#define SOUK_TESTS_SUPPORT_OPE_WORLD_H

#include <stdint.h>

enum { WORLD_USERS = 12, WORLD_ACTIONS = 5, WORLD_FEATURES = 3 };

enum world_policy {
    WORLD_LOGGING,
    WORLD_BETTER,
    WORLD_WORSE,
    WORLD_JUST_WORSE, // by 0.002, though it acts quite differently
};

struct ope_world {
    double features[WORLD_USERS][WORLD_FEATURES];
    double rewards[WORLD_USERS][WORLD_ACTIONS];     // probabilities
    double policies[4][WORLD_USERS][WORLD_ACTIONS]; // by enum world_policy
};

void ope_world_init(struct ope_world *world, uint64_t seed);
double ope_world_value(const struct ope_world *world, enum world_policy policy);
/* A log of the logging policy and the probabilities of another in its rounds, as files of `souk
 * ope`. */
void ope_world_write(const struct ope_world *world, enum world_policy policy, uint32_t num_rounds,
                     uint64_t seed, const char *log_path, const char *policy_path);

#endif
