/* loaded.h - a saved model on servers of this process, for the verbs that use one: the same tables,
 * pulls and scores as in training, and no server that runs already is asked.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_LOADED_H
#define SOUK_WORKER_CLI_LOADED_H

#include <signal.h>

#include "worker/cli/verb.h"
#include "worker/model/model.h"
#include "worker/model/model_dir.h"

struct loaded {
    struct config config; // that of the arguments with lists exchanged: its contents are borrowed
    struct comm *comm;
    struct session *session;
    struct souk_client *client; // borrowed from session
    struct model_dir *dir;
    const struct model_ops *ops;
    struct model *model;
    uint32_t tables[MODEL_TABLES_MAX];        // client's numbers
    const volatile sig_atomic_t *stop_signal; // of the program
};

/* Collective under MPI: every rank loads its share. What args->data has takes the place of
 * data.test. args has to outlive it. SOUK_EUSAGE without -m. loaded_close always. */
SOUK_MUST_CHECK souk_status loaded_open(const struct program *program, const struct args *args,
                                        const char *verb, struct loaded *loaded_out);
/* For verbs that know the tables of one type of model. SOUK_EUSAGE, logged. */
SOUK_MUST_CHECK souk_status loaded_need(const struct loaded *loaded, const char *type,
                                        const char *verb);
/* SOUK_ESTOPPED, logged, once a signal asks for it: for loops over much data. */
SOUK_MUST_CHECK souk_status loaded_check_signal(const struct loaded *loaded);
bool loaded_is_leader(const struct loaded *loaded); // the rank that prints
/* Waits for all ranks, since servers of the leader's host end with it; gives the worst status. */
SOUK_MUST_CHECK souk_status loaded_finish(struct loaded *loaded, souk_status status);
void loaded_close(struct loaded *loaded); // a zeroed one is fine

#endif
