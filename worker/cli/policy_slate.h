/* policy_slate.h - what a policy that was learnt on users with a click model's mind would show
 * somebody now, and how likely that was: souk recommend --policy.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_POLICY_SLATE_H
#define SOUK_WORKER_CLI_POLICY_SLATE_H

#include "worker/cli/loaded.h"
#include "worker/env/env_learned.h"
#include "worker/eval/top_list.h"

struct policy_slate;

/* The policy of args->policy, for the click model of loaded, both borrowed. SOUK_EDATA: the policy
 * is none for this model's items; logged. On SOUK_OK the caller owns *slate_out. */
SOUK_MUST_CHECK souk_status policy_slate_open(struct loaded *loaded, const struct args *args,
                                              struct policy_slate **slate_out);
void policy_slate_close(struct policy_slate *slate);                    // NULL is fine
uint32_t policy_slate_num_candidates(const struct policy_slate *slate); // as it learnt with
const char *policy_slate_path(const struct policy_slate *slate);

/* What is shown at a position. */
struct policy_choice {
    uint64_t item;
    double probability; // of a click, were it shown alone
    double propensity;  // of the slate up to here
    double marginal;    // of this item at this position; NAN: not known
};
/* Chooses among candidates, best first; slates are shorter where there are fewer of them.
 * choices_out (*num_out), borrowed until the next call. */
SOUK_MUST_CHECK souk_status policy_slate_choose(struct policy_slate *slate, uint64_t user,
                                                const struct sample_batch *profiles,
                                                uint32_t sample, const struct top_list *candidates,
                                                const struct policy_choice **choices_out,
                                                uint32_t *num_out);

#endif
