/* generate.h - ratings with planted factors, for demonstrations, tests and measurements.
 *
 *     rating(u, i) = mean + b_u + b_i + p_u . q_i + noise
 *
 * with normal biases, factors and noise; items' popularity and users' activity fall as
 * rank^-zipf; each (user, item) comes at most once. What no model can get below is known: the RMSE
 * of the true model on the test rows. Everything is a function of the options.
 *
 * Memory grows with users and items, not with ratings. Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_GENERATE_H
#define SOUK_WORKER_DATA_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/status.h"

enum { GENERATE_FACTORS_MAX = 256 };

struct generate_options {
    const char *dir;               // made when it is not there; files in it are replaced
    uint64_t num_users, num_items; // 1..2^31
    uint64_t num_ratings;          // 1..num_users * num_items, test rows included
    uint32_t num_factors;          // 1..GENERATE_FACTORS_MAX
    double noise;                  // standard deviation, >= 0
    double zipf;                   // exponent, >= 0: 0 is uniform
    double test_share;             // of the ratings, [0, 1)
    uint64_t seed;
    bool has_string_ids; // "user12", "item7" instead of 12, 7
    bool is_tsv;         // tabs and .tsv, else commas and .csv
};

struct generate_result {
    uint64_t num_train, num_test;
    double noise_floor; // RMSE of the true model on the test rows; NAN without test rows
    double mean_rmse;   // RMSE of the training rows' mean on them
};

/* Options of the demonstration: a well-trained model of as many factors ends within 3 % of the
 * floor, in seconds. */
void generate_options_init(struct generate_options *options);

/* Writes train, test and items (id, title) as .csv or .tsv with headers, and truth.json.
 * SOUK_EINVAL for options that contradict each other, SOUK_EIO, SOUK_ENOSPC: logged, and
 * no file is left. */
SOUK_MUST_CHECK souk_status generate_ratings(const struct generate_options *options,
                                             struct generate_result *result_out);

#endif
