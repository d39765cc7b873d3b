/* offline_print.c - the result of learning from a log. See offline.h. */
#include <math.h>

#include "common/text/json.h"
#include "worker/policy/offline.h"

static const char *method_of(const struct offline_options *options)
{
    return options->conservatism > 0 ? "conservative Q learning" : "fitted Q iteration";
}

static void put_number(struct json *json, const char *key, double number)
{
    json_key(json, key);
    json_double(json, number);
}

static void put_count(struct json *json, const char *key, uint64_t count)
{
    json_key(json, key);
    json_uint(json, count);
}

static void put_figures(struct json *json, const struct offline_result *result)
{
    put_count(json, "episodes", result->num_episodes);
    put_count(json, "steps", result->num_steps);
    put_count(json, "actions", result->num_actions);
    if (result->is_table) {
        put_count(json, "states", result->num_states);
        put_count(json, "pairs_seen", result->num_seen);
        put_count(json, "rounds", result->num_rounds);
        put_number(json, "untried", result->untried);
    } else {
        put_count(json, "features", result->num_features);
        put_number(json, "loss", result->loss);
    }
    json_key(json, "propensities_estimated");
    json_bool(json, !result->has_propensities);
    put_number(json, "logged_return", result->logged);
    put_number(json, "promised_return", result->value);
    put_number(json, "agreement", result->agreement);
}

void offline_print_json(const struct offline_options *options, const struct offline_result *result,
                        struct buf *out)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    json_key(&json, "method");
    json_string(&json, options->conservatism > 0 ? "cql" : "fqi");
    json_key(&json, "form");
    json_string(&json, result->is_table ? "table" : "network");
    json_key(&json, "log");
    json_string(&json, options->log);
    put_number(&json, "discount", options->discount);
    put_number(&json, "alpha", options->conservatism);
    put_number(&json, "epsilon", options->exploration);
    put_number(&json, "memory", (double)options->memory);
    put_figures(&json, result);
    json_close(&json);
    buf_add_char(out, '\n');
}

static void print_size(const struct offline_options *options, const struct offline_result *result,
                       struct buf *out)
{
    char episodes[32], steps[32], seen[32];
    buf_printf(out, "log           %s: %s episodes, %s steps, %u actions\n", options->log,
               text_group_digits(result->num_episodes, episodes),
               text_group_digits(result->num_steps, steps), result->num_actions);
    if (result->is_table)
        buf_printf(out,
                   "states        %u, numbered; %s of %llu pairs with an action are in the log\n",
                   result->num_states, text_group_digits(result->num_seen, seen),
                   (unsigned long long)result->num_states * result->num_actions);
    else
        buf_printf(out, "states        %u features\n", result->num_features);
}

void offline_print_text(const struct offline_options *options, const struct offline_result *result,
                        struct buf *out)
{
    print_size(options, result, out);
    buf_printf(out, "method        %s", method_of(options));
    if (options->conservatism > 0) buf_printf(out, ", alpha %g", options->conservatism);
    buf_printf(out, ", discount %g; ", options->discount);
    if (result->is_table)
        buf_printf(out, "settled after %u rounds\n", result->num_rounds);
    else
        buf_printf(out, "%llu updates, loss %.6g at the end\n",
                   (unsigned long long)options->net.num_updates, result->loss);
    buf_printf(out, "logged        %.6g mean return of an episode\n", result->logged);
    buf_printf(out, "promised      %.6g by its own Q: judge it with souk ope, not by this\n",
               result->value);
    buf_printf(out, "agreement     %.1f %% of the log's actions are those that it would take\n",
               100 * result->agreement);
    if (result->untried > 0)
        buf_printf(out,
                   "untried       in %.1f %% of the log's steps it would do what nobody has "
                   "done there: take --method cql\n",
                   100 * result->untried);
    buf_printf(out, "written to %s: policy.csv, q.csv, result.json%s\n", options->dir,
               result->is_table ? "" : ", and the network");
}
