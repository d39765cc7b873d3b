/* summary.h - what `souk data inspect` says about ratings: counts, range, histogram, most rated
 * items. Memory is bounded: counts become estimates beyond a bound, and say so.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_SUMMARY_H
#define SOUK_WORKER_DATA_SUMMARY_H

#include "worker/data/key_count.h"
#include "worker/data/rating_reader.h"

enum { SUMMARY_BARS_MAX = 24, SUMMARY_BINS = 12, SUMMARY_TOP = 10 };

/* Ratings from `low` to `high`: the last bar includes it, others end below. Equal: one value. */
struct summary_bar {
    double low, high;
    uint64_t count;
};

struct summary_result {
    uint64_t num_rows;
    uint64_t num_users, num_items;
    bool are_users_exact, are_items_exact;
    bool knows_duplicates;    // false: too many rows
    uint64_t num_duplicates;  // rows whose (user, item) has come before
    uint64_t num_with_rating; // 0: what follows is not set
    double min, max, mean, deviation;
    struct summary_bar bars[SUMMARY_BARS_MAX]; // a bar a value when there are few, else bins
    uint32_t num_bars;
    bool is_sampled; // bins are of a sample; counts are scaled to all rows
    struct key_frequency top_items[SUMMARY_TOP];
    uint32_t num_top_items; // 0: not known
};

struct summary;

struct summary *summary_create(void);
void summary_destroy(struct summary *summary); // NULL is fine
void summary_add(struct summary *summary, const struct rating *ratings, uint32_t n);
void summary_finish(const struct summary *summary, struct summary_result *result_out);

#endif
