/* choice_world.h - the planted truth of generated logs of choices: kinds of users, actions with a
 * probability of a reward for each, a policy that logs, and others whose value is known.
 *
 *     log(r / (1 - r)) of kind and action    normal, mean -0.5
 *     logging       softmax(habit / 2), habits normal and nothing to do with rewards
 *     better        softmax(3 r)
 *     worse         softmax(-3 r)
 *     just_worse    a mixture of better and worse that earns CHOICE_GAP less than logging, though
 *                   it acts quite differently
 *
 * Kinds are equally frequent, so a value is a plain mean over kinds. Threads: immutable after
 * choice_world_create.
 */
#ifndef SOUK_WORKER_DATA_CHOICE_WORLD_H
#define SOUK_WORKER_DATA_CHOICE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/rng.h"
#include "souk/status.h"

enum { CHOICE_FEATURES = 3, CHOICE_KINDS_MAX = 10000, CHOICE_ACTIONS_MAX = 1000 };
static const double CHOICE_GAP = 0.002;

enum choice_policy {
    CHOICE_LOGGING,
    CHOICE_BETTER,
    CHOICE_JUST_WORSE,
    CHOICE_WORSE,
    CHOICE_POLICIES
};

struct choice_world; // opaque

/* SOUK_EINVAL, logged: sizes out of range, or logging draws so well or so badly that the policies
 * do not stand in the order of their names. On SOUK_OK the caller owns *world_out. */
SOUK_MUST_CHECK souk_status choice_world_create(uint32_t num_kinds, uint32_t num_actions,
                                                uint64_t seed, struct choice_world **world_out);
void choice_world_destroy(struct choice_world *world); // NULL is fine

/* "logging", "better", "just_worse", "worse". */
const char *choice_policy_name(enum choice_policy policy);
/* Its mean reward, exactly. */
double choice_world_value(const struct choice_world *world, enum choice_policy policy);
/* (num_actions) probabilities, and (CHOICE_FEATURES) what is known of a user before the choice;
 * both borrowed. */
const double *choice_world_shares(const struct choice_world *world, enum choice_policy policy,
                                  uint32_t kind);
const double *choice_world_features(const struct choice_world *world, uint32_t kind);

struct choice {
    uint32_t kind, action;
    bool is_rewarded;
    double propensity; // of action, under the policy that logs
};
/* A round of the policy that logs. */
struct choice choice_world_draw(const struct choice_world *world, struct rng *rng);

#endif
