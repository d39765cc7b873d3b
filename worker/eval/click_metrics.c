/* click_metrics.c - see click_metrics.h: figures of all samples; click_groups.c has those of
 * groups. */
#include "worker/eval/click_metrics.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#include "worker/eval/click_ties.h"

/* Counts in halves, so that the sum is exact up to 4 * 10^9 samples. */
double click_auc(const struct click_sample *items, size_t n)
{
    uint64_t num_clicks = 0, num_others = 0, halves = 0;
    for (size_t at = 0; at < n;) {
        struct ties ties = ties_next(items, n, &at);
        uint64_t others = ties.num - ties.num_clicks;
        halves += ties.num_clicks * (2 * num_others + others);
        num_clicks += ties.num_clicks;
        num_others += others;
    }
    if (num_clicks == 0 || num_others == 0) return NAN;
    return (double)halves / (2 * (double)num_clicks * (double)num_others);
}

/* ---- probabilities ---- */

static double loss_of(const struct ties *ties)
{
    double p = fmin(fmax((double)ties->score, CLICK_CLAMP), 1 - CLICK_CLAMP), loss = 0;
    uint64_t others = ties->num - ties->num_clicks;
    if (ties->num_clicks > 0) loss -= (double)ties->num_clicks * log(p);
    if (others > 0) loss -= (double)others * log1p(-p);
    return loss;
}

// What is added up over runs of equal scores.
struct sums {
    double loss;
    double score;     // predicted clicks
    uint64_t seen;    // samples so far
    double bin_score; // of the open bin
    uint64_t bin_clicks, bin_samples;
    double error;      // of closed bins, times their samples
    uint32_t next_bin; // the open bin ends where this many more shares of all samples are seen
};

static void close_bin(struct sums *sums, struct click_figures *figures)
{
    double n = (double)sums->bin_samples;
    figures->bins[figures->num_bins++] =
        (struct click_bin){.num_samples = sums->bin_samples,
                           .predicted = sums->bin_score / n,
                           .observed = (double)sums->bin_clicks / n};
    sums->error += fabs(sums->bin_score - (double)sums->bin_clicks);
    sums->bin_score = 0;
    sums->bin_clicks = sums->bin_samples = 0;
}

static void add_ties(struct sums *sums, const struct ties *ties, struct click_figures *figures)
{
    double score = (double)ties->num * (double)ties->score;
    sums->loss += loss_of(ties);
    sums->score += score;
    sums->bin_score += score;
    sums->bin_clicks += ties->num_clicks;
    sums->bin_samples += ties->num;
    sums->seen += ties->num;
    figures->num_clicks += ties->num_clicks;
    // Many equal scores may fill several bins at once; those become one.
    bool is_full = false;
    for (; sums->seen * CLICK_BINS >= (sums->next_bin + 1) * figures->num_samples; is_full = true)
        if (++sums->next_bin == CLICK_BINS) break;
    if (is_full || sums->seen == figures->num_samples) close_bin(sums, figures);
}

static double entropy(double p)
{
    return -p * log(p) - (1 - p) * log1p(-p);
}

/* From samples by ascending score. */
static void measure_all(const struct click_samples *samples, struct click_figures *figures)
{
    struct sums sums = {0};
    for (size_t at = 0; at < samples->num;) {
        struct ties ties = ties_next(samples->items, samples->num, &at);
        add_ties(&sums, &ties, figures);
    }
    figures->auc = click_auc(samples->items, samples->num);
    if (figures->num_samples == 0) return;
    double n = (double)figures->num_samples, clicks = (double)figures->num_clicks;
    figures->log_loss = sums.loss / n;
    figures->calibration_error = sums.error / n;
    if (figures->num_clicks == 0) return;
    figures->calibration = sums.score / clicks;
    if (figures->num_clicks < figures->num_samples)
        figures->normalised_entropy = figures->log_loss / entropy(clicks / n);
}

void click_metrics(struct click_samples *samples, uint32_t k, struct click_figures *figures_out)
{
    assert(k >= 1 && k <= CLICK_K_MAX);
    struct click_figures figures = {.num_samples = samples->num,
                                    .auc = NAN,
                                    .log_loss = NAN,
                                    .normalised_entropy = NAN,
                                    .calibration = NAN,
                                    .calibration_error = NAN,
                                    .gauc = NAN,
                                    .hit_rate = NAN,
                                    .ndcg = NAN,
                                    .mrr = NAN,
                                    .k = k};
    click_samples_sort_by_score(samples);
    measure_all(samples, &figures);
    click_samples_sort_by_group(samples);
    click_rank_groups(samples, &figures);
    *figures_out = figures;
}
