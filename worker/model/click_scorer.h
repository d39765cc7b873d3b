/* click_scorer.h - scores samples that come from no file: what `predict`, `recommend`, `explain`
 * and simulated users ask a click model.
 *
 * Threads: one owner, that of the client.
 */
#ifndef SOUK_WORKER_MODEL_CLICK_SCORER_H
#define SOUK_WORKER_MODEL_CLICK_SCORER_H

#include "souk/client.h"
#include "worker/data/sample.h"
#include "worker/model/model.h"

struct click_scorer;

/* model: of type din, base or ncf; tables: the client's numbers of its tables. All borrowed. */
struct click_scorer *click_scorer_create(struct model *model, struct souk_client *client,
                                         const uint32_t *tables);
void click_scorer_destroy(struct click_scorer *scorer); // NULL is fine

// What of a sample was never trained on, in is_cold: its user, its item, an id of another field, of
// a history.
enum { CLICK_COLD_USER = 1, CLICK_COLD_ITEM = 2, CLICK_COLD_FIELD = 4, CLICK_COLD_BEHAVIOUR = 8 };

struct click_scores {
    const float *logits;    // (B) finite
    const float *weights;   // (T) of attention, by history row; NULL: the model has none
    const uint8_t *is_cold; // (B) 0: all was trained on; else CLICK_COLD_*. A user that is no
                            // feature of the model is never cold
};
/* Scores all samples, any number, in pieces of the configured batch. Labels are not looked at.
 * Borrowed until the next call. SOUK_EDIVERGED: a score is not finite; logged. */
SOUK_MUST_CHECK souk_status click_scorer_run(struct click_scorer *scorer,
                                             const struct sample_batch *samples,
                                             struct click_scores *scores_out);

#endif
