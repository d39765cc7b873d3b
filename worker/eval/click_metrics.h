/* click_metrics.h - how good probabilities of clicks are: as an order, and as probabilities.
 *
 * A group is the candidates of one user. Groups of one class say nothing about an order: they are
 * left out of GAUC, hit rate, NDCG and MRR, and counted. Equal scores are no order either: they
 * count half in AUC and GAUC, and as the mean over all their orders in hit rate, NDCG and MRR, so
 * that a model that scores everything alike gets what chance gives.
 *
 * Figures depend on the multiset of samples only, to the last bit: sums go over sorted samples. So
 * the samples of all ranks, gathered in any order, give what one rank gives.
 *
 * 10^7 samples take about a second, and 16 bytes a sample beside the samples.
 *
 * Threads: pure functions over their arguments.
 */
#ifndef SOUK_WORKER_EVAL_CLICK_METRICS_H
#define SOUK_WORKER_EVAL_CLICK_METRICS_H

#include "worker/eval/click_samples.h"

enum { CLICK_BINS = 20, CLICK_K_MAX = 100, CLICK_K_DEFAULT = 10 };
#define CLICK_CLAMP 1e-7 // log loss takes scores as at least this, and at most 1 less this

/* Samples whose scores are neighbours. */
struct click_bin {
    uint64_t num_samples;
    double predicted; // mean score
    double observed;  // share of clicks
};

/* NAN: undefined. Plain bytes: may be sent as they are. */
struct click_figures {
    uint64_t num_samples, num_clicks;
    double auc;                // needs both classes
    double log_loss;           // natural logarithm, mean a sample
    double normalised_entropy; // log loss over that of the base rate; needs both classes
    double calibration;        // predicted clicks over observed ones; needs clicks
    double calibration_error;  // mean over samples of |predicted - observed| of their bin

    uint64_t num_groups, num_groups_one_class;
    uint64_t num_groups_over_k; // of both classes, with more than k candidates
    double gauc;                // mean AUC of groups of both classes, weighted by their samples
    double hit_rate;            // share of such groups with a click among the first k
    double ndcg;                // of the first k, gains 0 and 1; mean over such groups
    double mrr;                 // 1 / rank of the first click; mean over such groups

    uint32_t k;        // 0: these are no figures
    uint32_t num_bins; // of about equal size: equal scores stay together
    struct click_bin bins[CLICK_BINS];
};

/* Sorts the samples by group, then score. k: 1..CLICK_K_MAX. */
void click_metrics(struct click_samples *samples, uint32_t k, struct click_figures *figures_out);

#endif
