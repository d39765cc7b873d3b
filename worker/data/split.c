/* split.c - see split.h. Fields of ratings are a few bytes long: a loop over the bytes is faster
 * here than memchr. */
#include "worker/data/split.h"

#include <stdbool.h>
#include <string.h>

// Where fields go.
struct fields {
    const char **texts;
    size_t *lengths;
    uint32_t count, max;
};

// False when there is no room for another one; then count is max + 1.
static inline bool add_field(struct fields *out, const char *begin, const char *end)
{
    if (out->count >= out->max) {
        out->count = out->max + 1;
        return false;
    }
    out->texts[out->count] = begin;
    out->lengths[out->count++] = (size_t)(end - begin);
    return true;
}

static void split_at_char(char delimiter, const char *line, const char *end, struct fields *out)
{
    const char *begin = line;
    for (const char *p = line; p < end; p++) {
        if (*p != delimiter) continue;
        if (!add_field(out, begin, p)) return;
        begin = p + 1;
    }
    add_field(out, begin, end);
}

static void split_at_text(const char *delimiter, const char *line, const char *end,
                          struct fields *out)
{
    size_t size = strlen(delimiter);
    for (;;) {
        const char *found = memmem(line, (size_t)(end - line), delimiter, size);
        if (!add_field(out, line, found ? found : end) || !found) return;
        line = found + size;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void split_at_blanks(const char *line, const char *end, struct fields *out)
{
    while (line < end) {
        while (line < end && is_blank(*line)) line++;
        const char *begin = line;
        while (line < end && !is_blank(*line)) line++;
        if (line > begin && !add_field(out, begin, line)) return;
    }
}

// Copies what is between the quotes; returns the place behind the closing one, NULL without one.
static const char *unquote(const char *p, const char *end, char **scratch)
{
    for (p++; p < end; p++) {
        if (*p == '"' && (p + 1 == end || p[1] != '"')) return p + 1;
        if (*p == '"') p++;
        *(*scratch)++ = *p;
    }
    return NULL;
}

static void split_quoted(char delimiter, const char *line, const char *end, struct fields *out,
                         char *scratch)
{
    const char *p = line;
    for (;;) {
        if (p < end && *p == '"') {
            const char *begin = scratch;
            p = unquote(p, end, &scratch);
            if (!p || (p < end && *p != delimiter)) {
                out->count = 0;
                return;
            }
            if (!add_field(out, begin, scratch)) return;
        } else {
            const char *begin = p;
            while (p < end && *p != delimiter) p++;
            if (!add_field(out, begin, p)) return;
        }
        if (p == end) return;
        p++;
    }
}

uint32_t split_line(const char *delimiter, const char *line, size_t length, const char **fields,
                    size_t *field_lengths, uint32_t max, char *scratch)
{
    struct fields out = {fields, field_lengths, 0, max};
    const char *end = line + length;
    char c = delimiter[0];
    if (delimiter[1])
        split_at_text(delimiter, line, end, &out);
    else if (c == ' ')
        split_at_blanks(line, end, &out);
    else if ((c == ',' || c == ';') && memchr(line, '"', length))
        split_quoted(c, line, end, &out, scratch);
    else
        split_at_char(c, line, end, &out);
    return out.count;
}
