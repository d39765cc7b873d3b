/* episodes.c - see episodes.h. */
#include "worker/ope/episodes.h"

#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/ope/distribution.h"
#include "worker/ope/episode_estimates.h"

enum { CONTRIBUTIONS_MAX = 1 << 27 }; // numbers of an estimator: 1 GiB, twice for ratios

struct evaluation {
    const struct ope_options *options;
    struct number_table *policy; // (S, A), or (num_steps, A) where states are features
    struct episode_log log;
    struct episode_terms terms;
    struct ope_slates slates; // of an agent; its log and policy are those above
    bool has_slates;
    bool is_by_row;        // a row of the policy is a row of the log
    const char *no_values; // why DM, DR and SNDR are undefined; NULL: they are not
    double *logged;        // (num_episodes) return of each
    uint32_t num_folds;    // of fitted Q evaluation by a network
    double last_change;    // see struct ope_evaluated
    const char *by;        // the estimator that decides
    struct ope_result *result;
};

static souk_status check_row(struct number_table *table, uint64_t state)
{
    double sum, *row = table->values + state * table->num_columns;
    for (uint32_t a = 0; a < table->num_columns; a++) {
        double p = number_table_at(table, state, a);
        if (!(p >= 0 && p <= 1))
            return number_table_fail(table, state, "%g is not a probability", p);
    }
    if (distribution_settle(row, table->num_columns, 1, &table->sum_error, &sum)) return SOUK_OK;
    return number_table_fail(table, state,
                             "the probabilities sum to %.9g, not to 1 within %g; a row is a state "
                             "(or a row of the log) and has the probabilities of all actions",
                             sum, DISTRIBUTION_TOLERANCE);
}

souk_status episode_policy_read(const char *path, struct number_table **table_out)
{
    struct number_table *table;
    souk_status status = number_table_read(path, "policy", &table);
    if (status) return status;
    for (uint32_t c = 0; !status && c < table->num_columns; c++)
        status = number_table_check_column(table, c, "it has to be a probability");
    if (!status && table->num_rows > INT32_MAX)
        status = log_fail(SOUK_EDATA, "%s has too many states", table->name);
    if (!status) status = number_table_check_actions(table);
    for (uint64_t s = 0; !status && s < table->num_rows; s++) status = check_row(table, s);
    if (status)
        number_table_destroy(table);
    else
        *table_out = table;
    return status;
}

static souk_status check_rewards(const struct ope_options *options)
{
    if (strcmp(options->rewards, "smoothed") == 0) return SOUK_OK;
    return log_fail(SOUK_EUSAGE, "ope: --rewards is for logs of choices and slates; with episodes "
                                 "values are fitted to the log");
}

static souk_status read_slates(struct evaluation *e, const struct number_table *table)
{
    const struct ope_options *options = e->options;
    if (!options->policy || !options->networks)
        return log_fail(SOUK_EUSAGE, "ope: which policy? Give --policy DIR, a folder of `souk "
                                     "learn-policy`, whose agent is asked what it would show");
    souk_status status = check_rewards(options);
    if (status) return status;
    status =
        options->networks->compute_slates(options->policy, table, options->epsilon, &e->slates);
    if (status) return status;
    e->log = e->slates.log;
    e->policy = e->slates.policy;
    e->has_slates = e->is_by_row = true;
    return SOUK_OK;
}

static souk_status read_all(struct evaluation *e, const struct number_table *table)
{
    const struct ope_options *options = e->options;
    if (!options->policy)
        return log_fail(SOUK_EUSAGE, "ope: which policy? Give --policy FILE with a row a state and "
                                     "a column an action");
    souk_status checked = check_rewards(options);
    if (checked) return checked;
    bool is_network = options->networks && options->networks->is_policy(options->policy);
    souk_status status = is_network
                             ? options->networks->compute_policy(options->policy, table, &e->policy)
                             : episode_policy_read(options->policy, &e->policy);
    if (status) return status;
    const struct number_table *policy = e->policy;
    bool by_row = number_table_find(table, "state") < 0 || policy->num_rows == table->num_rows;
    const struct episode_log_options log_options = {by_row ? 0 : (uint32_t)policy->num_rows,
                                                    policy->num_columns};
    status = episode_log_make(table, &log_options, &e->log);
    e->is_by_row = by_row && policy->num_rows == e->log.num_steps;
    bool is_same_everywhere = policy->num_rows == 1 && e->log.num_features == 0;
    if (status || !by_row || e->is_by_row || is_same_everywhere) return status;
    return log_fail(SOUK_EDATA,
                    "%s has %llu rows where one a row of %s is needed, which has no column state",
                    policy->name, (unsigned long long)policy->num_rows, table->name);
}

static void add_fqe_remark(struct evaluation *e)
{
    const struct ope_options *options = e->options;
    ope_add_note(
        e->result,
        "DM, DR and SNDR use fitted Q evaluation by a network (seed %llu, %llu updates%s); "
        "its last round changed the value by %.2g: more --fqe-updates if that is much",
        (unsigned long long)options->interval.seed, (unsigned long long)options->fqe_updates,
        e->num_folds > 1 ? ", one for each of the folds" : "", e->last_change);
}

static void add_slate_remarks(struct evaluation *e)
{
    const struct ope_slates *slates = &e->slates;
    ope_add_note(e->result,
                 "an action is a slate of %u out of %u candidates; %s shows the one that it likes "
                 "best, and with probability %g any (--epsilon)",
                 slates->slate_size, slates->num_candidates, e->policy->name, slates->epsilon);
    if (slates->has_fitted_scores)
        ope_add_note(e->result, "the log has no scores of candidates: the agent has seen those of "
                                "a choice model that was fitted to the log");
    if (slates->num_cut > 0)
        ope_add_note(e->result,
                     "the log ends before %llu of the users left: values are of the steps that it "
                     "has",
                     (unsigned long long)slates->num_cut);
}

static void add_remarks(struct evaluation *e)
{
    struct ope_result *result = e->result;
    const struct episode_log *log = &e->log;
    if (!log->has_propensities)
        ope_add_note(result, "propensities are estimated by how often an action was taken in its "
                             "state, since the log has no column pscore: intervals do not know how "
                             "wrong they may be");
    if (log->is_cut_by_clock)
        ope_add_note(result, "every episode ends with step %u, so it was the clock that ended them",
                     log->max_length - 1);
    if (e->has_slates) add_slate_remarks(e);
    if (e->is_by_row && !e->has_slates)
        ope_add_note(result, "%s has a row a row of the log", e->policy->name);
    if (e->is_by_row && !e->no_values) add_fqe_remark(e);
    ope_note_rounding(result, e->policy->name, e->policy->sum_error);
    if (result->coverage < 1 - 1e-9)
        ope_add_note(result,
                     "%.2f %% of the policy's probability is on actions that the log never has in "
                     "that state: DM, DR and SNDR take them to be worth the mean of others",
                     100 * (1 - result->coverage));
    if (result->max_weight == 0)
        ope_add_note(result, "the policy has no support in the log: it would have followed none of "
                             "the episodes to the end");
}

static void decide(struct evaluation *e, const struct rounds *rounds, const char *why)
{
    const struct evidence evidence = {.by = e->by,
                                      .rounds = rounds,
                                      .undefined = why,
                                      .logged = e->logged,
                                      .ess = e->result->ess,
                                      .coverage = e->result->coverage,
                                      .weight_error = e->result->weight_error};
    verdict_reach(&evidence, &e->options->interval, &e->options->verdict, &e->result->verdict);
}

/* NULL: it is not. */
static const char *why_undefined(const struct evaluation *e, enum episode_estimator estimator)
{
    uint64_t num_slots = episode_num_slots(&e->terms, estimator);
    if (e->no_values && episode_needs_values(estimator)) return e->no_values;
    if (e->log.num_episodes * num_slots > CONTRIBUTIONS_MAX)
        return "episodes times steps of the longest are more than can be kept (2^27); cut long "
               "episodes, or take PDIS or DR";
    return NULL;
}

static void add_figure(struct evaluation *e, enum episode_estimator estimator)
{
    const char *name = episode_estimator_name(estimator), *why = why_undefined(e, estimator);
    bool decides = strcmp(name, e->by) == 0;
    if (why) {
        ope_add_undefined(e->result, name, why);
        if (decides) decide(e, NULL, why);
        return;
    }
    uint32_t num_slots = episode_num_slots(&e->terms, estimator);
    uint64_t num = e->log.num_episodes * num_slots;
    double *numerators = mem_calloc(num, sizeof(*numerators), "contributions");
    double *denominators = episode_is_ratio(estimator)
                               ? mem_calloc(num, sizeof(*denominators), "contributions")
                               : NULL;
    episode_contribute(&e->terms, estimator, numerators, denominators);
    const struct rounds rounds = {e->log.num_episodes, numerators, denominators, num_slots};
    ope_add_rounds(e->result, name, &rounds, &e->options->interval);
    if (decides) decide(e, &rounds, NULL);
    mem_free(numerators);
    mem_free(denominators);
}

// Values where states are not numbered: by a network.
static souk_status fit_values(struct evaluation *e)
{
    const struct ope_options *options = e->options;
    struct ope_evaluated fitted = {.q = e->terms.q, .values = e->terms.values};
    e->num_folds = options->num_folds < e->log.num_episodes ? options->num_folds
                                                            : (uint32_t)e->log.num_episodes;
    const struct ope_evaluation what = {.log = &e->log,
                                        .policy = e->policy->values,
                                        .discount = options->discount,
                                        .num_folds = e->num_folds,
                                        .num_updates = options->fqe_updates,
                                        .seed = options->interval.seed,
                                        .stop_signal = options->stop_signal};
    e->no_values = e->has_slates ? "actions are slates, and no values of slates are fitted"
                                 : "the log's states are not numbered, so nothing is fitted to it";
    if (e->has_slates) return SOUK_OK;
    if (!options->networks || options->fqe_updates == 0) return SOUK_OK;
    souk_status status = options->networks->evaluate(&what, &fitted);
    if (status == SOUK_EDIVERGED) fitted.undefined = "fitted Q evaluation by a network diverged";
    e->no_values = fitted.undefined;
    e->last_change = fitted.last_change;
    return status == SOUK_EDIVERGED ? SOUK_OK : status;
}

static souk_status make_terms(struct evaluation *e)
{
    if (!e->is_by_row) {
        episode_terms_init(&e->terms, &e->log, e->policy->values, e->options->discount);
        return SOUK_OK;
    }
    episode_terms_init_by_row(&e->terms, &e->log, e->policy->values, e->options->discount);
    return fit_values(e);
}

static void evaluate(struct evaluation *e)
{
    const struct episode_log *log = &e->log;
    struct ope_result *result = e->result;
    double *weights = mem_calloc(log->num_episodes, sizeof(*weights), "weights");
    e->logged = mem_calloc(log->num_episodes, sizeof(*e->logged), "returns");
    episode_returns(&e->terms, e->logged);
    episode_weights(&e->terms, weights);
    e->by = e->options->verdict.by
                ? e->options->verdict.by
                : episode_estimator_name(e->no_values ? EPISODE_SNPDIS : EPISODE_DR);
    result->num_rounds = log->num_episodes;
    result->num_actions = e->has_slates ? e->slates.num_candidates : log->num_actions;
    if (!e->is_by_row) result->coverage = episode_coverage(log, e->policy->values);
    ope_set_weights(result, weights, log->num_episodes);
    const struct rounds logged = {log->num_episodes, e->logged, NULL, 1};
    estimate_rounds("logged", &logged, &e->options->interval, &result->logged);
    for (int k = 0; k < NUM_EPISODE_ESTIMATORS; k++) add_figure(e, k);
    add_remarks(e);
    mem_free(weights);
}

/* status: of reading. */
static souk_status finish(struct evaluation *e, souk_status status)
{
    if (!status) status = make_terms(e);
    if (!status) evaluate(e);
    mem_free(e->logged);
    episode_terms_fini(&e->terms);
    episode_log_fini(&e->log);
    number_table_destroy(e->policy);
    return status;
}

static souk_status run(const struct ope_options *options, const struct number_table *log,
                       struct ope_result *result_out)
{
    struct evaluation e = {.options = options, .result = result_out};
    return finish(&e, read_all(&e, log));
}

static souk_status run_slates(const struct ope_options *options, const struct number_table *log,
                              struct ope_result *result_out)
{
    struct evaluation e = {.options = options, .result = result_out};
    return finish(&e, read_slates(&e, log));
}

const struct ope_kind ope_kind_episodes = {
    .name = "episodes",
    .columns = {"episode|user|session|trajectory", "t|step", "action", "reward"},
    .run = run};

const struct ope_kind ope_kind_slate_episodes = {
    .name = "episodes of slates",
    .columns = {"user|episode|session", "step|t", "action0", "choice", "reward"},
    .run = run_slates};
