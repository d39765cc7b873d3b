/* learn_log.c - see learn_log.h. */
#include "worker/policy/learn_log.h"

#include <math.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/train/events.h"
#include "worker/train/progress.h"
#include "worker/train/run_dir.h"

struct learn_log {
    struct events *events;
    double every_s; // between two rows
    bool is_quiet, is_terminal;
    bool has_head, is_line_open;
    uint64_t start_ns, row_ns;
    double start_steps, row_steps; // user steps then
    struct tally since;            // the row before
};

souk_status learn_log_open(const struct learn_options *options, double steps,
                           struct learn_log **log_out)
{
    struct learn_log *log = mem_calloc(1, sizeof *log, "progress");
    char *path = run_dir_path(options->config, "events.jsonl");
    souk_status status = events_open(path, options->is_resuming, &log->events);
    mem_free(path);
    if (status != SOUK_OK) {
        learn_log_close(log);
        return status;
    }
    log->every_s = options->config->run.progress_s;
    log->is_quiet = options->is_quiet;
    log->is_terminal = options->is_terminal;
    log->start_ns = log->row_ns = clock_now_ns();
    log->start_steps = log->row_steps = steps;
    struct json *json = events_begin(log->events, "start");
    json_key(json, "version"), json_string(json, SOUK_VERSION);
    json_key(json, "resumed"), json_bool(json, options->is_resuming);
    json_key(json, "workers"), json_uint(json, comm_size(options->comm));
    json_key(json, "topology"), json_string(json, session_topology(options->session));
    json_key(json, "environment"), json_string(json, options->config->env.type);
    json_key(json, "agent"), json_string(json, options->config->policy.agent);
    events_end(log->events);
    *log_out = log;
    return SOUK_OK;
}

/* Ends the row that is being rewritten, so that other lines can follow. */
static void end_line(struct learn_log *log)
{
    if (!log->is_line_open) return;
    fputc('\n', stderr);
    log->is_line_open = false;
    log_line_is_open(0);
}

void learn_log_close(struct learn_log *log)
{
    if (!log) return;
    end_line(log);
    events_close(log->events);
    mem_free(log);
}

// One row.
struct row {
    struct learn_state state;
    double mean_return, stays, loss; // since the row before
    double steps_per_s, eta_s;
};

// "-" where nothing has come yet that it would be a mean of.
static const char *format_mean(double mean, int decimals, char out[32])
{
    if (isnan(mean))
        snprintf(out, 32, "-");
    else
        snprintf(out, 32, "%.*f", decimals, mean);
    return out;
}

static void print_row(struct learn_log *log, const struct row *row)
{
    if (log->is_quiet) return;
    char steps[32], stays[32], rate[32], mean_return[32], loss[32];
    struct buf eta = {0};
    progress_format_time(row->eta_s, &eta);
    if (!log->has_head)
        fprintf(stderr, "%12s %9s %8s %10s %8s %9s %9s %9s\n", "steps", "return", "stays", "loss",
                "epsilon", "lr", "steps/s", "ETA");
    log->has_head = true;
    fprintf(stderr, "%s%12s %9s %8s %10s %8.3f %9.2e %9s %9s%s", log->is_terminal ? "\r\033[K" : "",
            text_group_digits((unsigned long long)row->state.steps, steps),
            format_mean(row->mean_return, 2, mean_return),
            text_group_digits((unsigned long long)row->stays, stays),
            format_mean(row->loss, 4, loss), row->state.epsilon, row->state.lr,
            text_group_digits((unsigned long long)row->steps_per_s, rate), buf_text(&eta),
            log->is_terminal ? "" : "\n");
    log->is_line_open = log->is_terminal;
    if (log->is_terminal) log_line_is_open(1);
    fflush(stderr);
    buf_fini(&eta);
}

static void record_row(struct learn_log *log, const struct row *row)
{
    struct json *json = events_begin(log->events, "progress");
    json_key(json, "steps"), json_double(json, row->state.steps);
    json_key(json, "return"), json_double(json, row->mean_return);
    json_key(json, "stays"), json_double(json, row->stays);
    json_key(json, "loss"), json_double(json, row->loss);
    json_key(json, "epsilon"), json_double(json, row->state.epsilon);
    json_key(json, "lr"), json_double(json, row->state.lr);
    json_key(json, "steps_per_s"), json_double(json, row->steps_per_s);
    json_key(json, "eta_s"), json_double(json, row->eta_s);
    events_end(log->events);
}

void learn_log_take(struct learn_log *log, const struct tally *tally,
                    const struct learn_state *state)
{
    uint64_t now_ns = clock_now_ns();
    double elapsed_s = (double)(now_ns - log->row_ns) * 1e-9;
    log->since.returns += tally->returns;
    log->since.stays += tally->stays;
    log->since.loss += tally->loss;
    log->since.updates += tally->updates;
    if (elapsed_s < log->every_s && state->steps < state->total) return;
    double run_s = (double)(now_ns - log->start_ns) * 1e-9;
    struct row row = {
        .state = *state,
        .mean_return = log->since.returns / log->since.stays,
        .stays = log->since.stays,
        .loss = log->since.loss / log->since.updates,
        .steps_per_s = (state->steps - log->row_steps) / elapsed_s,
        .eta_s = progress_eta(run_s, log->start_steps / state->total, state->steps / state->total)};
    print_row(log, &row);
    record_row(log, &row);
    log->row_ns = now_ns;
    log->row_steps = state->steps;
    log->since = (struct tally){0};
}

void learn_log_point(struct learn_log *log, const struct learn_point *point)
{
    char steps[32];
    if (!log->is_quiet) {
        end_line(log);
        fprintf(stderr, "%12s %9.2f  held-out users, +- %.2f\n",
                text_group_digits((unsigned long long)point->steps, steps), point->validation,
                point->stderror);
    }
    struct json *json = events_begin(log->events, "eval");
    json_key(json, "steps"), json_double(json, point->steps);
    json_key(json, "training"), json_double(json, point->training);
    json_key(json, "validation"), json_double(json, point->validation);
    json_key(json, "stderr"), json_double(json, point->stderror);
    events_end(log->events);
}

void learn_log_end(struct learn_log *log, souk_status status, const struct learn_result *result)
{
    end_line(log);
    const char *text = status == SOUK_OK         ? "done"
                       : status == SOUK_ESTOPPED ? "stopped"
                                                 : souk_status_name(status);
    struct json *json = events_begin(log->events, "end");
    json_key(json, "status"), json_string(json, text);
    json_key(json, "steps"), json_double(json, result->num_steps);
    json_key(json, "seconds"), json_double(json, result->seconds);
    for (int f = 0; f < SIM_NUM_FIGURES && result->num_test > 0; f++) {
        json_key(json, sim_figure_name((enum sim_figure)f));
        json_double(json, result->test[f].mean);
    }
    events_end(log->events);
}
