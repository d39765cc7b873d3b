/* ope.c - see ope.h. */
#include "worker/ope/ope.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/ope/bandit.h"
#include "worker/ope/episodes.h"
#include "worker/ope/interval.h"
#include "worker/ope/resamples.h"
#include "worker/ope/slates.h"

// Those with more columns first: a log of slates or episodes has actions and rewards too.
static const struct ope_kind *const kinds[] = {&ope_kind_slates, &ope_kind_episodes,
                                               &ope_kind_slate_episodes, &ope_kind_bandit};
enum { NUM_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

// One of the names in "a|b".
static bool has_column(const struct number_table *log, const char *names)
{
    char name[64];
    for (;;) {
        size_t length = strcspn(names, "|");
        snprintf(name, sizeof(name), "%.*s", (int)length, names);
        if (number_table_find(log, name) >= 0) return true;
        if (!names[length]) return false;
        names += length + 1;
    }
}

const struct ope_kind *ope_find_kind(const struct number_table *log)
{
    for (unsigned k = 0; k < NUM_KINDS; k++) {
        const char *const *column = kinds[k]->columns;
        while (*column && has_column(log, *column)) column++;
        if (!*column) return kinds[k];
    }
    return NULL;
}

static souk_status fail_unknown(const struct number_table *log)
{
    struct buf text = {0};
    for (unsigned k = 0; k < NUM_KINDS; k++) {
        buf_printf(&text, "%s%s (", k ? ", or " : "", kinds[k]->name);
        for (const char *const *column = kinds[k]->columns; *column; column++)
            buf_printf(&text, "%s%s", column == kinds[k]->columns ? "" : ", ", *column);
        buf_add_char(&text, ')');
    }
    if (log->names) buf_add_text(&text, "; it has: ");
    for (uint32_t c = 0; log->names && c < log->num_columns; c++) {
        buf_add_text(&text, c ? ", " : "");
        text_add_shown(&text, log->names[c], strlen(log->names[c]));
    }
    bool is_one_field = log->num_columns == 1;
    souk_status status =
        log_fail(SOUK_EDATA, "%s: %s; the columns of a log are those of %s%s", log->name,
                 log->names ? "its columns are of no known kind of log" : "it has no header",
                 buf_text(&text), is_one_field ? "; fields are cut at commas or tabs" : "");
    buf_fini(&text);
    return status;
}

void ope_options_init(struct ope_options *options_out)
{
    *options_out =
        (struct ope_options){.rewards = "smoothed",
                             .propensities = "frequencies",
                             .clip = NAN,
                             .subgaussian = NAN,
                             .smoothing = 10,
                             .penalty = 100,
                             .discount = 1,
                             .epsilon = NAN,
                             .num_folds = 1,
                             .fqe_updates = 20000,
                             .interval = {INTERVAL_BOOTSTRAP, 0.95, 1000, 1},
                             .verdict = {.min_ess = 100, .min_gain = 0, .min_coverage = 0.9}};
}

// The estimator that was to decide has to be among the figures.
static souk_status check_verdict(const struct ope_options *options, const struct ope_result *result)
{
    if (result->verdict.by[0]) return SOUK_OK;
    struct buf names = {0};
    for (uint32_t f = 0; f < result->num_figures; f++)
        buf_printf(&names, " %s", result->figures[f].estimate.name);
    souk_status status =
        log_fail(SOUK_EUSAGE, "ope: --verdict-by %s is none of the estimators here:%s",
                 options->verdict.by ? options->verdict.by : "", buf_text(&names));
    buf_fini(&names);
    return status;
}

static bool is_network(const struct ope_options *options)
{
    return options->policy && options->networks && options->networks->is_policy(options->policy);
}

/* The file of a policy's folder, as `souk learn-policy --log` writes it; else the path as it is,
 * also of a folder whose policy is a network or an agent, which is asked for this log. */
static souk_status find_policy(const struct ope_options *options, const struct ope_kind *kind,
                               struct buf *out)
{
    struct stat info;
    const char *path = options->policy;
    buf_add_text(out, path);
    if (kind == &ope_kind_slate_episodes) return SOUK_OK;
    if (is_network(options) && kind != &ope_kind_episodes)
        return log_fail(SOUK_EDATA,
                        "%s: is a policy for logs of episodes, and %s has no columns episode and t",
                        path, options->log);
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode) || is_network(options)) return SOUK_OK;
    buf_add_text(out, "/policy.csv");
    if (file_exists(buf_text(out))) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: has no policy.csv, the probabilities for a log; give the folder of `souk "
                    "learn-policy --log`, or a file",
                    path);
}

// What a kind of log has no use for is not passed over in silence.
static souk_status check_options(const struct ope_options *options, const struct ope_kind *kind)
{
    const char *name = NULL;
    if (!isnan(options->epsilon) && kind != &ope_kind_slate_episodes)
        return log_fail(SOUK_EUSAGE,
                        "ope: --epsilon is for agents judged by a log of `souk simulate`, and %s "
                        "is one of %s; leave it out",
                        options->log, kind->name);
    if (kind == &ope_kind_bandit) return SOUK_OK;
    if (!isnan(options->clip)) name = "--clip";
    if (!isnan(options->subgaussian)) name = "--sub-gaussian";
    if (options->context) name = "--context";
    if (strcmp(options->propensities, "frequencies") != 0) name = "--propensities";
    if (options->num_folds > 1 && kind != &ope_kind_episodes) name = "--folds";
    if (!name) return SOUK_OK;
    return log_fail(SOUK_EUSAGE, "ope: %s is not for logs of %s, as %s is one; leave it out", name,
                    kind->name, options->log);
}

static souk_status run_kind(const struct ope_options *options, const struct number_table *log,
                            struct ope_result *result)
{
    const struct ope_kind *kind = ope_find_kind(log);
    if (!kind) return fail_unknown(log);
    struct ope_options with = *options;
    struct buf policy = {0};
    souk_status status = check_options(options, kind);
    if (status == SOUK_OK && options->policy) status = find_policy(options, kind, &policy);
    if (options->policy) with.policy = buf_text(&policy);
    with.interval.resamples = resamples_create();
    result->kind = kind->name;
    if (status == SOUK_OK) status = kind->run(&with, log, result);
    if (status == SOUK_OK) status = check_verdict(&with, result);
    if (status == SOUK_OK && isnan(result->coverage))
        ope_add_note(result, "how much of the policy's probability is on what the log has is not "
                             "known, so --min-coverage was not looked at");
    resamples_destroy(with.interval.resamples);
    buf_fini(&policy);
    return status;
}

souk_status ope_run(const struct ope_options *options, struct ope_result *result_out)
{
    struct number_table *log;
    *result_out = (struct ope_result){.coverage = NAN};
    souk_status status = number_table_read(options->log, "log", &log);
    if (status != SOUK_OK) return status;
    status = run_kind(options, log, result_out);
    number_table_destroy(log);
    if (status != SOUK_OK) ope_result_fini(result_out);
    return status;
}

void ope_result_fini(struct ope_result *result)
{
    for (uint32_t i = 0; i < result->num_notes; i++) mem_free(result->notes[i]);
    *result = (struct ope_result){0};
}

/* ---- for kinds ---- */

// The standard error of sums n_i / mean(d), as if mean(d) were known.
static double error_with_fixed_denominators(const struct rounds *rounds)
{
    uint64_t num = rounds->num_rounds;
    uint32_t width = rounds->num_slots;
    double *means = mem_calloc(width, sizeof(*means), "denominators");
    double *x = mem_calloc(num, sizeof(*x), "contributions");
    for (uint64_t i = 0; i < num * width; i++)
        means[i % width] += rounds->denominators[i] / (double)num;
    for (uint64_t i = 0; i < num * width; i++)
        x[i / width] += rounds->numerators[i] / means[i % width];
    struct moments moments = moments_of(x, num);
    mem_free(means);
    mem_free(x);
    return num > 1 ? sqrt(moments.variance / (double)(num - 1)) : NAN;
}

static struct ope_figure *add_figure(struct ope_result *result)
{
    assert(result->num_figures < OPE_FIGURES_MAX);
    struct ope_figure *figure = &result->figures[result->num_figures++];
    *figure = (struct ope_figure){.std_error_fixed = NAN, .parameter = NAN};
    return figure;
}

struct ope_figure *ope_add_rounds(struct ope_result *result, const char *name,
                                  const struct rounds *rounds,
                                  const struct interval_options *options)
{
    struct ope_figure *figure = add_figure(result);
    estimate_rounds(name, rounds, options, &figure->estimate);
    if (rounds->denominators && !figure->estimate.undefined)
        figure->std_error_fixed = error_with_fixed_denominators(rounds);
    return figure;
}

struct ope_figure *ope_add_undefined(struct ope_result *result, const char *name, const char *why)
{
    struct ope_figure *figure = add_figure(result);
    figure->estimate = (struct estimate){
        .value = NAN, .std_error = NAN, .lower = NAN, .upper = NAN, .undefined = why};
    snprintf(figure->estimate.name, sizeof(figure->estimate.name), "%s", name);
    return figure;
}

void ope_add_note(struct ope_result *result, const char *format, ...)
{
    struct buf text = {0};
    char note[400];
    va_list args;
    if (result->num_notes == OPE_NOTES_MAX) return;
    va_start(args, format);
    vsnprintf(note, sizeof(note), format, args);
    va_end(args);
    text_add_shown(&text, note, strlen(note));
    result->notes[result->num_notes++] = mem_strdup(buf_text(&text));
    buf_fini(&text);
}

void ope_set_weights(struct ope_result *result, const double *weights, uint64_t num)
{
    double sum = 0, squares = 0, largest = 0;
    for (uint64_t i = 0; i < num; i++) largest = fmax(largest, weights[i]);
    double unit = largest > 0 ? largest : 1; // squares of the weights themselves might be too large
    for (uint64_t i = 0; i < num; i++) {
        double w = weights[i] / unit;
        sum += w;
        squares += w * w;
    }
    double mean = sum / (double)num, variance = fmax(squares / (double)num - mean * mean, 0);
    double error = num > 1 ? sqrt(variance / (double)(num - 1)) : INFINITY;
    result->ess = squares > 0 ? sum * sum / squares : 0;
    result->max_weight = largest;
    result->mean_weight = mean * unit;
    if (!(sum > 0) || fabs(mean - 1 / unit) <= 4 * error + 1e-6 / unit) return;
    result->weight_error = fabs(result->mean_weight - 1);
    ope_add_note(result,
                 "the mean weight is %.4g, and should be 1 (its standard error is %.2g): the "
                 "propensities are not those that the log was made with, or actions that the "
                 "policy takes could not be logged",
                 result->mean_weight, error * unit);
}

void ope_note_rounding(struct ope_result *result, const char *file, double error)
{
    if (error > 0)
        ope_add_note(result,
                     "probabilities of %s are rounded: they sum to 1 within %.2g only, and were "
                     "divided by their sums",
                     file, error);
}
