/* row_layout.h - how the lines of a file are cut into rows: separator, header, number of columns.
 * What the configuration leaves to us is inferred from the first lines.
 *
 * Threads: immutable once it is resolved.
 */
#ifndef SOUK_WORKER_DATA_ROW_LAYOUT_H
#define SOUK_WORKER_DATA_ROW_LAYOUT_H

#include "worker/data/columns.h"
#include "worker/data/first_lines.h"

struct row_layout {
    char delimiter[16]; // "\t", ",", "::", " " (runs of spaces and tabs)
    bool has_header;
    uint32_t num_columns; // in most of the first data lines; others must agree
    uint64_t header_hash; // of the header line; all files of a list have the same. 0: not checked
};

struct row_layout_options {
    const struct config *config;
    const char *what;     // "ratings"
    uint32_t min_columns; // fewer are an error
    char list_separator;  // of lists in columns, which must not separate these too; 0: any
    /* Whether these fields can only be names of columns. */
    bool (*are_names)(const struct config *config, const struct column_names *fields);
};

/* On SOUK_OK *fields_out has the fields of the first line, the header if there is one; the caller
 * frees them. SOUK_EDATA, SOUK_ECONFIG: logged. */
SOUK_MUST_CHECK souk_status row_layout_resolve(const struct row_layout_options *options,
                                               struct first_lines *lines,
                                               struct row_layout *layout_out,
                                               struct column_names *fields_out);
struct first_rows row_layout_rows(const struct row_layout *layout); // borrows the layout

/* Splits a line into num_columns fields; false when there are more or fewer. Quoted CSV fields
 * ("a,b", "" for a quote) are understood when the delimiter is a comma or a semicolon; those fields
 * then point into scratch (at least length bytes). num_columns is at most COLUMNS_MAX. */
bool row_layout_split(const struct row_layout *layout, const char *line, size_t length,
                      const char **fields, size_t *field_lengths, char *scratch);

#endif
