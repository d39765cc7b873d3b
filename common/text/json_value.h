/* json_value.h - reads JSON (by jansson), for manifests and results. A value is an opaque pointer;
 * values inside an object are borrowed from it. Getters give a fallback for what is missing or of
 * another type. Threads: one owner. */
#ifndef SOUK_COMMON_TEXT_JSON_VALUE_H
#define SOUK_COMMON_TEXT_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/status.h"

/* SOUK_EDATA with "name:line: reason" in the log. On SOUK_OK the caller owns *value_out. */
SOUK_MUST_CHECK souk_status json_value_parse(const char *text, size_t length, const char *name,
                                             void **value_out);
void json_value_destroy(void *value); // NULL is fine; only for what parse gave

const void *json_value_get(const void *object, const char *key); // NULL: missing
size_t json_value_count(const void *array);
const void *json_value_at(const void *array, size_t idx);
const char *json_value_text(const void *object, const char *key, const char *fallback);
double json_value_number(const void *object, const char *key, double fallback);
/* Unsigned 64-bit numbers that JSON cannot hold exactly are written as texts; both are read. */
uint64_t json_value_u64(const void *object, const char *key, uint64_t fallback);
bool json_value_bool(const void *object, const char *key, bool fallback);

#endif
