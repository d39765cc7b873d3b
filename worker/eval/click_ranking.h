/* click_ranking.h - what a click model gives each candidate for one user: the user's sample, with
 * the candidate's fields in the place of its own.
 *
 * Candidates are scored piece by piece, so memory does not grow with their number:
 *
 *     for (uint64_t at = 0; at < candidates->num_items; at += piece.num) click_ranking_score(...)
 *
 * Threads: that of the scorer.
 */
#ifndef SOUK_WORKER_EVAL_CLICK_RANKING_H
#define SOUK_WORKER_EVAL_CLICK_RANKING_H

#include "worker/data/catalogue.h"
#include "worker/model/click_scorer.h"

struct click_ranking;

/* All borrowed. format: that of the model. */
struct click_ranking *click_ranking_create(struct click_scorer *scorer,
                                           const struct sample_format *format,
                                           const struct catalogue *candidates);
void click_ranking_destroy(struct click_ranking *ranking); // NULL is fine

struct ranking_piece {
    uint32_t num;           // candidates, >= 1
    const float *logits;    // (num) finite
    const uint8_t *is_cold; // (num) as click_scores.is_cold
};
/* Scores candidates from `first` on, which there must be, for sample b of users. The piece is
 * borrowed until the next call. */
SOUK_MUST_CHECK souk_status click_ranking_score(struct click_ranking *ranking,
                                                const struct sample_batch *users, uint32_t b,
                                                uint64_t first, struct ranking_piece *piece_out);

#endif
