/* config_check.c - what no single option can say, and options of tables. See config.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/text/config.h"

souk_status config_fail_at(const struct config *config, const char *key, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    const char *origin = config_origin(config, key);
    if (strcmp(origin, "default") == 0) return log_fail(SOUK_ECONFIG, "%s: %s", key, message);
    const char *separator = strcmp(origin, "--set") == 0 ? " " : ": ";
    return log_fail(SOUK_ECONFIG, "%s%s%s: %s", origin, separator, key, message);
}

static souk_status check_validation(const struct config *config)
{
    if (config->train.patience == 0 || config->data.valid.num_items > 0 ||
        config->data.valid_share > 0)
        return SOUK_OK;
    return config_fail_at(config, "train.patience",
                          "stopping early needs validation data: set data.valid to a file, or "
                          "data.valid_share to a share of the training rows such as 0.05");
}

static souk_status check_schedule(const struct config *config)
{
    float decay = config->train.lr_decay;
    switch (config->train.lr_schedule) {
    case CONFIG_LR_EXPONENTIAL:
    case CONFIG_LR_STEP:
        if (decay > 0 && decay <= 1) return SOUK_OK;
        return config_fail_at(
            config, "train.lr_decay",
            "must be > 0 and <= 1 for this train.lr_schedule, so that the rate falls");
    case CONFIG_LR_COSINE:
        if (decay <= 1) return SOUK_OK;
        return config_fail_at(
            config, "train.lr_decay",
            "must be <= 1 for cosine: it is the share of lr where the curve ends");
    default: return SOUK_OK;
    }
}

static souk_status check_standard_input(const struct config *config)
{
    const struct config_list *lists[] = {&config->data.train, &config->data.valid,
                                         &config->data.test};
    static const char *const keys[] = {"data.train", "data.valid", "data.test"};
    unsigned num_uses = 0;
    for (unsigned i = 0; i < 3; i++)
        for (uint32_t f = 0; f < lists[i]->num_items; f++)
            if (strcmp(lists[i]->items[f], "-") == 0 && ++num_uses > 1)
                return config_fail_at(
                    config, keys[i],
                    "standard input (\"-\") is named twice, but can be read only once");
    return SOUK_OK;
}

static bool is_same_column(const char *a, const char *b)
{
    return strcmp(a, "auto") != 0 && strcmp(a, b) == 0;
}

static souk_status check_columns(const struct config *config)
{
    const char *user = config->data.user, *item = config->data.item, *rating = config->data.rating;
    if (is_same_column(user, item))
        return config_fail_at(config, "data.item", "is column \"%s\", as data.user is", item);
    if (is_same_column(user, rating) || is_same_column(item, rating))
        return config_fail_at(config, "data.rating", "is column \"%s\", as data.%s is", rating,
                              is_same_column(user, rating) ? "user" : "item");
    return SOUK_OK;
}

static souk_status check_texts(const struct config *config)
{
    if (!config->run.dir[0]) return config_fail_at(config, "run.dir", "is empty; name a folder");
    const char *delimiter = config->data.delimiter;
    size_t length = strlen(delimiter);
    if (length == 0 || length > 15 || strpbrk(delimiter, "\r\n"))
        return config_fail_at(
            config, "data.delimiter",
            "must be auto, tab, comma, space, or 1 to 15 bytes without line ends");
    return SOUK_OK;
}

static souk_status check_features(const struct config *config)
{
    const char *separator = config->features.separator;
    static const char *const words[] = {"auto", "comma", "space", "tab"};
    bool is_word = false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        is_word |= strcmp(separator, words[i]) == 0;
    if (!is_word && (strlen(separator) != 1 || strpbrk(separator, "\r\n\"")))
        return config_fail_at(config, "features.separator",
                              "must be auto, comma, space, tab, or one character");
    return SOUK_OK;
}

static souk_status check_policy(const struct config *config)
{
    if (!(config->policy.bins_low < config->policy.bins_high))
        return config_fail_at(config, "policy.bins_high", "must be above policy.bins_low, %g",
                              (double)config->policy.bins_low);
    return SOUK_OK;
}

static souk_status check_cluster(const struct config *config)
{
    uint32_t num_shards = config->cluster.servers * config->cluster.threads;
    if (num_shards > SOUK_NUM_SLOTS)
        return config_fail_at(
            config, "cluster.servers",
            "%u servers of %u threads are more shards than the %d that can be filled",
            config->cluster.servers, config->cluster.threads, SOUK_NUM_SLOTS);
    if (config->cluster.retry_s > config->cluster.timeout_s)
        return config_fail_at(
            config, "cluster.retry_s",
            "%g s is longer than cluster.timeout_s, %g s: nothing would be sent again",
            config->cluster.retry_s, config->cluster.timeout_s);
    return SOUK_OK;
}

souk_status config_check(const struct config *config)
{
    static souk_status (*const checks[])(const struct config *) = {
        check_texts,    check_columns, check_standard_input, check_validation,
        check_schedule, check_cluster, check_features,       check_policy,
    };
    souk_status status = SOUK_OK;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        souk_status checked = checks[i](config);
        if (checked != SOUK_OK) status = checked;
    }
    return status;
}

static souk_status refuse_table(const char *name, const char *const *names, uint32_t num_names)
{
    struct buf rest = {0};
    const char *nearest = text_nearest(name, names, num_names);
    if (nearest) {
        buf_printf(&rest, "; did you mean \"%s\"?", nearest);
    } else {
        buf_add_text(&rest, "; it has: ");
        for (uint32_t i = 0; i < num_names; i++)
            buf_printf(&rest, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    souk_status status = log_fail(SOUK_ECONFIG, "tables.%s: the model has no table of this name%s",
                                  name, buf_text(&rest));
    buf_fini(&rest);
    return status;
}

souk_status config_check_tables(const struct config *config, const struct souk_table_spec *specs,
                                uint32_t num_specs)
{
    const char *names[SOUK_TABLES_MAX] = {NULL};
    for (uint32_t i = 0; i < num_specs; i++) names[i] = specs[i].name;
    for (uint32_t t = 0; t < config->num_tables; t++) {
        const char *name = config->tables[t].name;
        bool is_known = false;
        for (uint32_t i = 0; i < num_specs; i++) is_known |= strcmp(names[i], name) == 0;
        if (is_known) continue;
        return refuse_table(name, names, num_specs);
    }
    return SOUK_OK;
}

static void apply(float *field, float value)
{
    if (!isnan(value)) *field = value;
}

static void apply_table(const struct config_table *table, struct souk_table_spec *spec)
{
    if (table->pull_codec >= 0) spec->pull_codec = (enum souk_codec)table->pull_codec;
    if (table->push_codec >= 0) spec->push_codec = (enum souk_codec)table->push_codec;
    if (table->optimizer >= 0) spec->optimizer = (enum souk_optimizer)table->optimizer;
    if (table->init >= 0) spec->init = (enum souk_init)table->init;
    apply(&spec->init_scale, table->init_scale);
    apply(&spec->lr, table->lr);
    apply(&spec->momentum, table->momentum);
    apply(&spec->beta1, table->beta1);
    apply(&spec->beta2, table->beta2);
    apply(&spec->epsilon, table->epsilon);
    apply(&spec->initial_accumulator, table->initial_accumulator);
    apply(&spec->ftrl_alpha, table->ftrl_alpha);
    apply(&spec->ftrl_beta, table->ftrl_beta);
    apply(&spec->l1, table->l1);
    apply(&spec->l2, table->l2);
}

souk_status config_apply_table(const struct config *config, struct souk_table_spec *spec)
{
    for (uint32_t i = 0; i < config->num_tables; i++)
        if (strcmp(config->tables[i].name, spec->name) == 0) apply_table(&config->tables[i], spec);
    const char *why;
    if (souk_table_spec_check(spec, &why) == SOUK_OK) return SOUK_OK;
    return log_fail(SOUK_ECONFIG, "tables.%s: %s", spec->name, why);
}
