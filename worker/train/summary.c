/* summary.c - see summary.h. */
#include "worker/train/summary.h"

#include <math.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/json.h"
#include "worker/eval/protocol.h"
#include "worker/report/svg.h"
#include "worker/report/svg_calibration.h"

enum { NAME_COLUMNS = 11, LINE_COLUMNS = 80, RESULT_BYTES_MAX = 1 << 20 };

/* ---- text ---- */

static void add_evaluation(const char *name, const struct evaluation *evaluation, struct buf *out)
{
    char digits[32];
    if (evaluation->num_samples == 0) return;
    buf_printf(out, "%-*s", NAME_COLUMNS, name);
    size_t line_start = out->length - NAME_COLUMNS;
    for (uint32_t i = 0; i < evaluation->num_metrics; i++) {
        const struct model_metric *metric = &evaluation->metrics[i];
        if (out->length - line_start > LINE_COLUMNS) {
            line_start = out->length + 1;
            buf_printf(out, "\n%-*s", NAME_COLUMNS, "");
        } else if (i > 0) {
            buf_add_text(out, "  ");
        }
        if (metric->undefined)
            buf_printf(out, "%s undefined (%s)", metric->name, metric->undefined);
        else // errors have six places, counts none
            buf_printf(out, metric->is_count ? "%s %.0f" : "%s %.6f", metric->name, metric->value);
    }
    buf_printf(out, "  (%s samples)\n", text_group_digits(evaluation->num_samples, digits));
}

/* What the figures of clicks were taken on: those of the test, else of the validation. */
static const struct evaluation *find_clicks(const struct train_result *result)
{
    if (result->test.clicks.num_samples > 0) return &result->test;
    return result->validation.clicks.num_samples > 0 ? &result->validation : NULL;
}

static void add_bytes(const char *what, uint64_t raw, uint64_t sent, struct buf *out)
{
    buf_printf(out, "%s %.1f MB as %.1f", what, (double)raw * 1e-6, (double)sent * 1e-6);
    if (raw > 0) buf_printf(out, " (%.2f)", (double)sent / (double)raw);
}

static void add_early_end(const struct summary *summary, struct buf *out)
{
    const struct train_result *result = summary->result;
    uint32_t num_worse = result->num_epochs - result->best_epoch;
    buf_printf(out,
               "stopped    early, after epoch %u of %u: no better validation %s than that of epoch "
               "%u\n           in %u epoch%s (train.patience)\n",
               result->num_epochs, summary->config->train.epochs,
               result->validation.metrics[0].name, result->best_epoch, num_worse,
               num_worse == 1 ? "" : "s");
}

static void add_files(const struct summary *summary, struct buf *out)
{
    const char *dir = summary->config->run.dir;
    const struct train_result *result = summary->result;
    buf_printf(out, "files      %s/: config.yaml events.jsonl result.json%s%s\n", dir,
               result->num_points > 0 ? " curve.svg" : "",
               find_clicks(result) ? " calibration.svg" : "");
    if (result->best_epoch > 0)
        buf_printf(out, "model      %s/model, epoch %u of %u\n", dir, result->best_epoch,
                   result->num_epochs);
    if (summary->is_stopped)
        buf_printf(out, "stopped    %s/checkpoint; the same command with --resume goes on\n", dir);
}

/* What training took. */
static void add_effort(const struct train_result *result, struct buf *out)
{
    const struct souk_client_stats *wire = &result->wire;
    char samples[32], rate[32];
    double per_s = result->seconds > 0 ? result->num_samples / result->seconds : 0;
    buf_printf(out,
               "training   %s samples in %.1f s, %s a second; waiting %.1f %%; staleness %.1f\n",
               text_group_digits((unsigned long long)result->num_samples, samples), result->seconds,
               text_group_digits((unsigned long long)per_s, rate), result->wait_percent,
               result->staleness);
    buf_add_text(out, "wire       ");
    add_bytes("pulled", wire->raw_bytes_pulled, wire->sent_bytes_pulled, out);
    add_bytes(", pushed", wire->raw_bytes_pushed, wire->sent_bytes_pushed, out);
    if (wire->retries > 0) buf_printf(out, "; %llu sent again", (unsigned long long)wire->retries);
    buf_add_char(out, '\n');
}

void summary_format(const struct summary *summary, struct buf *out)
{
    const struct train_result *result = summary->result;
    char bad[32];
    add_evaluation("validation", &result->validation, out);
    add_evaluation("test", &result->test, out);
    if (find_clicks(result)) {
        buf_printf(out, "%-*s", NAME_COLUMNS, "protocol");
        protocol_add_short(find_clicks(result), "\n           ", out);
        buf_add_text(out, "; all of it is in result.json\n");
    }
    if (result->was_complete)
        buf_printf(out, "training   was complete: no sample is left; raise %s to go on\n",
                   result->is_early ? "train.patience" : "train.epochs");
    else
        add_effort(result, out);
    if (result->num_rows_bad > 0)
        buf_printf(out, "bad rows   %s skipped\n", text_group_digits(result->num_rows_bad, bad));
    if (result->num_bad_steps > 0)
        buf_printf(out, "bad steps  %s skipped: their gradient was not finite\n",
                   text_group_digits(result->num_bad_steps, bad));
    if (result->is_early) add_early_end(summary, out);
    add_files(summary, out);
}

/* ---- result.json ---- */

static void add_json_evaluation(struct json *json, const char *key,
                                const struct evaluation *evaluation)
{
    json_key(json, key);
    if (evaluation->num_samples == 0) {
        json_null(json);
        return;
    }
    json_open(json, '{');
    json_key(json, "samples"), json_uint(json, evaluation->num_samples);
    for (uint32_t i = 0; i < evaluation->num_metrics; i++) {
        json_key(json, evaluation->metrics[i].name);
        json_double(json, evaluation->metrics[i].value);
    }
    if (evaluation->clicks.num_samples > 0) {
        struct buf protocol = {0};
        protocol_add(evaluation, "; ", &protocol);
        json_key(json, "protocol"), json_string(json, buf_text(&protocol));
        buf_fini(&protocol);
    }
    json_close(json);
}

static void format_result(const struct summary *summary, struct buf *out)
{
    const struct train_result *result = summary->result;
    struct json writer, *json = &writer;
    json_init(json, out);
    json_open(json, '{');
    json_key(json, "status"), json_string(json, summary->is_stopped ? "stopped" : "done");
    json_key(json, "epochs"), json_uint(json, result->num_epochs);
    json_key(json, "best_epoch"), json_uint(json, result->best_epoch);
    json_key(json, "stopped_early"), json_bool(json, result->is_early);
    add_json_evaluation(json, "validation", &result->validation);
    add_json_evaluation(json, "test", &result->test);
    json_key(json, "samples"), json_uint(json, (uint64_t)result->num_samples);
    json_key(json, "seconds"), json_double(json, result->seconds);
    json_key(json, "samples_per_s"), json_double(json, result->num_samples / result->seconds);
    json_key(json, "wait_percent"), json_double(json, result->wait_percent);
    json_key(json, "staleness"), json_double(json, result->staleness);
    json_key(json, "bad_rows"), json_uint(json, result->num_rows_bad);
    json_key(json, "bad_steps"), json_uint(json, result->num_bad_steps);
    json_key(json, "bytes"), json_open(json, '{');
    json_key(json, "raw_pulled"), json_uint(json, result->wire.raw_bytes_pulled);
    json_key(json, "sent_pulled"), json_uint(json, result->wire.sent_bytes_pulled);
    json_key(json, "raw_pushed"), json_uint(json, result->wire.raw_bytes_pushed);
    json_key(json, "sent_pushed"), json_uint(json, result->wire.sent_bytes_pushed);
    json_close(json);
    json_key(json, "topology"), json_string(json, summary->topology);
    json_close(json);
    buf_add_char(out, '\n');
}

/* ---- curve.svg ---- */

/* Names the figure that the best epoch was chosen by, where the curves show another one. */
static void add_title(const struct train_result *result, bool is_of_clicks, struct buf *out)
{
    const struct model_metric *metric = &result->validation.metrics[0];
    buf_add_text(out, "Training");
    if (is_of_clicks && result->validation.num_samples > 0 && !metric->undefined)
        buf_printf(out, ": validation %s %.4f in epoch %u", metric->name, metric->value,
                   result->best_epoch);
}

/* Both curves in one unit, so that they can be compared: log loss of clicks; else the root of the
 * mean square. */
static void format_curve(const struct summary *summary, struct buf *out)
{
    const struct train_result *result = summary->result;
    const struct model_ops *ops = model_ops_get(summary->config->model.type);
    bool is_of_clicks = ops && ops->clicks;
    uint32_t n = result->num_points;
    double *epochs = mem_calloc(n, sizeof *epochs, "curve");
    double *losses = mem_calloc(n, sizeof *losses, "curve");
    double *validations = mem_calloc(n, sizeof *validations, "curve");
    for (uint32_t i = 0; i < n; i++) {
        const struct train_point *point = &result->points[i];
        epochs[i] = point->epoch;
        losses[i] = is_of_clicks ? point->loss : sqrt(point->loss);
        validations[i] = point->validation;
    }
    bool has_validation = result->validation.num_samples > 0;
    struct buf title = {0};
    add_title(result, is_of_clicks, &title);
    const struct svg_curve curves[] = {
        {.name = is_of_clicks ? "training log loss" : "training rmse",
         .x = epochs,
         .y = losses,
         .num_points = n},
        {.name = "validation", .x = epochs, .y = validations, .num_points = n}};
    const struct svg_plot plot = {.title = buf_text(&title),
                                  .x_axis = "epoch",
                                  .y_axis = is_of_clicks ? "log loss" : "rmse",
                                  .curves = curves,
                                  .num_curves = has_validation ? 2 : 1,
                                  .marker_x = has_validation ? result->best_epoch : (double)NAN,
                                  .marker_name = "best"};
    svg_plot(&plot, out);
    buf_fini(&title);
    mem_free(epochs);
    mem_free(losses);
    mem_free(validations);
}

static souk_status write_file(const struct summary *summary, const char *name,
                              const struct buf *text)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", summary->config->run.dir, name);
    souk_status status = file_write_atomic(buf_text(&path), buf_text(text), text->length);
    buf_fini(&path);
    return status;
}

/* Whether result.json is that of this run at its end: what was complete is not told anew, with the
 * nothing that was trained since. A run that was killed at its end has none yet. */
static bool has_result(const struct summary *summary)
{
    struct buf path = {0}, start = {0};
    char *text = NULL;
    size_t length = 0;
    buf_printf(&path, "%s/result.json", summary->config->run.dir);
    buf_printf(&start, "{\"status\":\"done\",\"epochs\":%u,", summary->result->num_epochs);
    bool is_it = file_exists(buf_text(&path)) &&
                 file_read(buf_text(&path), RESULT_BYTES_MAX, &text, &length) == SOUK_OK &&
                 strncmp(text, buf_text(&start), start.length) == 0;
    mem_free(text);
    buf_fini(&path);
    buf_fini(&start);
    return is_it;
}

souk_status summary_write_files(const struct summary *summary)
{
    struct buf text = {0};
    if (summary->result->was_complete && has_result(summary)) {
        log_info("%s/result.json stays as the run left it", summary->config->run.dir);
        return SOUK_OK;
    }
    format_result(summary, &text);
    souk_status status = write_file(summary, "result.json", &text);
    if (status == SOUK_OK && summary->result->num_points > 0) {
        buf_clear(&text);
        format_curve(summary, &text);
        status = write_file(summary, "curve.svg", &text);
    }
    const struct evaluation *clicks = find_clicks(summary->result);
    if (status == SOUK_OK && clicks) {
        buf_clear(&text);
        svg_calibration(&clicks->clicks, &text);
        status = write_file(summary, "calibration.svg", &text);
    }
    buf_fini(&text);
    return status;
}
