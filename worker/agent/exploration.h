/* exploration.h - trying what does not look best: how often, and how likely each slate is then.
 *
 *   epsilon   with this probability the slate is any of the C! / (C - K)! ordered ones, each as
 *             likely; else the one that looks best
 *   softmax   one position after another, an item with the probability exp(p_i / temperature) over
 *             the sum of those that are left (Plackett, Luce)
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_AGENT_EXPLORATION_H
#define SOUK_WORKER_AGENT_EXPLORATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/rng.h"
#include "common/text/config.h"

struct exploration {
    bool is_softmax;
    double epsilon;     // [0, 1]
    double temperature; // of softmax, > 0
};

/* As policy.* says after so many of policy.steps. */
struct exploration exploration_at(const struct config *config, double num_steps);

/* One user's slate. */
struct exploration_slate {
    uint32_t num_candidates; // C
    uint32_t slate_size;     // K
    double *propensities;    // (K) see struct agent_choice; or NULL
    double *marginals;       // (K) or NULL
};
/* K distinct candidates, each ordered slate as likely. */
void exploration_draw_any(const struct exploration_slate *slate, struct rng *rng,
                          uint32_t *slate_out);
/* best (K): the slate that looks best; may be slate_out. */
void exploration_draw_epsilon(const struct exploration_slate *slate, double epsilon,
                              const uint32_t *best, struct rng *rng, uint32_t *slate_out);
/* How likely that is to show these K; best NULL: nothing looks best. */
void exploration_tell_epsilon(const struct exploration_slate *slate, double epsilon,
                              const uint32_t *best, const uint32_t *shown);
/* preferences (C): p_i. Marginals are known of the first position only. */
void exploration_draw_softmax(const struct exploration_slate *slate, double temperature,
                              const double *preferences, struct rng *rng, uint32_t *slate_out);

#endif
