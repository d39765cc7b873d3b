/* prediction_row.h - a line of `souk predict`: CSV, or one JSON object.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_CLI_PREDICTION_ROW_H
#define SOUK_WORKER_CLI_PREDICTION_ROW_H

#include "worker/cli/labels.h"

struct prediction_row {
    const struct id_texts *users, *items; // NULL: the model knows no such column
    uint64_t user, item;
    float value;
};

/* The header; nothing in JSON. */
void prediction_row_head(bool is_json, struct buf *out);
/* id: room for texts, which grows. */
void prediction_row_add(const struct prediction_row *row, bool is_json, struct buf *id,
                        struct buf *out);

#endif
