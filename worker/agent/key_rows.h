/* key_rows.h - rows of keys, such as embeddings of items, on the servers: those that a step needs
 * are pulled, their gradients pushed.
 *
 * With has_targets a second table, "<name>_target", holds copies: sync copies the rows that were
 * pushed since the last one. A row that has no copy yet stands for itself.
 *
 * Threads: one owner, that of the client.
 */
#ifndef SOUK_WORKER_AGENT_KEY_ROWS_H
#define SOUK_WORKER_AGENT_KEY_ROWS_H

#include "souk/client.h"
#include "worker/model/merge.h"

struct key_rows;

/* Opens the tables. On SOUK_OK the caller owns *rows_out; else as souk_client_open_table. spec is
 * copied. */
SOUK_MUST_CHECK souk_status key_rows_create(const struct souk_table_spec *spec, bool has_targets,
                                            struct souk_client *client, struct key_rows **rows_out);
void key_rows_destroy(struct key_rows *rows); // NULL is fine
const struct souk_table_spec *key_rows_spec(const struct key_rows *rows);
uint32_t key_rows_table(const struct key_rows *rows); // the client's number

/* Rows of n keys, in any order, with repeats; also their targets if they are asked for. */
SOUK_MUST_CHECK souk_status key_rows_pull(struct key_rows *rows, const uint64_t *keys, uint32_t n,
                                          bool with_targets);
/* Of the keys of the last pull, by their place in it. Borrowed until the next pull. */
const float *key_rows_get(const struct key_rows *rows, uint32_t i);
const float *key_rows_target(const struct key_rows *rows, uint32_t i);

struct key_rows_step {
    float lr;     // 0: the table's own
    float scale;  // of gradients
    bool is_mean; // of the gradients that were added for a row; else their sum
    /* NULL: alone. Else the push is collective: gradients are summed over ranks, and each row is
     * pushed, and copied by sync, by one of them. */
    struct merge *merge;
};
/* Gradients of rows of the last pull: add some, then push all that were added. */
void key_rows_add(struct key_rows *rows, uint32_t i, const float *gradient);
SOUK_MUST_CHECK souk_status key_rows_push(struct key_rows *rows, const struct key_rows_step *step);
/* Drops what was added. */
void key_rows_drop(struct key_rows *rows);
SOUK_MUST_CHECK souk_status key_rows_sync(struct key_rows *rows);

#endif
