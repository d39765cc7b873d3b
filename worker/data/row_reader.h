/* row_reader.h - rows of fields out of one or several files, in the order of the files.
 *
 * Bad rows (column count, and what the caller finds wrong) are counted; past max_bad_rows one ends
 * the reading with a message that names file, line and what to do. Among `num_parts` ranks whole
 * files are dealt out when there are at least as many, else each plain file is split by bytes, and
 * a .gz file or standard input is read by everybody, who keep every num_parts-th row.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_ROW_READER_H
#define SOUK_WORKER_DATA_ROW_READER_H

#include "worker/data/row_layout.h"

enum { ROW_SHOWN_BYTES = 60, ROW_TEXT_MAX = 2 * ROW_SHOWN_BYTES + 4 }; // a byte may become two

struct row_reader;

struct row_reader_options {
    const struct config_list *files;
    const struct row_layout *layout;
    const char *what; // "ratings"
    uint32_t part, num_parts;
    uint64_t max_bad_rows;
    const char *max_bad_rows_option; // what messages call it; NULL: data.max_bad_rows
    // Gets the message about each tolerated bad row; NULL: the first few are logged as warnings.
    void (*on_bad_row)(void *ctx, const char *message);
    void *ctx;
};

struct row {
    const char *const *fields; // (num_columns) not closed by zeros
    const size_t *lengths;     // (num_columns)
};

/* SOUK_EDATA: no file; logged. Files and layout are borrowed until row_reader_close. */
SOUK_MUST_CHECK souk_status row_reader_open(const struct row_reader_options *options,
                                            struct row_reader **reader_out);
void row_reader_close(struct row_reader *reader); // NULL is fine
/* The next row; borrowed until the next call. SOUK_EEND. SOUK_EDATA: one bad row too many, an empty
 * file, headers that differ, no row at all (when there is one part); SOUK_EIO; logged. */
SOUK_MUST_CHECK souk_status row_reader_next(struct row_reader *reader, struct row *row_out);
/* The row that was returned last is bad, since `what`. SOUK_OK when it is tolerated; SOUK_EDATA,
 * logged. */
SOUK_MUST_CHECK souk_status row_reader_refuse(struct row_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
uint64_t row_reader_num_bad(const struct row_reader *reader);
double row_reader_share(const struct row_reader *reader); // read so far, 0..1, < 0 unknown

/* Text out of a file, for a message: cut, and printable. Returns out. */
const char *row_show_text(const char *text, size_t length, char out[ROW_TEXT_MAX]);
/* SOUK_EDATA, logged, when a file of the list can be read once only, for data that is read again
 * every epoch. */
SOUK_MUST_CHECK souk_status row_files_check_repeat(const struct config_list *files,
                                                   const char *what, uint64_t cache_rows);

#endif
