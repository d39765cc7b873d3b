/* line_reader.h - lines of a file, a .gz file, or standard input, one at a time.
 *
 * Lines end with \n or \r\n; the last one may end without. A zero byte is an ordinary byte. A line
 * longer than LINE_MAX_BYTES is an error that names it. A byte order mark of UTF-8 is left out; one
 * of UTF-16 is an error that says how to convert. A plain file can be read in parts: part p
 * of n holds the lines that begin in its share of the bytes, so that parts together hold each line
 * once; .gz and standard input have one part only (SOUK_EINVAL for others).
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_LINE_READER_H
#define SOUK_WORKER_DATA_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/status.h"

enum { LINE_MAX_BYTES = 1 << 20 };

struct line_reader;

/* path "-" is standard input; .gz is recognised by its first bytes, whatever the name. On SOUK_OK
 * the caller owns *reader_out. SOUK_EDATA: it cannot be opened; logged with the reason. */
SOUK_MUST_CHECK souk_status line_reader_open(const char *path, uint32_t part, uint32_t num_parts,
                                             struct line_reader **reader_out);
/* The same for a look at the first lines: of standard input, what is read is kept, and the next
 * reader gives it again. */
SOUK_MUST_CHECK souk_status line_reader_peek(const char *path, struct line_reader **reader_out);
void line_reader_close(struct line_reader *reader); // NULL is fine
/* Whether a path can be split into parts, and read twice. */
bool line_reader_can_split(const char *path);
bool line_reader_can_repeat(const char *path);

/* The next line without its end; borrowed until the next call. SOUK_EEND. SOUK_EDATA: too long, or
 * a damaged .gz; logged. */
SOUK_MUST_CHECK souk_status line_reader_next(struct line_reader *reader, const char **line_out,
                                             size_t *length_out);
/* Number of the line that was returned last, from 1, in the whole file. In a part other than the
 * first this reads the file from the start: for messages. */
uint64_t line_reader_number(const struct line_reader *reader);
/* Where the line that was returned last begins, in bytes (unpacked ones of a .gz); 0: the first. */
uint64_t line_reader_offset(const struct line_reader *reader);
/* Share of the part's bytes that was read, 0..1; negative when nobody can know. */
double line_reader_share(const struct line_reader *reader);
const char *line_reader_name(const struct line_reader *reader); // "standard input" for "-"

#endif
