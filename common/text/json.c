/* json.c - see json.h. */
#include "common/text/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_init(struct json *json, struct buf *out)
{
    *json = (struct json){.out = out};
}

static void begin_value(struct json *json)
{
    if (json->needs_comma) buf_add_char(json->out, ',');
    json->needs_comma = true;
}

void json_open(struct json *json, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    assert(json->depth < sizeof(json->closers));
    begin_value(json);
    buf_add_char(json->out, bracket);
    json->closers[json->depth++] = bracket == '{' ? '}' : ']';
    json->needs_comma = false;
}

void json_close(struct json *json)
{
    assert(json->depth > 0);
    buf_add_char(json->out, json->closers[--json->depth]);
    json->needs_comma = true;
}

static void add_quoted(struct buf *out, const char *bytes, size_t length)
{
    struct buf utf8 = {0};
    text_add_utf8(&utf8, bytes, length);
    buf_add_char(out, '"');
    for (size_t i = 0; i < utf8.length; i++) {
        unsigned char c = (unsigned char)utf8.text[i];
        switch (c) {
        case '"': buf_add_text(out, "\\\""); break;
        case '\\': buf_add_text(out, "\\\\"); break;
        case '\n': buf_add_text(out, "\\n"); break;
        case '\t': buf_add_text(out, "\\t"); break;
        case '\r': buf_add_text(out, "\\r"); break;
        default:
            if (c < 0x20 || c == 0x7F)
                buf_printf(out, "\\u%04x", c);
            else
                buf_add_char(out, (char)c);
        }
    }
    buf_add_char(out, '"');
    buf_fini(&utf8);
}

void json_key(struct json *json, const char *key)
{
    if (json->needs_comma) buf_add_char(json->out, ',');
    add_quoted(json->out, key, strlen(key));
    buf_add_char(json->out, ':');
    json->needs_comma = false;
}

void json_string_n(struct json *json, const char *bytes, size_t length)
{
    begin_value(json);
    add_quoted(json->out, bytes, length);
}

void json_string(struct json *json, const char *text)
{
    json_string_n(json, text, strlen(text));
}

void json_double(struct json *json, double number)
{
    begin_value(json);
    if (!isfinite(number)) {
        buf_add_text(json->out, "null");
        return;
    }
    char text[32];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    buf_add_text(json->out, text);
}

void json_uint(struct json *json, uint64_t number)
{
    begin_value(json);
    buf_printf(json->out, "%" PRIu64, number);
}

void json_bool(struct json *json, bool value)
{
    begin_value(json);
    buf_add_text(json->out, value ? "true" : "false");
}

void json_null(struct json *json)
{
    begin_value(json);
    buf_add_text(json->out, "null");
}
