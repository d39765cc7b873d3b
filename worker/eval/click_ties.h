/* click_ties.h - runs of equal scores, which all figures of clicks go by. Private to worker/eval.
 * Threads: pure functions. */
#ifndef SOUK_WORKER_EVAL_CLICK_TIES_H
#define SOUK_WORKER_EVAL_CLICK_TIES_H

#include "worker/eval/click_metrics.h"

struct ties {
    float score;
    uint64_t num, num_clicks;
};

/* Those that begin at *at; *at moves behind them. Needs *at < n. */
static inline struct ties ties_next(const struct click_sample *items, size_t n, size_t *at)
{
    size_t i = *at;
    struct ties ties = {.score = items[i].score};
    for (; i < n && items[i].score == ties.score; i++) ties.num_clicks += items[i].label;
    ties.num = i - *at;
    *at = i;
    return ties;
}

/* The same from the highest score down: those that end before *at. Needs *at > 0. */
static inline struct ties ties_before(const struct click_sample *items, size_t *at)
{
    size_t i = *at;
    struct ties ties = {.score = items[i - 1].score};
    for (; i > 0 && items[i - 1].score == ties.score; i--) ties.num_clicks += items[i - 1].label;
    ties.num = *at - i;
    *at = i;
    return ties;
}

/* Of samples by ascending score; NAN when all are of one class. */
double click_auc(const struct click_sample *items, size_t n);

/* Fills what goes by groups, from samples by group and score. */
void click_rank_groups(const struct click_samples *samples, struct click_figures *figures);

#endif
