/* slates.c - see slates.h. */
#include "worker/ope/slates.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/ope/slate_estimates.h"

struct evaluation {
    const struct ope_options *options;
    struct slate_log log;
    double *q;       // (L, K) expected rewards
    double *logged;  // (num_slates) reward of each
    double *weights; // (num_slates) of whole slates
    const char *by;  // the estimator that decides
    struct ope_result *result;
};

static souk_status read_rewards(struct evaluation *e)
{
    const struct slate_log *log = &e->log;
    const char *rewards = e->options->rewards;
    struct number_table *table = NULL;
    e->q = mem_calloc((size_t)log->length * log->num_actions, sizeof(*e->q), "expected rewards");
    if (strcmp(rewards, "smoothed") == 0) {
        slate_mean_rewards(log, e->q);
        ope_add_note(e->result,
                     "expected rewards: means of what came from a position on, by action");
        return SOUK_OK;
    }
    if (strcmp(rewards, "logistic") == 0)
        return log_fail(SOUK_EUSAGE, "ope: --rewards logistic is for logs of choices; leave it out "
                                     "or give a file with a row a position and a column an action");
    souk_status status = number_table_read(rewards, "expected rewards", &table);
    if (status) return status;
    if (table->num_rows != log->length || table->num_columns != log->num_actions)
        status =
            log_fail(SOUK_EDATA, "%s: %llu rows of %u, but the log has %u positions and %u actions",
                     table->name, (unsigned long long)table->num_rows, table->num_columns,
                     log->length, log->num_actions);
    for (uint32_t c = 0; !status && c < table->num_columns; c++)
        status = number_table_check_column(table, c, "expected rewards must be finite");
    if (!status)
        memcpy(e->q, table->values, (size_t)log->length * log->num_actions * sizeof(*e->q));
    if (!status) ope_add_note(e->result, "expected rewards: %s", rewards);
    number_table_destroy(table);
    return status;
}

/* Of a whole slate: of the joint probabilities, which are those of the cascade at its end; without
 * both the mean of its positions. */
static void weigh(struct evaluation *e)
{
    const struct slate_log *log = &e->log;
    uint32_t length = log->length;
    const double *whole =
        log->weights[SLATE_JOINT] ? log->weights[SLATE_JOINT] : log->weights[SLATE_CASCADE];
    e->logged = mem_calloc(log->num_slates, sizeof(*e->logged), "rewards");
    e->weights = mem_calloc(log->num_slates, sizeof(*e->weights), "weights");
    for (uint64_t i = 0; i < log->num_slates * length; i++) {
        e->logged[i / length] += log->rewards[i];
        if (whole && i % length == length - 1) e->weights[i / length] = whole[i];
        if (!whole) e->weights[i / length] += log->weights[SLATE_MARGINAL][i] / length;
    }
    ope_set_weights(e->result, e->weights, log->num_slates);
}

// Share of the new policy's probability on what stood at that position in any slate.
static double find_coverage(const struct slate_log *log)
{
    uint32_t num = log->num_actions;
    uint64_t num_places = log->num_slates * log->length;
    uint8_t *is_seen = mem_calloc((size_t)log->length * num, 1, "actions");
    double covered = 0;
    for (uint64_t i = 0; i < num_places; i++) is_seen[i % log->length * num + log->actions[i]] = 1;
    for (uint64_t i = 0; i < num_places * num; i++)
        if (is_seen[i / num % log->length * num + i % num]) covered += log->next[i];
    mem_free(is_seen);
    return covered / (double)num_places;
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
static const char *why_undefined(const struct slate_log *log, enum slate_estimator estimator)
{
    const char *missing = slate_estimator_lacks(log, estimator);
    if (missing || slate_has_support(log, estimator)) return missing;
    return "the policy has no support in the log: it would have shown nothing of what was logged";
}

static void add_figure(struct evaluation *e, enum slate_estimator estimator)
{
    const struct slate_log *log = &e->log;
    const char *name = slate_estimator_name(estimator), *why = why_undefined(log, estimator);
    bool decides = strcmp(name, e->by) == 0;
    if (why) {
        ope_add_undefined(e->result, name, why);
        if (decides) decide(e, NULL, why);
        return;
    }
    uint64_t num = log->num_slates * slate_num_slots(log, estimator);
    double *numerators = mem_calloc(num, sizeof(*numerators), "contributions");
    double *denominators = mem_calloc(num, sizeof(*denominators), "contributions");
    slate_contribute(log, estimator, e->q, numerators, denominators);
    const struct rounds rounds = {log->num_slates, numerators,
                                  slate_is_ratio(estimator) ? denominators : NULL,
                                  slate_num_slots(log, estimator)};
    ope_add_rounds(e->result, name, &rounds, &e->options->interval);
    if (decides) decide(e, &rounds, NULL);
    mem_free(numerators);
    mem_free(denominators);
}

// The one that leans on the log least and its model most, of those that it allows.
static const char *choose_decider(const struct slate_log *log)
{
    static const enum slate_estimator order[] = {SLATE_CASCADE_DR, SLATE_RIPS, SLATE_SIPS};
    for (int i = 0; i < 3; i++)
        if (!slate_estimator_lacks(log, order[i])) return slate_estimator_name(order[i]);
    return slate_estimator_name(SLATE_IIPS);
}

static souk_status evaluate(struct evaluation *e, const struct number_table *table)
{
    const struct slate_log *log = &e->log;
    if (e->options->policy)
        return log_fail(SOUK_EUSAGE,
                        "ope: %s is a log of slates, which has the new policy's "
                        "probabilities in its own columns; leave out --policy",
                        table->name);
    souk_status status = slate_log_make(table, &e->log);
    if (status) return status;
    if (!log->weights[SLATE_JOINT] && !log->weights[SLATE_MARGINAL] && !log->weights[SLATE_CASCADE])
        return log_fail(SOUK_EDATA,
                        "%s has no probabilities: pscore_joint and pi_e_joint, "
                        "pscore_item_position and pi_e_item_position, or "
                        "pscore_cascade and pi_e_cascade",
                        table->name);
    status = read_rewards(e);
    if (status) return status;
    e->by = e->options->verdict.by ? e->options->verdict.by : choose_decider(log);
    e->result->num_rounds = log->num_slates;
    e->result->num_actions = log->num_actions;
    if (log->next) e->result->coverage = find_coverage(log);
    ope_note_rounding(e->result, table->name, log->sum_error);
    weigh(e);
    const struct rounds logged = {log->num_slates, e->logged, NULL, 1};
    estimate_rounds("logged", &logged, &e->options->interval, &e->result->logged);
    for (int k = 0; k < NUM_SLATE_ESTIMATORS; k++) add_figure(e, k);
    return SOUK_OK;
}

static souk_status run(const struct ope_options *options, const struct number_table *log,
                       struct ope_result *result_out)
{
    struct evaluation e = {.options = options, .result = result_out};
    souk_status status = evaluate(&e, log);
    mem_free(e.q);
    mem_free(e.logged);
    mem_free(e.weights);
    slate_log_fini(&e.log);
    return status;
}

const struct ope_kind ope_kind_slates = {
    .name = "slates", .columns = {"slate_id", "position", "action", "reward"}, .run = run};
