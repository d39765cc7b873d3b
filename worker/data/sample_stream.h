/* sample_stream.h - the training samples, epoch by epoch, shuffled, the validation share left out.
 *
 * The order of an epoch is a function of (seed, epoch, part) and the files, so a run can go on in
 * the middle of an epoch by skipping what it had. Up to cache_rows samples stay in memory after the
 * first epoch and are shuffled as a whole from then on (and from the first epoch on when they fit);
 * larger data is read again every epoch and shuffled in halves of shuffle_rows: one half is given
 * out while the next one is read.
 *
 * Threads: one owner (the loader).
 */
#ifndef SOUK_WORKER_DATA_SAMPLE_STREAM_H
#define SOUK_WORKER_DATA_SAMPLE_STREAM_H

#include "worker/data/sample_reader.h"

struct sample_stream;

struct sample_stream_options {
    struct sample_reader_options reader;
    uint64_t seed;
    uint64_t cache_rows, shuffle_rows;
    double valid_share; // see sample_is_held_out
    /* Gets the training samples as the files have them, once, while they are read the first time;
     * a batch without samples is the end. What it returns ends the reading unless it is SOUK_OK.
     * NULL: nobody asks. */
    souk_status (*on_read)(void *ctx, const struct sample_batch *samples);
    void *ctx; // of on_read
};

SOUK_MUST_CHECK souk_status sample_stream_open(const struct sample_stream_options *options,
                                               struct sample_stream **stream_out);
void sample_stream_close(struct sample_stream *stream); // NULL is fine
/* Begins an epoch and skips its first num_skip samples. */
SOUK_MUST_CHECK souk_status sample_stream_begin(struct sample_stream *stream, uint32_t epoch,
                                                uint64_t num_skip);
/* Replaces what the batch holds by up to max samples; none at the end of the epoch. */
SOUK_MUST_CHECK souk_status sample_stream_next(struct sample_stream *stream, uint32_t max,
                                               struct sample_batch *batch);
double sample_stream_share(const struct sample_stream *stream); // of this epoch, < 0 unknown
/* How many samples an epoch of this part has; 0 when they are not all in memory. */
uint64_t sample_stream_num_samples(const struct sample_stream *stream);
uint64_t sample_stream_num_bad(const struct sample_stream *stream);
uint64_t sample_stream_num_cut(const struct sample_stream *stream); // as sample_reader_num_cut

/* Whether sample b belongs to the validation share: by a hash of seed and user, so that no history
 * of a training sample holds what validation asks for; by all ids where nobody knows the user. */
bool sample_is_held_out(uint64_t seed, double share, const struct sample_format *format,
                        const struct sample_batch *batch, uint32_t b);

#endif
