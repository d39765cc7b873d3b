/* sample_reader.h - samples out of one or several files, in the order of the files.
 *
 * Files, parts and bad rows as in row_reader.h; bad are rows with a wrong number of columns, a
 * label other than 0 and 1, an id that is none, or lists of unequal length. An empty list is a
 * history without behaviours; of one that is longer than max_history the latest are kept.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_SAMPLE_READER_H
#define SOUK_WORKER_DATA_SAMPLE_READER_H

#include "worker/data/names.h"
#include "worker/data/sample_format.h"

struct sample_reader;

struct sample_reader_options {
    const struct config_list *files;
    const struct sample_format *format;
    uint32_t part, num_parts;
    uint64_t max_bad_rows;
    /* (num_tables) learn the texts of string ids, each may be NULL; NULL: nobody asks. */
    struct names *const *names;
    // Gets the message about each tolerated bad row; NULL: the first few are logged as warnings.
    void (*on_bad_row)(void *ctx, const char *message);
    void *ctx;
};

/* SOUK_EDATA: no file; logged. Files, format and names are borrowed until sample_reader_close. */
SOUK_MUST_CHECK souk_status sample_reader_open(const struct sample_reader_options *options,
                                               struct sample_reader **reader_out);
void sample_reader_close(struct sample_reader *reader); // NULL is fine
/* A batch with as many arrays as the format has ids and histories; the caller frees it. */
void sample_format_init_batch(const struct sample_format *format, struct sample_batch *batch);
/* Replaces what the batch holds by up to max samples; none at the end. SOUK_EDATA: one bad row too
 * many, no row at all (when there is one part), two string ids with one key; SOUK_EIO; logged. */
SOUK_MUST_CHECK souk_status sample_reader_next(struct sample_reader *reader, uint32_t max,
                                               struct sample_batch *batch);
uint64_t sample_reader_num_bad(const struct sample_reader *reader);
/* Samples whose history was longer than max_history. */
uint64_t sample_reader_num_cut(const struct sample_reader *reader);
double sample_reader_share(const struct sample_reader *reader); // read so far, 0..1, < 0 unknown

/* A text as a key, by the kind of its table; blanks around it do not matter. False when it is empty
 * or an integer id is none (not 0..2^64-1). */
bool sample_parse_id(enum config_id_kind kind, const char *text, size_t length, uint64_t *key_out);

#endif
