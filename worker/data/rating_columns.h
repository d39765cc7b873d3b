/* rating_columns.h - which column of a file is the user, which the item, which the rating.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_RATING_COLUMNS_H
#define SOUK_WORKER_DATA_RATING_COLUMNS_H

#include "worker/data/rating_format.h"

/* Whether these fields can only be names: the configuration names a column instead of its position,
 * one is what it calls a column, or a user and an item column are called by usual names. */
bool rating_columns_are_named(const struct config *config, const struct column_names *fields);

/* Fills in the columns of a format whose layout is known. header: NULL without one; path: for
 * messages. SOUK_ECONFIG, logged. A rating column that nobody found leaves has_rating false. */
SOUK_MUST_CHECK souk_status rating_columns_find(const struct config *config, const char *path,
                                                const struct column_names *header,
                                                bool needs_rating, struct rating_format *format);

#endif
