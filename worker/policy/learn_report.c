/* learn_report.c - see learn_report.h. */
#include "worker/policy/learn_report.h"

#include <math.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "worker/report/svg.h"
#include "worker/train/run_dir.h"

static double steps_per_s(const struct learn_result *result)
{
    return result->learn_seconds > 0 ? result->num_steps / result->learn_seconds : 0;
}

static char *group(double number, char out[32])
{
    return text_group_digits((unsigned long long)number, out);
}

/* ---- text ---- */

static void add_test(const struct learn_result *result, struct buf *out)
{
    char digits[32];
    if (result->num_test == 0) return;
    buf_add_text(out, "test       ");
    for (int f = 0; f < SIM_NUM_FIGURES; f++) {
        const struct learn_figure *figure = &result->test[f];
        if (!isfinite(figure->mean)) continue;
        buf_printf(out, "%s%s %.3f", f > 0 ? "  " : "", sim_figure_name((enum sim_figure)f),
                   figure->mean);
        if (f == SIM_RETURN) buf_printf(out, " +- %.3f", figure->stderror);
    }
    buf_printf(out, "\n           (%s held-out users, without exploration)\n",
               text_group_digits(result->num_test, digits));
}

void learn_report_text(const struct learn_report *report, struct buf *out)
{
    const struct learn_result *result = report->result;
    const char *dir = report->config->run.dir;
    char steps[32], rate[32], stays[32], updates[32];
    add_test(result, out);
    buf_printf(out, "learning   %s user steps in %.1f s, %s a second; %s stays, %s updates\n",
               group(result->num_steps, steps), result->learn_seconds,
               group(steps_per_s(result), rate), group(result->num_stays, stays),
               group(result->num_updates, updates));
    if (result->num_updates == 0 && result->num_steps > 0)
        buf_add_text(out, "           nothing was learnt: no worker got beyond policy.warmup "
                          "and policy.n_step steps of its users\n");
    buf_printf(out, "files      %s/: config.yaml events.jsonl result.json%s\n", dir,
               result->num_points > 0 ? " curve.svg" : "");
    buf_printf(out, "policy     %s/model: %s for %s\n", dir, report->config->policy.agent,
               report->config->env.type);
    if (report->is_stopped)
        buf_printf(out, "stopped    %s/checkpoint; the same command with --resume goes on\n", dir);
}

/* ---- result.json ---- */

static void put(struct json *json, const char *key, double value)
{
    json_key(json, key);
    json_double(json, value);
}

static void put_test(const struct learn_result *result, struct json *json)
{
    json_key(json, "test");
    if (result->num_test == 0) {
        json_null(json);
        return;
    }
    json_open(json, '{');
    json_key(json, "users"), json_uint(json, result->num_test);
    for (int f = 0; f < SIM_NUM_FIGURES; f++) {
        json_key(json, sim_figure_name((enum sim_figure)f)), json_open(json, '{');
        put(json, "mean", result->test[f].mean);
        put(json, "stderr", result->test[f].stderror);
        json_close(json);
    }
    json_close(json);
}

static void put_curve(const struct learn_result *result, struct json *json)
{
    json_key(json, "curve"), json_open(json, '[');
    for (uint32_t i = 0; i < result->num_points; i++) {
        const struct learn_point *point = &result->points[i];
        json_open(json, '{');
        put(json, "steps", point->steps);
        put(json, "training", point->training);
        put(json, "validation", point->validation);
        put(json, "stderr", point->stderror);
        json_close(json);
    }
    json_close(json);
}

void learn_report_json(const struct learn_report *report, struct buf *out)
{
    const struct learn_result *result = report->result;
    struct json writer, *json = &writer;
    json_init(json, out);
    json_open(json, '{');
    json_key(json, "status"), json_string(json, report->is_stopped ? "stopped" : "done");
    json_key(json, "environment"), json_string(json, report->config->env.type);
    json_key(json, "agent"), json_string(json, report->config->policy.agent);
    put(json, "steps", result->num_steps);
    put(json, "stays", result->num_stays);
    put(json, "updates", result->num_updates);
    put(json, "seconds", result->seconds);
    put(json, "steps_per_s", steps_per_s(result));
    put_test(result, json);
    put_curve(result, json);
    json_key(json, "topology"), json_string(json, report->topology);
    json_close(json);
    buf_add_char(out, '\n');
}

/* ---- curve.svg ---- */

static void format_curve(const struct learn_result *result, struct buf *out)
{
    uint32_t n = result->num_points;
    double *numbers = mem_calloc(5 * (size_t)n, sizeof *numbers, "curve");
    double *steps = numbers, *training = steps + n, *validation = training + n;
    double *low = validation + n, *high = low + n;
    for (uint32_t i = 0; i < n; i++) {
        const struct learn_point *point = &result->points[i];
        steps[i] = point->steps;
        training[i] = point->training;
        validation[i] = point->validation;
        low[i] = point->validation - 1.96 * point->stderror;
        high[i] = point->validation + 1.96 * point->stderror;
    }
    const struct svg_curve curves[] = {
        {.name = "held-out users, greedy",
         .x = steps,
         .y = validation,
         .num_points = n,
         .y_low = low,
         .y_high = high},
        {.name = "while learning, exploring", .x = steps, .y = training, .num_points = n}};
    const struct svg_plot plot = {.title = "Return of a user's stay",
                                  .x_axis = "user steps",
                                  .y_axis = "return",
                                  .curves = curves,
                                  .num_curves = 2,
                                  .marker_x = NAN};
    svg_plot(&plot, out);
    mem_free(numbers);
}

/* ---- files ---- */

static souk_status write_file(const struct config *config, const char *name, const struct buf *text)
{
    char *path = run_dir_path(config, name);
    souk_status status = file_write_atomic(path, buf_text(text), text->length);
    mem_free(path);
    return status;
}

souk_status learn_report_write(const struct learn_report *report)
{
    struct buf text = {0};
    learn_report_json(report, &text);
    souk_status status = write_file(report->config, "result.json", &text);
    if (status == SOUK_OK && report->result->num_points > 0) {
        buf_clear(&text);
        format_curve(report->result, &text);
        status = write_file(report->config, "curve.svg", &text);
    }
    buf_fini(&text);
    return status;
}
