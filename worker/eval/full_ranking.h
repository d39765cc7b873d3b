/* full_ranking.h - hit rate, NDCG and MRR against all items: each click of the data is ranked among
 * all that its user has not seen.
 *
 * Candidates of a row with label 1 are the clicked item and every item that the model remembers,
 * less those that training saw the user choose and those in the row's own history. The row's user,
 * history and context stand around each of them. Equal scores are no order: figures are means over
 * all their orders.
 *
 * It costs as many scores as there are clicks times items, so users may be drawn at random, by a
 * hash of run.seed and the user: the same ones whatever the number of ranks. The files are read
 * twice.
 *
 * Threads: that of the scorer.
 */
#ifndef SOUK_WORKER_EVAL_FULL_RANKING_H
#define SOUK_WORKER_EVAL_FULL_RANKING_H

#include <signal.h>

#include "common/text/config.h"
#include "worker/comm/comm.h"
#include "worker/data/profiles.h"
#include "worker/model/click_scorer.h"

struct full_ranking_options {
    const struct config *config;       // run.seed, run.progress_s, eval.max_users, layout of files
    const struct config_list *files;   // of samples with labels
    const struct sample_format *model; // which must know user and item
    struct click_scorer *scorer;
    struct comm *comm;        // each rank has its share of the rows
    const char *const *paths; // (num_paths) of what the model remembers
    uint32_t num_paths;
    uint32_t k;                               // of hr@k and ndcg@k
    const volatile sig_atomic_t *stop_signal; // NULL: none
};

/* The same on all ranks. */
struct full_ranking {
    uint32_t k;
    uint64_t num_items;         // that the model remembers
    uint64_t num_users;         // drawn
    uint64_t num_users_all;     // with clicks in the data
    uint64_t num_clicks;        // that were ranked
    uint64_t num_unknown;       // of these: the item is none that training saw
    double mean_candidates;     // of a click, the clicked item included
    double hit_rate, ndcg, mrr; // means over clicks; NAN without any
};

/* Collective. Rank 0 says what it will cost, and how far it is. SOUK_ESTOPPED, SOUK_EDATA,
 * SOUK_ECONFIG (standard input cannot be read twice): logged. */
SOUK_MUST_CHECK souk_status full_ranking_run(const struct full_ranking_options *options,
                                             struct full_ranking *ranking_out);

#endif
