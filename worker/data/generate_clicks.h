/* generate_clicks.h - clicks of users with several planted interests each, for demonstrations,
 * tests and measurements.
 *
 * Items have a category, a popularity (Zipf) and a vector z near that of their category. A user has
 * 2 to 4 categories of interest, unequally strong; the history begins with items of those and a few
 * others, and grows by what is clicked. A candidate i, shown after the behaviours j of the sample,
 * is clicked with
 *
 *     m = sum over j of exp((z_i . z_j - 1) / 0.15)      behaviours near the candidate
 *     p = sigmoid(bias + strength * m / (m + 0.3) + 0.5 * popularity_i)
 *
 * so what counts is how many behaviours are near, not what they are on average: a model that pools
 * the history before it looks at the candidate loses that. p is a function of the sample alone, so
 * its AUC is the ceiling for every model.
 *
 * Memory grows with users' histories one at a time, items, and test samples. Threads: pure
 * functions.
 */
#ifndef SOUK_WORKER_DATA_GENERATE_CLICKS_H
#define SOUK_WORKER_DATA_GENERATE_CLICKS_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/status.h"

enum { CLICKS_ITEMS_MAX = 1 << 24, CLICKS_ZIPF_MAX = 40 };

struct click_options {
    const char *dir;         // made when it is not there; files in it are replaced
    uint64_t num_users;      // >= 1
    uint64_t num_items;      // num_categories..CLICKS_ITEMS_MAX
    uint64_t num_categories; // >= 4
    uint64_t num_samples;    // >= num_users, test samples included
    uint32_t max_history;    // behaviours of a sample, the latest; >= 1
    double strength;         // how much nearness counts, >= 0
    double zipf;             // exponent of popularity, 0..CLICKS_ZIPF_MAX
    double test_share;       // of each user's samples, the last ones, [0, 1)
    uint64_t seed;
    bool has_string_ids; // "user12", "item7", "category3"
};

struct click_result {
    uint64_t num_train, num_test;
    double click_share;      // of all samples
    double true_auc;         // of p on the test samples: the ceiling; NAN without both labels
    double mean_history_auc; // of the best mix of popularity and z_i . mean(z_j)
    double popularity_auc;   // of popularity alone
};

/* Options of the demonstration: trains in half a minute. */
void click_options_init(struct click_options *options);

/* Writes train.tsv, test.tsv (as sample_format.h has them), items.tsv (item, title, category) and
 * truth.json. SOUK_EINVAL for options that contradict each other, SOUK_EIO, SOUK_ENOSPC: logged. */
SOUK_MUST_CHECK souk_status generate_clicks(const struct click_options *options,
                                            struct click_result *result_out);

#endif
