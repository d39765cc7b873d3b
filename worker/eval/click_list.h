/* click_list.h - figures of clicks by name, each with the reason where it is undefined.
 * Threads: pure functions. */
#ifndef SOUK_WORKER_EVAL_CLICK_LIST_H
#define SOUK_WORKER_EVAL_CLICK_LIST_H

#include <stdbool.h>

#include "worker/eval/click_metrics.h"
#include "worker/model/model.h"

enum { CLICK_METRICS = 14 };

/* Values of k that have names for their figures: 1, 5, 10, 20, 50, 100. */
bool click_k_is_known(uint32_t k);
extern const char click_ks[]; // the same as text, for messages

/* auc, gauc, log_loss, normalised_entropy, calibration, calibration_error, hr@k, ndcg@k, mrr,
 * base_rate, and the counts clicks, groups, groups_one_class, groups_over_k. figures->k is known.
 */
void click_list(const struct click_figures *figures,
                struct model_metric metrics_out[CLICK_METRICS]);

#endif
