/* epoch.h - one pass over the training data: the step loop of a worker.
 *
 *   loader -> next batch -> pull (sent ahead) ... -> rows are there -> step -> push
 *
 * train.pull_ahead batches have their rows under way while one is computed, so a batch may miss
 * the pushes of that many before it: its staleness, which is measured. Every EPOCH_EDGE batches
 * the pipeline runs empty: at such an edge, and at the end of the epoch, training may stop, because
 * a run that goes on from there pulls the same rows as one that was never stopped.
 *
 * Ranks vote while they compute: a sum over all of them is always under way, and when it arrives
 * it tells everybody whether somebody wants to stop, who has finished, and how training goes. All
 * ranks leave epoch_run() after the same vote.
 *
 * In lock step (train.consistency bsp, and a model that can) nothing is pulled ahead: a rank pulls
 * when the pushes of all ranks' last step have been applied, and every rank takes every step, with
 * an empty batch when it has read all of its own. Every step is an edge.
 *
 * Threads: owned by the compute thread.
 */
#ifndef SOUK_WORKER_TRAIN_EPOCH_H
#define SOUK_WORKER_TRAIN_EPOCH_H

#include <signal.h>

#include "worker/model/exchange.h"

enum { EPOCH_EDGE = 64 };

/* How far this rank is. Saved in checkpoints. */
struct train_position {
    uint32_t epoch;         // under way, from 0
    uint64_t num_samples;   // of this epoch trained on
    uint64_t num_batches;   // of this epoch
    uint64_t num_steps;     // batches of all epochs
    struct model_sums sums; // of this epoch
};

/* Training of all ranks together, as of the last vote. */
struct train_totals {
    double num_samples, loss; // of this epoch: count, sum
    double num_batches;       // since this process began, and so for those below
    double num_stale;         // pushes of the same worker that a batch's rows did not have, summed
    double wait_s, busy_s;    // waiting for rows or for the loader; in all
    double sent_bytes;        // of pulls and pushes, both ways
    double share;             // of the epoch that was read, 0..1; negative: unknown
    bool is_stop_wanted;      // by a signal or by train.max_seconds
};

typedef void (*train_progress_fn)(void *ctx, const struct train_totals *totals, float lr);

struct epoch_options {
    const struct config *config;
    const struct model_ops *ops;
    struct model *model;
    struct souk_client *client;
    const struct tables *tables;
    struct comm *comm;
    volatile sig_atomic_t *stop_signal; // not 0: stop
    uint64_t stop_at_ms;                // of clock_now_ms(); 0: never
    train_progress_fn on_progress;      // after a vote
    void *ctx;
};

/* What goes on from epoch to epoch. */
struct train_meter {
    double num_batches, num_stale, wait_s, busy_s; // of this rank
};

/* Trains from *position on to the end of its epoch and moves it; all pushes have been applied
 * afterwards. Collective. SOUK_ESTOPPED: all ranks stand at an edge before the end. Another error
 * of any rank is returned by all. */
SOUK_MUST_CHECK souk_status epoch_run(const struct epoch_options *options,
                                      struct train_position *position, struct train_meter *meter,
                                      struct train_totals *totals_out);

#endif
