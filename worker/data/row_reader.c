/* row_reader.c - see row_reader.h. */
#include "worker/data/row_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/buf.h"
#include "worker/data/line_reader.h"

enum { WARNINGS_MAX = 3, REASON_MAX = 512 };

struct row_reader {
    struct row_reader_options options; // files, layout: borrowed
    struct line_reader *lines;         // of the file that is being read; NULL between files
    uint32_t next_file;                // in options.files
    uint32_t files_read, files_mine;   // for the share
    bool deals_files;                  // whole files are dealt out to parts
    bool deals_rows;                   // this file is read by all parts, who share its rows
    bool has_header_ahead;             // the header of this file is still to come
    uint64_t header_offset;            // where it begins, when the file is split
    uint64_t row_idx;                  // rows of this file, of all parts
    uint64_t num_rows, num_bad;        // all and bad ones of this part
    char *scratch;                     // LINE_MAX_BYTES, for quoted fields
    const char *fields[COLUMNS_MAX];
    size_t lengths[COLUMNS_MAX];
};

souk_status row_reader_open(const struct row_reader_options *options,
                            struct row_reader **reader_out)
{
    uint32_t num_files = options->files->num_items, num_parts = options->num_parts;
    if (num_files == 0) return log_fail(SOUK_EDATA, "no file of %s is given", options->what);
    struct row_reader *reader = mem_calloc(1, sizeof(*reader), "row reader");
    reader->options = *options;
    reader->scratch = mem_alloc(LINE_MAX_BYTES, "row reader");
    reader->deals_files = num_files >= num_parts;
    for (uint32_t i = 0; i < num_files; i++)
        reader->files_mine += !reader->deals_files || i % num_parts == options->part;
    *reader_out = reader;
    return SOUK_OK;
}

void row_reader_close(struct row_reader *reader)
{
    if (!reader) return;
    line_reader_close(reader->lines);
    mem_free(reader->scratch);
    mem_free(reader);
}

// ---- files ----

static souk_status check_header(const struct row_reader *reader, const char *line, size_t length)
{
    uint64_t wanted = reader->options.layout->header_hash;
    if (wanted == 0 || hash_bytes(line, length, 0) == wanted) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: the header differs from that of the first file; files that are read "
                    "together need the same one",
                    line_reader_name(reader->lines));
}

// The header of a file that is split belongs to one part: every part looks where it is.
static souk_status find_header(struct row_reader *reader, const char *path)
{
    struct line_reader *lines = NULL;
    const char *line = NULL;
    size_t length = 0;
    souk_status status = line_reader_open(path, 0, 1, &lines);
    while (!status && length == 0) status = line_reader_next(lines, &line, &length);
    if (!status) {
        reader->header_offset = line_reader_offset(lines);
        status = check_header(reader, line, length);
    }
    line_reader_close(lines);
    return status == SOUK_EEND ? SOUK_OK : status;
}

static souk_status open_file(struct row_reader *reader, const char *path)
{
    const struct row_reader_options *options = &reader->options;
    uint32_t part = options->part, num_parts = options->num_parts;
    bool is_whole = reader->deals_files || !line_reader_can_split(path);
    reader->deals_rows = !reader->deals_files && is_whole;
    reader->row_idx = 0;
    if (is_whole) {
        part = 0;
        num_parts = 1;
    }
    souk_status status = line_reader_open(path, part, num_parts, &reader->lines);
    if (status) return status;
    reader->has_header_ahead = options->layout->has_header;
    reader->header_offset = UINT64_MAX;
    if (reader->has_header_ahead && num_parts > 1) status = find_header(reader, path);
    return status;
}

// Opens the next file of this part; SOUK_EEND when there is none.
static souk_status next_file(struct row_reader *reader)
{
    const struct row_reader_options *options = &reader->options;
    while (reader->next_file < options->files->num_items) {
        uint32_t i = reader->next_file++;
        if (reader->deals_files && i % options->num_parts != options->part) continue;
        return open_file(reader, options->files->items[i]);
    }
    if (reader->num_rows > 0) return SOUK_EEND;
    const char *path = options->files->items[0];
    bool is_stdin = strcmp(path, "-") == 0;
    if (is_stdin && options->num_parts > 1 && reader->row_idx == 0)
        return log_fail(SOUK_EDATA,
                        "standard input is empty for rank %u (mpirun hands it to rank 0 only); "
                        "name a file instead, or run one process",
                        options->part);
    if (options->num_parts > 1) return SOUK_EEND; // other parts may have rows
    return log_fail(SOUK_EDATA, "%s has no %s%s", is_stdin ? "standard input" : path, options->what,
                    is_stdin ? "; note that it can be read once only" : "");
}

static void end_file(struct row_reader *reader)
{
    line_reader_close(reader->lines);
    reader->lines = NULL;
    reader->files_read++;
}

// ---- bad rows ----

const char *row_show_text(const char *text, size_t length, char out[ROW_TEXT_MAX])
{
    size_t n = length < ROW_SHOWN_BYTES ? length : ROW_SHOWN_BYTES;
    struct buf shown = {0};
    text_add_shown(&shown, text, n);
    snprintf(out, ROW_TEXT_MAX, "%s%s", buf_text(&shown), length > n ? "..." : "");
    buf_fini(&shown);
    return out;
}

static souk_status refuse(struct row_reader *reader, const char *why)
{
    uint64_t allowed = reader->options.max_bad_rows;
    unsigned long long number = line_reader_number(reader->lines);
    const char *name = line_reader_name(reader->lines);
    const char *option = reader->options.max_bad_rows_option;
    if (!option) option = "data.max_bad_rows";
    if (allowed == 0)
        return log_fail(SOUK_EDATA, "%s:%llu: %s; fix the line or set %s", name, number, why,
                        option);
    if (reader->num_bad >= allowed)
        return log_fail(SOUK_EDATA, "%s:%llu: %s; more than %llu bad rows (%s)", name, number, why,
                        (unsigned long long)allowed, option);
    reader->num_bad++;
    if (reader->options.on_bad_row) {
        struct buf message = {0};
        buf_printf(&message, "%s:%llu: %s", name, number, why);
        reader->options.on_bad_row(reader->options.ctx, buf_text(&message));
        buf_fini(&message);
    } else if (reader->num_bad <= WARNINGS_MAX) {
        log_warning("%s:%llu: %s; skipped%s", name, number, why,
                    reader->num_bad == WARNINGS_MAX ? ", and so are others, without a word" : "");
    }
    return SOUK_OK;
}

souk_status row_reader_refuse(struct row_reader *reader, const char *format, ...)
{
    char why[REASON_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    return refuse(reader, why);
}

static souk_status bad_columns(struct row_reader *reader, const char *line, size_t length)
{
    const struct row_layout *layout = reader->options.layout;
    char shown[ROW_TEXT_MAX];
    return row_reader_refuse(reader, "\"%s\" is not %u columns separated by \"%s\"",
                             row_show_text(line, length, shown), layout->num_columns,
                             strcmp(layout->delimiter, "\t") == 0 ? "tab" : layout->delimiter);
}

// ---- rows ----

// Whether this line is the header, which is then behind us.
static bool is_header(struct row_reader *reader)
{
    if (reader->header_offset != UINT64_MAX &&
        line_reader_offset(reader->lines) != reader->header_offset)
        return false;
    reader->has_header_ahead = false;
    return true;
}

// *is_row_out tells whether the line is a row of this part, with as many columns as it should have.
static souk_status read_line(struct row_reader *reader, const char *line, size_t length,
                             bool *is_row_out)
{
    *is_row_out = false;
    if (reader->has_header_ahead && is_header(reader)) return check_header(reader, line, length);
    uint64_t row_idx = reader->row_idx++;
    if (reader->deals_rows && row_idx % reader->options.num_parts != reader->options.part)
        return SOUK_OK;
    reader->num_rows++;
    *is_row_out = row_layout_split(reader->options.layout, line, length, reader->fields,
                                   reader->lengths, reader->scratch);
    return *is_row_out ? SOUK_OK : bad_columns(reader, line, length);
}

souk_status row_reader_next(struct row_reader *reader, struct row *row_out)
{
    for (bool is_row = false; !is_row;) {
        const char *line = NULL;
        size_t length = 0;
        souk_status status = reader->lines ? SOUK_OK : next_file(reader);
        if (status) return status;
        status = line_reader_next(reader->lines, &line, &length);
        if (status == SOUK_EEND) {
            end_file(reader);
            continue;
        }
        if (!status && length > 0) status = read_line(reader, line, length, &is_row);
        if (status) return status;
    }
    *row_out = (struct row){reader->fields, reader->lengths};
    return SOUK_OK;
}

uint64_t row_reader_num_bad(const struct row_reader *reader)
{
    return reader->num_bad;
}

double row_reader_share(const struct row_reader *reader)
{
    double files = reader->files_read;
    if (reader->files_mine == 0) return 1;
    if (reader->lines) {
        double share = line_reader_share(reader->lines);
        if (share < 0) return -1;
        files += share;
    }
    return files / reader->files_mine;
}

souk_status row_files_check_repeat(const struct config_list *files, const char *what,
                                   uint64_t cache_rows)
{
    for (uint32_t i = 0; i < files->num_items; i++) {
        if (line_reader_can_repeat(files->items[i])) continue;
        if (strcmp(files->items[i], "-") != 0) continue; // opening it says what is wrong
        return log_fail(SOUK_EDATA,
                        "standard input can be read once only, and its %s do not fit "
                        "data.cache_rows (%llu); raise that, name a file, or set train.epochs=1",
                        what, (unsigned long long)cache_rows);
    }
    return SOUK_OK;
}
