/* first_lines.h - the first lines of a file that are not empty, for what is inferred from them. A
 * few malformed ones among them do not matter, since most lines decide.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_FIRST_LINES_H
#define SOUK_WORKER_DATA_FIRST_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text/buf.h"
#include "common/text/config.h"
#include "souk/status.h"

enum { FIRST_LINES_MAX = 1000, FIRST_LINES_BYTES = 1 << 20, COLUMNS_MAX = 256 };

struct first_line {
    size_t begin, length; // in text
};

struct first_lines {
    const char *path; // borrowed
    const char *name; // "standard input" for "-"
    struct buf text;
    struct first_line lines[FIRST_LINES_MAX];
    uint32_t num_lines;              // at least one
    uint64_t first_number;           // line number of lines[0]
    const char *fields[COLUMNS_MAX]; // of the line that was split last
    size_t lengths[COLUMNS_MAX];
    char *scratch; // as long as the longest line
};

/* Reads them, leaving standard input as it was (line_reader_peek). what: "rating", of which there
 * should be one a line. SOUK_EDATA: an empty file, or one that is no plain text; logged. On SOUK_OK
 * the caller owns *lines_out. */
SOUK_MUST_CHECK souk_status first_lines_read(const char *path, const char *what,
                                             struct first_lines **lines_out);
void first_lines_free(struct first_lines *lines); // NULL is fine

const char *first_lines_text(const struct first_lines *lines, uint32_t line);
/* Cuts a line into fields and lengths; returns as split_line. */
uint32_t first_lines_split(struct first_lines *lines, const char *delimiter, uint32_t line);

/* Rows are the lines from `first` on that have num_columns fields. */
struct first_rows {
    const char *delimiter; // borrowed
    uint32_t num_columns;
    uint32_t first;
};
/* Whether most rows have a number in this column. */
bool first_rows_are_numbers(struct first_lines *lines, const struct first_rows *rows,
                            uint32_t column);
/* Whether the ids of a column are whole numbers or texts: never CONFIG_ID_AUTO. */
enum config_id_kind first_rows_ids(struct first_lines *lines, const struct first_rows *rows,
                                   uint32_t column);

#endif
