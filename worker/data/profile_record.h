/* profile_record.h - what is known of one user: fields and behaviours after one sample.
 *
 * A sample that was clicked has its candidate as the newest behaviour here, so far as every history
 * is compared with a field; of too many behaviours the latest are kept.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_PROFILE_RECORD_H
#define SOUK_WORKER_DATA_PROFILE_RECORD_H

#include "worker/data/sample_format.h"

struct profile_record {
    uint64_t *cells; // (num_ids) ids, then (num_rows, num_histories) behaviours, oldest first
    size_t capacity; // of cells
    uint32_t num_rows;
    uint32_t num_dropped; // the sample's oldest behaviours, which there is no room for
    bool is_click;        // the sample was clicked
};

void profile_record_fini(struct profile_record *record); // a zeroed one is fine
/* Room for behaviours of which the caller fills the cells. */
void profile_record_reserve(struct profile_record *record, const struct sample_format *format,
                            uint32_t num_rows);
/* What a sample says. */
void profile_record_take(struct profile_record *record, const struct sample_format *format,
                         const struct sample_batch *batch, uint32_t b);
const uint64_t *profile_record_row(const struct profile_record *record,
                                   const struct sample_format *format, uint32_t row);

/* Whether a's behaviours go on from b's: b's without its oldest, which are at most half, are what a
 * begins with. *first_out: the first of a's rows that b has not. */
bool profile_record_goes_on(const struct sample_format *format, const struct profile_record *a,
                            const struct profile_record *b, uint32_t *first_out);
/* Whether a, which comes later in the files, is newer than b. */
bool profile_record_is_newer(const struct sample_format *format, const struct profile_record *a,
                             const struct profile_record *b);

#endif
