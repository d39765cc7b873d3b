/* rating_reader.c - see rating_reader.h. */
#include "worker/data/rating_reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/field.h"
#include "worker/data/line_reader.h"

enum {
    WARNINGS_MAX = 3,
    SHOWN_BYTES = 60,
    SHOWN_MAX = 2 * SHOWN_BYTES + 4, // a byte may become two
};

struct rating_reader {
    struct rating_reader_options options; // files, format, names: borrowed
    struct line_reader *lines;            // of the file that is being read; NULL between files
    uint32_t next_file;                   // in options.files
    uint32_t files_read, files_mine;      // for the share
    bool deals_files;                     // whole files are dealt out to parts
    bool deals_rows;                      // this file is read by all parts, who share its rows
    bool has_header_ahead;                // the header of this file is still to come
    uint64_t header_offset;               // where it begins, when the file is split
    uint64_t row_idx;                     // rows of this file, of all parts
    uint64_t num_rows, num_bad;           // good and bad ones of this part
    char *scratch;                        // LINE_MAX_BYTES, for quoted fields
    const char *fields[RATING_COLUMNS_MAX];
    size_t lengths[RATING_COLUMNS_MAX];
};

bool rating_parse_id(enum config_id_kind kind, const char *text, size_t length, uint64_t *key_out)
{
    if (kind == CONFIG_ID_INTEGER) return field_parse_u64(text, length, key_out);
    *key_out = hash_bytes(text, length, 0);
    return true;
}

souk_status rating_reader_open(const struct rating_reader_options *options,
                               struct rating_reader **reader_out)
{
    uint32_t num_files = options->files->num_items, num_parts = options->num_parts;
    if (num_files == 0) return log_fail(SOUK_EDATA, "no file of ratings is given");
    struct rating_reader *reader = mem_calloc(1, sizeof(*reader), "rating reader");
    reader->options = *options;
    reader->scratch = mem_alloc(LINE_MAX_BYTES, "rating reader");
    reader->deals_files = num_files >= num_parts;
    for (uint32_t i = 0; i < num_files; i++)
        reader->files_mine += !reader->deals_files || i % num_parts == options->part;
    *reader_out = reader;
    return SOUK_OK;
}

void rating_reader_close(struct rating_reader *reader)
{
    if (!reader) return;
    line_reader_close(reader->lines);
    mem_free(reader->scratch);
    mem_free(reader);
}

// ---- files ----

static souk_status check_header(const struct rating_reader *reader, const char *line, size_t length)
{
    uint64_t wanted = reader->options.format->header_hash;
    if (wanted == 0 || hash_bytes(line, length, 0) == wanted) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: the header differs from that of the first file; files that are read "
                    "together need the same one",
                    line_reader_name(reader->lines));
}

// The header of a file that is split belongs to one part: every part looks where it is.
static souk_status find_header(struct rating_reader *reader, const char *path)
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

static souk_status open_file(struct rating_reader *reader, const char *path)
{
    const struct rating_reader_options *options = &reader->options;
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
    reader->has_header_ahead = options->format->has_header;
    reader->header_offset = UINT64_MAX;
    if (reader->has_header_ahead && num_parts > 1) status = find_header(reader, path);
    return status;
}

// Opens the next file of this part; SOUK_EEND when there is none.
static souk_status next_file(struct rating_reader *reader)
{
    const struct rating_reader_options *options = &reader->options;
    while (reader->next_file < options->files->num_items) {
        uint32_t i = reader->next_file++;
        if (reader->deals_files && i % options->num_parts != options->part) continue;
        return open_file(reader, options->files->items[i]);
    }
    if (reader->num_rows + reader->num_bad > 0) return SOUK_EEND;
    const char *path = options->files->items[0];
    bool is_stdin = strcmp(path, "-") == 0;
    if (is_stdin && options->num_parts > 1 && reader->row_idx == 0)
        return log_fail(SOUK_EDATA,
                        "standard input is empty for rank %u (mpirun hands it to rank 0 only); "
                        "name a file instead, or run one process",
                        options->part);
    if (options->num_parts > 1) return SOUK_EEND; // other parts may have rows
    return log_fail(SOUK_EDATA, "%s has no ratings%s", is_stdin ? "standard input" : path,
                    is_stdin ? "; note that it can be read once only" : "");
}

static void end_file(struct rating_reader *reader)
{
    line_reader_close(reader->lines);
    reader->lines = NULL;
    reader->files_read++;
}

// ---- rows ----

// Text out of a file, for a message: cut, and printable.
static void show_text(const char *text, size_t length, char out[SHOWN_MAX])
{
    size_t n = length < SHOWN_BYTES ? length : SHOWN_BYTES;
    struct buf shown = {0};
    text_add_shown(&shown, text, n);
    snprintf(out, SHOWN_MAX, "%s%s", buf_text(&shown), length > n ? "..." : "");
    buf_fini(&shown);
}

static souk_status bad_row(struct rating_reader *reader, const char *what)
{
    uint64_t allowed = reader->options.max_bad_rows;
    unsigned long long number = line_reader_number(reader->lines);
    const char *name = line_reader_name(reader->lines);
    if (allowed == 0)
        return log_fail(SOUK_EDATA, "%s:%llu: %s; fix the line or set data.max_bad_rows", name,
                        number, what);
    if (reader->num_bad >= allowed)
        return log_fail(SOUK_EDATA, "%s:%llu: %s; more than %llu bad rows (data.max_bad_rows)",
                        name, number, what, (unsigned long long)allowed);
    reader->num_bad++;
    if (reader->options.on_bad_row) {
        struct buf message = {0};
        buf_printf(&message, "%s:%llu: %s", name, number, what);
        reader->options.on_bad_row(reader->options.ctx, buf_text(&message));
        buf_fini(&message);
    } else if (reader->num_bad <= WARNINGS_MAX) {
        log_warning("%s:%llu: %s; skipped%s", name, number, what,
                    reader->num_bad == WARNINGS_MAX ? ", and so are others, without a word" : "");
    }
    return SOUK_OK;
}

static souk_status bad_columns(struct rating_reader *reader, const char *line, size_t length)
{
    const struct rating_format *format = reader->options.format;
    char what[320], shown[SHOWN_MAX];
    show_text(line, length, shown);
    const char *delimiter = strcmp(format->delimiter, "\t") == 0 ? "tab" : format->delimiter;
    snprintf(what, sizeof(what), "\"%s\" is not %u columns separated by \"%s\"", shown,
             format->num_columns, delimiter);
    return bad_row(reader, what);
}

static souk_status bad_id(struct rating_reader *reader, const char *side, uint32_t column)
{
    char what[320], shown[SHOWN_MAX];
    show_text(reader->fields[column], reader->lengths[column], shown);
    if (reader->lengths[column] == 0)
        snprintf(what, sizeof(what), "the %s id is empty", side);
    else
        snprintf(what, sizeof(what),
                 "%s id \"%s\" is not a whole number from 0 to 18446744073709551615; if ids are "
                 "texts, set data.%s_id=string",
                 side, shown, side);
    return bad_row(reader, what);
}

static souk_status bad_rating(struct rating_reader *reader, enum field_number kind)
{
    uint32_t column = reader->options.format->rating_column;
    char what[320], shown[SHOWN_MAX];
    show_text(reader->fields[column], reader->lengths[column], shown);
    snprintf(what, sizeof(what), "rating \"%s\" is not a %s", shown,
             kind == FIELD_NOT_FINITE ? "finite number" : "number");
    return bad_row(reader, what);
}

static bool parse_key(const struct rating_reader *reader, enum config_id_kind kind, uint32_t column,
                      uint64_t *key_out)
{
    return reader->lengths[column] > 0 &&
           rating_parse_id(kind, reader->fields[column], reader->lengths[column], key_out);
}

// *is_good_out tells whether *out is a rating; a bad row that is tolerated is none.
static souk_status parse_row(struct rating_reader *reader, const char *line, size_t length,
                             struct rating *out, bool *is_good_out)
{
    const struct rating_format *format = reader->options.format;
    *is_good_out = false;
    if (!rating_format_split(format, line, length, reader->fields, reader->lengths,
                             reader->scratch))
        return bad_columns(reader, line, length);
    if (!parse_key(reader, format->user_id, format->user_column, &out->user))
        return bad_id(reader, "user", format->user_column);
    if (!parse_key(reader, format->item_id, format->item_column, &out->item))
        return bad_id(reader, "item", format->item_column);
    out->value = NAN;
    if (format->has_rating) {
        uint32_t column = format->rating_column;
        enum field_number kind =
            field_parse_number(reader->fields[column], reader->lengths[column], &out->value);
        if (kind != FIELD_NUMBER) return bad_rating(reader, kind);
    }
    *is_good_out = true;
    return SOUK_OK;
}

static souk_status learn_names(struct rating_reader *reader, const struct rating *rating)
{
    const struct rating_reader_options *options = &reader->options;
    uint32_t user = options->format->user_column, item = options->format->item_column;
    souk_status status = SOUK_OK;
    if (options->users && options->format->user_id == CONFIG_ID_STRING)
        status =
            names_learn(options->users, rating->user, reader->fields[user], reader->lengths[user]);
    if (!status && options->items && options->format->item_id == CONFIG_ID_STRING)
        status =
            names_learn(options->items, rating->item, reader->fields[item], reader->lengths[item]);
    return status;
}

// Whether this line is the header, which is then behind us.
static bool is_header(struct rating_reader *reader)
{
    if (reader->header_offset != UINT64_MAX &&
        line_reader_offset(reader->lines) != reader->header_offset)
        return false;
    reader->has_header_ahead = false;
    return true;
}

static souk_status read_line(struct rating_reader *reader, const char *line, size_t length,
                             struct rating *out, bool *is_good_out)
{
    *is_good_out = false;
    if (reader->has_header_ahead && is_header(reader)) return check_header(reader, line, length);
    uint64_t row_idx = reader->row_idx++;
    if (reader->deals_rows && row_idx % reader->options.num_parts != reader->options.part)
        return SOUK_OK;
    souk_status status = parse_row(reader, line, length, out, is_good_out);
    if (!status && *is_good_out) status = learn_names(reader, out);
    if (!status) reader->num_rows += *is_good_out;
    return status;
}

souk_status rating_reader_next(struct rating_reader *reader, struct rating *ratings, uint32_t max,
                               uint32_t *num_out)
{
    uint32_t count = 0;
    while (count < max) {
        const char *line = NULL;
        size_t length = 0;
        bool is_good = false;
        souk_status status = reader->lines ? SOUK_OK : next_file(reader);
        if (status == SOUK_EEND) break;
        if (!status) status = line_reader_next(reader->lines, &line, &length);
        if (status == SOUK_EEND) {
            end_file(reader);
            continue;
        }
        if (!status && length > 0)
            status = read_line(reader, line, length, &ratings[count], &is_good);
        if (status) return status;
        count += is_good;
    }
    *num_out = count;
    return SOUK_OK;
}

uint64_t rating_reader_num_bad(const struct rating_reader *reader)
{
    return reader->num_bad;
}

double rating_reader_share(const struct rating_reader *reader)
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
