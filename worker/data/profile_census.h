/* profile_census.h - whom and what files of profiles tell of, in one pass: some of the users, and
 * how often each item was chosen.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_PROFILE_CENSUS_H
#define SOUK_WORKER_DATA_PROFILE_CENSUS_H

#include "worker/data/catalogue.h"

struct profile_census_options {
    const char *const *paths; // (num_paths)
    uint32_t num_paths;
    const struct sample_format *format;
    const struct catalogue *catalogue; // of the same files
    uint32_t max_users;                // >= 1
};

struct profile_census {
    uint32_t num_users;
    uint64_t *users;  // (num_users) ascending, unique
    uint64_t *counts; // (catalogue.num_items) users who chose the item
};

/* At most max_users users, those of the smallest hashes: the same ones however the files are cut,
 * and as good as drawn at random. Memory grows with max_users and the catalogue, not with the
 * files. SOUK_EDATA, SOUK_EIO: logged. profile_census_fini always. */
SOUK_MUST_CHECK souk_status profile_census_read(const struct profile_census_options *options,
                                                struct profile_census *census_out);
void profile_census_fini(struct profile_census *census); // a zeroed one is fine

#endif
