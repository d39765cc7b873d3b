/* click_explain.h - why a click model gives a sample its score: what each behaviour of the history
 * weighs in the attention, and what the logit is without it.
 *
 * A weight says what the model looks at, a change what that is good for. They need not agree: a
 * behaviour with a large weight may say nothing that the others do not say too.
 *
 * Threads: that of the scorer.
 */
#ifndef SOUK_WORKER_EVAL_CLICK_EXPLAIN_H
#define SOUK_WORKER_EVAL_CLICK_EXPLAIN_H

#include "worker/eval/rank_correlation.h"
#include "worker/model/click_scorer.h"

struct click_explanation {
    double logit, probability; // with the whole history
    uint8_t is_cold;           // as click_scores.is_cold
    uint32_t num_behaviours;   // L
    float *weights;            // (L) of the attention, oldest first; NULL: the model has none
    float *changes;            // (L) logit without behaviour j less that with all of them
    /* Of weights with changes, and with their sizes; both undefined without weights. */
    struct rank_correlation with_changes, with_sizes;
};

/* Explains sample b. It is scored together with its variants, one a behaviour; longer histories
 * than 2,000 take several runs of the scorer. click_explanation_fini always. */
SOUK_MUST_CHECK souk_status click_explain(struct click_scorer *scorer,
                                          const struct sample_batch *samples, uint32_t b,
                                          struct click_explanation *explanation_out);
void click_explanation_fini(struct click_explanation *explanation); // a zeroed one is fine

#endif
