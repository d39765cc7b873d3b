/* replay.h - what was seen and done in the last steps, and transitions drawn from it.
 *
 * A ring of steps of all places at once. A step is kept once; a transition points at two of them,
 * the one where it began and the one n later, of the same place:
 *
 *   reward    r_0 + gamma r_1 + ... of the steps in between, until the user leaves
 *   discount  gamma^n; 0 where the user has left
 *
 * A user who was only cut off (env_outcome.is_cut) has no last transition: nothing is known of what
 * would have come.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_AGENT_REPLAY_H
#define SOUK_WORKER_AGENT_REPLAY_H

#include "common/base/rng.h"
#include "worker/env/env.h"

struct replay;

struct replay_options {
    struct env_shape shape; // of the environment
    uint32_t state_dim;     // D of states, which may hold more than the view's users
    uint64_t capacity;      // transitions; rounded up to whole steps of all places
    uint32_t n_step;
    float gamma, reward_scale;
};

/* A step of one place. Borrowed until the next begin. */
struct replay_step {
    const float *state;   // (D)
    uint64_t user_key;    // 0 unless users have keys
    const float *items;   // (C, E) or NULL
    const uint64_t *keys; // (C) or NULL
    const float *scores;  // (C)
    float null_score;
    const uint32_t *slate; // (K)
    int32_t choice;        // position in the slate; -1: nothing
};

struct transition {
    struct replay_step first, next; // next: where the rest is estimated; as first where discount 0
    float reward;                   // times reward_scale
    float discount;
};

struct replay *replay_create(const struct replay_options *options);
void replay_destroy(struct replay *replay); // NULL is fine

/* A step: what is seen (view.users is not looked at) and shown, then what came of it. */
void replay_begin(struct replay *replay, const struct env_view *view, const float *states,
                  const uint32_t *slates);
void replay_end(struct replay *replay, const struct env_outcome *outcomes);

/* Complete steps of all places, times places. */
uint64_t replay_count(const struct replay *replay);
/* One of the transitions of which all is known, each as likely. False: there is none, or none was
 * hit in many throws. only_chosen: one where something was chosen at first. */
bool replay_draw(const struct replay *replay, bool only_chosen, struct rng *rng,
                 struct transition *transition_out);
/* The n-step transition that begins `age` complete steps before the newest (0) at a place; false:
 * there is none. */
bool replay_get(const struct replay *replay, uint64_t age, uint32_t place,
                struct transition *transition_out);

#endif
