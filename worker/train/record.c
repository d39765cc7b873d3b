/* record.c - see record.h. */
#include "worker/train/record.h"

#include <math.h>

static void add_list(struct json *json, const char *key, const struct config_list *list)
{
    json_key(json, key), json_open(json, '[');
    for (uint32_t i = 0; i < list->num_items; i++) json_string(json, list->items[i]);
    json_close(json);
}

void record_start(struct events *events, const struct record_start *start)
{
    if (!events) return;
    struct json *json = events_begin(events, "start");
    json_key(json, "version"), json_string(json, SOUK_VERSION);
    json_key(json, "resumed"), json_bool(json, start->is_resuming);
    json_key(json, "workers"), json_uint(json, start->num_workers);
    json_key(json, "servers"), json_uint(json, start->num_servers);
    json_key(json, "topology"), json_string(json, start->topology);
    json_key(json, "model"), json_string(json, start->config->model.type);
    add_list(json, "train", &start->config->data.train);
    events_end(events);
}

void record_progress(struct events *events, const struct progress_row *row)
{
    if (!events) return;
    struct json *json = events_begin(events, "progress");
    json_key(json, "epoch"), json_uint(json, row->epoch);
    json_key(json, "samples"), json_uint(json, (uint64_t)row->num_samples);
    json_key(json, "loss"), json_double(json, row->loss);
    json_key(json, "since"), json_double(json, row->since);
    json_key(json, "lr"), json_double(json, (double)row->lr);
    json_key(json, "samples_per_s"), json_double(json, row->samples_per_s);
    json_key(json, "wait_percent"), json_double(json, row->wait_percent);
    json_key(json, "staleness"), json_double(json, row->staleness);
    json_key(json, "mb_per_s"), json_double(json, row->mb_per_s);
    json_key(json, "eta_s"), json_double(json, row->eta_s >= 0 ? row->eta_s : (double)NAN);
    events_end(events);
}

void record_evaluation(struct events *events, const char *source, uint32_t epoch,
                       const struct evaluation *evaluation)
{
    if (!events) return;
    struct json *json = events_begin(events, "eval");
    json_key(json, "epoch"), json_uint(json, epoch);
    json_key(json, "source"), json_string(json, source);
    json_key(json, "samples"), json_uint(json, evaluation->num_samples);
    for (uint32_t i = 0; i < evaluation->num_metrics; i++) {
        json_key(json, evaluation->metrics[i].name);
        json_double(json, evaluation->metrics[i].value);
    }
    events_end(events);
}

void record_checkpoint(struct events *events, const struct train_position *position)
{
    if (!events) return;
    struct json *json = events_begin(events, "checkpoint");
    json_key(json, "epoch"), json_uint(json, position->epoch);
    json_key(json, "samples"), json_uint(json, position->num_samples);
    events_end(events);
}

void record_end(struct events *events, souk_status status, uint32_t num_epochs, double seconds)
{
    if (!events) return;
    const char *text = status == SOUK_OK         ? "done"
                       : status == SOUK_ESTOPPED ? "stopped"
                                                 : souk_status_name(status);
    struct json *json = events_begin(events, "end");
    json_key(json, "status"), json_string(json, text);
    json_key(json, "epochs"), json_uint(json, num_epochs);
    json_key(json, "seconds"), json_double(json, seconds);
    events_end(events);
}
