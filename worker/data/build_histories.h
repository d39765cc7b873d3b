/* build_histories.h - turns an interaction log into samples with behaviour histories.
 *
 * For a user with n >= 3 interactions the k-th one (k = 1 .. n-2, from 0) is a training positive
 * with the interactions before it as history, and the last one is the test positive. Of a user's
 * training positives the latest `targets` are taken. Interactions at the same time as a positive
 * are not in its history. Every positive is followed by one negative of the same user and history,
 * whose item is drawn uniformly from the items that the user has never been with, before or later
 * (Zhou et al., KDD'18, as its code does it).
 *
 * The log is held in memory; samples are written as they are made. Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_BUILD_HISTORIES_H
#define SOUK_WORKER_DATA_BUILD_HISTORIES_H

#include "worker/data/interaction_log.h"

struct build_histories_options {
    struct interaction_log_options log;
    const char *dir;      // made when it is not there; files in it are replaced
    uint32_t max_history; // behaviours of a history, the latest
    uint32_t max_targets; // training positives of a user, the latest
    uint64_t seed;        // of the negatives
    bool has_dense_ids;   // ids are numbered from 1 instead of written as they are
};

struct build_histories_result {
    uint64_t num_rows, num_bad, num_users, num_items, num_categories;
    bool has_categories, has_times;
    uint64_t num_short_users;      // fewer than three interactions: no samples
    uint64_t num_without_negative; // users who have been with every item: no samples
    uint64_t num_train, num_test;  // samples
    uint64_t num_conflicts;        // rows whose item had another category before
};

/* Writes train.tsv and test.tsv. SOUK_EDATA, SOUK_EIO, SOUK_ENOSPC, SOUK_ECONFIG: logged. */
SOUK_MUST_CHECK souk_status build_histories(const struct build_histories_options *options,
                                            struct build_histories_result *result_out);

#endif
