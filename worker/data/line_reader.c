/* line_reader.c - see line_reader.h. Lines are found by memchr in large blocks and returned where
 * they stand in the buffer; only the rest of a block is ever moved. */
#include "worker/data/line_reader.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/byte_source.h"

enum { BLOCK_BYTES = 1 << 18 };

struct line_reader {
    struct byte_source *source;
    char *path;        // as given, to count lines from the start
    char *buffer;      // capacity bytes; [start, end) is not yet returned
    size_t capacity;   // BLOCK_BYTES, more while lines are longer
    size_t start, end; // positions in buffer
    size_t scanned;    // [start, scanned) has no line end
    size_t
        mark_bytes;  // of a byte order mark ahead of the first line, which begins at 0 all the same
    bool at_end;     // the source has no more
    uint64_t offset; // in the file, of buffer[start]
    uint64_t limit;  // lines that begin here or later are the next part's
    uint64_t begin;  // where the part's first line begins
    uint64_t stop;   // where the part's bytes end, for the share; 0 unknown
    uint64_t line_offset; // of the line that was returned last
    uint64_t num_lines;   // returned
};

// Where part p of n begins: no overflow, and p == n gives size.
static uint64_t part_offset(uint64_t size, uint32_t part, uint32_t num_parts)
{
    return size / num_parts * part + size % num_parts * part / num_parts;
}

static souk_status fill_buffer(struct line_reader *reader)
{
    size_t have = reader->end - reader->start;
    memmove(reader->buffer, reader->buffer + reader->start, have);
    reader->scanned -= reader->start;
    reader->start = 0;
    reader->end = have;
    if (reader->end == reader->capacity) {
        reader->capacity *= 2;
        reader->buffer = mem_realloc(reader->buffer, reader->capacity, "line buffer");
    }
    size_t n = 0;
    souk_status status = byte_source_read(reader->source, reader->buffer + reader->end,
                                          reader->capacity - reader->end, &n);
    if (status) return status;
    reader->end += n;
    reader->at_end = n == 0;
    return SOUK_OK;
}

static souk_status too_long(struct line_reader *reader)
{
    reader->num_lines++; // for the number in the message
    reader->line_offset = reader->offset;
    return log_fail(SOUK_EDATA,
                    "%s:%llu: the line is longer than %d bytes; is this a text file with a rating "
                    "on each line?",
                    line_reader_name(reader), (unsigned long long)line_reader_number(reader),
                    LINE_MAX_BYTES);
}

// Finds the end of the line at start: *length_out without \n, *taken_out with it.
static souk_status find_line(struct line_reader *reader, size_t *length_out, size_t *taken_out)
{
    for (;;) {
        char *found = memchr(reader->buffer + reader->scanned, '\n', reader->end - reader->scanned);
        size_t length =
            (found ? found : reader->buffer + reader->end) - (reader->buffer + reader->start);
        if (length > LINE_MAX_BYTES) return too_long(reader);
        if (found || reader->at_end) {
            if (length == 0 && !found) return SOUK_EEND;
            *length_out = length;
            *taken_out = length + (found != NULL);
            return SOUK_OK;
        }
        reader->scanned = reader->end;
        souk_status status = fill_buffer(reader);
        if (status) return status;
    }
}

static void take(struct line_reader *reader, size_t num_bytes)
{
    reader->start += num_bytes;
    reader->scanned = reader->start;
    reader->offset += num_bytes;
}

souk_status line_reader_next(struct line_reader *reader, const char **line_out, size_t *length_out)
{
    if (reader->offset >= reader->limit) return SOUK_EEND;
    size_t length = 0, taken = 0;
    souk_status status = find_line(reader, &length, &taken);
    if (status) return status;
    const char *line = reader->buffer + reader->start + reader->mark_bytes;
    length -= reader->mark_bytes;
    reader->mark_bytes = 0;
    reader->line_offset = reader->offset;
    reader->num_lines++;
    take(reader, taken);
    if (length > 0 && line[length - 1] == '\r') length--;
    *line_out = line;
    *length_out = length;
    return SOUK_OK;
}

// Leaves out a mark of UTF-8, and refuses the text that one of UTF-16 announces.
static souk_status skip_mark(struct line_reader *reader)
{
    souk_status status = SOUK_OK;
    while (!status && reader->end < 3 && !reader->at_end) status = fill_buffer(reader);
    if (status) return status;
    const char *bytes = reader->buffer;
    if (reader->end >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        reader->mark_bytes = 3;
    } else if (reader->end >= 2 &&
               (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0)) {
        return log_fail(SOUK_EDATA,
                        "%s is UTF-16 text; convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW",
                        line_reader_name(reader));
    }
    return SOUK_OK;
}

// Moves to the first line that begins in the part.
static souk_status begin_part(struct line_reader *reader, uint32_t part, uint32_t num_parts)
{
    uint64_t size = byte_source_size(reader->source);
    uint64_t begin = part_offset(size, part, num_parts);
    reader->stop = size;
    if (num_parts > 1) {
        if (!byte_source_is_plain(reader->source))
            return log_fail(SOUK_EINVAL, "%s cannot be read in parts", line_reader_name(reader));
        reader->stop = reader->limit = part_offset(size, part + 1, num_parts);
    }
    if (begin == 0) return skip_mark(reader);

    // A line begins at `begin` when the byte before it ends one: so that byte is read too.
    souk_status status = byte_source_seek(reader->source, begin - 1);
    if (status) return status;
    reader->offset = reader->begin = begin - 1;
    size_t length = 0, taken = 0;
    status = find_line(reader, &length, &taken);
    if (status) return status == SOUK_EEND ? SOUK_OK : status;
    take(reader, taken);
    reader->begin = reader->offset;
    return SOUK_OK;
}

static souk_status open_reader(struct line_reader *reader, const char *path, bool is_peek)
{
    reader->path = mem_strdup(path);
    reader->capacity = BLOCK_BYTES;
    reader->buffer = mem_alloc(reader->capacity, "line buffer");
    reader->limit = UINT64_MAX;
    return byte_source_open(path, is_peek, &reader->source);
}

souk_status line_reader_open(const char *path, uint32_t part, uint32_t num_parts,
                             struct line_reader **reader_out)
{
    struct line_reader *reader = mem_calloc(1, sizeof(*reader), "line reader");
    souk_status status = open_reader(reader, path, false);
    if (!status) status = begin_part(reader, part, num_parts);
    if (status)
        line_reader_close(reader);
    else
        *reader_out = reader;
    return status;
}

souk_status line_reader_peek(const char *path, struct line_reader **reader_out)
{
    struct line_reader *reader = mem_calloc(1, sizeof(*reader), "line reader");
    souk_status status = open_reader(reader, path, true);
    if (!status) status = begin_part(reader, 0, 1);
    if (status)
        line_reader_close(reader);
    else
        *reader_out = reader;
    return status;
}

void line_reader_close(struct line_reader *reader)
{
    if (!reader) return;
    byte_source_close(reader->source);
    mem_free(reader->buffer);
    mem_free(reader->path);
    mem_free(reader);
}

bool line_reader_can_split(const char *path)
{
    struct byte_source_info info = byte_source_look(path);
    return info.is_regular && !info.is_gzip;
}

bool line_reader_can_repeat(const char *path)
{
    return byte_source_look(path).is_regular;
}

// Line ends in the first `limit` bytes of a plain file, as far as it can be read.
static uint64_t count_lines(const char *path, uint64_t limit)
{
    struct byte_source *source = NULL;
    if (byte_source_open(path, false, &source)) return 0;
    uint64_t count = 0;
    char *block = mem_alloc(BLOCK_BYTES, "line count");
    while (limit > 0) {
        size_t n = 0, max = limit < BLOCK_BYTES ? (size_t)limit : BLOCK_BYTES;
        if (byte_source_read(source, block, max, &n) || n == 0) break;
        for (size_t i = 0; i < n; i++) count += block[i] == '\n';
        limit -= n;
    }
    mem_free(block);
    byte_source_close(source);
    return count;
}

uint64_t line_reader_number(const struct line_reader *reader)
{
    uint64_t before = reader->begin ? count_lines(reader->path, reader->begin) : 0;
    return before + reader->num_lines;
}

uint64_t line_reader_offset(const struct line_reader *reader)
{
    return reader->line_offset;
}

double line_reader_share(const struct line_reader *reader)
{
    if (reader->stop == 0) return -1;
    // Of a .gz and of standard input the stored bytes are known, of a plain file the lines.
    uint64_t position = byte_source_is_plain(reader->source) ? reader->offset
                                                             : byte_source_position(reader->source);
    if (position >= reader->stop) return 1;
    if (position <= reader->begin) return 0;
    return (double)(position - reader->begin) / (double)(reader->stop - reader->begin);
}

const char *line_reader_name(const struct line_reader *reader)
{
    return byte_source_name(reader->source);
}
