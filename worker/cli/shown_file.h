/* shown_file.h - what `souk data inspect` shows of any kind of file: paths, the first lines as a
 * table, malformed rows, counts and bars.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_SHOWN_FILE_H
#define SOUK_WORKER_CLI_SHOWN_FILE_H

#include "common/text/config.h"
#include "common/text/json.h"
#include "worker/data/row_layout.h"

enum { SHOWN_LINES = 5, SHOWN_BAD_ROWS = 5 };

struct shown_file {
    const struct config_list *files; // borrowed
    struct row_layout layout;        // of the first file
    char **names;                    // (num_columns) names of columns; NULL without a header
    char **cells;                    // (num_lines, num_columns) first lines, as read
    uint32_t num_lines;
    uint64_t num_bad;
    char *bad_rows[SHOWN_BAD_ROWS]; // messages about the first ones
    uint32_t num_bad_rows;
};

/* Reads names and first lines of the first file; files and layout are set. */
SOUK_MUST_CHECK souk_status shown_file_read(struct shown_file *file);
void shown_file_fini(struct shown_file *file);
/* Keeps the message about a bad row; ctx is the struct shown_file. */
void shown_file_keep_bad_row(void *ctx, const char *message);
/* "tab" for a tab, the text itself for others. Borrowed. */
const char *shown_delimiter(const struct shown_file *file);

/* A bar of a histogram. */
struct shown_bar {
    char label[32];
    uint64_t count;
};

void shown_add_paths(const struct shown_file *file, struct buf *out);
void shown_add_label(struct buf *out, const char *label);
void shown_add_count(struct buf *out, const char *label, uint64_t count, bool is_exact);
/* Separator and header. */
void shown_add_layout(const struct shown_file *file, struct buf *out);
/* "column 2 of 6, "user"", without a line end. */
void shown_add_place(const struct shown_file *file, uint32_t column, struct buf *out);
void shown_add_first_lines(const struct shown_file *file, uint32_t terminal_columns,
                           struct buf *out);
void shown_add_bad_rows(const struct shown_file *file, struct buf *out);
/* Bars with counts and their share of total. */
void shown_add_bars(const struct shown_bar *bars, uint32_t num_bars, uint64_t total,
                    uint32_t terminal_columns, struct buf *out);
/* Text that is at most `max` columns wide, with control characters as blanks. */
void shown_add_cut(const char *text, size_t max, struct buf *out);

/* Keys of an open object: files, delimiter, header. */
void shown_json_layout(const struct shown_file *file, struct json *json);
void shown_json_bad_rows(const struct shown_file *file, struct json *json);
/* The name of a column, or null. */
void shown_json_name(const struct shown_file *file, uint32_t column, struct json *json);

#endif
