/* learn_policy_log.c - see learn_policy_log.h. */
#include "worker/cli/learn_policy_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/output.h"
#include "worker/cli/own_options.h"
#include "worker/policy/offline.h"

struct fields {
    struct offline_options options;
    const char *method;    // NULL: cql
    const char *hidden;    // NULL: 64,64
    const char *from;      // folder of a network that has learnt; NULL: a log is learnt from
    double alpha, epsilon; // NAN: not given
    double memory, lr;
    bool is_json;
};

#define FIELD(name)  offsetof(struct fields, name)
#define OPTION(name) offsetof(struct fields, options.name)
static const struct own_option rows[] = {
    {"--log", OWN_TEXT, OPTION(log)},
    {"--from", OWN_TEXT, FIELD(from)},
    {"-o", OWN_TEXT, OPTION(dir)},
    {"--policy-for", OWN_TEXT, OPTION(for_log)},
    {"--method", OWN_TEXT, FIELD(method)},
    {"--alpha", OWN_NUMBER, FIELD(alpha)},
    {"--discount", OWN_NUMBER, OPTION(discount)},
    {"--epsilon", OWN_NUMBER, FIELD(epsilon)},
    {"--memory", OWN_NUMBER, FIELD(memory)},
    {"--states", OWN_COUNT32, OPTION(num_states)},
    {"--actions", OWN_COUNT32, OPTION(num_actions)},
    {"--hidden", OWN_TEXT, FIELD(hidden)},
    {"--lr", OWN_NUMBER, FIELD(lr)},
    {"--updates", OWN_COUNT, OPTION(net.num_updates)},
    {"--batch", OWN_COUNT32, OPTION(net.batch_size)},
    {"--target-sync", OWN_COUNT, OPTION(net.target_sync)},
    {"--seed", OWN_COUNT, OPTION(net.seed)},
    {"--json", OWN_SWITCH, FIELD(is_json)},
};
static const char *const words_for_it[] = {"--log", "--from"};
static const struct own_options own = {"learn-policy --log", rows, sizeof(rows) / sizeof(rows[0])};

bool learn_policy_has_log(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        for (size_t w = 0; w < sizeof(words_for_it) / sizeof(words_for_it[0]); w++) {
            size_t length = strlen(words_for_it[w]);
            if (strncmp(argv[i], words_for_it[w], length) == 0 &&
                (argv[i][length] == '\0' || argv[i][length] == '='))
                return true;
        }
    return false;
}

static souk_status fail_range(const char *name, double value, const char *range)
{
    return log_fail(SOUK_EUSAGE, "learn-policy: %s %g: must be %s", name, value, range);
}

static souk_status set_method(struct fields *fields)
{
    bool is_plain = fields->method && strcmp(fields->method, "fqi") == 0;
    if (fields->method && !is_plain && strcmp(fields->method, "cql") != 0)
        return log_fail(SOUK_EUSAGE,
                        "learn-policy: --method %s: there are cql (conservative Q "
                        "learning) and fqi (fitted Q iteration)",
                        fields->method);
    if (isnan(fields->alpha)) {
        if (is_plain) fields->options.conservatism = 0;
        return SOUK_OK;
    }
    if (is_plain)
        return log_fail(SOUK_EUSAGE, "learn-policy: --alpha is of --method cql; fqi has none");
    if (!(fields->alpha > 0)) return fail_range("--alpha", fields->alpha, "above 0");
    fields->options.conservatism = fields->alpha;
    return SOUK_OK;
}

static souk_status set_hidden(struct fields *fields)
{
    struct offline_net_options *net = &fields->options.net;
    const char *text = fields->hidden;
    if (!text) return SOUK_OK;
    for (net->num_layers = 0; *text && net->num_layers < Q_NET_LAYERS_MAX;) {
        char *end;
        long width = strtol(text, &end, 10);
        if (end == text || width < 1 || width > Q_NET_WIDTH_MAX || (*end && *end != ',')) break;
        net->widths[net->num_layers++] = (uint32_t)width;
        text = *end ? end + 1 : end;
    }
    if (!*text && net->num_layers > 0) return SOUK_OK;
    return log_fail(SOUK_EUSAGE,
                    "learn-policy: --hidden %s: widths of 1 to %d layers, such as 64,64, each 1 to "
                    "%d",
                    fields->hidden, Q_NET_LAYERS_MAX, Q_NET_WIDTH_MAX);
}

static souk_status check_epsilon(struct fields *fields)
{
    if (isnan(fields->epsilon)) return SOUK_OK;
    if (!(fields->epsilon >= 0 && fields->epsilon <= 1))
        return fail_range("--epsilon", fields->epsilon, "0 to 1");
    fields->options.exploration = fields->epsilon;
    return SOUK_OK;
}

// Nothing is learnt: a network that has learnt says what it would do in another log.
static souk_status apply(struct fields *fields)
{
    const struct offline_options *o = &fields->options;
    struct buf text = {0};
    if (o->log)
        return log_fail(SOUK_EUSAGE, "learn-policy: --from is a policy that was learnt already; "
                                     "leave out --log");
    if (!o->for_log || !o->for_log[0])
        return log_fail(SOUK_EUSAGE, "learn-policy: --from needs --policy-for LOG");
    souk_status status = check_epsilon(fields);
    const char *dir = o->dir ? o->dir : fields->from;
    if (!status) status = offline_apply(fields->from, o->for_log, fields->epsilon, dir);
    if (status) return status;
    if (fields->is_json) return SOUK_OK;
    buf_printf(&text, "written to %s: policy.csv and q.csv for the rows of %s\n", dir, o->for_log);
    status = output_text(NULL, &text);
    buf_fini(&text);
    return status;
}

static souk_status check(struct fields *fields)
{
    struct offline_options *o = &fields->options;
    if (!o->log || !o->log[0]) return log_fail(SOUK_EUSAGE, "learn-policy: --log needs a file");
    if (!o->dir || !o->dir[0])
        return log_fail(SOUK_EUSAGE, "learn-policy: -o DIR is needed: the folder to write to");
    if (!(o->discount >= 0 && o->discount <= 1))
        return fail_range("--discount", o->discount, "0 to 1");
    souk_status status = check_epsilon(fields);
    if (status) return status;
    if (!(fields->memory >= 0 && fields->memory < 1))
        return fail_range("--memory", fields->memory, "0 or more, and below 1");
    if (!(fields->lr > 0)) return fail_range("--lr", fields->lr, "above 0");
    if (o->net.batch_size < 1 || o->net.batch_size > 4096)
        return fail_range("--batch", o->net.batch_size, "1 to 4096");
    if (o->net.num_updates < 1 || o->net.target_sync < 1)
        return log_fail(SOUK_EUSAGE, "learn-policy: --updates and --target-sync must be 1 or more");
    o->memory = (float)fields->memory;
    o->net.lr = (float)fields->lr;
    status = set_method(fields);
    return status ? status : set_hidden(fields);
}

souk_status learn_policy_from_log(const struct program *program, int argc, char **argv)
{
    struct fields fields = {.alpha = NAN, .epsilon = NAN};
    struct offline_result result;
    struct buf text = {0};
    int num_words = 0;
    char **words = mem_calloc((size_t)argc, sizeof(*words), "words");
    offline_options_init(&fields.options);
    fields.options.net.stop_signal = program->stop_signal;
    fields.lr = (double)fields.options.net.lr;
    souk_status status = own_options_parse(&own, argc, argv, &fields, words, &num_words);
    if (!status && num_words > 0)
        status = log_fail(SOUK_EUSAGE, "learn-policy: \"%s\" belongs to no option", words[0]);
    mem_free(words);
    if (!status && fields.from) return apply(&fields);
    if (!status) status = check(&fields);
    if (!status) status = offline_run(&fields.options, &result);
    if (status) return status;
    if (fields.is_json)
        offline_print_json(&fields.options, &result, &text);
    else
        offline_print_text(&fields.options, &result, &text);
    status = output_text(NULL, &text);
    buf_fini(&text);
    return status;
}
