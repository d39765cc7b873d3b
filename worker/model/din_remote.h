/* din_remote.h - dense parameters as a table of the servers: row r holds the floats
 * [r * DIN_REMOTE_WIDTH, (r + 1) * DIN_REMOTE_WIDTH), the last one padded with zeros.
 *
 * For workers that do not wait for each other (train.consistency asp): every batch pulls all rows
 * beside those of its ids, and pushes their gradients, to which the servers apply Adam or SGD. The
 * table is no part of a saved model: dense.h's file is.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_MODEL_DIN_REMOTE_H
#define SOUK_WORKER_MODEL_DIN_REMOTE_H

#include "worker/model/dense.h"
#include "worker/model/model.h"

enum { DIN_REMOTE_WIDTH = 256 };
#define DIN_REMOTE_TABLE "souk_dense"

uint32_t din_remote_num_rows(const struct dense *dense);

/* Opens the table; *table_out is the client's number of it. */
SOUK_MUST_CHECK souk_status din_remote_open(const struct config *config, struct souk_client *client,
                                            uint32_t *table_out);
/* Parameters, and the optimizer's state if steps were taken, to the servers and back. fetch leaves
 * dense as if one worker had trained it. */
SOUK_MUST_CHECK souk_status din_remote_send(const struct dense *dense, struct souk_client *client,
                                            uint32_t table);
SOUK_MUST_CHECK souk_status din_remote_fetch(struct dense *dense, struct souk_client *client,
                                             uint32_t table);

/* The part of a batch: its keys; its rows into dense; dense's gradients into its pushes. */
void din_remote_fill(const struct dense *dense, struct batch_part *part);
void din_remote_take(struct dense *dense, const struct batch_part *part);
void din_remote_give(const struct dense *dense, struct batch_part *part, float scale, float lr);

#endif
