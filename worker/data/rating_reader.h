/* rating_reader.h - ratings out of one or several files, in the order of the files.
 *
 * Files, parts and bad rows as in row_reader.h; bad are rows with a wrong number of columns, a
 * rating that is no finite number, or an id that is none.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_RATING_READER_H
#define SOUK_WORKER_DATA_RATING_READER_H

#include <stdint.h>

#include "common/text/config.h"
#include "worker/data/names.h"
#include "worker/data/rating_format.h"

struct rating {
    uint64_t user, item; // keys: integer ids as they are, strings by XXH3
    float value;         // NAN where the file has no ratings
};

struct rating_reader;

struct rating_reader_options {
    const struct config_list *files;
    const struct rating_format *format;
    uint32_t part, num_parts;
    uint64_t max_bad_rows;
    struct names *users, *items; // learn the text of string ids; NULL: nobody asks
    // Gets the message about each tolerated bad row; NULL: the first few are logged as warnings.
    void (*on_bad_row)(void *ctx, const char *message);
    void *ctx;
};

/* SOUK_EIO, SOUK_EDATA (no file, an empty one, headers that differ): logged. Files and format are
 * borrowed until rating_reader_close. */
SOUK_MUST_CHECK souk_status rating_reader_open(const struct rating_reader_options *options,
                                               struct rating_reader **reader_out);
void rating_reader_close(struct rating_reader *reader); // NULL is fine
/* Up to max ratings; *num_out 0 at the end. SOUK_EDATA: one bad row too many, no row at all (when
 * there is one part), two string ids with one key; SOUK_EIO; logged. */
SOUK_MUST_CHECK souk_status rating_reader_next(struct rating_reader *reader, struct rating *ratings,
                                               uint32_t max, uint32_t *num_out);
uint64_t rating_reader_num_bad(const struct rating_reader *reader);
double rating_reader_share(const struct rating_reader *reader); // read so far, 0..1, < 0 unknown

/* A text as a key, by the kind of the column. False when an integer id is none (not 0..2^64-1). */
bool rating_parse_id(enum config_id_kind kind, const char *text, size_t length, uint64_t *key_out);

#endif
