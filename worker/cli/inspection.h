/* inspection.h - what `souk data inspect` found out about ratings, and its two ways of printing
 * that.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_INSPECTION_H
#define SOUK_WORKER_CLI_INSPECTION_H

#include "worker/cli/shown_file.h"
#include "worker/data/rating_format.h"
#include "worker/data/rating_summary.h"

struct inspection {
    struct shown_file file;
    struct rating_format format; // of the first file
    struct names *items;         // texts of string ids
    struct rating_summary_result summary;
};

/* "user", "item", "rating", or NULL for a column that is not used. Static. */
const char *inspection_role(const struct inspection *inspection, uint32_t column);
/* The id of an item as it is written in the file. */
void inspection_add_item(const struct inspection *inspection, uint64_t key, struct buf *out);

void inspection_print_text(const struct inspection *inspection, uint32_t terminal_columns,
                           struct buf *out);
void inspection_print_json(const struct inspection *inspection, struct buf *out);

#endif
