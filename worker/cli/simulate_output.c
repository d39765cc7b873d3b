/* simulate_output.c - see simulate_output.h. */
#include "worker/cli/simulate_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/text/json.h"
#include "worker/report/svg_intervals.h"

enum { NAME_WIDTH_MIN = 8, NAME_WIDTH_MAX = 32, CELL = 21 };
static const double Z_95 = 1.959964; // of 95 % of a normal distribution

/* ---- tables ---- */

static int find_width(const struct simulated *simulated)
{
    size_t width = NAME_WIDTH_MIN;
    for (uint32_t p = 0; p < simulated->num_policies; p++) {
        size_t columns = text_columns(simulated->names[p], strlen(simulated->names[p]));
        if (columns > width) width = columns;
    }
    return width < NAME_WIDTH_MAX ? (int)width : NAME_WIDTH_MAX;
}

// Two digits of the error are enough, and as many decimals for the mean.
static void add_mean(const struct sim_mean *mean, struct buf *out)
{
    char cell[64];
    double error = mean->std_error;
    int decimals = 4;
    if (error > 0) decimals = 1 - (int)floor(log10(error));
    if (decimals < 0) decimals = 0;
    if (decimals > 6) decimals = 6;
    if (isnan(mean->mean))
        snprintf(cell, sizeof cell, "undefined");
    else if (isnan(error))
        snprintf(cell, sizeof cell, "%.*f", decimals, mean->mean);
    else if (error == 0)
        snprintf(cell, sizeof cell, "%.6g +- 0", mean->mean);
    else
        snprintf(cell, sizeof cell, "%.*f +- %.*f", decimals, mean->mean, decimals, error);
    buf_printf(out, "%*s", CELL, cell);
}

static void add_head(const char *first, int width, struct buf *out)
{
    buf_printf(out, "%-*s", width, first);
    for (int f = 0; f < SIM_NUM_FIGURES; f++)
        buf_printf(out, "%*s", CELL, sim_figure_name((enum sim_figure)f));
    buf_add_char(out, '\n');
}

static void add_row(const char *name, const struct sim_mean *means, int width, struct buf *out)
{
    size_t columns = text_columns(name, strlen(name));
    text_add_shown(out, name, strlen(name));
    for (size_t i = columns; i < (size_t)width; i++) buf_add_char(out, ' ');
    for (int f = 0; f < SIM_NUM_FIGURES; f++) add_mean(&means[f], out);
    buf_add_char(out, '\n');
}

static void add_differences(const struct simulated *simulated, int width, struct buf *out)
{
    if (simulated->num_policies < 2) return;
    buf_printf(out, "\ndifferences from %s, user by user\n", simulated->names[0]);
    for (uint32_t p = 1; p < simulated->num_policies; p++)
        add_row(simulated->names[p], simulated->rows[p].differences, width, out);
}

static void add_cuts(const struct simulated *simulated, struct buf *out)
{
    char digits[32];
    for (uint32_t p = 0; p < simulated->num_policies; p++) {
        uint64_t num_cut = simulated->rows[p].num_cut;
        if (num_cut == 0) continue;
        buf_printf(out, "\n%s: %s users were still there", simulated->names[p],
                   text_group_digits(num_cut, digits));
        buf_printf(out, " after %s steps (env.max_steps)\n",
                   text_group_digits(simulated->shape.max_steps, digits));
    }
}

// The widest text of an item.
static int find_item_width(const struct simulated *simulated, const struct sim_result *result)
{
    size_t width = 0;
    for (uint64_t i = 0; i < result->num_trace; i++)
        for (uint32_t k = 0; k < simulated->shape.slate_size; k++) {
            const char *item = result->trace[i].items[k];
            size_t columns = text_columns(item, strlen(item));
            if (columns > width) width = columns;
        }
    return (int)width;
}

static void add_item(const char *item, bool is_chosen, int width, struct buf *out)
{
    int columns = (int)text_columns(item, strlen(item));
    buf_add_char(out, is_chosen ? '[' : ' ');
    text_add_shown(out, item, strlen(item));
    buf_printf(out, "%c%*s", is_chosen ? ']' : ' ', width - columns + 1, "");
}

static void add_trace_row(const struct simulated *simulated, const struct sim_trace *trace,
                          int width, struct buf *out)
{
    buf_printf(out, "%6u  ", trace->step);
    for (uint32_t k = 0; k < simulated->shape.slate_size; k++)
        add_item(trace->items[k], trace->choice == (int32_t)k, width, out);
    buf_printf(out, "%8.2f   %s\n", (double)trace->reward, trace->after);
}

static void add_traces(const struct simulated *simulated, struct buf *out)
{
    for (uint32_t p = 0; p < simulated->num_policies; p++) {
        const struct sim_result *result = &simulated->results[p];
        int width = find_item_width(simulated, result);
        for (uint64_t i = 0; i < result->num_trace; i++) {
            const struct sim_trace *trace = &result->trace[i];
            if (trace->step == 1)
                buf_printf(out,
                           "\n%s, user %" PRIu64 ": step, what was shown, [what was chosen], "
                           "reward, how the user stands then\n",
                           simulated->names[p], trace->user);
            add_trace_row(simulated, trace, width, out);
        }
    }
}

void simulate_text(const struct simulated *simulated, struct buf *out)
{
    char digits[32];
    int width = find_width(simulated);
    uint64_t num_users = simulated->results[0].num_users;
    buf_printf(out, "%s: %s user%s, slates of %u out of %u, seed %" PRIu64 "\n\n",
               simulated->env_type, text_group_digits(num_users, digits), num_users == 1 ? "" : "s",
               simulated->shape.slate_size, simulated->shape.num_candidates, simulated->seed);
    add_head("policy", width, out);
    for (uint32_t p = 0; p < simulated->num_policies; p++)
        add_row(simulated->names[p], simulated->rows[p].figures, width, out);
    add_differences(simulated, width, out);
    add_cuts(simulated, out);
    add_traces(simulated, out);
}

/* ---- JSON ---- */

static void add_number(struct json *json, const char *key, double number)
{
    json_key(json, key);
    json_double(json, number);
}

static void add_count(struct json *json, const char *key, uint64_t count)
{
    json_key(json, key);
    json_uint(json, count);
}

static void add_figure(struct json *json, const struct sim_mean *mean, const char *key)
{
    json_key(json, key);
    json_open(json, '{');
    add_number(json, "mean", mean->mean);
    add_number(json, "stderr", mean->std_error);
    add_count(json, "users", mean->num_users);
    json_close(json);
}

static void add_figures(struct json *json, const struct sim_mean *means)
{
    for (int f = 0; f < SIM_NUM_FIGURES; f++)
        add_figure(json, &means[f], sim_figure_name((enum sim_figure)f));
}

static void add_json_trace(struct json *json, const struct simulated *simulated,
                           const struct sim_trace *trace)
{
    json_open(json, '{');
    add_count(json, "user", trace->user);
    add_count(json, "step", trace->step);
    json_key(json, "shown");
    json_open(json, '[');
    for (uint32_t k = 0; k < simulated->shape.slate_size; k++) json_string(json, trace->items[k]);
    json_close(json);
    json_key(json, "choice");
    if (trace->choice < 0)
        json_null(json);
    else
        json_int(json, trace->choice);
    add_number(json, "reward", (double)trace->reward);
    add_number(json, "quality", (double)trace->quality);
    json_key(json, "then");
    json_string(json, trace->after);
    json_close(json);
}

static void add_policy(struct json *json, const struct simulated *simulated, uint32_t p)
{
    const struct sim_row *row = &simulated->rows[p];
    const struct sim_result *result = &simulated->results[p];
    json_open(json, '{');
    json_key(json, "policy");
    json_string(json, simulated->names[p]);
    add_figures(json, row->figures);
    add_count(json, "cut", row->num_cut);
    if (p > 0) {
        json_key(json, "difference");
        json_open(json, '{');
        add_figures(json, row->differences);
        json_close(json);
    }
    if (result->num_trace > 0) {
        json_key(json, "trace");
        json_open(json, '[');
        for (uint64_t i = 0; i < result->num_trace; i++)
            add_json_trace(json, simulated, &result->trace[i]);
        json_close(json);
    }
    json_close(json);
}

void simulate_json(const struct simulated *simulated, struct buf *out)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    json_key(&json, "environment");
    json_string(&json, simulated->env_type);
    add_count(&json, "users", simulated->results[0].num_users);
    add_count(&json, "seed", simulated->seed);
    add_count(&json, "slate_size", simulated->shape.slate_size);
    add_count(&json, "num_candidates", simulated->shape.num_candidates);
    add_count(&json, "max_steps", simulated->shape.max_steps);
    json_key(&json, "policies");
    json_open(&json, '[');
    for (uint32_t p = 0; p < simulated->num_policies; p++) add_policy(&json, simulated, p);
    json_close(&json);
    json_close(&json);
    buf_add_char(out, '\n');
}

/* ---- SVG ---- */

void simulate_svg(const struct simulated *simulated, struct buf *out)
{
    const uint32_t num_policies = simulated->num_policies;
    struct svg_panel panels[SIM_NUM_FIGURES];
    double *numbers = mem_calloc((size_t)SIM_NUM_FIGURES * 3 * num_policies, sizeof *numbers,
                                 "numbers of a picture");
    for (uint32_t f = 0; f < SIM_NUM_FIGURES; f++) {
        double *values = numbers + (size_t)f * 3 * num_policies;
        double *lows = values + num_policies, *highs = lows + num_policies;
        for (uint32_t p = 0; p < num_policies; p++) {
            const struct sim_mean *mean = &simulated->rows[p].figures[f];
            values[p] = mean->mean;
            lows[p] = mean->mean - Z_95 * mean->std_error;
            highs[p] = mean->mean + Z_95 * mean->std_error;
        }
        panels[f] = (struct svg_panel){sim_figure_name((enum sim_figure)f), values, lows, highs};
    }
    struct buf title = {0};
    char digits[32];
    buf_printf(&title, "%s, %s users, slates of %u out of %u", simulated->env_type,
               text_group_digits(simulated->results[0].num_users, digits),
               simulated->shape.slate_size, simulated->shape.num_candidates);
    const struct svg_intervals picture = {.title = buf_text(&title),
                                          .note = "means of the same users, with 95 % intervals",
                                          .names = simulated->names,
                                          .num_names = num_policies,
                                          .panels = panels,
                                          .num_panels = SIM_NUM_FIGURES};
    svg_intervals(&picture, out);
    buf_fini(&title);
    mem_free(numbers);
}
