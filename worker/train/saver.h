/* saver.h - models and checkpoints that a run leaves on disk; resume.h goes on from them.
 *
 *   run.dir/model/       the best model so far (model_dir.h); its "extra":
 *       {"epoch": 7, "samples": 5000, "metrics": {"rmse": 0.93}}
 *   run.dir/checkpoint/  tables with optimizer states, the position of every rank; its "extra":
 *       {"epoch": 7,              under way, from 0
 *        "is_complete": false,    nothing is left to train
 *        "best": {"epoch": 6, "num_worse": 1, "samples": 5000, "metrics": {"rmse": 0.93}},
 *        "ranks": [{"samples": 640, "batches": 64, "steps": 900, "sums": {"0": 640}}]}
 *
 * All calls are collective: rank 0 writes, every rank gives its part.
 * Threads: owned by the compute thread.
 */
#ifndef SOUK_WORKER_TRAIN_SAVER_H
#define SOUK_WORKER_TRAIN_SAVER_H

#include "worker/eval/evaluate.h"
#include "worker/train/epoch.h"

/* The best epoch so far: with train.patience by its validation, else the last one. */
struct train_best {
    uint32_t epoch;               // from 1; 0: none yet
    uint32_t num_worse;           // epochs since then
    struct evaluation validation; // num_samples 0: there was none
};

struct train_state {
    struct train_position position; // of this rank
    struct train_best best;
    bool is_complete; // all epochs are done, or patience has ended
};

struct saver_options {
    const struct config *config;
    const struct model_ops *ops;
    struct model *model;
    struct comm *comm;
    struct souk_client *client;
    const struct tables *tables;
};

struct saver;

/* has_saved_model: run.dir/model is of this run, or of the one that it goes on from. */
struct saver *saver_create(const struct saver_options *options, bool has_saved_model);
void saver_destroy(struct saver *saver); // NULL is fine

SOUK_MUST_CHECK souk_status saver_save_model(struct saver *saver, const struct train_best *best);
SOUK_MUST_CHECK souk_status saver_save_checkpoint(struct saver *saver,
                                                  const struct train_state *state);

/* The model that was saved last, back to the servers. */
SOUK_MUST_CHECK souk_status saver_load_best(struct saver *saver);

#endif
