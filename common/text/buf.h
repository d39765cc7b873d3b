/* buf.h - text that grows. Always ends with a zero byte. Threads: one owner. */
#ifndef SOUK_COMMON_TEXT_BUF_H
#define SOUK_COMMON_TEXT_BUF_H

#include <stddef.h>

struct buf {
    char *text;    // NULL until something is added; buf_text() never is
    size_t length; // without the closing zero
    size_t capacity;
};

void buf_fini(struct buf *buf); // a zeroed struct is a ready one
void buf_clear(struct buf *buf);
void buf_add(struct buf *buf, const char *bytes, size_t length);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *buf_text(const struct buf *buf);

/* 12345678 -> "12,345,678"; out holds 32 bytes. Returns out. */
char *text_group_digits(unsigned long long number, char out[32]);
/* Edits (insert, delete, replace, swap of neighbours) that turn a into b; capped at 100. */
unsigned text_distance(const char *a, const char *b);
/* The candidate nearest to word, if near enough to be a slip of the fingers; else NULL. */
const char *text_nearest(const char *word, const char *const *candidates, size_t num_candidates);
/* Copies bytes as valid UTF-8 into out: bytes that are none are read as Latin-1. */
void text_add_utf8(struct buf *out, const char *bytes, size_t length);
/* The same for people to look at: control characters, which could steer a terminal, become "?". */
void text_add_shown(struct buf *out, const char *bytes, size_t length);
/* Characters that a terminal shows for valid UTF-8 text (code points; wide ones count as two). */
size_t text_columns(const char *utf8, size_t length);

#endif
