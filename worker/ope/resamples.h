/* resamples.h - how often each round occurs in each resample of a bootstrap. All estimates of a log
 * look at the same resamples, so they are drawn once.
 *
 * Rounds beyond RESAMPLE_GROUPS_MAX are drawn in groups of neighbours: sums over groups of
 * independent rounds are as independent, and what is drawn stays in the cache.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_OPE_RESAMPLES_H
#define SOUK_WORKER_OPE_RESAMPLES_H

#include <stdint.h>

enum { RESAMPLE_GROUPS_MAX = 100000 };

struct resamples;

struct resamples *resamples_create(void);            // nothing is drawn yet
void resamples_destroy(struct resamples *resamples); // NULL is fine

/* Groups that so many rounds are drawn in, and the first round of a group (of the one behind the
 * last: num_rounds). */
uint32_t resample_groups(uint64_t num_rounds);
uint64_t resample_group_begin(uint64_t num_rounds, uint32_t group);

/* (num_resamples, num_groups) how often each group was drawn, a function of the arguments alone;
 * borrowed until the next call. */
const uint8_t *resamples_get(struct resamples *resamples, uint32_t num_groups,
                             uint32_t num_resamples, uint64_t seed);

#endif
