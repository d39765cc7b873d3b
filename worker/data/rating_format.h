/* rating_format.h - how a file of ratings is laid out: separator, header, columns, ids.
 *
 * What the configuration leaves to us is inferred from the first lines of the first file. Every
 * rank looks at that one, so all find the same; `souk data inspect` prints it.
 *
 * Threads: immutable once it is resolved.
 */
#ifndef SOUK_WORKER_DATA_RATING_FORMAT_H
#define SOUK_WORKER_DATA_RATING_FORMAT_H

#include "worker/data/row_layout.h"

struct rating_format {
    struct row_layout layout;
    uint32_t user_column; // positions from 0
    uint32_t item_column;
    uint32_t rating_column;
    bool has_rating;                      // files to predict on may have none
    enum config_id_kind user_id, item_id; // never CONFIG_ID_AUTO
};

/* Looks at the first lines of a file, up to 1,000. On SOUK_OK *format_out is resolved. SOUK_EDATA,
 * SOUK_EIO, SOUK_ECONFIG (a column that the header does not have, with the names that it has):
 * logged. needs_rating: whether a file without a rating column is an error. Standard input cannot
 * be looked at twice: for "-" the lines read are kept and line_reader_open gives them again. */
SOUK_MUST_CHECK souk_status rating_format_resolve(const struct config *config, const char *path,
                                                  bool needs_rating,
                                                  struct rating_format *format_out);

#endif
