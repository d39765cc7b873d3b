/* columns.h - which column of a file is the user, which the item, which the rating: by the names of
 * the header, told or usual ones, or by position.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_COLUMNS_H
#define SOUK_WORKER_DATA_COLUMNS_H

#include "worker/data/rating_format.h"

/* The fields of a file's first line. */
struct column_names {
    char *names[RATING_COLUMNS_MAX]; // owned, trimmed
    uint32_t count;
};
void column_names_fini(struct column_names *names);

/* Whether these fields can only be names: one is what the configuration calls a column, or a user
 * and an item column are called by usual names. */
bool columns_are_named(const struct config *config, const struct column_names *names);
/* Whether the configuration names a column, instead of its position. */
bool columns_want_names(const struct config *config);

/* Fills in the columns of a format whose num_columns is known. header: NULL without one; path: for
 * messages. SOUK_ECONFIG, logged. A rating column that nobody found leaves has_rating false. */
SOUK_MUST_CHECK souk_status columns_find(const struct config *config, const char *path,
                                         const struct column_names *header, bool needs_rating,
                                         struct rating_format *format);

#endif
