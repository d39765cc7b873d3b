/* evaluate_all.h - souk evaluate with eval.candidates=all: clicks ranked among all items.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_EVALUATE_ALL_H
#define SOUK_WORKER_CLI_EVALUATE_ALL_H

#include "common/text/json.h"
#include "worker/cli/loaded.h"
#include "worker/eval/full_ranking.h"

/* Collective. SOUK_EUSAGE and others: logged. */
SOUK_MUST_CHECK souk_status evaluate_all(struct loaded *loaded, uint32_t k,
                                         struct full_ranking *ranking_out);
void evaluate_all_text(const struct full_ranking *ranking, int width, struct buf *out);
void evaluate_all_json(const struct full_ranking *ranking, struct json *json); // an object

#endif
