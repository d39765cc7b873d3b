/* retrieval.h - which items of a catalogue may be shown to a user: candidates, drawn.
 *
 *   near      a behaviour of the user's history, each as likely, and then an item of its group,
 *             such as its category, by popularity
 *   popular   any item, by popularity
 *
 * Popularity counts to the power of `exponent`: 0 is even, 1 proportional. Items of the history and
 * items drawn before are drawn again, a few times at most; then the next item that is not among the
 * candidates is taken. So candidates are distinct, and rarely known to the user already.
 *
 * Threads: immutable after create.
 */
#ifndef SOUK_WORKER_ENV_RETRIEVAL_H
#define SOUK_WORKER_ENV_RETRIEVAL_H

#include <stdint.h>

#include "worker/env/env_base.h"

struct retrieval;

struct retrieval_options {
    uint32_t num_items;       // >= 1
    const uint64_t *groups;   // (num_items) any number that items of a group share; NULL: none
    uint32_t groups_stride;   // from an item's to the next one's
    const double *popularity; // (num_items) > 0
    double exponent;          // >= 0
    double near_share;        // of the draws, [0, 1]; without groups or history all are popular
};
struct retrieval *retrieval_create(const struct retrieval_options *options);
void retrieval_destroy(struct retrieval *retrieval); // NULL is fine

/* What a draw depends on. */
struct retrieval_user {
    const struct env_base *base;
    const struct env_place *place;
    const uint32_t *history; // (num_behaviours) items; UINT32_MAX: one that is not in the catalogue
    uint32_t num_behaviours;
    uint32_t what; // of env_draw: RETRIEVAL_TRIES numbers a candidate, from here on
};
enum { RETRIEVAL_TRIES = 16 };

/* Distinct items into out (num_candidates), which are at most num_items. */
void retrieval_draw(const struct retrieval *retrieval, const struct retrieval_user *user,
                    uint32_t num_candidates, uint32_t *out);

#endif
