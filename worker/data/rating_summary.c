/* rating_summary.c - see rating_summary.h. */
#include "worker/data/rating_summary.h"

#include <math.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"

enum { EXACT_KEYS = 2000000, EXACT_PAIRS = 4000000, SAMPLE_ROWS = 1 << 16 };

struct value_count {
    float value;
    uint64_t count;
};

struct rating_summary {
    struct key_count *users, *items;
    struct key_count *pairs; // of hash(user, item)
    uint64_t num_rows, num_duplicates, num_with_rating;
    double min, max, mean;
    double square;                                      // sum of (value - mean)^2, by Welford
    struct value_count values[RATING_SUMMARY_BARS_MAX]; // by value
    uint32_t num_values;
    bool has_many_values; // more than fit values
    struct rng rng;
    float *sample; // SAMPLE_ROWS ratings, each row as likely as any
    uint32_t num_sample;
};

struct rating_summary *rating_summary_create(void)
{
    struct rating_summary *summary = mem_calloc(1, sizeof(*summary), "summary");
    summary->users = key_count_create(EXACT_KEYS);
    summary->items = key_count_create(EXACT_KEYS);
    summary->pairs = key_count_create(EXACT_PAIRS);
    summary->sample = mem_calloc(SAMPLE_ROWS, sizeof(*summary->sample), "summary");
    summary->min = INFINITY;
    summary->max = -INFINITY;
    rng_init(&summary->rng, 1, rng_stream("summary", 0, 0));
    return summary;
}

void rating_summary_destroy(struct rating_summary *summary)
{
    if (!summary) return;
    key_count_destroy(summary->users);
    key_count_destroy(summary->items);
    key_count_destroy(summary->pairs);
    mem_free(summary->sample);
    mem_free(summary);
}

static void count_value(struct rating_summary *summary, float value)
{
    uint32_t i = 0, n = summary->num_values;
    while (i < n && summary->values[i].value < value) i++;
    if (i < n && summary->values[i].value == value) {
        summary->values[i].count++;
        return;
    }
    summary->has_many_values = n == RATING_SUMMARY_BARS_MAX;
    if (summary->has_many_values) return;
    memmove(&summary->values[i + 1], &summary->values[i], (n - i) * sizeof(*summary->values));
    summary->values[i] = (struct value_count){value, 1};
    summary->num_values++;
}

// Reservoir sampling: Vitter's algorithm R.
static void sample_value(struct rating_summary *summary, float value)
{
    if (summary->num_sample < SAMPLE_ROWS) {
        summary->sample[summary->num_sample++] = value;
        return;
    }
    uint64_t place = rng_below(&summary->rng, summary->num_with_rating);
    if (place < SAMPLE_ROWS) summary->sample[place] = value;
}

static void add_value(struct rating_summary *summary, float value)
{
    double delta = (double)value - summary->mean;
    summary->num_with_rating++;
    summary->mean += delta / (double)summary->num_with_rating;
    summary->square += delta * ((double)value - summary->mean);
    if ((double)value < summary->min) summary->min = (double)value;
    if ((double)value > summary->max) summary->max = (double)value;
    if (!summary->has_many_values) count_value(summary, value);
    sample_value(summary, value);
}

void rating_summary_add(struct rating_summary *summary, const struct rating *ratings, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct rating *rating = &ratings[i];
        uint64_t pair = hash_key(hash_key(rating->user) + 1) ^ hash_key(rating->item);
        key_count_add(summary->users, rating->user);
        key_count_add(summary->items, rating->item);
        if (key_count_add(summary->pairs, pair) > 1) summary->num_duplicates++;
        if (!isnan(rating->value)) add_value(summary, rating->value);
    }
    summary->num_rows += n;
}

static void make_bins(const struct rating_summary *summary, struct rating_summary_result *result)
{
    uint64_t counts[RATING_SUMMARY_BINS] = {0};
    double width = (summary->max - summary->min) / RATING_SUMMARY_BINS;
    for (uint32_t i = 0; i < summary->num_sample; i++) {
        double bin = ((double)summary->sample[i] - summary->min) / width;
        counts[bin >= RATING_SUMMARY_BINS ? RATING_SUMMARY_BINS - 1 : (uint32_t)bin]++;
    }
    double scale = (double)summary->num_with_rating / summary->num_sample;
    for (uint32_t i = 0; i < RATING_SUMMARY_BINS; i++)
        result->bars[i] =
            (struct rating_summary_bar){summary->min + i * width, summary->min + (i + 1) * width,
                                        (uint64_t)llround((double)counts[i] * scale)};
    result->num_bars = RATING_SUMMARY_BINS;
    result->is_sampled = summary->num_sample < summary->num_with_rating;
}

void rating_summary_finish(const struct rating_summary *summary,
                           struct rating_summary_result *result_out)
{
    struct rating_summary_result result = {
        .num_rows = summary->num_rows,
        .num_duplicates = summary->num_duplicates,
        .num_with_rating = summary->num_with_rating,
        .min = summary->min,
        .max = summary->max,
        .mean = summary->mean,
    };
    result.num_users = key_count_distinct(summary->users, &result.are_users_exact);
    result.num_items = key_count_distinct(summary->items, &result.are_items_exact);
    key_count_distinct(summary->pairs, &result.knows_duplicates);
    result.num_top_items = key_count_top(summary->items, result.top_items, RATING_SUMMARY_TOP);
    if (summary->num_with_rating > 0) {
        result.deviation = sqrt(summary->square / (double)summary->num_with_rating);
        if (summary->has_many_values)
            make_bins(summary, &result);
        else
            result.num_bars = summary->num_values;
    }
    for (uint32_t i = 0; i < result.num_bars && !summary->has_many_values; i++) {
        const struct value_count *value = &summary->values[i];
        result.bars[i] =
            (struct rating_summary_bar){(double)value->value, (double)value->value, value->count};
    }
    *result_out = result;
}
