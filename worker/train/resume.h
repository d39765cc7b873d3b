/* resume.h - goes on from a checkpoint that saver.h has made. Threads: owned by the compute thread.
 */
#ifndef SOUK_WORKER_TRAIN_RESUME_H
#define SOUK_WORKER_TRAIN_RESUME_H

#include "worker/train/saver.h"

/* The checkpoint of the run. SOUK_ENOTFOUND: there is none; logged with what to do. On SOUK_OK the
 * caller owns *dir_out. */
SOUK_MUST_CHECK souk_status resume_open(const struct config *config, struct model_dir **dir_out);
/* Reads the state of a checkpoint. A checkpoint of another number of ranks lets the epoch begin
 * anew, and says so. */
SOUK_MUST_CHECK souk_status resume_read_state(const struct model_dir *dir,
                                              const struct model_ops *ops,
                                              const struct model *model, struct comm *comm,
                                              struct train_state *state_out);
/* Pushes the rows of a model or checkpoint to the servers and takes its table settings over. */
SOUK_MUST_CHECK souk_status resume_load_tables(struct model_dir *dir, struct souk_client *client,
                                               struct comm *comm, struct tables *tables);
/* After loading: SOUK_ETOPOLOGY, logged, when the servers hold rows that the checkpoint has not.
 * Those were made after it, or by another run, and would stay as they are. Collective. */
SOUK_MUST_CHECK souk_status resume_check_rows(const struct model_dir *dir,
                                              struct souk_client *client, struct comm *comm);
/* Names that a checkpoint knows, taught to the model; its tables match those of the folder. */
SOUK_MUST_CHECK souk_status resume_load_names(struct model_dir *dir, const struct model_ops *ops,
                                              struct model *model);

#endif
