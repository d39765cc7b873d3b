/* offline.c - see offline.h. */
#include "worker/policy/offline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/policy/offline_states.h"
#include "worker/policy/offline_table.h"

enum { ROUNDS_MAX = 100000 };

void offline_options_init(struct offline_options *options_out)
{
    *options_out = (struct offline_options){.discount = 0.95,
                                            .conservatism = 1,
                                            .net = {.num_layers = 2,
                                                    .widths = {64, 64},
                                                    .huber = 1,
                                                    .lr = 0.001f,
                                                    .batch_size = 64,
                                                    .num_updates = 20000,
                                                    .target_sync = 500,
                                                    .seed = 1}};
}

struct work {
    const struct offline_options *options;
    struct episode_log log;
    struct offline_result *result;
    double *q;         // of a table: (S, A)
    uint8_t *is_tried; // likewise: the log has it
};

static souk_status read_log(const char *path, const struct episode_log_options *options,
                            struct episode_log *log)
{
    struct number_table *table;
    souk_status status = number_table_read(path, "log", &table);
    if (status) return status;
    status = episode_log_make(table, options, log);
    number_table_destroy(table);
    return status;
}

/* ---- output ---- */

static void add_numbers(const double *numbers, uint32_t num, struct buf *out)
{
    for (uint32_t a = 0; a < num; a++) {
        if (isinf(numbers[a]))
            buf_printf(out, "%s%sinf", a ? "," : "", numbers[a] < 0 ? "-" : "");
        else
            buf_printf(out, "%s%.9g", a ? "," : "", numbers[a]);
    }
    buf_add_char(out, '\n');
}

/* One on the best action, but for what exploration takes: that goes to what is tried. */
static void add_policy_row(const struct work *work, const double *q, const uint8_t *is_tried,
                           double *row, struct buf *out)
{
    uint32_t num = work->log.num_actions, num_tried = 0;
    double exploration = work->options->exploration;
    for (uint32_t a = 0; a < num; a++) num_tried += !is_tried || is_tried[a];
    for (uint32_t a = 0; a < num; a++)
        row[a] = !is_tried || is_tried[a] || num_tried == 0
                     ? exploration / (num_tried > 0 ? num_tried : num)
                     : 0;
    row[offline_best_action(q, num)] += 1 - exploration;
    add_numbers(row, num, out);
}

// q (num, A): rows of both files.
static souk_status write_rows(const struct work *work, const double *q, uint64_t num,
                              const uint8_t *is_tried)
{
    struct buf values = {0}, policy = {0}, path = {0};
    uint32_t num_actions = work->log.num_actions;
    double *row = mem_calloc(num_actions, sizeof(*row), "policy");
    for (uint64_t i = 0; i < num; i++) {
        add_numbers(q + i * num_actions, num_actions, &values);
        add_policy_row(work, q + i * num_actions, is_tried ? is_tried + i * num_actions : NULL, row,
                       &policy);
    }
    mem_free(row);
    souk_status status = file_make_dirs(work->options->dir);
    buf_printf(&path, "%s/policy.csv", work->options->dir);
    if (!status) status = file_write_atomic(buf_text(&path), policy.text, policy.length);
    buf_clear(&path);
    buf_printf(&path, "%s/q.csv", work->options->dir);
    if (!status) status = file_write_atomic(buf_text(&path), values.text, values.length);
    buf_fini(&values);
    buf_fini(&policy);
    buf_fini(&path);
    return status;
}

static souk_status write_result(const struct work *work)
{
    struct buf text = {0}, path = {0};
    offline_print_json(work->options, work->result, &text);
    buf_printf(&path, "%s/result.json", work->options->dir);
    souk_status status = file_write_atomic(buf_text(&path), text.text, text.length);
    buf_fini(&text);
    buf_fini(&path);
    return status;
}

/* ---- figures ---- */

static void measure_log(struct work *work)
{
    const struct episode_log *log = &work->log;
    struct offline_result *result = work->result;
    *result = (struct offline_result){.has_propensities = log->has_propensities,
                                      .num_episodes = log->num_episodes,
                                      .num_steps = log->num_steps,
                                      .num_states = log->num_states,
                                      .num_actions = log->num_actions,
                                      .loss = NAN,
                                      .untried = NAN};
    for (uint64_t e = 0; e < log->num_episodes; e++) {
        double factor = 1 / (double)log->num_episodes;
        for (uint64_t i = log->first_step[e]; i < log->first_step[e + 1]; i++) {
            result->logged += factor * log->rewards[i];
            factor *= work->options->discount;
        }
    }
}

// q of each step's state; by_step: a row a step, else a row a state.
static void measure_policy(struct work *work, const double *q, bool by_step)
{
    const struct episode_log *log = &work->log;
    uint32_t num = log->num_actions;
    struct offline_result *result = work->result;
    uint64_t num_agreed = 0, num_untried = 0;
    for (uint64_t e = 0; e < log->num_episodes; e++)
        for (uint64_t i = log->first_step[e]; i < log->first_step[e + 1]; i++) {
            uint64_t row = by_step ? i : log->states[i];
            uint32_t best = offline_best_action(q + row * num, num);
            num_agreed += best == log->actions[i];
            num_untried += work->is_tried && !work->is_tried[row * num + best];
            if (i == log->first_step[e])
                result->value += q[row * num + best] / (double)log->num_episodes;
        }
    result->agreement = (double)num_agreed / (double)log->num_steps;
    if (work->is_tried) result->untried = (double)num_untried / (double)log->num_steps;
}

/* ---- a table ---- */

static souk_status learn_table(struct work *work)
{
    struct tabular tabular;
    const struct offline_options *options = work->options;
    const struct offline_table_options table_options = {options->discount, options->conservatism,
                                                        ROUNDS_MAX, 1e-10};
    tabular_init(&tabular, &work->log);
    work->q = mem_calloc(tabular.num_pairs, sizeof(*work->q), "values of pairs");
    work->is_tried = mem_calloc(tabular.num_pairs, 1, "pairs");
    for (uint64_t pair = 0; pair < tabular.num_pairs; pair++)
        work->is_tried[pair] = tabular.visits[pair] > 0;
    work->result->is_table = true;
    work->result->num_seen = tabular.num_seen;
    souk_status status =
        offline_table_learn(&tabular, &table_options, work->q, &work->result->num_rounds);
    tabular_fini(&tabular);
    if (status) return status;
    measure_policy(work, work->q, false);
    return write_rows(work, work->q, work->log.num_states, work->is_tried);
}

/* ---- a network ---- */

struct scaled_states {
    uint32_t width; // D
    float *values;  // (num_steps, D)
    float *shift, *scale;
};

static double *score(struct offline_net *net, const struct episode_log *log, const float *states)
{
    uint64_t num = log->num_steps * log->num_actions;
    float *scores = mem_calloc(num, sizeof(*scores), "values of steps");
    double *q = mem_calloc(num, sizeof(*q), "values of steps");
    offline_net_score(net, states, log->num_steps, scores);
    for (uint64_t i = 0; i < num; i++) q[i] = (double)scores[i];
    mem_free(scores);
    return q;
}

static float *make_states(const struct work *work, const struct episode_log *log, uint32_t width)
{
    float *states = mem_calloc(log->num_steps * width + 1, sizeof(*states), "states");
    offline_states_make(log, work->options->memory, states);
    return states;
}

// Rows of the files are rows of the log, in its order.
static souk_status write_steps(struct work *work, const struct episode_log *log, const double *q)
{
    uint32_t num = log->num_actions;
    double *by_row = mem_calloc(log->num_steps * num, sizeof(*by_row), "values of steps");
    for (uint64_t i = 0; i < log->num_steps; i++)
        memcpy(by_row + log->rows[i] * num, q + i * num, num * sizeof(*by_row));
    souk_status status = write_rows(work, by_row, log->num_steps, NULL);
    mem_free(by_row);
    return status;
}

// The policy for the rows of another log with the same columns.
static souk_status write_other(struct work *work, struct offline_net *net,
                               const struct scaled_states *scaled)
{
    struct episode_log other = {0};
    const struct episode_log *log = &work->log;
    uint32_t width = 0;
    souk_status status =
        read_log(work->options->for_log,
                 &(struct episode_log_options){log->num_states, log->num_actions}, &other);
    if (!status) status = offline_states_width(&other, work->options->memory, &width);
    if (!status && width != scaled->width)
        status = log_fail(SOUK_EDATA, "%s: its states have %u features, but those of %s have %u",
                          work->options->for_log, width, work->options->log, scaled->width);
    if (!status) {
        float *states = make_states(work, &other, width);
        offline_states_scale(states, other.num_steps, width, scaled->shift, scaled->scale);
        double *q = score(net, &other, states);
        status = write_steps(work, &other, q);
        mem_free(states);
        mem_free(q);
    }
    episode_log_fini(&other);
    return status;
}

static souk_status learn_scaled(struct work *work, const struct scaled_states *scaled)
{
    struct offline_net_options options = work->options->net;
    options.num_features = scaled->width;
    options.num_actions = work->log.num_actions;
    options.discount = work->options->discount;
    options.conservatism = (float)work->options->conservatism;
    struct offline_net *net = offline_net_create(&options);
    souk_status status = offline_net_learn(net, &work->log, scaled->values, &work->result->loss);
    if (!status) {
        double *q = score(net, &work->log, scaled->values);
        measure_policy(work, q, true);
        status = work->options->for_log ? write_other(work, net, scaled)
                                        : write_steps(work, &work->log, q);
        mem_free(q);
    }
    offline_net_destroy(net);
    return status;
}

static souk_status learn_net(struct work *work)
{
    struct scaled_states scaled = {0};
    const struct episode_log *log = &work->log;
    souk_status status = offline_states_width(log, work->options->memory, &scaled.width);
    if (status) return status;
    if (log->num_actions > OFFLINE_ACTIONS_MAX)
        return log_fail(SOUK_EDATA, "%s has %u actions, but a network learns %d at most",
                        work->options->log, log->num_actions, OFFLINE_ACTIONS_MAX);
    scaled.values = make_states(work, log, scaled.width);
    scaled.shift = mem_calloc(scaled.width, sizeof(*scaled.shift), "features");
    scaled.scale = mem_calloc(scaled.width, sizeof(*scaled.scale), "features");
    offline_states_measure(scaled.values, log->num_steps, scaled.width, scaled.shift, scaled.scale);
    offline_states_scale(scaled.values, log->num_steps, scaled.width, scaled.shift, scaled.scale);
    work->result->num_features = scaled.width;
    work->result->num_states = 0;
    status = learn_scaled(work, &scaled);
    mem_free(scaled.values);
    mem_free(scaled.shift);
    mem_free(scaled.scale);
    return status;
}

souk_status offline_run(const struct offline_options *options, struct offline_result *result_out)
{
    struct work work = {.options = options, .result = result_out};
    const struct episode_log_options log_options = {options->num_states, options->num_actions};
    souk_status status = read_log(options->log, &log_options, &work.log);
    if (!status) measure_log(&work);
    bool is_net = work.log.num_features > 0 || options->memory > 0;
    if (!status && !is_net && options->for_log)
        status = log_fail(SOUK_EUSAGE,
                          "the states of %s are numbered, and its policy is one for "
                          "all logs: leave out --policy-for",
                          options->log);
    if (!status) status = is_net ? learn_net(&work) : learn_table(&work);
    if (!status) status = write_result(&work);
    episode_log_fini(&work.log);
    mem_free(work.q);
    mem_free(work.is_tried);
    return status;
}
