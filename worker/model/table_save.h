/* table_save.h - writes one table of the servers into files by slot range. Private to
 * worker/model.
 *
 * The table is scanned once: rows go to a buffer a range, and from there, sorted, into the range's
 * file whenever a block is full. A table that fits into one block altogether becomes one file.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_MODEL_TABLE_SAVE_H
#define SOUK_WORKER_MODEL_TABLE_SAVE_H

#include <stdbool.h>

#include "souk/client.h"
#include "worker/model/manifest.h"

enum {
    TABLE_SAVE_RANGES = 16,           // files a table
    TABLE_SAVE_BLOCK_BYTES = 4 << 20, // of rows and states in a block, so 16 times this in memory
};

struct table_save {
    const char *dir;
    uint64_t generation;
    struct souk_client *client;
    uint32_t table; // client's number
    bool with_states;
};

/* Fills num_rows, num_files, files and state_floats of *table; spec is set. Files are entered
 * before they are made, also on failure, so that the caller can remove them. */
SOUK_MUST_CHECK souk_status table_save(const struct table_save *save, struct manifest_table *table);

#endif
