/* ope_cases.c - see ope_cases.h. Self-normalised estimators are compared by their standard error
 * with a fixed denominator, which is what other programs give; bounds that follow from it are not
 * ours. */
#include "tests/support/ope_cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

// Names in expected.json and here.
static const char *const names[][2] = {
    {"ipw", "ipw"},
    {"ipw_clip5", "ipw_clip5"},
    {"snipw", "snipw"},
    {"dm", "dm"},
    {"dr", "dr"},
    {"dr_clip5", "dr_clip5"},
    {"sndr", "sndr"},
    {"switch-dr_lam5", "switch-dr"},
    {"dr-os_lam5", "dr-os"},
    {"sg-ipw_lam0.1", "sg-ipw"},
    {"sg-dr_lam0.1", "sg-dr"},
    {"ipw_slope", "ipw_slope"},
    {"dr_slope", "dr_slope"},
    {"switch-dr_slope", "switch-dr_slope"},
    {"dr-os_slope", "dr-os_slope"},
    {"dm_with_iw_fit", "dm_with_iw_fit"},
    {"dr_with_iw_fit", "dr_with_iw_fit"},
    {"dm_with_mrdr_fit", "dm_with_mrdr_fit"},
    {"dr_with_mrdr_fit", "mrdr"},
};
enum { NUM_NAMES = sizeof(names) / sizeof(names[0]) };

void *ope_expected_open(const char *dir)
{
    char path[600];
    char *text;
    size_t length;
    void *value = NULL;
    snprintf(path, sizeof(path), "%s/expected.json", dir);
    assert_int_equal(file_read(path, 1 << 20, &text, &length), SOUK_OK);
    assert_int_equal(json_value_parse(text, length, path, &value), SOUK_OK);
    mem_free(text);
    return value;
}

void ope_compare_number(double value, double expected, const char *what,
                        struct ope_comparison *comparison)
{
    double off = fabs(value - expected) / fmax(fabs(expected), 1e-300);
    if (isnan(value) || isnan(expected)) off = isnan(value) && isnan(expected) ? 0 : 1;
    comparison->num_compared++;
    if (off <= comparison->worst) return;
    comparison->worst = off;
    snprintf(comparison->worst_name, sizeof(comparison->worst_name), "%s: %.17g, not %.17g", what,
             value, expected);
}

static const struct ope_figure *find_figure(const struct ope_result *result, const char *name)
{
    for (uint32_t f = 0; f < result->num_figures; f++)
        if (strcmp(result->figures[f].estimate.name, name) == 0) return &result->figures[f];
    fail_msg("there is no estimator %s", name);
    return NULL;
}

static double lambda_of(const void *figure)
{
    const char *text = json_value_text(figure, "best_lambda", "");
    return strcmp(text, "inf") == 0 ? INFINITY : json_value_number(figure, "best_lambda", NAN);
}

static void compare_figure(const struct ope_figure *figure, const void *expected, const char *bound,
                           const char *what, struct ope_comparison *comparison)
{
    char label[120];
    bool is_ratio = !isnan(figure->std_error_fixed);
    double error = is_ratio ? figure->std_error_fixed : figure->estimate.std_error;
    snprintf(label, sizeof(label), "%s %s", what, figure->estimate.name);
    ope_compare_number(figure->estimate.value, json_value_number(expected, "value", NAN), label,
                       comparison);
    if (json_value_get(expected, "stderr"))
        ope_compare_number(error, json_value_number(expected, "stderr", NAN), label, comparison);
    if (json_value_get(expected, bound) && !is_ratio)
        ope_compare_number(figure->estimate.lower, json_value_number(expected, bound, NAN), label,
                           comparison);
    if (json_value_get(expected, "best_lambda") && figure->parameter != lambda_of(expected))
        ope_compare_number(NAN, lambda_of(expected), label, comparison);
}

void ope_compare_block(const struct ope_options *options, const void *block, const char *what,
                       struct ope_comparison *comparison)
{
    static const char *const bounds[] = {[INTERVAL_STUDENT_T] = "student_t_lb_0.05",
                                         [INTERVAL_BERNSTEIN] = "bernstein_lb_0.05",
                                         [INTERVAL_HOEFFDING] = "hoeffding_lb_0.05"};
    struct ope_options with = *options;
    with.clip = 5;
    with.subgaussian = 0.1;
    with.interval.level = 0.9;
    assert_non_null(block);
    for (unsigned kind = INTERVAL_STUDENT_T; interval_name(kind); kind++) {
        struct ope_result result;
        with.interval.kind = kind;
        assert_int_equal(ope_run(&with, &result), SOUK_OK);
        for (unsigned n = 0; n < NUM_NAMES; n++) {
            const void *expected = json_value_get(block, names[n][0]);
            if (!expected) continue;
            const struct ope_figure *figure = find_figure(&result, names[n][1]);
            double bare = json_value_number(block, names[n][0], NAN);
            if (isnan(bare))
                compare_figure(figure, expected, bounds[kind], what, comparison);
            else
                ope_compare_number(figure->estimate.value, bare, names[n][0], comparison);
        }
        ope_result_fini(&result);
    }
}

/* ---- folders ---- */

struct folder {
    char dir[400];
    char log[500], bare[500], policy[500], rewards[500], context[500];
    void *expected;
    struct ope_options options;
};

static void open_folder(struct folder *folder, const char *dir, const char *rewards)
{
    snprintf(folder->dir, sizeof(folder->dir), "%s", dir);
    snprintf(folder->log, sizeof(folder->log), "%s/log.csv", dir);
    snprintf(folder->bare, sizeof(folder->bare), "%s/log_bare.csv", dir);
    snprintf(folder->policy, sizeof(folder->policy), "%s/action_dist.csv", dir);
    snprintf(folder->rewards, sizeof(folder->rewards), "%s/%s", dir, rewards);
    snprintf(folder->context, sizeof(folder->context), "%s/action_context.csv", dir);
    folder->expected = ope_expected_open(dir);
    ope_options_init(&folder->options);
    folder->options.log = folder->log;
    folder->options.policy = folder->policy;
    folder->options.rewards = folder->rewards;
}

static void compare(const struct folder *folder, const struct ope_options *options,
                    const char *block, struct ope_comparison *comparison)
{
    ope_compare_block(options, json_value_get(folder->expected, block), block, comparison);
}

static void compare_totals(const struct folder *folder, struct ope_comparison *comparison)
{
    struct ope_options options = folder->options;
    struct ope_result result;
    options.interval.kind = INTERVAL_STUDENT_T;
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    const void *e = folder->expected;
    ope_compare_number((double)result.num_rounds, json_value_number(e, "n_rounds", NAN), "n",
                       comparison);
    ope_compare_number(result.logged.value, json_value_number(e, "behavior_mean_reward", NAN),
                       "logged mean", comparison);
    ope_compare_number(result.max_weight, json_value_number(e, "max_weight", NAN), "largest weight",
                       comparison);
    ope_compare_number(result.mean_weight, json_value_number(e, "mean_weight", NAN), "mean weight",
                       comparison);
    ope_compare_number(result.ess, json_value_number(e, "ess", NAN), "ess", comparison);
    ope_result_fini(&result);
}

void ope_compare_golden(const char *dir, struct ope_comparison *comparison)
{
    struct folder folder;
    open_folder(&folder, dir, "qhat.csv");
    compare_totals(&folder, comparison);
    compare(&folder, &folder.options, "file", comparison);
    struct ope_options options = folder.options;
    options.rewards = "smoothed";
    compare(&folder, &options, "smoothed", comparison);
    options.rewards = "logistic";
    options.penalty = 1;
    compare(&folder, &options, "logistic", comparison);
    options.penalty = 100;
    options.context = folder.context;
    compare(&folder, &options, "logistic_context", comparison);
    options = folder.options;
    options.log = folder.bare;
    compare(&folder, &options, "frequencies", comparison);
    options.propensities = "logistic";
    compare(&folder, &options, "regressed", comparison);
    json_value_destroy(folder.expected);
}

/* ---- SOUK_OPE_DATA ---- */

enum { OBD_ROUNDS = 10000, OBD_ACTIONS = 46 };

// Rewards of a file of doubles as CSV.
static const char *unpack_rewards(const char *dir, const char *scratch)
{
    static double row[OBD_ACTIONS];
    char path[600];
    snprintf(path, sizeof(path), "%s/qhat_crossfit3_atpos_f64le.bin", dir);
    const char *out = temp_path(scratch, "rewards.csv");
    FILE *from = fopen(path, "rb"), *to = fopen(out, "w");
    assert_true(from && to);
    while (fread(row, sizeof(row), 1, from) == 1)
        for (int a = 0; a < OBD_ACTIONS; a++)
            fprintf(to, "%.17g%c", row[a], a + 1 < OBD_ACTIONS ? ',' : '\n');
    fclose(from);
    assert_int_equal(fclose(to), 0);
    return out;
}

static void compare_obd(const char *dir, const char *scratch, struct ope_comparison *comparison)
{
    struct folder folder;
    open_folder(&folder, dir, "qhat_smoothed_mean.csv");
    compare(&folder, &folder.options, "qhat_smoothed_mean", comparison);
    struct ope_options options = folder.options;
    options.rewards = "smoothed";
    compare(&folder, &options, "qhat_smoothed_mean", comparison);
    options.rewards = "logistic";
    options.context = folder.context;
    compare(&folder, &options, "qhat_logreg_nofold_C100", comparison);
    options = folder.options;
    options.rewards = unpack_rewards(dir, scratch);
    compare(&folder, &options, "qhat_logreg_crossfit3_C100", comparison);
    json_value_destroy(folder.expected);
}

// The policy that is sure to take the best action of each row of a file.
static const char *write_argmax(const char *dir, const char *scratch)
{
    char path[600];
    struct number_table *table;
    snprintf(path, sizeof(path), "%s/expected_reward.csv", dir);
    assert_int_equal(number_table_read(path, "rewards", &table), SOUK_OK);
    const char *out = temp_path(scratch, "argmax.csv");
    FILE *to = fopen(out, "w");
    assert_non_null(to);
    for (uint64_t i = 0; i < table->num_rows; i++) {
        uint32_t best = 0;
        for (uint32_t c = 0; c < table->num_columns; c++)
            if (number_table_at(table, i, c) > number_table_at(table, i, best)) best = c;
        for (uint32_t c = 0; c < table->num_columns; c++)
            fprintf(to, "%d%c", c == best, c + 1 < table->num_columns ? ',' : '\n');
    }
    assert_int_equal(fclose(to), 0);
    number_table_destroy(table);
    return out;
}

static void compare_synthetic(const char *dir, const char *scratch,
                              struct ope_comparison *comparison)
{
    struct folder folder;
    open_folder(&folder, dir, "qhat.csv");
    compare(&folder, &folder.options, "estimators", comparison);

    struct ope_options options = folder.options;
    options.rewards = "logistic";
    options.penalty = 1;
    ope_compare_block(&options, folder.expected, "weighted fits", comparison);

    options = folder.options;
    options.policy = write_argmax(dir, scratch);
    const void *argmax = json_value_get(folder.expected, "deterministic_argmax_policy");
    ope_compare_block(&options, json_value_get(argmax, "estimators"), "argmax", comparison);
    struct ope_result result;
    assert_int_equal(ope_run(&options, &result), SOUK_OK);
    ope_compare_number(find_figure(&result, "replay")->estimate.value,
                       json_value_number(argmax, "replay", NAN), "replay", comparison);
    ope_result_fini(&result);
    json_value_destroy(folder.expected);
}

void ope_compare_shared(const char *root, const char *scratch, struct ope_comparison *comparison)
{
    char dir[400];
    static const char *const obd[] = {"obd_women_random_to_bts", "obd_women_bts_to_random"};
    for (int i = 0; i < 2; i++) {
        snprintf(dir, sizeof(dir), "%s/%s", root, obd[i]);
        compare_obd(dir, scratch, comparison);
    }
    snprintf(dir, sizeof(dir), "%s/synthetic_bandit_seed12345", root);
    compare_synthetic(dir, scratch, comparison);
}
