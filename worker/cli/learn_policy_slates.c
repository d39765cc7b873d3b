/* learn_policy_slates.c - see learn_policy_slates.h. */
#include "worker/cli/learn_policy_slates.h"

#include <string.h>

#include "common/base/log.h"
#include "worker/cli/output.h"
#include "worker/cli/own_options.h"
#include "worker/policy/offline_slates.h"

struct fields {
    const char *log;
    uint64_t num_updates;
};

static const struct own_option rows[] = {
    {"--slates", OWN_TEXT, offsetof(struct fields, log)},
    {"--updates", OWN_COUNT, offsetof(struct fields, num_updates)},
};
static const struct own_options own = {"learn-policy --slates", rows,
                                       sizeof(rows) / sizeof(rows[0])};

bool learn_policy_has_slates(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--slates") == 0 || strncmp(argv[i], "--slates=", 9) == 0) return true;
    return false;
}

static souk_status check(const struct fields *fields, const struct args *args)
{
    if (!fields->log || !fields->log[0])
        return log_fail(SOUK_EUSAGE, "learn-policy: --slates needs a file");
    if (!args->output || !args->output[0])
        return log_fail(SOUK_EUSAGE, "learn-policy: -o DIR is needed: the folder to write to");
    if (fields->num_updates < 1)
        return log_fail(SOUK_EUSAGE, "learn-policy: --updates must be 1 or more");
    return SOUK_OK;
}

static souk_status learn(const struct program *program, const struct fields *fields,
                         struct args *args)
{
    struct offline_slates_result result;
    struct buf text = {0};
    const struct offline_slates_options options = {.config = &args->config,
                                                   .log = fields->log,
                                                   .dir = args->output,
                                                   .num_updates = fields->num_updates,
                                                   .stop_signal = program->stop_signal};
    souk_status status = offline_slates_run(&options, &result);
    if (status) return status;
    if (args->is_json)
        offline_slates_json(&options, &result, &text);
    else
        offline_slates_text(&options, &result, &text);
    status = output_text(NULL, &text);
    buf_fini(&text);
    return status;
}

souk_status learn_policy_from_slates(const struct program *program, int argc, char **argv)
{
    struct fields fields = {.num_updates = 20000};
    struct args args = {0};
    souk_status status = own_options_take(&own, &argc, argv, &fields);
    if (status) return status;
    status = args_parse(&verb_learn_policy, ARG_CONFIG | ARG_JSON | ARG_OUTPUT, argc, argv, &args);
    if (!status) status = check(&fields, &args);
    if (!status) status = learn(program, &fields, &args);
    args_fini(&args);
    return status;
}
