/* dense_remote.h - dense parameters as a table of the servers: row r holds the floats
 * [r * DENSE_REMOTE_WIDTH, (r + 1) * DENSE_REMOTE_WIDTH), the last one padded with zeros.
 *
 * For workers that do not wait for each other (train.consistency asp). Rows of ids are pulled
 * batches ahead; dense parameters are pulled when the step before has been pushed, because
 * momentum on gradients that are several steps old makes training swing. The servers apply Adam or
 * SGD. The table is no part of a saved model: dense.h's file is.
 *
 * Threads: one owner, that of the client.
 */
#ifndef SOUK_WORKER_MODEL_DENSE_REMOTE_H
#define SOUK_WORKER_MODEL_DENSE_REMOTE_H

#include "worker/model/dense.h"
#include "worker/model/model.h"

enum { DENSE_REMOTE_WIDTH = 256 };
#define DENSE_REMOTE_TABLE "souk_dense"

struct dense_remote {
    struct souk_client *client; // borrowed
    uint32_t table;             // the client's number
    struct batch_part part;     // all rows, owned
    souk_ticket pull;           // of the rows; 0: none is under way
};

/* Opens the table. part is made for so many parameters. */
SOUK_MUST_CHECK souk_status dense_remote_open(struct dense_remote *remote, bool is_adam, float lr,
                                              const struct dense *dense,
                                              struct souk_client *client);
void dense_remote_fini(struct dense_remote *remote); // a zeroed one is fine

/* Parameters, and the optimizer's state, to the servers and back. fetch leaves dense as if one
 * worker had trained it. */
SOUK_MUST_CHECK souk_status dense_remote_send(struct dense_remote *remote,
                                              const struct dense *dense);
SOUK_MUST_CHECK souk_status dense_remote_fetch(struct dense_remote *remote, struct dense *dense);

/* A step: the parameters as they are, into dense; and its gradients times scale to the servers. */
SOUK_MUST_CHECK souk_status dense_remote_take(struct dense_remote *remote, struct dense *dense);
SOUK_MUST_CHECK souk_status dense_remote_give(struct dense_remote *remote,
                                              const struct dense *dense, float scale, float lr);

#endif
