/* learn_log.h - how learning goes: rows on standard error and events.jsonl (rank 0).
 *
 *     steps  return   stays     loss  epsilon      lr   steps/s       ETA
 *   102,400  163.22   1,204   1.2345    0.182  9.1e-04   31,204  00:00:29
 *
 * return is the mean of the stays that have ended since the row before, with exploration. Between
 * them stand rows of held-out users, without exploration.
 *
 * Events: start, progress (as the row), eval (steps, training, validation, stderr), end (status,
 * steps, seconds, and the figures of the test).
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_POLICY_LEARN_LOG_H
#define SOUK_WORKER_POLICY_LEARN_LOG_H

#include "worker/policy/learn.h"

// Sums over ranks since the last look; what is told to all.
struct tally {
    double returns, stays;         // of stays that have ended
    double loss, updates, skipped; // see agent_news
    double wants_stop, wants_save; // ranks that were told to stop, or find it time for a checkpoint
};

struct learn_state {
    double steps, total; // user steps of all workers: so far, and in the end
    double epsilon, lr;
};

struct learn_log;

/* steps: that were done before. On SOUK_OK the caller owns *log_out. */
SOUK_MUST_CHECK souk_status learn_log_open(const struct learn_options *options, double steps,
                                           struct learn_log **log_out);
void learn_log_close(struct learn_log *log); // NULL is fine
void learn_log_take(struct learn_log *log, const struct tally *tally,
                    const struct learn_state *state);
void learn_log_point(struct learn_log *log, const struct learn_point *point);
void learn_log_end(struct learn_log *log, souk_status status, const struct learn_result *result);

#endif
