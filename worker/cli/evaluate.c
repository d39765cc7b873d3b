/* evaluate.c - souk evaluate: figures of a saved model on a file of ratings, by the code that
 * training uses for its validation and test. */
#include "worker/eval/evaluate.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/text/json.h"
#include "worker/cli/loaded.h"
#include "worker/cli/output.h"

static const char protocol[] =
    "each row once, as it is in the file; rows of the tables as fp32; unknown users and items are "
    "scored by the mean and the known biases, and count";

static void add_files(struct json *json, const struct config_list *files)
{
    json_open(json, '[');
    for (uint32_t i = 0; i < files->num_items; i++) json_string(json, files->items[i]);
    json_close(json);
}

static bool is_count(const struct model_metric *metric)
{
    return strncasecmp(metric->name, "cold_", 5) == 0;
}

static void print_json(const struct loaded *loaded, const struct evaluation *evaluation,
                       struct buf *out)
{
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
    json_key(&json, "protocol"), json_string(&json, protocol);
    json_key(&json, "topology"), json_string(&json, session_topology(loaded->session));
    json_close(&json);
    buf_add_char(out, '\n');
}

static void print_text(const struct loaded *loaded, const struct evaluation *evaluation,
                       struct buf *out)
{
    char digits[32];
    for (uint32_t i = 0; i < evaluation->num_metrics; i++) {
        const struct model_metric *metric = &evaluation->metrics[i];
        if (is_count(metric))
            buf_printf(out, "%-12s%s\n", metric->name,
                       text_group_digits((unsigned long long)metric->value, digits));
        else
            buf_printf(out, "%-12s%.6f\n", metric->name, metric->value);
    }
    buf_printf(out, "%-12s%s\n", "rows", text_group_digits(evaluation->num_samples, digits));
    buf_printf(out, "%-12s%s\n", "protocol", protocol);
    buf_printf(out, "%-12s%s, %s\n", "model", model_dir_path(loaded->dir),
               session_topology(loaded->session));
}

static souk_status evaluate(struct loaded *loaded, const struct args *args)
{
    if (loaded->config.data.test.num_items == 0)
        return log_fail(SOUK_EUSAGE, "evaluate: on what? Give --data FILE");
    struct evaluate_options options = {.ops = loaded->ops,
                                       .model = loaded->model,
                                       .client = loaded->client,
                                       .tables = loaded->tables,
                                       .comm = loaded->comm,
                                       .source = MODEL_SOURCE_TEST};
    struct evaluation evaluation;
    souk_status status = evaluate_run(&options, &evaluation);
    if (status != SOUK_OK || !loaded_is_leader(loaded)) return status;
    struct buf text = {0};
    if (args->is_json)
        print_json(loaded, &evaluation, &text);
    else
        print_text(loaded, &evaluation, &text);
    status = output_text(NULL, &text);
    buf_fini(&text);
    return status;
}

static souk_status run(const struct program *program, int argc, char **argv)
{
    struct args args;
    struct loaded loaded = {0};
    souk_status status =
        args_parse(&verb_evaluate, ARG_CONFIG | ARG_MODEL | ARG_DATA | ARG_JSON, argc, argv, &args);
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
    .summary = "RMSE and MAE of a saved model on a file of ratings",
    .help =
        "usage: souk evaluate -m DIR [--data FILE] [--json] [--set key=value]\n"
        "\n"
        "Reads ratings and prints how far the model's predictions are from them, by the same code\n"
        "as validation and test in training, so the figures agree. Neither the training data nor "
        "a\n"
        "running server is needed.\n"
        "\n"
        "  -m DIR        run.dir of a training, or a model folder\n"
        "  --data FILE   ratings: user, item, rating; repeatable; - is standard input; else\n"
        "                data.test of the model's configuration\n"
        "  --json        one JSON object: model, type, data [files], rows, rmse, mae, cold_users,\n"
        "                cold_items (rows whose user or item the model has never seen), protocol,\n"
        "                topology; numbers are finite or null\n"
        "  --set KEY=VALUE   such as data.delimiter=comma, cluster.servers=3, "
        "data.max_bad_rows=10\n",
    .run = run,
};
