/* number_table.h - a CSV file of numbers in memory: logs, policies, rewards, contexts.
 *
 * Fields are cut at commas, or at tabs where the first line has no comma. The first line is a
 * header when none of its fields is a number. Lines that begin with # are comments. A cell that
 * holds no finite number is NAN: columns that nobody looks at may hold anything, and who needs one
 * asks number_table_check_column() first.
 *
 * Threads: immutable once it is read.
 */
#ifndef SOUK_WORKER_OPE_NUMBER_TABLE_H
#define SOUK_WORKER_OPE_NUMBER_TABLE_H

#include <stdbool.h>

#include "common/text/buf.h"
#include "worker/data/row_reader.h"

/* The first cell of a column that is no finite number. */
struct bad_cell {
    uint64_t row; // UINT64_MAX: all are
    char text[ROW_TEXT_MAX];
};

struct number_table {
    char *name;              // of the file, for messages
    uint64_t num_rows;       // n, at least 1
    uint32_t num_columns;    // c
    double *values;          // (n, c)
    uint64_t *line_numbers;  // (n)
    char **names;            // (c) of the header; NULL: none
    struct bad_cell *faults; // (c)
    struct buf comment;      // the first comment, without its #
    double sum_error;        // of distributions in it that were divided by their sums; 0: none was
};

/* .gz and "-" as line_reader.h says. what: "policy", for messages. On SOUK_OK the caller owns
 * *table_out. SOUK_EDATA: no file, no rows, rows of unequal length; SOUK_EIO; logged. */
SOUK_MUST_CHECK souk_status number_table_read(const char *path, const char *what,
                                              struct number_table **table_out);
void number_table_destroy(struct number_table *table); // NULL is fine

/* Position of the column of this name, in any spelling; -1: none, or no header. */
int number_table_find(const struct number_table *table, const char *name);
/* SOUK_EDATA, logged with the line and the advice, when a cell is no finite number. */
SOUK_MUST_CHECK souk_status number_table_check_column(const struct number_table *table,
                                                      uint32_t column, const char *advice);
/* Columns that are the actions 0, 1, ...: names that all end in a number have to say so too, or the
 * columns stand in another order. SOUK_EDATA, logged. */
SOUK_MUST_CHECK souk_status number_table_check_actions(const struct number_table *table);
/* A cell as a whole number from 0 and below limit, such as an action. SOUK_EDATA, logged with the
 * line; *index_out is left alone then. */
SOUK_MUST_CHECK souk_status number_table_index(const struct number_table *table, uint64_t row,
                                               uint32_t column, uint32_t limit,
                                               uint32_t *index_out);
/* Logs "file:line: message". Returns SOUK_EDATA. */
souk_status number_table_fail(const struct number_table *table, uint64_t row, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));

static inline double number_table_at(const struct number_table *table, uint64_t row,
                                     uint32_t column)
{
    return table->values[row * table->num_columns + column];
}

#endif
