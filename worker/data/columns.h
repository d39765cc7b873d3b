/* columns.h - which column of a file plays a role: by the names of the header, told or usual ones,
 * or by position.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_COLUMNS_H
#define SOUK_WORKER_DATA_COLUMNS_H

#include "worker/data/first_lines.h"

/* The fields of a file's first line. */
struct column_names {
    char *names[COLUMNS_MAX]; // owned, trimmed
    uint32_t count;
};
void column_names_fini(struct column_names *names);

enum { COLUMN_SPELLINGS_MAX = 24 };

struct column_role {
    const char *key;  // of the option that tells the column
    const char *what; // "user"
    /* What it may be called when nobody says it: lower case, without marks, likeliest first. */
    const char *spellings[COLUMN_SPELLINGS_MAX];
};
extern const struct column_role column_user, column_item, column_rating, column_label, column_time,
    column_category;

/* What the configuration says of a column: nothing ("", "auto"), or a position from 1. */
bool column_is_auto(const char *told);
bool column_is_position(const char *told);

/* Position of the first column that is called by a usual name; -1: none. "User-ID" and "user_id"
 * are both "userid". */
int column_find_usual(const struct column_names *names, const struct column_role *role);
/* Whether one column's name is usual for a role. */
bool column_is_usual(const char *name, const struct column_role *role);
/* Whether two names mean the same column. */
bool column_is_same(const char *a, const char *b);
/* Of a name as it is written, else as it is meant; -1: none. */
int column_find_name(const struct column_names *names, const char *name);
/* A column that the configuration tells, by name or position. header: NULL without one; path: for
 * messages. SOUK_ECONFIG: a name that the header does not have, with those that it has, or a
 * position out of range; logged. */
SOUK_MUST_CHECK souk_status column_find_told(const struct config *config, const char *path,
                                             const struct column_names *header, const char *key,
                                             const char *told, uint32_t num_columns,
                                             int *column_out);
/* Logs that nothing tells which column plays the role. Returns SOUK_ECONFIG. */
souk_status column_not_found(const char *path, const struct column_names *header,
                             const struct column_role *role);

#endif
