/* json.h - writes JSON into a buf. Commas and quoting are taken care of; numbers that are not
 * finite become null, since JSON has none; bytes that are not UTF-8 are read as Latin-1.
 *
 *     json_open(&json, '{'); json_key(&json, "rmse"); json_double(&json, 0.92); json_close(&json);
 *
 * Threads: one owner.
 */
#ifndef SOUK_COMMON_TEXT_JSON_H
#define SOUK_COMMON_TEXT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text/buf.h"

struct json {
    struct buf *out;  // borrowed
    char closers[32]; // of the open objects and arrays
    unsigned depth;   // <= 32, asserted
    bool needs_comma;
};

void json_init(struct json *json, struct buf *out);
void json_open(struct json *json, char bracket); // '{' or '['
void json_close(struct json *json);
void json_key(struct json *json, const char *key);
void json_string(struct json *json, const char *text);
void json_string_n(struct json *json, const char *bytes, size_t length);
void json_double(struct json *json, double number); // shortest text that reads back the same
void json_uint(struct json *json, uint64_t number);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);

#endif
