/* slate_turns.h - a log of slates and of what users chose from them, in memory.
 *
 * A file with the columns of sim_log.h, of which may be missing: null_score with all scores, which
 * then are fitted (choice_fit.h); x0, ... (nothing is known of users); pscore; done (users left
 * with their last step). user may be called episode or session, step t. Candidates have features:
 * items known by key alone are not for this. Where only what was shown is known, those are the
 * candidates. Rows may stand in any order; a user's steps go from 0 without holes.
 *
 * Threads: one owner; immutable once it is read.
 */
#ifndef SOUK_WORKER_POLICY_SLATE_TURNS_H
#define SOUK_WORKER_POLICY_SLATE_TURNS_H

#include "worker/env/env.h"

struct number_table;

struct slate_turns {
    struct env_shape shape; // of one place
    uint64_t num_turns;     // n, by user and then by step
    uint64_t num_users;
    float *users;                 // (n, D)
    float *items;                 // (n, C, E)
    float *scores;                // (n, C)
    float *null_scores;           // (n)
    uint32_t *slates;             // (n, K)
    struct env_outcome *outcomes; // (n) is_cut: the log ends before the user left
    double *propensities;         // (n) of the slate; zeros without has_propensities
    bool has_scores;              // false: they are zero and have to be fitted
    bool has_propensities;
};

/* SOUK_EDATA, SOUK_EIO: logged with the line; slate_turns_fini always. */
SOUK_MUST_CHECK souk_status slate_turns_make(const struct number_table *table,
                                             struct slate_turns *turns_out);
SOUK_MUST_CHECK souk_status slate_turns_read(const char *path, struct slate_turns *turns_out);
void slate_turns_fini(struct slate_turns *turns); // a zeroed one is fine

/* What was seen at turn i, as an environment with one place shows it; turns lie one behind the
 * other, so those from i on are also what one with more places shows. */
struct env_view slate_turns_view(const struct slate_turns *turns, uint64_t i);

#endif
