/* rating_stream.h - the training ratings, epoch by epoch, shuffled, the validation share left out.
 *
 * The order of an epoch is a function of (seed, epoch, part) and the files, so a run can go on in
 * the middle of an epoch by skipping what it had. Up to cache_rows ratings stay in memory after the
 * first epoch and are shuffled as a whole from then on (and from the first epoch on when they fit);
 * larger data is read again every epoch and shuffled within a window of shuffle_rows.
 *
 * Threads: one owner (the loader).
 */
#ifndef SOUK_WORKER_DATA_RATING_STREAM_H
#define SOUK_WORKER_DATA_RATING_STREAM_H

#include "worker/data/rating_reader.h"

struct rating_stream;

struct rating_stream_options {
    struct rating_reader_options reader;
    uint64_t seed;
    uint64_t cache_rows, shuffle_rows;
    double valid_share; // rows with hash(seed, user, item) below this share are validation rows
};

SOUK_MUST_CHECK souk_status rating_stream_open(const struct rating_stream_options *options,
                                               struct rating_stream **stream_out);
void rating_stream_close(struct rating_stream *stream); // NULL is fine
/* Begins an epoch and skips its first num_skip ratings. */
SOUK_MUST_CHECK souk_status rating_stream_begin(struct rating_stream *stream, uint32_t epoch,
                                                uint64_t num_skip);
/* Up to max ratings; *num_out 0 at the end of the epoch. */
SOUK_MUST_CHECK souk_status rating_stream_next(struct rating_stream *stream, struct rating *ratings,
                                               uint32_t max, uint32_t *num_out);
double rating_stream_share(const struct rating_stream *stream); // of this epoch, < 0 unknown
uint64_t rating_stream_num_bad(const struct rating_stream *stream);
/* Whether a row belongs to the validation share. */
bool rating_is_held_out(uint64_t seed, double share, const struct rating *rating);

#endif
