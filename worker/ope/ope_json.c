/* ope_json.c - a result as one JSON object: estimators by name, then what goes for all. */
#include <math.h>

#include "common/text/json.h"
#include "worker/ope/ope.h"

static void add_number(struct json *json, const char *key, double value)
{
    json_key(json, key);
    json_double(json, value);
}

static void add_text(struct json *json, const char *key, const char *value)
{
    json_key(json, key);
    json_string(json, value);
}

static void add_estimate(struct json *json, const struct estimate *estimate)
{
    add_number(json, "value", estimate->value);
    add_number(json, "stderr", estimate->std_error);
    add_number(json, "lower", estimate->lower);
    add_number(json, "upper", estimate->upper);
    if (estimate->undefined) add_text(json, "undefined", estimate->undefined);
}

static void add_figure(struct json *json, const char *name, const struct ope_figure *figure)
{
    json_key(json, name);
    json_open(json, '{');
    add_estimate(json, &figure->estimate);
    if (!isnan(figure->std_error_fixed)) add_number(json, "stderr_fixed", figure->std_error_fixed);
    if (isinf(figure->parameter))
        add_text(json, "best_lambda", "inf");
    else if (!isnan(figure->parameter))
        add_number(json, "best_lambda", figure->parameter);
    json_close(json);
}

static void add_verdict(struct json *json, const struct verdict *verdict)
{
    add_text(json, "verdict", verdict_name(verdict->kind));
    add_text(json, "verdict_by", verdict->by);
    add_text(json, "reason", verdict->reason);
    json_key(json, "gain");
    json_open(json, '{');
    add_estimate(json, &verdict->gain);
    json_close(json);
}

void ope_print_json(const struct ope_options *options, const struct ope_result *result,
                    struct buf *out)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    for (uint32_t f = 0; f < result->num_figures; f++) {
        const struct ope_figure *figure = &result->figures[f];
        add_figure(&json, figure->estimate.name, figure);
        if (figure->alias) add_figure(&json, figure->alias, figure);
    }
    add_text(&json, "kind", result->kind);
    json_key(&json, "n"), json_uint(&json, result->num_rounds);
    json_key(&json, "num_actions"), json_uint(&json, result->num_actions);
    add_number(&json, "ess", result->ess);
    add_number(&json, "max_weight", result->max_weight);
    add_number(&json, "mean_weight", result->mean_weight);
    add_number(&json, "coverage", result->coverage);
    add_text(&json, "interval", interval_name(options->interval.kind));
    add_number(&json, "level", options->interval.level);
    json_key(&json, "logged");
    json_open(&json, '{');
    add_estimate(&json, &result->logged);
    json_close(&json);
    add_verdict(&json, &result->verdict);
    json_key(&json, "notes");
    json_open(&json, '[');
    for (uint32_t i = 0; i < result->num_notes; i++) json_string(&json, result->notes[i]);
    json_close(&json);
    json_close(&json);
    buf_add_char(out, '\n');
}
