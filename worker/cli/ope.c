/* ope.c - souk ope: what a new policy would have earned, from a log, and whether it may go live. */
#include "worker/ope/ope.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/output.h"
#include "worker/cli/own_options.h"
#include "worker/cli/verb.h"
#include "worker/policy/ope_networks.h"
#include "worker/report/svg_forest.h"

struct fields {
    struct ope_options options;
    const char *interval; // NULL: bootstrap
    const char *svg;      // file; NULL: none
    const char *output;   // file; NULL: standard output
    bool is_json;
};

#define FIELD(name)  offsetof(struct fields, name)
#define OPTION(name) offsetof(struct fields, options.name)
static const struct own_option rows[] = {
    {"--log", OWN_TEXT, OPTION(log)},
    {"--policy", OWN_TEXT, OPTION(policy)},
    {"--rewards", OWN_TEXT, OPTION(rewards)},
    {"--context", OWN_TEXT, OPTION(context)},
    {"--propensities", OWN_TEXT, OPTION(propensities)},
    {"--clip", OWN_NUMBER, OPTION(clip)},
    {"--sub-gaussian", OWN_NUMBER, OPTION(subgaussian)},
    {"--smoothing", OWN_NUMBER, OPTION(smoothing)},
    {"--penalty", OWN_NUMBER, OPTION(penalty)},
    {"--discount", OWN_NUMBER, OPTION(discount)},
    {"--epsilon", OWN_NUMBER, OPTION(epsilon)},
    {"--folds", OWN_COUNT32, OPTION(num_folds)},
    {"--fqe-updates", OWN_COUNT, OPTION(fqe_updates)},
    {"--level", OWN_NUMBER, OPTION(interval.level)},
    {"--resamples", OWN_COUNT32, OPTION(interval.num_resamples)},
    {"--seed", OWN_COUNT, OPTION(interval.seed)},
    {"--interval", OWN_TEXT, FIELD(interval)},
    {"--verdict-by", OWN_TEXT, OPTION(verdict.by)},
    {"--min-ess", OWN_NUMBER, OPTION(verdict.min_ess)},
    {"--min-gain", OWN_NUMBER, OPTION(verdict.min_gain)},
    {"--min-coverage", OWN_NUMBER, OPTION(verdict.min_coverage)},
    {"--json", OWN_SWITCH, FIELD(is_json)},
    {"--svg", OWN_TEXT, FIELD(svg)},
    {"-o", OWN_TEXT, FIELD(output)},
};
static const struct own_options own = {"ope", rows, sizeof(rows) / sizeof(rows[0])};

static souk_status set_interval(struct fields *fields)
{
    unsigned kind = 0;
    if (!fields->interval) return SOUK_OK;
    while (interval_name(kind) && strcmp(interval_name(kind), fields->interval) != 0) kind++;
    if (!interval_name(kind))
        return log_fail(SOUK_EUSAGE,
                        "ope: --interval %s: there are bootstrap, student-t, bernstein, hoeffding",
                        fields->interval);
    fields->options.interval.kind = kind;
    return SOUK_OK;
}

static souk_status fail_range(const char *name, double value, const char *range)
{
    return log_fail(SOUK_EUSAGE, "ope: %s %g: must be %s", name, value, range);
}

static souk_status check(struct fields *fields)
{
    const struct ope_options *o = &fields->options;
    if (!o->log) return log_fail(SOUK_EUSAGE, "ope: which log? Give --log FILE");
    if (!(o->interval.level >= 0.5 && o->interval.level <= 0.999999))
        return fail_range("--level", o->interval.level, "0.5 to 0.999999");
    if (o->interval.num_resamples < 20 || o->interval.num_resamples > 10000)
        return fail_range("--resamples", o->interval.num_resamples, "20 to 10000");
    if (!isnan(o->clip) && !(o->clip > 0)) return fail_range("--clip", o->clip, "above 0");
    if (!isnan(o->subgaussian) && !(o->subgaussian >= 0 && o->subgaussian <= 1))
        return fail_range("--sub-gaussian", o->subgaussian, "0 to 1");
    if (!(o->smoothing >= 0)) return fail_range("--smoothing", o->smoothing, "0 or more");
    if (!(o->penalty > 0)) return fail_range("--penalty", o->penalty, "above 0");
    if (!(o->discount >= 0 && o->discount <= 1))
        return fail_range("--discount", o->discount, "0 to 1");
    if (!isnan(o->epsilon) && !(o->epsilon >= 0 && o->epsilon <= 1))
        return fail_range("--epsilon", o->epsilon, "0 to 1");
    if (o->num_folds < 1) return fail_range("--folds", o->num_folds, "1 or more");
    if (strcmp(o->propensities, "frequencies") != 0 && strcmp(o->propensities, "logistic") != 0)
        return log_fail(SOUK_EUSAGE, "ope: --propensities %s: there are frequencies and logistic",
                        o->propensities);
    return set_interval(fields);
}

/* ---- the picture ---- */

static struct svg_forest_row row_of(const struct estimate *estimate, const char *name)
{
    return (struct svg_forest_row){.name = name,
                                   .value = estimate->value,
                                   .lower = estimate->lower,
                                   .upper = estimate->upper,
                                   .undefined = estimate->undefined};
}

static souk_status draw(const struct fields *fields, const struct ope_result *result)
{
    struct buf picture = {0}, title = {0}, subtitle = {0};
    char digits[32];
    struct svg_forest_row *forest_rows =
        mem_calloc(result->num_figures + 1, sizeof(*forest_rows), "rows of a picture");
    for (uint32_t f = 0; f < result->num_figures; f++) {
        const struct estimate *estimate = &result->figures[f].estimate;
        forest_rows[f] = row_of(estimate, estimate->name);
        forest_rows[f].is_main = strcmp(estimate->name, result->verdict.by) == 0;
    }
    buf_printf(&title, "Value of the new policy: %s", verdict_name(result->verdict.kind));
    buf_printf(&subtitle, "%s %s, worth %.0f of the new policy; %g %% intervals (%s)",
               text_group_digits(result->num_rounds, digits), result->kind, result->ess,
               100 * fields->options.interval.level, interval_name(fields->options.interval.kind));
    const struct svg_forest forest = {.title = buf_text(&title),
                                      .subtitle = buf_text(&subtitle),
                                      .axis = "mean reward",
                                      .rows = forest_rows,
                                      .num_rows = result->num_figures,
                                      .reference = row_of(&result->logged, "logging policy")};
    svg_forest(&forest, &picture);
    souk_status status = output_text(fields->svg, &picture);
    mem_free(forest_rows);
    buf_fini(&picture);
    buf_fini(&title);
    buf_fini(&subtitle);
    return status;
}

/* ---- the verb ---- */

static souk_status print(const struct fields *fields, const struct ope_result *result)
{
    struct buf text = {0};
    souk_status status = fields->svg ? draw(fields, result) : SOUK_OK;
    if (status != SOUK_OK) return status;
    if (fields->is_json)
        ope_print_json(&fields->options, result, &text);
    else
        ope_print_text(&fields->options, result, &text);
    status = output_text(fields->output, &text);
    buf_fini(&text);
    return status;
}

static souk_status run(const struct program *program, int argc, char **argv)
{
    struct fields fields = {0};
    struct ope_result result;
    int num_words = 0;
    char **words = mem_calloc((size_t)argc, sizeof(*words), "words");
    ope_options_init(&fields.options);
    fields.options.networks = &ope_networks_q;
    fields.options.stop_signal = program->stop_signal;
    souk_status status = own_options_parse(&own, argc, argv, &fields, words, &num_words);
    if (status == SOUK_OK && num_words > 0)
        status = log_fail(SOUK_EUSAGE, "ope: \"%s\" belongs to no option; the log is --log FILE",
                          words[0]);
    mem_free(words);
    if (status == SOUK_OK) status = check(&fields);
    if (status == SOUK_OK) status = ope_run(&fields.options, &result);
    if (status != SOUK_OK) return status;
    status = print(&fields, &result);
    ope_result_fini(&result);
    return status;
}

const struct verb verb_ope = {
    .name = "ope",
    .summary = "judge a new policy from the log of another one",
    .help =
        "usage: souk ope --log LOG --policy FILE [options]\n"
        "\n"
        "Estimates what the new policy would have earned where another one decided and wrote the\n"
        "log, by several estimators with intervals, and says whether the new one may go live:\n"
        "promote, keep (the old one), or not enough data.\n"
        "\n"
        "  --log FILE        CSV with a header, .gz or not: action and reward; pscore (the\n"
        "                    probability of the logged action; estimated when there is no such\n"
        "                    column), position (from 0), and x0, x1, ... (what was known before)\n"
        "  --policy FILE     CSV of the new policy's probabilities: a row a round with a column "
        "an\n"
        "                    action, or, when it is the same in every round, a row an action with\n"
        "                    a column a position; or the folder that souk learn-policy --log has\n"
        "                    written. Actions stand in their order from 0; sums of rounded "
        "numbers\n"
        "                    may be off 1 by 0.01\n"
        "  --rewards WHAT    expected rewards for dm and dr: smoothed (means by action and\n"
        "                    position; if not given), logistic (regression on x and the action, a\n"
        "                    position each), or a file of one of the policy's two forms\n"
        "  --context FILE    features of actions, a row each, for logistic; else an indicator "
        "each\n"
        "  --folds K         fits rewards K times, and a round has those of a fit without it (1)\n"
        "  --smoothing S     smoothed: rounds of the mean of all that are added to each mean (10)\n"
        "  --penalty C       logistic: minimises C * sum of losses + |w|^2 / 2 (100)\n"
        "  --propensities P  of a log without pscore: frequencies (of each action; if not given),\n"
        "                    or logistic (regression on x)\n"
        "  --clip L          adds ipw_clipL, dr_clipL, switch-dr and dr-os with this L\n"
        "  --sub-gaussian L  adds sg-ipw and sg-dr, 0 to 1\n"
        "  --interval KIND   bootstrap (if not given), student-t, bernstein, hoeffding; the last\n"
        "                    two take the largest contribution that was seen as its bound\n"
        "  --level P         of the intervals, both sides together (0.95)\n"
        "  --resamples N     of the bootstrap (1000);  --seed N  of resamples and folds (1)\n"
        "  --verdict-by NAME estimator that decides (dr)\n"
        "  --min-ess N       effective rounds for a verdict (100)\n"
        "  --min-gain G      promote when the interval of the gain over the logging policy's mean\n"
        "                    lies above it (0)\n"
        "  --min-coverage P  of the new policy's probability, on what the log has (0.9);\n"
        "                    and the mean weight may be off 1 by 1 - P, beyond chance\n"
        "  --svg FILE        draws the estimates and their intervals\n"
        "  --json            one JSON object: estimators by name {value, stderr, lower, upper;\n"
        "                    undefined: why it is null; best_lambda; stderr_fixed: with the\n"
        "                    denominator taken as known}, kind, n, num_actions, ess, max_weight,\n"
        "                    mean_weight, coverage, interval, level, logged, gain, verdict,\n"
        "                    verdict_by, reason, notes\n"
        "  -o FILE           result to a file; else standard output\n"
        "\n"
        "A log of slates has slate_id, position, action, reward and, of slates (_joint), items at\n"
        "positions (_item_position) and items so far (_cascade), pscore_X and pi_e_X, what was "
        "and\n"
        "what the new policy's probability is; for cascade-dr also pie_next_a0, ...: the new\n"
        "policy's for each action there. It takes no --policy. --rewards FILE has a row a "
        "position\n"
        "and a column an action. Estimators: sips, iips, rips, their self-normalised forms "
        "snsips,\n"
        "sniips, snrips, and cascade-dr.\n"
        "\n"
        "A log of episodes has episode (or user), t (or step, from 0), state or x0, x1, ...,\n"
        "action, reward; pscore, next_state and done if known. --policy has a row a state and a\n"
        "column an action, or a row a row of the log; the folder of a network computes that for\n"
        "this log. Values for DM, DR and SNDR are fitted to states by a table, to rows by a\n"
        "network, whose rounds and last change are among the notes.\n"
        "  --discount G      of rewards a step later, 0 to 1 (1)\n"
        "  --fqe-updates N   of that network; 0: DM, DR and SNDR are undefined (20000). With\n"
        "                    --folds K it is fitted K times, and an episode has the values of a\n"
        "                    fit without it; --seed is also its own\n"
        "Estimators: DM (fitted Q evaluation), TIS, PDIS, DR, SNTIS, SNPDIS, SNDR.\n"
        "\n"
        "A log of episodes of slates is one of souk simulate --log, with pscore. --policy is the\n"
        "folder of an agent (slateq, dqn) that learnt with such users; num_actions are "
        "candidates.\n"
        "  --epsilon E       probability with which that agent shows any slate instead of the one\n"
        "                    that it likes best (as policy.epsilon_end of its folder says)\n"
        "Estimators: TIS, PDIS, SNTIS, SNPDIS.\n"
        "\n"
        "Of choices: replay, dm, ipw, snipw, dr, sndr; ipw_slope, dr_slope, switch-dr_slope and\n"
        "dr-os_slope, whose clipping is chosen by SLOPE; and with fitted rewards dm and dr of\n"
        "importance-weighted fits (_with_iw_fit) and of MRDR (mrdr = dr_with_mrdr_fit).\n",
    .run = run,
};
