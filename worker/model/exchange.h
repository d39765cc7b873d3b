/* exchange.h - a model's tables and batches on the one side, a client on the other.
 *
 * Threads: as the client.
 */
#ifndef SOUK_WORKER_MODEL_EXCHANGE_H
#define SOUK_WORKER_MODEL_EXCHANGE_H

#include "worker/model/model.h"
#include "worker/model/model_dir.h"

/* The model's tables on a client. */
struct tables {
    uint32_t num_tables;
    struct souk_table_spec specs[MODEL_TABLES_MAX]; // with tables.* of the configuration applied
    uint32_t ids[MODEL_TABLES_MAX];                 // the client's numbers
};

/* What the model wants, with the configuration's options on it. SOUK_ECONFIG. */
SOUK_MUST_CHECK souk_status tables_describe(const struct model_ops *ops, const struct model *model,
                                            const struct config *config, struct tables *tables_out);
/* Opens them on all servers. */
SOUK_MUST_CHECK souk_status tables_open(struct tables *tables, struct souk_client *client);
/* Whether a model folder holds just the tables that the model loaded from it expects: names and
 * widths, or rows would be read with another width. SOUK_EDATA with the difference in the log. */
SOUK_MUST_CHECK souk_status tables_match_dir(const struct model_ops *ops, const struct model *model,
                                             const struct model_dir *dir);

/* Weights beside the tables, out of a model folder. SOUK_EDATA, logged. */
SOUK_MUST_CHECK souk_status weights_load(const struct model_ops *ops, struct model *model,
                                         const struct model_dir *dir);

/* Sends the pull of a batch's keys; batch->pull is its ticket. exact: fp32 whatever the codec. */
SOUK_MUST_CHECK souk_status batch_pull(struct batch *batch, struct souk_client *client,
                                       const uint32_t *tables, bool exact);
SOUK_MUST_CHECK souk_status batch_push(const struct batch *batch, struct souk_client *client,
                                       const uint32_t *tables);
/* Frees a batch with its samples. */
void batch_fini(struct batch *batch, const struct model_ops *ops);

#endif
