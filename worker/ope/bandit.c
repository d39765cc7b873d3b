/* bandit.c - see bandit.h. */
#include "worker/ope/bandit.h"

#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/ope/bandit_figures.h"
#include "worker/ope/propensity.h"

struct evaluation {
    const struct ope_options *options;
    struct bandit_log log;
    struct choice_values policy;
    struct choices choices;
    double *estimated; // (n) propensities when the log has none
    struct ope_result *result;
};

static souk_status read_policy(struct evaluation *e)
{
    const char *path = e->options->policy;
    if (!path)
        return log_fail(SOUK_EUSAGE, "ope: which policy? Give --policy FILE with the "
                                     "probabilities of all actions");
    souk_status status = choice_values_read(path, "policy", &e->log, &e->policy);
    if (status == SOUK_OK) status = choice_values_check_policy(&e->policy);
    if (status != SOUK_OK) return status;
    if (e->policy.is_by_action)
        ope_add_note(e->result, "%s has a row an action: the policy is the same in every round",
                     e->policy.table->name);
    else
        ope_add_note(e->result, "%s has a row a round", e->policy.table->name);
    ope_note_rounding(e->result, e->policy.table->name, e->policy.table->sum_error);
    return SOUK_OK;
}

static souk_status weigh(struct evaluation *e)
{
    const struct bandit_log *log = &e->log;
    const double *propensities = log->propensities;
    if (!propensities) {
        e->estimated = mem_alloc(log->num_rounds * sizeof(double), "propensities");
        souk_status status = propensity_estimate(log, e->options->propensities, e->estimated);
        if (status != SOUK_OK) return status;
        propensities = e->estimated;
        ope_add_note(e->result,
                     "propensities are estimated (%s), since %s has no column pscore: intervals do "
                     "not know how wrong they may be",
                     strcmp(e->options->propensities, "logistic") == 0
                         ? "a logistic regression on x"
                         : "how often each action occurs",
                     log->table->name);
    }
    choices_init(&e->choices, log, propensities, &e->policy);
    ope_set_weights(e->result, e->choices.weights, log->num_rounds);
    e->result->coverage = e->choices.coverage;
    return SOUK_OK;
}

static struct reward_options reward_options_of(const struct evaluation *e)
{
    const struct ope_options *options = e->options;
    uint64_t num_rounds = e->log.num_rounds;
    return (struct reward_options){
        .kind = options->rewards,
        .context = options->context,
        .smoothing = options->smoothing,
        .penalty = options->penalty,
        .num_actions = e->policy.num_actions,
        .num_folds = options->num_folds > num_rounds ? (uint32_t)num_rounds : options->num_folds,
        .seed = options->interval.seed};
}

static souk_status set_rewards(struct evaluation *e, const double *weights)
{
    const struct reward_options options = reward_options_of(e);
    struct reward_model *model;
    souk_status status = reward_model_create(&e->log, &options, weights, &model);
    if (status != SOUK_OK) return status;
    choices_set_rewards(&e->choices, &e->log, &e->policy, model);
    reward_model_destroy(model);
    return SOUK_OK;
}

// dm and dr by models that are fitted with weights: w, and those of MRDR, w (1 - p) / p.
static souk_status add_weighted_fits(struct evaluation *e)
{
    const struct choices *c = &e->choices;
    if (!reward_kind_is_fitted(e->options->rewards) || !c->has_support) return SOUK_OK;
    souk_status status = set_rewards(e, c->weights);
    if (status != SOUK_OK) return status;
    bandit_figures_add_fit(e->options, c, false, "dm_with_iw_fit", NULL, e->result);
    bandit_figures_add_fit(e->options, c, true, "dr_with_iw_fit", NULL, e->result);

    double *weights = mem_alloc(c->num * sizeof(*weights), "weights");
    for (uint64_t i = 0; i < c->num; i++)
        weights[i] = c->weights[i] * (1 - c->propensities[i]) / c->propensities[i];
    status = set_rewards(e, weights);
    mem_free(weights);
    if (status != SOUK_OK) return status;
    bandit_figures_add_fit(e->options, c, false, "dm_with_mrdr_fit", NULL, e->result);
    bandit_figures_add_fit(e->options, c, true, "mrdr", "dr_with_mrdr_fit", e->result);
    return SOUK_OK;
}

static void add_remarks(struct evaluation *e)
{
    const struct ope_options *options = e->options;
    struct ope_result *result = e->result;
    if (reward_kind_is_fitted(options->rewards))
        ope_add_note(result, "expected rewards: %s, fitted to this log%s",
                     strcmp(options->rewards, "logistic") == 0
                         ? "a logistic regression a position"
                         : "smoothed means by action and position",
                     options->num_folds > 1 ? ", for each round without the fold it is in" : "");
    else
        ope_add_note(result, "expected rewards: %s", options->rewards);
    if (options->context && strcmp(options->rewards, "logistic") != 0)
        ope_add_note(result, "--context is for --rewards logistic and was not read");
    if (options->num_folds > 1 && !reward_kind_is_fitted(options->rewards))
        ope_add_note(result, "--folds is for rewards that are fitted, and was not used");
    if (!e->choices.has_support)
        ope_add_note(result, "the policy has no support in the log: dm alone is left, which takes "
                             "the model's word for actions that it has not seen");
    else if (result->coverage < 1 - 1e-9)
        ope_add_note(result,
                     "%.2f %% of the policy's probability is on actions that the log never has at "
                     "that position: nothing is known of their rewards",
                     100 * (1 - result->coverage));
}

static souk_status evaluate(struct evaluation *e, const struct number_table *table)
{
    souk_status status = bandit_log_take(table, &e->log);
    if (status == SOUK_OK) status = read_policy(e);
    if (status == SOUK_OK) status = weigh(e);
    if (status == SOUK_OK) status = set_rewards(e, NULL);
    if (status != SOUK_OK) return status;
    const struct rounds logged = {e->log.num_rounds, e->log.rewards, NULL, 1};
    estimate_rounds("logged", &logged, &e->options->interval, &e->result->logged);
    e->result->num_rounds = e->log.num_rounds;
    e->result->num_actions = e->policy.num_actions;
    bandit_figures_add(e->options, &e->choices, e->result);
    status = add_weighted_fits(e);
    if (status == SOUK_OK) add_remarks(e);
    return status;
}

static souk_status run(const struct ope_options *options, const struct number_table *log,
                       struct ope_result *result_out)
{
    struct evaluation e = {.options = options, .result = result_out};
    souk_status status = evaluate(&e, log);
    choices_fini(&e.choices);
    choice_values_fini(&e.policy);
    bandit_log_fini(&e.log);
    mem_free(e.estimated);
    return status;
}

const struct ope_kind ope_kind_bandit = {
    .name = "choices", .columns = {"action", "reward"}, .run = run};
