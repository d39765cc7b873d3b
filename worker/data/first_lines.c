/* first_lines.c - see first_lines.h. */
#include "worker/data/first_lines.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/field.h"
#include "worker/data/line_reader.h"
#include "worker/data/split.h"

const char *first_lines_text(const struct first_lines *lines, uint32_t line)
{
    return buf_text(&lines->text) + lines->lines[line].begin;
}

static souk_status read_lines(struct first_lines *lines, const char *what)
{
    struct line_reader *reader = NULL;
    souk_status status = line_reader_peek(lines->path, &reader);
    size_t longest = 0;
    while (!status && lines->num_lines < FIRST_LINES_MAX &&
           lines->text.length < FIRST_LINES_BYTES) {
        const char *line = NULL;
        size_t length = 0;
        status = line_reader_next(reader, &line, &length);
        if (status || length == 0) continue;
        if (lines->num_lines == 0) lines->first_number = line_reader_number(reader);
        lines->lines[lines->num_lines++] = (struct first_line){lines->text.length, length};
        buf_add(&lines->text, line, length);
        if (length > longest) longest = length;
    }
    line_reader_close(reader);
    if (status && status != SOUK_EEND) return status;
    if (lines->num_lines == 0)
        return log_fail(
            SOUK_EDATA, "%s is empty; a line for each %s is needed%s", lines->name, what,
            strcmp(lines->path, "-") == 0 ? ", it comes once, and under mpirun to rank 0 only"
                                          : "");
    lines->scratch = mem_alloc(longest + 1, "first lines");
    return SOUK_OK;
}

// UTF-16 without a mark: every other byte of plain text is zero.
static souk_status refuse_wide_text(const struct first_lines *lines)
{
    const char *line = first_lines_text(lines, 0);
    size_t length = lines->lines[0].length, num_zeros = 0, num_even = 0;
    for (size_t i = 0; i < length; i++) {
        num_zeros += line[i] == 0;
        num_even += line[i] == 0 && i % 2 == 0;
    }
    if (length < 4 || num_zeros < length / 3) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s is not plain text (every other byte is zero); if it is UTF-16, convert it: "
                    "iconv -f UTF-16%s -t UTF-8 FILE > NEW",
                    lines->name, num_even * 2 > num_zeros ? "BE" : "LE");
}

souk_status first_lines_read(const char *path, const char *what, struct first_lines **lines_out)
{
    struct first_lines *lines = mem_calloc(1, sizeof(*lines), "first lines");
    lines->path = path;
    lines->name = strcmp(path, "-") == 0 ? "standard input" : path;
    souk_status status = read_lines(lines, what);
    if (!status) status = refuse_wide_text(lines);
    if (status)
        first_lines_free(lines);
    else
        *lines_out = lines;
    return status;
}

void first_lines_free(struct first_lines *lines)
{
    if (!lines) return;
    buf_fini(&lines->text);
    mem_free(lines->scratch);
    mem_free(lines);
}

uint32_t first_lines_split(struct first_lines *lines, const char *delimiter, uint32_t line)
{
    return split_line(delimiter, first_lines_text(lines, line), lines->lines[line].length,
                      lines->fields, lines->lengths, COLUMNS_MAX, lines->scratch);
}

bool first_rows_are_numbers(struct first_lines *lines, const struct first_rows *rows,
                            uint32_t column)
{
    uint32_t num_numbers = 0, num_rows = 0;
    float unused;
    for (uint32_t line = rows->first; line < lines->num_lines; line++) {
        if (first_lines_split(lines, rows->delimiter, line) != rows->num_columns) continue;
        num_rows++;
        num_numbers += field_parse_number(lines->fields[column], lines->lengths[column], &unused) !=
                       FIELD_NO_NUMBER;
    }
    return num_numbers * 2 > num_rows;
}

enum config_id_kind first_rows_ids(struct first_lines *lines, const struct first_rows *rows,
                                   uint32_t column)
{
    bool has_integer = false;
    for (uint32_t line = rows->first; line < lines->num_lines; line++) {
        if (first_lines_split(lines, rows->delimiter, line) != rows->num_columns) continue;
        if (lines->lengths[column] == 0) continue;
        if (!field_is_canonical_u64(lines->fields[column], lines->lengths[column]))
            return CONFIG_ID_STRING;
        has_integer = true;
    }
    return has_integer ? CONFIG_ID_INTEGER : CONFIG_ID_STRING;
}
