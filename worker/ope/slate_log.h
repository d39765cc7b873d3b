/* slate_log.h - slates that a policy showed, what each position brought, and how likely all that
 * was under this policy and under a new one.
 *
 * A file with a header, a row a position:
 *   slate_id              whole number
 *   position              in the slate, from 0 without holes; all slates have the same number
 *   action                from 0
 *   reward                finite
 *   pscore_joint          how likely the whole slate was; the same in all its rows
 *   pscore_item_position  how likely this item was at this position
 *   pscore_cascade        how likely the items up to this position were, together
 *   pi_e_joint, pi_e_item_position, pi_e_cascade    the same under the new policy
 *   pie_next_a0, ...      optional: how likely the new policy puts each action here, behind the
 *                         items above
 *
 * Rows may stand in any order. Pairs of columns that are missing leave their estimators undefined.
 *
 * Threads: immutable once it is made.
 */
#ifndef SOUK_WORKER_OPE_SLATE_LOG_H
#define SOUK_WORKER_OPE_SLATE_LOG_H

#include "worker/ope/number_table.h"

enum slate_weight { SLATE_JOINT, SLATE_MARGINAL, SLATE_CASCADE, NUM_SLATE_WEIGHTS };

struct slate_log {
    uint64_t num_slates;
    uint32_t length;      // L positions
    uint32_t num_actions; // K
    uint32_t *actions;    // (num_slates, L)
    double *rewards;      // (num_slates, L)
    /* (num_slates, L) probability under the new policy over that under the logging one; of JOINT
     * the same at all positions. NULL: the log does not have it. */
    double *weights[NUM_SLATE_WEIGHTS];
    double *next;     // (num_slates, L, K) of pie_next_*; NULL without
    double sum_error; // of distributions in next that were divided by their sums; 0: none
};

/* SOUK_EDATA, logged with the line; slate_log_fini always. */
SOUK_MUST_CHECK souk_status slate_log_make(const struct number_table *table,
                                           struct slate_log *log_out);
void slate_log_fini(struct slate_log *log); // a zeroed one is fine

#endif
