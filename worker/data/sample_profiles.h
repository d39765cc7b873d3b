/* sample_profiles.h - profiles of users out of files of samples, as profiles.h has them out of what
 * a model remembers.
 *
 * The last row of a user is the profile, as it stands there. Seen is what any row of the user has
 * in its history, and the candidates that were clicked.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_SAMPLE_PROFILES_H
#define SOUK_WORKER_DATA_SAMPLE_PROFILES_H

#include "common/text/config.h"
#include "worker/data/profiles.h"

struct sample_profiles_options {
    const struct config *config;       // how files are laid out, data.max_bad_rows
    const struct config_list *files;   // >= 1
    const struct sample_format *model; // which must know user and item
    const uint64_t *users;             // (num_users) ascending, unique
    uint32_t num_users;
};
/* Memory grows with the users that are asked for, not with the files. users are borrowed by
 * *profiles_out; profiles_fini always. SOUK_EDATA, SOUK_EIO, SOUK_ECONFIG: logged. */
SOUK_MUST_CHECK souk_status sample_profiles_read(const struct sample_profiles_options *options,
                                                 struct profiles *profiles_out);

#endif
