/* q_settings.c - see q_settings.h. */
#include "worker/agent/q_settings.h"

#include <math.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/text/json_value.h"

enum { EMBEDDING_AUTO = 16, DEFAULT_FIRST = 256, DEFAULT_SECOND = 32 };

static souk_status read_widths(const struct config *config, struct q_settings *settings)
{
    const struct config_list *list = &config->policy.hidden;
    if (list->num_items == 0) {
        settings->num_hidden = 2;
        settings->hidden[0] = DEFAULT_FIRST;
        settings->hidden[1] = DEFAULT_SECOND;
        return SOUK_OK;
    }
    if (list->num_items > Q_NET_LAYERS_MAX)
        return config_fail_at(config, "policy.hidden", "%u layers are more than %d",
                              list->num_items, Q_NET_LAYERS_MAX);
    settings->num_hidden = list->num_items;
    for (uint32_t i = 0; i < list->num_items; i++) {
        char *end;
        long width = strtol(list->items[i], &end, 10);
        if (*end || width < 1 || width > Q_NET_WIDTH_MAX)
            return config_fail_at(config, "policy.hidden",
                                  "\"%s\" is no width of a layer, a whole number 1..%d",
                                  list->items[i], Q_NET_WIDTH_MAX);
        settings->hidden[i] = (uint32_t)width;
    }
    return SOUK_OK;
}

souk_status q_settings_read(const struct config *config, const struct env_shape *shape,
                            struct q_settings *settings_out)
{
    struct q_settings settings = {
        .memory = config->policy.memory,
        .reward_scale = config->policy.reward_scale,
        .is_dueling = config->policy.dueling,
        .embedding = config->policy.embedding,
        .user_embedding = config->policy.user_embedding,
        .slate = config->policy.slate,
        .learns_null = config->policy.null_value == CONFIG_NULL_LEARNED,
        .first_value = shape->click_reward * config->policy.reward_scale,
        .bins = config->policy.bins,
        .bins_low = config->policy.bins_low,
        .bins_high = config->policy.bins_high,
    };
    if (settings.embedding > 0 && shape->num_items == 0)
        return config_fail_at(config, "policy.embedding",
                              "the items of env.type %s are made anew for every step and have no "
                              "keys to embed; set it to 0",
                              config->env.type);
    if (settings.user_embedding > 0 && !shape->has_user_keys)
        return config_fail_at(config, "policy.user_embedding",
                              "the users of env.type %s are made up or have no ids, so that there "
                              "is nobody to remember; set it to 0",
                              config->env.type);
    if (settings.embedding == 0 && shape->num_items > 0 && shape->item_dim == 0)
        settings.embedding = EMBEDDING_AUTO;
    souk_status status = read_widths(config, &settings);
    if (status == SOUK_OK) *settings_out = settings;
    return status;
}

static void put_uint(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_uint(json, value);
}

static void put_number(struct json *json, const char *key, float value)
{
    json_key(json, key);
    json_double(json, (double)value);
}

void q_settings_save(const struct q_settings *settings, struct json *json)
{
    put_number(json, "memory", settings->memory);
    put_number(json, "reward_scale", settings->reward_scale);
    json_key(json, "hidden"), json_open(json, '[');
    for (uint32_t i = 0; i < settings->num_hidden; i++) {
        json_open(json, '{');
        put_uint(json, "width", settings->hidden[i]);
        json_close(json);
    }
    json_close(json);
    json_key(json, "dueling"), json_bool(json, settings->is_dueling);
    put_uint(json, "embedding", settings->embedding);
    put_uint(json, "user_embedding", settings->user_embedding);
    put_uint(json, "slate", settings->slate);
    json_key(json, "learns_null"), json_bool(json, settings->learns_null);
    put_number(json, "first_value", settings->first_value);
    put_uint(json, "bins", settings->bins);
    put_number(json, "bins_low", settings->bins_low);
    put_number(json, "bins_high", settings->bins_high);
}

static bool load_widths(const void *json, struct q_settings *settings)
{
    const void *list = json_value_get(json, "hidden");
    size_t num = json_value_count(list);
    if (num < 1 || num > Q_NET_LAYERS_MAX) return false;
    settings->num_hidden = (uint32_t)num;
    for (size_t i = 0; i < num; i++) {
        uint64_t width = json_value_u64(json_value_at(list, i), "width", 0);
        if (width < 1 || width > Q_NET_WIDTH_MAX) return false;
        settings->hidden[i] = (uint32_t)width;
    }
    return true;
}

souk_status q_settings_load(const void *json, struct q_settings *settings_out)
{
    uint64_t embedding = json_value_u64(json, "embedding", UINT64_MAX);
    uint64_t user_embedding = json_value_u64(json, "user_embedding", 0);
    uint64_t slate = json_value_u64(json, "slate", UINT64_MAX);
    uint64_t bins = json_value_u64(json, "bins", 0);
    struct q_settings settings = {
        .memory = (float)json_value_number(json, "memory", NAN),
        .reward_scale = (float)json_value_number(json, "reward_scale", NAN),
        .is_dueling = json_value_bool(json, "dueling", false),
        .embedding = (uint32_t)embedding,
        .user_embedding = (uint32_t)user_embedding,
        .slate = (enum config_policy_slate)slate,
        .learns_null = json_value_bool(json, "learns_null", false),
        .first_value = (float)json_value_number(json, "first_value", 0),
        .bins = (uint32_t)bins,
        .bins_low = (float)json_value_number(json, "bins_low", NAN),
        .bins_high = (float)json_value_number(json, "bins_high", NAN),
    };
    bool is_good = settings.memory >= 0 && settings.memory < 1 && settings.reward_scale > 0 &&
                   isfinite(settings.first_value) && settings.first_value >= 0 &&
                   embedding <= SOUK_DIM_MAX && user_embedding <= SOUK_DIM_MAX &&
                   slate <= CONFIG_SLATE_EXACT && bins >= 1 && bins <= UINT32_MAX &&
                   settings.bins_low < settings.bins_high && load_widths(json, &settings);
    if (!is_good)
        return log_fail(SOUK_EDATA, "the folder's state is not that of a policy that was learnt; "
                                    "copy the policy again, or learn it again");
    *settings_out = settings;
    return SOUK_OK;
}
