/* generate_log.c - see generate_log.h. */
#include "worker/data/generate_log.h"

#include <inttypes.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/json.h"
#include "worker/data/output_file.h"

struct log_writer {
    struct log_options options;
    struct choice_world *world;
    struct output_file log, policies[CHOICE_POLICIES]; // those that are written
    struct buf line;
    uint64_t num_rewarded;
};

void log_options_init(struct log_options *options)
{
    *options = (struct log_options){
        .num_rounds = 10000,
        .num_kinds = 12,
        .num_actions = 5,
        .seed = 1,
        .round_seed = 1,
        .has_propensities = true,
    };
}

static bool is_written(const struct log_writer *w, int policy)
{
    return w->options.policies == 0 || (w->options.policies >> policy & 1);
}

static souk_status open_files(struct log_writer *w)
{
    souk_status status = output_file_open(&w->log, w->options.dir, "log.csv");
    for (int p = 0; !status && p < CHOICE_POLICIES; p++) {
        if (!is_written(w, p)) continue;
        buf_clear(&w->line);
        buf_printf(&w->line, "%s.csv", choice_policy_name((enum choice_policy)p));
        status = output_file_open(&w->policies[p], w->options.dir, buf_text(&w->line));
    }
    return status;
}

static souk_status close_files(struct log_writer *w, souk_status status)
{
    souk_status closed = output_file_close(&w->log);
    if (!status) status = closed;
    for (int p = 0; p < CHOICE_POLICIES; p++) {
        closed = output_file_close(&w->policies[p]);
        if (!status) status = closed;
    }
    return status;
}

static souk_status write_header(struct log_writer *w)
{
    buf_clear(&w->line);
    buf_printf(&w->line, "action,reward%s", w->options.has_propensities ? ",pscore" : "");
    for (int f = 0; f < CHOICE_FEATURES; f++) buf_printf(&w->line, ",x%d", f);
    buf_add_char(&w->line, '\n');
    return output_file_write(&w->log, w->line.text, w->line.length);
}

static souk_status write_shares(struct log_writer *w, enum choice_policy policy, uint32_t kind)
{
    const double *shares = choice_world_shares(w->world, policy, kind);
    buf_clear(&w->line);
    for (uint32_t a = 0; a < w->options.num_actions; a++)
        buf_printf(&w->line, "%s%.17g", a > 0 ? "," : "", shares[a]);
    buf_add_char(&w->line, '\n');
    return output_file_write(&w->policies[policy], w->line.text, w->line.length);
}

static souk_status write_round(struct log_writer *w, const struct choice *choice)
{
    const double *features = choice_world_features(w->world, choice->kind);
    buf_clear(&w->line);
    buf_printf(&w->line, "%" PRIu32 ",%d", choice->action, choice->is_rewarded);
    if (w->options.has_propensities) buf_printf(&w->line, ",%.17g", choice->propensity);
    for (int f = 0; f < CHOICE_FEATURES; f++) buf_printf(&w->line, ",%.6f", features[f]);
    buf_add_char(&w->line, '\n');
    souk_status status = output_file_write(&w->log, w->line.text, w->line.length);
    for (int p = 0; !status && p < CHOICE_POLICIES; p++)
        if (is_written(w, p)) status = write_shares(w, (enum choice_policy)p, choice->kind);
    return status;
}

static souk_status write_rounds(struct log_writer *w)
{
    struct rng rng;
    rng_init(&rng, w->options.round_seed, rng_stream("log", 0, 0));
    souk_status status = open_files(w);
    if (!status) status = write_header(w);
    for (uint64_t i = 0; !status && i < w->options.num_rounds; i++) {
        struct choice choice = choice_world_draw(w->world, &rng);
        w->num_rewarded += choice.is_rewarded;
        status = write_round(w, &choice);
    }
    return close_files(w, status);
}

static souk_status write_truth(const struct log_writer *w, const struct log_result *result)
{
    const struct log_options *options = &w->options;
    struct buf text = {0};
    struct output_file file = {NULL, NULL};
    struct json json;
    json_init(&json, &text);
    json_open(&json, '{');
    json_key(&json, "rounds"), json_uint(&json, options->num_rounds);
    json_key(&json, "kinds"), json_uint(&json, options->num_kinds);
    json_key(&json, "actions"), json_uint(&json, options->num_actions);
    json_key(&json, "seed"), json_uint(&json, options->seed);
    json_key(&json, "round_seed"), json_uint(&json, options->round_seed);
    json_key(&json, "propensities"), json_bool(&json, options->has_propensities);
    json_key(&json, "logged_mean"), json_double(&json, result->logged_mean);
    json_key(&json, "values"), json_open(&json, '{');
    for (int p = 0; p < CHOICE_POLICIES; p++) {
        json_key(&json, choice_policy_name((enum choice_policy)p));
        json_double(&json, result->values[p]);
    }
    json_close(&json);
    json_close(&json);
    buf_add_char(&text, '\n');
    souk_status status = output_file_open(&file, options->dir, "truth.json");
    if (!status) status = output_file_write(&file, text.text, text.length);
    souk_status closed = output_file_close(&file);
    if (!status) status = closed;
    buf_fini(&text);
    return status;
}

souk_status generate_log(const struct log_options *options, struct log_result *result_out)
{
    struct log_writer w = {.options = *options};
    struct log_result result;
    if (options->num_rounds < 1)
        return log_fail(SOUK_EINVAL, "generated log: rounds must be 1 or more");
    souk_status status =
        choice_world_create(options->num_kinds, options->num_actions, options->seed, &w.world);
    if (!status) status = file_make_dirs(options->dir);
    if (!status) status = write_rounds(&w);
    if (!status) {
        for (int p = 0; p < CHOICE_POLICIES; p++)
            result.values[p] = choice_world_value(w.world, (enum choice_policy)p);
        result.logged_mean = (double)w.num_rewarded / (double)options->num_rounds;
        status = write_truth(&w, &result);
    }
    choice_world_destroy(w.world);
    buf_fini(&w.line);
    if (!status) *result_out = result;
    return status;
}
