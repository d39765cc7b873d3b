/* utf8.c - text of unknown encoding, for output. See buf.h. */
#include <stdbool.h>
#include <stdint.h>

#include "common/text/buf.h"

// Bytes of the valid UTF-8 sequence at bytes (RFC 3629: no overlong forms, no surrogates), or 0.
static size_t sequence_length(const unsigned char *bytes, size_t length)
{
    unsigned char first = bytes[0], low = 0x80, high = 0xBF;
    if (first < 0x80) return 1;
    size_t n = first >= 0xC2 && first <= 0xDF   ? 2
               : (first & 0xF0) == 0xE0         ? 3
               : first >= 0xF0 && first <= 0xF4 ? 4
                                                : 0;
    if (n == 0 || n > length) return 0;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
    if (bytes[1] < low || bytes[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if (bytes[i] < 0x80 || bytes[i] > 0xBF) return 0;
    return n;
}

void text_add_utf8(struct buf *out, const char *bytes, size_t length)
{
    const unsigned char *text = (const unsigned char *)bytes;
    for (size_t i = 0; i < length;) {
        size_t n = sequence_length(text + i, length - i);
        if (n > 0) {
            buf_add(out, bytes + i, n);
            i += n;
            continue;
        }
        buf_add_char(out, (char)(0xC0 | text[i] >> 6)); // Latin-1 in two bytes
        buf_add_char(out, (char)(0x80 | (text[i] & 0x3F)));
        i++;
    }
}

void text_add_shown(struct buf *out, const char *bytes, size_t length)
{
    struct buf utf8 = {0};
    text_add_utf8(&utf8, bytes, length);
    for (size_t i = 0; i < utf8.length; i++) {
        const unsigned char *at = (const unsigned char *)utf8.text + i;
        bool is_high = at[0] == 0xC2 && at[1] < 0xA0; // U+0080..U+009F, in two bytes
        bool is_control = at[0] < 0x20 || at[0] == 0x7F || is_high;
        buf_add_char(out, is_control ? '?' : utf8.text[i]);
        i += is_high;
    }
    buf_fini(&utf8);
}

static uint32_t decode(const unsigned char *bytes, size_t n)
{
    if (n == 1) return bytes[0];
    uint32_t code = bytes[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) code = code << 6 | (bytes[i] & 0x3F);
    return code;
}

static size_t columns_of(uint32_t code)
{
    if (code >= 0x300 && code <= 0x36F) return 0; // combining marks
    int is_wide = (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
                  (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
                  (code >= 0xFF00 && code <= 0xFF60) || (code >= 0x1F300 && code <= 0x1FAFF) ||
                  (code >= 0x20000 && code <= 0x3FFFD);
    return is_wide ? 2 : 1;
}

size_t text_columns(const char *utf8, size_t length)
{
    const unsigned char *text = (const unsigned char *)utf8;
    size_t columns = 0;
    for (size_t i = 0; i < length;) {
        size_t n = sequence_length(text + i, length - i);
        columns += n > 0 ? columns_of(decode(text + i, n)) : 1;
        i += n > 0 ? n : 1;
    }
    return columns;
}
