/* env_base.h - what the files of environments share: who sits where, sizes, and random numbers.
 *
 * A random number is a function of (seed, user, step, what), so nothing has to be drawn before it
 * is asked for, nor remembered after, and a user does not depend on who else is simulated.
 *
 * Threads: as env.h.
 */
#ifndef SOUK_WORKER_ENV_ENV_BASE_H
#define SOUK_WORKER_ENV_ENV_BASE_H

#include "common/base/rng.h"
#include "worker/env/env.h"

extern const struct env_ops env_interest_evolution_ops, env_interest_exploration_ops,
    env_long_term_satisfaction_ops, env_learned_ops;

struct env_place {
    uint64_t user;
    uint32_t step; // of this user, from 0
    bool is_taken;
};

/* The beginning of every struct env. */
struct env_base {
    struct env_shape shape;
    uint32_t key[2];          // of the random numbers: the seed, so that no other use of it is met
    double budget;            // of a user at first; 0: time does not end
    struct env_place *places; // (N)
};

/* What an environment has where nothing is set. */
struct env_defaults {
    uint32_t slate_size, num_candidates, max_steps;
    double budget;
};

/* Sizes from the configuration; user_dim and item_dim are the environment's to fill in.
 * SOUK_ECONFIG, logged: a slate of more than the candidates, or too many of them in all.
 * env_base_fini always. */
SOUK_MUST_CHECK souk_status env_base_init(struct env_base *base, const struct env_options *options,
                                          const struct env_defaults *defaults);
void env_base_fini(struct env_base *base);

void env_base_sit(struct env_base *base, uint32_t place, uint64_t user);
/* Ends a step of a place: counts it, and has the user leave when told or at max_steps. */
void env_base_finish_step(struct env_base *base, uint32_t place, bool has_left,
                          struct env_outcome *outcome);
/* Whether the slate holds candidates, each once. For asserts. */
bool env_base_is_slate(const struct env_base *base, const uint32_t *slate);

extern const struct env_outcome env_nothing_happened; // of an empty place

/* Four numbers of 32 bits. */
static inline void env_draw(const struct env_base *base, const struct env_place *place,
                            uint32_t what, uint32_t out[4])
{
    const uint32_t counter[4] = {(uint32_t)place->user, (uint32_t)(place->user >> 32), place->step,
                                 what};
    rng_philox(base->key, counter, out);
}

/* [0, 1) with 53 bits out of two numbers. */
static inline double env_uniform(const uint32_t words[2])
{
    return (double)((words[0] | (uint64_t)words[1] << 32) >> 11) * 0x1p-53;
}

/* Mean 0, variance 1, out of four numbers (Box-Muller). */
double env_normal(const uint32_t words[4]);

#endif
