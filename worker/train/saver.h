/* saver.h - what a run leaves on disk, and how it goes on from there.
 *
 *   run.dir/config.yaml    the resolved configuration
 *   run.dir/model/         the best model so far (model_dir.h); "extra": {"epoch": 7, "metrics":
 * {}} run.dir/checkpoint/    tables with optimizer states and the position of every rank; "extra":
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

/* Makes run.dir and what belongs in it before training: the configuration is written, a folder that
 * a model could not be saved in is refused. Without is_resuming an older checkpoint goes, because
 * it belongs to another run. */
SOUK_MUST_CHECK souk_status saver_prepare(const struct config *config, struct comm *comm,
                                          bool is_resuming);

struct saver *saver_create(const struct saver_options *options, bool is_resuming);
void saver_destroy(struct saver *saver); // NULL is fine

SOUK_MUST_CHECK souk_status saver_save_model(struct saver *saver, const struct train_best *best);
SOUK_MUST_CHECK souk_status saver_save_checkpoint(struct saver *saver,
                                                  const struct train_state *state);

/* The checkpoint of the run. SOUK_ENOTFOUND: there is none; logged with what to do. On SOUK_OK the
 * caller owns *dir_out. */
SOUK_MUST_CHECK souk_status saver_open_checkpoint(const struct config *config,
                                                  struct model_dir **dir_out);
/* Reads the state of a checkpoint. A checkpoint of another number of ranks lets the epoch begin
 * anew, and says so. */
SOUK_MUST_CHECK souk_status saver_read_state(const struct model_dir *dir,
                                             const struct model_ops *ops, const struct model *model,
                                             struct comm *comm, struct train_state *state_out);
/* Pushes the rows of a model or checkpoint to the servers and takes its table settings over. */
SOUK_MUST_CHECK souk_status saver_load_tables(struct model_dir *dir, struct souk_client *client,
                                              struct comm *comm, struct tables *tables);
/* The model that was saved last, back to the servers. */
SOUK_MUST_CHECK souk_status saver_load_best(struct saver *saver);
/* Names that a checkpoint knows, taught to the model. */
SOUK_MUST_CHECK souk_status saver_load_names(struct model_dir *dir, const struct model_ops *ops,
                                             struct model *model);

#endif
