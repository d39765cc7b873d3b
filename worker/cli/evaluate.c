/* evaluate.c - souk evaluate: figures of a saved model on files, by the code that training uses for
 * its validation and test. */
#include "worker/eval/evaluate.h"

#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/text/json.h"
#include "worker/cli/evaluate_all.h"
#include "worker/cli/loaded.h"
#include "worker/cli/output.h"
#include "worker/eval/click_list.h"
#include "worker/eval/protocol.h"
#include "worker/report/svg_calibration.h"

/* ---- JSON ---- */

static void add_files(struct json *json, const struct config_list *files)
{
    json_open(json, '[');
    for (uint32_t i = 0; i < files->num_items; i++) json_string(json, files->items[i]);
    json_close(json);
}

static void add_bins(struct json *json, const struct click_figures *clicks)
{
    json_open(json, '[');
    for (uint32_t b = 0; b < clicks->num_bins; b++) {
        json_open(json, '{');
        json_key(json, "samples"), json_uint(json, clicks->bins[b].num_samples);
        json_key(json, "predicted"), json_double(json, clicks->bins[b].predicted);
        json_key(json, "observed"), json_double(json, clicks->bins[b].observed);
        json_close(json);
    }
    json_close(json);
}

/* The reasons of what is null. */
static void add_undefined(struct json *json, const struct evaluation *evaluation)
{
    json_open(json, '{');
    for (uint32_t i = 0; i < evaluation->num_metrics; i++) {
        const struct model_metric *metric = &evaluation->metrics[i];
        if (metric->undefined) json_key(json, metric->name), json_string(json, metric->undefined);
    }
    json_close(json);
}

static void print_json(const struct loaded *loaded, const struct evaluation *evaluation,
                       const struct full_ranking *full, struct buf *out)
{
    struct buf protocol = {0};
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    json_key(&json, "model"), json_string(&json, model_dir_path(loaded->dir));
    json_key(&json, "type"), json_string(&json, loaded->ops->name);
    json_key(&json, "data"), add_files(&json, &loaded->config.data.test);
    json_key(&json, "rows"), json_uint(&json, evaluation->num_samples);
    for (uint32_t i = 0; i < evaluation->num_metrics; i++) {
        json_key(&json, evaluation->metrics[i].name);
        json_double(&json, evaluation->metrics[i].value);
    }
    if (evaluation->clicks.k > 0) {
        json_key(&json, "undefined"), add_undefined(&json, evaluation);
        json_key(&json, "bins"), add_bins(&json, &evaluation->clicks);
    }
    if (full) json_key(&json, "all_items"), evaluate_all_json(full, &json);
    protocol_add(evaluation, "; ", &protocol);
    json_key(&json, "protocol"), json_string(&json, buf_text(&protocol));
    json_key(&json, "topology"), json_string(&json, session_topology(loaded->session));
    json_close(&json);
    buf_add_char(out, '\n');
    buf_fini(&protocol);
}

/* ---- text ---- */

/* Of the column of names. */
static int find_width(const struct evaluation *evaluation)
{
    size_t width = 10;
    for (uint32_t i = 0; i < evaluation->num_metrics; i++) {
        size_t length = strlen(evaluation->metrics[i].name);
        if (length > width) width = length;
    }
    return (int)width + 2;
}

static void add_metric(const struct model_metric *metric, int width, struct buf *out)
{
    char digits[32];
    buf_printf(out, "%-*s", width, metric->name);
    if (metric->undefined)
        buf_printf(out, "undefined: %s\n", metric->undefined);
    else if (metric->is_count)
        buf_printf(out, "%s\n", text_group_digits((unsigned long long)metric->value, digits));
    else
        buf_printf(out, "%.6f\n", metric->value);
}

static void add_table(const struct click_figures *clicks, struct buf *out)
{
    char digits[32];
    if (clicks->num_bins == 0) return;
    buf_printf(out, "\n%4s %14s %12s %12s\n", "bin", "rows", "predicted", "observed");
    for (uint32_t b = 0; b < clicks->num_bins; b++)
        buf_printf(out, "%4u %14s %12.6f %12.6f\n", b + 1,
                   text_group_digits(clicks->bins[b].num_samples, digits),
                   clicks->bins[b].predicted, clicks->bins[b].observed);
}

static void print_text(const struct loaded *loaded, const struct evaluation *evaluation,
                       const struct full_ranking *full, struct buf *out)
{
    char digits[32], separator[64];
    int width = find_width(evaluation);
    for (uint32_t i = 0; i < evaluation->num_metrics; i++)
        add_metric(&evaluation->metrics[i], width, out);
    buf_printf(out, "%-*s%s\n", width, "rows", text_group_digits(evaluation->num_samples, digits));
    snprintf(separator, sizeof separator, "\n%*s", width, "");
    buf_printf(out, "%-*s", width, "protocol");
    protocol_add(evaluation, separator, out);
    buf_printf(out, "\n%-*s%s, %s\n", width, "model", model_dir_path(loaded->dir),
               session_topology(loaded->session));
    if (full) evaluate_all_text(full, width, out);
    add_table(&evaluation->clicks, out);
}

/* ---- the verb ---- */

static souk_status check(const struct loaded *loaded, const struct args *args)
{
    if (loaded->config.data.test.num_items == 0)
        return log_fail(SOUK_EUSAGE, "evaluate: on what? Give --data FILE");
    if (args->top > 0 && !click_k_is_known(args->top))
        return log_fail(SOUK_EUSAGE, "evaluate: -n %u must be %s", args->top, click_ks);
    if (!loaded->ops->clicks && (args->top > 0 || args->svg))
        return log_fail(SOUK_EUSAGE,
                        "evaluate: %s is for models of clicks, and this is one of type %s; leave "
                        "it out",
                        args->svg ? "--svg" : "-n", loaded->ops->name);
    if (!loaded->ops->clicks && loaded->config.eval.candidates == CONFIG_CANDIDATES_ALL)
        return log_fail(SOUK_EUSAGE,
                        "evaluate: eval.candidates=all is for models of clicks, and this is one of "
                        "type %s; leave it out",
                        loaded->ops->name);
    return SOUK_OK;
}

static souk_status draw(const struct evaluation *evaluation, const char *path)
{
    struct buf picture = {0};
    svg_calibration(&evaluation->clicks, &picture);
    souk_status status = output_text(path, &picture);
    buf_fini(&picture);
    return status;
}

static souk_status print(const struct loaded *loaded, const struct args *args,
                         const struct evaluation *evaluation, const struct full_ranking *full)
{
    struct buf text = {0};
    souk_status status = args->svg ? draw(evaluation, args->svg) : SOUK_OK;
    if (status != SOUK_OK) return status;
    if (args->is_json)
        print_json(loaded, evaluation, full, &text);
    else
        print_text(loaded, evaluation, full, &text);
    status = output_text(NULL, &text);
    buf_fini(&text);
    return status;
}

static souk_status evaluate(struct loaded *loaded, const struct args *args)
{
    struct evaluate_options options = {.ops = loaded->ops,
                                       .model = loaded->model,
                                       .client = loaded->client,
                                       .tables = loaded->tables,
                                       .comm = loaded->comm,
                                       .source = MODEL_SOURCE_TEST,
                                       .k = args->top};
    struct evaluation evaluation;
    struct full_ranking full;
    bool has_full = loaded->config.eval.candidates == CONFIG_CANDIDATES_ALL;
    souk_status status = check(loaded, args);
    if (status == SOUK_OK) status = evaluate_run(&options, &evaluation);
    if (status == SOUK_OK && has_full) status = evaluate_all(loaded, evaluation.clicks.k, &full);
    if (status != SOUK_OK || !loaded_is_leader(loaded)) return status;
    return print(loaded, args, &evaluation, has_full ? &full : NULL);
}

static souk_status run(const struct program *program, int argc, char **argv)
{
    const unsigned flags = ARG_CONFIG | ARG_MODEL | ARG_DATA | ARG_JSON | ARG_TOP | ARG_SVG;
    struct args args;
    struct loaded loaded = {0};
    souk_status status = args_parse(&verb_evaluate, flags, argc, argv, &args);
    if (status == SOUK_OK) {
        status = loaded_open(program, &args, "evaluate", &loaded);
        if (status == SOUK_OK) status = loaded_finish(&loaded, evaluate(&loaded, &args));
    }
    loaded_close(&loaded);
    args_fini(&args);
    return status;
}

const struct verb verb_evaluate = {
    .name = "evaluate",
    .summary = "error, or AUC and the like, of a saved model on a file",
    .help =
        "usage: souk evaluate -m DIR [--data FILE] [-n K] [--json] [--svg FILE] [--set key=value]\n"
        "\n"
        "Scores every row by the saved model and prints how good the scores are, by the same code\n"
        "as validation and test in training, so the figures agree. Neither the training data nor "
        "a\n"
        "running server is needed.\n"
        "\n"
        "  -m DIR        run.dir of a training, or a model folder\n"
        "  --data FILE   rows as the model was trained on, with ratings or labels; repeatable; - "
        "is\n"
        "                standard input; else data.test of the model's configuration\n"
        "  -n K          clicks: of hr@K and ndcg@K; 1, 5, 10 (if not given), 20, 50 or 100\n"
        "  --svg FILE    clicks: draws predicted against observed shares of clicks\n"
        "  --json        one JSON object: model, type, data [files], rows, the figures, protocol,\n"
        "                topology; numbers are finite or null\n"
        "  --set KEY=VALUE   such as data.delimiter=comma, cluster.servers=3, "
        "data.max_bad_rows=10\n"
        "  --set eval.candidates=all   clicks: hr, ndcg and mrr also of each click among all "
        "items\n"
        "                that the user has not seen; eval.max_users=N: of N users drawn at random\n"
        "\n"
        "Ratings: rmse, mae, cold_users, cold_items (rows whose user or item the model has never\n"
        "seen). Clicks: auc, gauc, log_loss, normalised_entropy, calibration, calibration_error,\n"
        "hr@K, ndcg@K, mrr, base_rate, and counts; in JSON also undefined {figure: why it is "
        "null}\n"
        "and bins [{samples, predicted, observed}], and all_items {hr@K, ndcg@K, mrr, clicks,\n"
        "clicks_unknown, users, users_all, items, mean_candidates, protocol} if they were asked\n"
        "for. The protocol says what each is.\n",
    .run = run,
};
