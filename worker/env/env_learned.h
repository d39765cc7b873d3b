/* env_learned.h - a person who is not drawn but given, among learned users: for who asks a policy
 * what to show somebody now, with features and scores as the policy learnt them.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_ENV_ENV_LEARNED_H
#define SOUK_WORKER_ENV_ENV_LEARNED_H

#include "worker/data/sample.h"
#include "worker/env/env.h"

// Where env.slate_size and env.num_candidates are 0.
enum { ENV_LEARNED_SLATE = 3, ENV_LEARNED_CANDIDATES = 20 };

struct env_learned_guest {
    const struct sample_batch *profiles; // samples of the model's format
    uint32_t sample;                     // among them: the person as of now
    const uint32_t *candidates;          // (C) distinct items of the catalogue
};
/* env: of type learned. The person sits in the place until the next step, reset or empty. Copied.
 */
void env_learned_invite(struct env *env, uint32_t place, const struct env_learned_guest *guest);

#endif
