/* inspection.h - what `souk data inspect` found out, and its two ways of printing that.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_INSPECTION_H
#define SOUK_WORKER_CLI_INSPECTION_H

#include "common/text/config.h"
#include "worker/data/rating_format.h"
#include "worker/data/summary.h"

enum { INSPECTION_LINES = 5, INSPECTION_BAD_ROWS = 5 };

struct inspection {
    const struct config_list *files; // borrowed
    struct rating_format format;     // of the first file
    char **names;                    // (num_columns) names of columns; NULL without a header
    char **cells;                    // (num_lines, num_columns) first lines, as read
    uint32_t num_lines;
    struct names *items; // texts of string ids
    struct summary_result summary;
    uint64_t num_bad;
    char *bad_rows[INSPECTION_BAD_ROWS]; // messages about the first ones
    uint32_t num_bad_rows;
};

/* "user", "item", "rating", or NULL for a column that is not used. Static. */
const char *inspection_role(const struct inspection *inspection, uint32_t column);
/* "tab" for a tab, the text itself for others. Borrowed. */
const char *inspection_delimiter(const struct inspection *inspection);
/* The id of an item as it is written in the file. */
void inspection_add_item(const struct inspection *inspection, uint64_t key, struct buf *out);

void inspection_print_text(const struct inspection *inspection, uint32_t terminal_columns,
                           struct buf *out);
void inspection_print_json(const struct inspection *inspection, struct buf *out);

#endif
