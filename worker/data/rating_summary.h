/* rating_summary.h - what `souk data inspect` says about ratings: counts, range, histogram, most
 * rated items. Memory is bounded: counts become estimates beyond a bound, and say so.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_RATING_SUMMARY_H
#define SOUK_WORKER_DATA_RATING_SUMMARY_H

#include "worker/data/key_count.h"
#include "worker/data/rating_reader.h"

enum { RATING_SUMMARY_BARS_MAX = 24, RATING_SUMMARY_BINS = 12, RATING_SUMMARY_TOP = 10 };

/* Ratings from `low` to `high`: the last bar includes it, others end below. Equal: one value. */
struct rating_summary_bar {
    double low, high;
    uint64_t count;
};

struct rating_summary_result {
    uint64_t num_rows;
    uint64_t num_users, num_items;
    bool are_users_exact, are_items_exact;
    bool knows_duplicates;    // false: too many rows
    uint64_t num_duplicates;  // rows whose (user, item) has come before
    uint64_t num_with_rating; // 0: what follows is not set
    double min, max, mean, deviation;
    struct rating_summary_bar
        bars[RATING_SUMMARY_BARS_MAX]; // a bar a value when there are few, else bins
    uint32_t num_bars;
    bool is_sampled; // bins are of a sample; counts are scaled to all rows
    struct key_frequency top_items[RATING_SUMMARY_TOP];
    uint32_t num_top_items; // 0: not known
};

struct rating_summary;

struct rating_summary *rating_summary_create(void);
void rating_summary_destroy(struct rating_summary *summary); // NULL is fine
void rating_summary_add(struct rating_summary *summary, const struct rating *ratings, uint32_t n);
void rating_summary_finish(const struct rating_summary *summary,
                           struct rating_summary_result *result_out);

#endif
