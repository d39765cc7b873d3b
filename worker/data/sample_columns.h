/* sample_columns.h - which columns of a file of samples are fields and histories, and which table
 * each belongs to.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_SAMPLE_COLUMNS_H
#define SOUK_WORKER_DATA_SAMPLE_COLUMNS_H

#include "worker/data/sample_format.h"

/* Fills in columns, tables, targets, user and item of a format whose layout is known; kinds of ids
 * stay open. header: NULL without one; path: for messages. SOUK_ECONFIG, logged. */
SOUK_MUST_CHECK souk_status sample_columns_find(const struct sample_format_options *options,
                                                const char *path, const struct column_names *header,
                                                struct sample_format *format);
/* Whether a name is that of a history, such as hist_item; then base_out is "item". */
bool sample_history_base(const char *name, char base_out[SAMPLE_NAME_MAX]);

#endif
