/* ope.h - off-policy evaluation: what a new policy would have earned, from the log of another one.
 *
 * A log is of one of several kinds (single choices, slates, episodes), told by its columns. Each
 * kind has its estimators; options, result, verdict and output are the same for all.
 *
 * Threads: none of its own.
 */
#ifndef SOUK_WORKER_OPE_OPE_H
#define SOUK_WORKER_OPE_OPE_H

#include <signal.h>

#include "worker/ope/episode_log.h"
#include "worker/ope/verdict.h"

/* Fitted Q evaluation where states are not numbered. */
struct ope_evaluation {
    const struct episode_log *log;
    const double *policy; // (num_steps, A) a row a row of the log's file
    double discount;
    uint32_t num_folds; // at most as many as episodes
    uint64_t num_updates, seed;
    volatile sig_atomic_t *stop_signal; // or NULL
};
struct ope_evaluated {
    double *q, *values;    // (num_steps) of what was done, and of the policy; of the caller
    double last_change;    // of the mean value of episodes, by the last round of iteration
    const char *undefined; // why nothing is fitted, static text; NULL: it is
};

/* What an agent would do where others have shown slates. */
struct ope_slates {
    struct episode_log log;      // a user an episode; the only action: to show the logged slate
    struct number_table *policy; // (num_steps, 1) how likely the agent is to do that
    uint32_t num_candidates, slate_size;
    uint64_t num_cut;       // users whose log ends before they left
    double epsilon;         // of the agent's exploration
    bool has_fitted_scores; // of candidates, since the log has none
};

/* What needs networks, which are not of this folder: worker/policy/ope_networks.h. */
struct ope_networks {
    bool (*is_policy)(const char *dir); // whether a folder has a policy that is a network
    /* Its probabilities, a row a row of the log. SOUK_EDATA: logged. */
    souk_status (*compute_policy)(const char *dir, const struct number_table *log,
                                  struct number_table **policy_out);
    /* Of the agent in a folder, which shows any slate with probability epsilon; NAN: as its
     * configuration says. On SOUK_OK the caller owns what is in *out. SOUK_EDATA: logged. */
    souk_status (*compute_slates)(const char *dir, const struct number_table *log, double epsilon,
                                  struct ope_slates *out);
    /* Adds to a zeroed last_change. SOUK_EDATA, SOUK_EDIVERGED, SOUK_ESTOPPED: logged. */
    souk_status (*evaluate)(const struct ope_evaluation *what, struct ope_evaluated *out);
};

struct ope_options {
    const char *log, *policy; // files; policy NULL: the log has the new policy's probabilities
    const char *rewards;      // "smoothed", "logistic", or a file
    const char *context;      // file with a row an action; NULL: one indicator an action
    const char *propensities; // "frequencies", "logistic": when the log has none
    double clip;              // NAN: not given
    double subgaussian;       // of sg-ipw and sg-dr, 0..1; NAN: not given
    double smoothing;         // pseudo-counts of smoothed means
    double penalty;           // C of logistic regressions: C sum of losses + |w|^2 / 2
    double discount;          // of episodes
    double epsilon;           // of an agent whose slates are judged; NAN: not given
    uint32_t num_folds;       // of cross-fitting; 1: rewards are fitted to all rounds
    const struct ope_networks *networks; // NULL: there are none
    uint64_t fqe_updates;                // of each network of fitted Q evaluation; 0: none is made
    volatile sig_atomic_t *stop_signal;  // or NULL
    struct interval_options interval;
    struct verdict_options verdict;
};

enum { OPE_FIGURES_MAX = 40, OPE_NOTES_MAX = 16 };

/* One estimator's line in the result. */
struct ope_figure {
    struct estimate estimate;
    /* Self-normalised ones: the standard error with the denominator taken as known, as other
     * programs give it; NAN: another estimator. */
    double std_error_fixed;
    double parameter;  // that it was tuned to (lambda); NAN: none
    const char *alias; // another name for programs, static text; NULL: none
};

struct ope_result {
    const char *kind;       // name of the kind
    uint64_t num_rounds;    // n: rows, slates, episodes
    uint64_t num_actions;   // in the policy's candidate set
    double ess;             // (sum w)^2 / sum w^2
    double max_weight;      // largest w
    double mean_weight;     // about 1 when the propensities are right
    double weight_error;    // how far mean_weight is from 1 where that is no chance; 0: it may be
    double coverage;        // share of the policy's probability on what the log has seen; NAN
    struct estimate logged; // mean reward of the log, "logged"
    struct ope_figure figures[OPE_FIGURES_MAX];
    uint32_t num_figures;
    struct verdict verdict;
    char *notes[OPE_NOTES_MAX]; // owned: what a reader has to know, a sentence each
    uint32_t num_notes;
};

struct ope_kind {
    const char *name;       // "choices"
    const char *columns[8]; // a log of this kind has them all, "a|b": one of both; ended by NULL
    /* Fills all of a zeroed result. SOUK_EDATA, SOUK_EUSAGE: logged. */
    souk_status (*run)(const struct ope_options *options, const struct number_table *log,
                       struct ope_result *result_out);
};
/* The first in the table of kinds (ope.c) whose columns the log has; NULL: none. */
const struct ope_kind *ope_find_kind(const struct number_table *log);

void ope_options_init(struct ope_options *options_out); // defaults; no files
/* Reads the log and runs its kind. On SOUK_OK the caller ends *result_out with ope_result_fini.
 * SOUK_EDATA, SOUK_EUSAGE, SOUK_EIO: logged. */
SOUK_MUST_CHECK souk_status ope_run(const struct ope_options *options,
                                    struct ope_result *result_out);
void ope_result_fini(struct ope_result *result);

/* For kinds. The figure is for more to be filled in. */
struct ope_figure *ope_add_rounds(struct ope_result *result, const char *name,
                                  const struct rounds *rounds,
                                  const struct interval_options *options);
struct ope_figure *ope_add_undefined(struct ope_result *result, const char *name,
                                     const char *why); // static text
void ope_add_note(struct ope_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Effective sample size, largest and mean weight of weights (n). */
void ope_set_weights(struct ope_result *result, const double *weights, uint64_t num);

/* Notes that distributions in a file were divided by their sums; error: largest of them, or 0. */
void ope_note_rounding(struct ope_result *result, const char *file, double error);

/* The result as JSON (one object, a line) and as text. */
void ope_print_json(const struct ope_options *options, const struct ope_result *result,
                    struct buf *out);
void ope_print_text(const struct ope_options *options, const struct ope_result *result,
                    struct buf *out);

#endif
