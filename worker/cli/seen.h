/* seen.h - what some users have rated, out of the observed files of a model. Threads: one owner. */
#ifndef SOUK_WORKER_CLI_SEEN_H
#define SOUK_WORKER_CLI_SEEN_H

#include "worker/data/observed.h"
#include "worker/model/model_dir.h"

struct seen {
    struct rating *ratings; // by user, then item
    size_t num_ratings, capacity;
};

/* users ascend, unique. seen_fini always. */
SOUK_MUST_CHECK souk_status seen_read(const struct model_dir *dir, const uint64_t *users,
                                      uint32_t num_users, struct seen *seen_out);
/* The rating, or NULL. */
const struct rating *seen_find(const struct seen *seen, uint64_t user, uint64_t item);
size_t seen_count(const struct seen *seen, uint64_t user);
void seen_fini(struct seen *seen);

#endif
