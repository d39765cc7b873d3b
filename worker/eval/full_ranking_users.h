/* full_ranking_users.h - whose clicks are ranked: all users that have some in the data, or so many
 * drawn at random.
 *
 * Threads: that of the communicator.
 */
#ifndef SOUK_WORKER_EVAL_FULL_RANKING_USERS_H
#define SOUK_WORKER_EVAL_FULL_RANKING_USERS_H

#include "worker/data/sample_reader.h"
#include "worker/eval/full_ranking.h"

struct ranked_users {
    uint64_t *keys; // (num) of this rank's rows, ascending, owned
    uint32_t num;
    uint64_t num_clicks; // of theirs, on this rank
    // Of all ranks.
    uint64_t num_drawn, num_all;
};

/* Collective: reads the rank's share of the data. format: of the files. ranked_users_fini always.
 */
SOUK_MUST_CHECK souk_status ranked_users_find(const struct full_ranking_options *options,
                                              const struct sample_format *format,
                                              struct ranked_users *users_out);
void ranked_users_fini(struct ranked_users *users); // a zeroed one is fine

/* The rank's share of the samples; the caller closes it. */
SOUK_MUST_CHECK souk_status ranked_rows_open(const struct full_ranking_options *options,
                                             const struct sample_format *format,
                                             struct sample_reader **reader_out);

#endif
