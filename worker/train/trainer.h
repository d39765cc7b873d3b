/* trainer.h - trains a model: epochs, validation, the best epoch, checkpoints, the test at the end.
 *
 * With train.patience the model of the run is the epoch whose validation figure was best; without
 * it is the last epoch. The test data is looked at once, by that model.
 *
 * A run stops at an edge of epoch.h by a signal or by train.max_seconds: SOUK_ESTOPPED, with a
 * checkpoint. With is_resuming a run goes on from there, and one worker ends with the same model
 * as if it had never been stopped, bit by bit (unless rows travel in a rounded codec).
 *
 * Threads: owned by the compute thread.
 */
#ifndef SOUK_WORKER_TRAIN_TRAINER_H
#define SOUK_WORKER_TRAIN_TRAINER_H

#include <signal.h>

#include "worker/eval/evaluate.h"
#include "worker/train/epoch.h"
#include "worker/train/session.h"

struct trainer_options {
    const struct config *config;
    struct comm *comm;
    struct session *session;
    volatile sig_atomic_t *stop_signal; // not 0: stop
    bool is_resuming;
    bool is_terminal; // progress is rewritten on standard error
    bool is_quiet;    // no progress at all
    uint32_t columns; // of the terminal
};

// One epoch, for the curve of the run.
struct train_point {
    uint32_t epoch;    // from 1
    double loss;       // of training, mean a sample
    double validation; // rmse, or log loss of models of clicks; NAN: there was none
};

struct train_result {
    uint32_t num_epochs, best_epoch;    // trained, and the one that is the model; from 1
    bool is_early;                      // train.patience ended it before train.epochs
    bool was_complete;                  // when it was resumed: nothing was left to train
    struct evaluation validation, test; // of the best epoch; num_samples 0: there is no such data
    double num_samples;                 // trained in this process, by all workers
    double seconds;                     // of training and validation
    double wait_percent, staleness;     // see progress.h
    uint64_t num_rows_bad;              // that were skipped
    uint64_t num_bad_steps;             // likewise, since their gradient was not finite
    struct souk_client_stats wire;      // of all workers
    struct train_point *points;         // (num_points) epochs of this process; the caller's
    uint32_t num_points;
};

/* Collective. On SOUK_OK and SOUK_ESTOPPED *result_out is filled; train_result_fini() it. */
SOUK_MUST_CHECK souk_status trainer_run(const struct trainer_options *options,
                                        struct train_result *result_out);
void train_result_fini(struct train_result *result); // a zeroed one is fine

#endif
