/* start_check.h - what is looked at before a run begins, so that it does not end hours later.
 * Threads: owned by the compute thread.
 */
#ifndef SOUK_WORKER_TRAIN_START_CHECK_H
#define SOUK_WORKER_TRAIN_START_CHECK_H

#include "souk/client.h"
#include "worker/comm/comm.h"
#include "worker/model/model.h"

// What the checks look at; all of it is borrowed.
struct start_check {
    const struct config *config;
    const struct model_ops *ops;
    struct comm *comm;
    struct souk_client *client;
    bool is_resuming;
};

/* SOUK_ETOPOLOGY, logged, when servers hold rows and the run is a new one. Collective. */
SOUK_MUST_CHECK souk_status start_check_servers(const struct start_check *check);
/* Opens data.valid and data.test. Errors are logged, once for all ranks. Collective. */
SOUK_MUST_CHECK souk_status start_check_sources(const struct start_check *check,
                                                struct model *model);

#endif
