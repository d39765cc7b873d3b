/* buf.c - see buf.h. */
#include "common/text/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"

void buf_fini(struct buf *buf)
{
    mem_free(buf->text);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    if (buf->text) buf->text[0] = '\0';
}

void buf_add(struct buf *buf, const char *bytes, size_t length)
{
    mem_reserve(&buf->text, &buf->capacity, buf->length + length + 1, 1, "text");
    if (length > 0) memcpy(buf->text + buf->length, bytes, length);
    buf->length += length;
    buf->text[buf->length] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n > 0) {
        mem_reserve(&buf->text, &buf->capacity, buf->length + (size_t)n + 1, 1, "text");
        vsnprintf(buf->text + buf->length, (size_t)n + 1, format, again);
        buf->length += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

const char *buf_text(const struct buf *buf)
{
    return buf->text ? buf->text : "";
}

char *text_group_digits(unsigned long long number, char out[32])
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%llu", number), length = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) out[length++] = ',';
        out[length++] = digits[i];
    }
    out[length] = '\0';
    return out;
}

enum { DISTANCE_MAX_LENGTH = 96, DISTANCE_CAP = 100 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

// Optimal string alignment distance, three rows of the usual table.
unsigned text_distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    if (na > DISTANCE_MAX_LENGTH || nb > DISTANCE_MAX_LENGTH) return DISTANCE_CAP;
    unsigned rows[3][DISTANCE_MAX_LENGTH + 1];
    for (size_t j = 0; j <= nb; j++) rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    unsigned distance = rows[na % 3][nb];
    return distance < DISTANCE_CAP ? distance : DISTANCE_CAP;
}

const char *text_nearest(const char *word, const char *const *candidates, size_t num_candidates)
{
    // One slip in a short word, one in three characters of a longer one.
    unsigned allowed = (unsigned)(strlen(word) / 3), best = DISTANCE_CAP;
    if (allowed < 1) allowed = 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < num_candidates; i++) {
        unsigned distance = text_distance(word, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return best <= allowed ? nearest : NULL;
}
