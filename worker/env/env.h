/* env.h - simulated users: what they see, what they choose, what that does to them.
 *
 * An environment holds N users at once, in N places, and moves all of them by one step at a time.
 * Which user sits in a place is said by reset; users are numbered from 0 without end. All that
 * happens to user n is a function of the environment's seed, of n and of the slates that n was
 * shown: not of its place, of its neighbours, nor of how many processes share the users.
 *
 * An environment is one constant struct env_ops in a file of its own and one line in env.c.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_ENV_ENV_H
#define SOUK_WORKER_ENV_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text/config.h"
#include "souk/status.h"

enum { ENV_SLATE_MAX = 32 };

struct env_shape {
    uint32_t num_users;      // N
    uint32_t num_candidates; // C
    uint32_t slate_size;     // K, 1..C
    uint32_t user_dim;       // D; 0: nothing is known of users
    uint32_t item_dim;       // E; 0: items are known by key only
    uint64_t num_items;      // 0: candidates are made anew for every step and have no keys
    uint32_t max_steps;      // of a user, who then leaves in any case
    bool has_user_keys;      // users are people who come back, else made up
    float click_reward;      // of whatever is chosen; 0: it depends, or nobody knows
};

/* What an agent may see before a step. Borrowed until the next step or reset. */
struct env_view {
    const float *users;        // (N, D)
    const uint64_t *user_keys; // (N) who they are; NULL unless has_user_keys
    const float *items;        // (N, C, E) of the candidates
    const uint64_t *keys;      // (N, C) of the candidates; NULL without num_items
    const float *scores;       // (N, C) >= 0: v_i of the conditional choice v_i / (v_0 + sum of v),
                               // as far as an agent may know it: see the environment's file
    const float *null_score;   // (N) >= 0: v_0, of choosing nothing
};

struct env_outcome {
    int32_t choice; // position in the slate; -1: nothing
    float reward;   // finite
    float quality;  // of what was chosen; NAN where nothing was, or where there is no quality
    bool is_over;   // the user left after this step, and the place is empty
    bool is_cut;    // only because of max_steps: the view still shows what would have come next
};

struct user_model;

struct env_options {
    const struct config *config; // its section env; borrowed
    uint32_t num_users;          // places
    uint64_t seed;
    struct user_model *user_model; // borrowed; NULL for types without one
};

struct env;

struct env_ops {
    const char *name;    // of env.type
    bool has_user_model; // it has to be opened first (user_model.h), and is on servers
    /* All places are empty. SOUK_ECONFIG, SOUK_EDATA: logged. */
    souk_status (*create)(const struct env_options *options, struct env **env_out);
    void (*destroy)(struct env *env);
    void (*shape)(const struct env *env, struct env_shape *shape_out);
    void (*reset)(struct env *env, uint32_t place, uint64_t user); // the user's first step is next
    void (*empty)(struct env *env, uint32_t place);                // nobody sits there any more
    /* Costs time: not to be asked for by who does not look. Empty places hold anything finite. */
    void (*view)(struct env *env, struct env_view *view_out);
    /* slates (N, K): candidates, distinct in a slate. Empty places are passed over: their outcome
     * is that nothing was chosen. */
    void (*step)(struct env *env, const uint32_t *slates, struct env_outcome *outcomes_out);
    /* SOUK_OK, or why a view or a step could not be had: nothing happens from there on, so whoever
     * waits for users to leave asks. Logged. NULL: they never fail. */
    souk_status (*status)(const struct env *env);
    /* (N, C) what an oracle ranks candidates by: hidden from agents, or where it is not, then what
     * is best in the long run; NULL: there is none. */
    void (*qualities)(struct env *env, float *qualities_out);
    /* For people who read what a user went through: a candidate ("t16 q+1.83"), and what has become
     * of the user ("budget 163.2"). */
    void (*tell_item)(const struct env *env, uint32_t place, uint32_t candidate, struct buf *out);
    void (*tell_user)(const struct env *env, uint32_t place, struct buf *out);
};

/* NULL for a type that is none. */
const struct env_ops *env_ops_get(const char *type);
/* env_ops.status, or SOUK_OK. */
souk_status env_status(const struct env_ops *ops, const struct env *env);
/* Whether env.type needs options.user_model. */
bool env_has_user_model(const struct config *config);
/* The environment that env.type names, made. SOUK_ECONFIG, SOUK_EDATA: logged. On SOUK_OK the
 * caller owns *env_out, and destroys it by (*ops_out)->destroy. */
SOUK_MUST_CHECK souk_status env_create(const struct env_options *options,
                                       const struct env_ops **ops_out, struct env **env_out);

#endif
