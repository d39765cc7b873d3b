/* json_value.c - see json_value.h. */
#include "common/text/json_value.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "common/base/log.h"

souk_status json_value_parse(const char *text, size_t length, const char *name, void **value_out)
{
    json_error_t error;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        return log_fail(
            SOUK_EDATA,
            "%s:%d: not JSON: %s; the file is damaged: copy it again from where it came", name,
            error.line, error.text);
    *value_out = value;
    return SOUK_OK;
}

void json_value_destroy(void *value)
{
    json_decref(value);
}

const void *json_value_get(const void *object, const char *key)
{
    return json_object_get(object, key);
}

size_t json_value_count(const void *array)
{
    return json_array_size(array);
}

const void *json_value_at(const void *array, size_t idx)
{
    return json_array_get(array, idx);
}

const char *json_value_text(const void *object, const char *key, const char *fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? json_string_value(value) : fallback;
}

double json_value_number(const void *object, const char *key, double fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

uint64_t json_value_u64(const void *object, const char *key, uint64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);
        return number >= 0 ? (uint64_t)number : fallback;
    }
    if (!json_is_string(value)) return fallback;
    const char *text = json_string_value(value);
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    bool is_plain = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
    return is_plain ? number : fallback;
}

bool json_value_bool(const void *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}
