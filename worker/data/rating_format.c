/* rating_format.c - see rating_format.h. All that is inferred comes from a sample: the first lines
 * that are not empty. A few malformed ones among them do not matter, since most lines decide. */
#include "worker/data/rating_format.h"

#include <ctype.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/columns.h"
#include "worker/data/field.h"
#include "worker/data/line_reader.h"
#include "worker/data/split.h"

enum { SAMPLE_LINES = 1000, SAMPLE_BYTES = 1 << 20 };

struct sample_line {
    size_t begin, length; // in sample.text
};

struct sample {
    const char *path; // borrowed
    const char *name; // "standard input" for "-"
    struct buf text;
    struct sample_line lines[SAMPLE_LINES];
    uint32_t num_lines;
    uint64_t first_number;                  // line number of lines[0]
    const char *fields[RATING_COLUMNS_MAX]; // of the line that was split last
    size_t lengths[RATING_COLUMNS_MAX];
    char *scratch; // as long as the longest line
};

static const char *line_text(const struct sample *sample, uint32_t line)
{
    return buf_text(&sample->text) + sample->lines[line].begin;
}

static void sample_fini(struct sample *sample)
{
    buf_fini(&sample->text);
    mem_free(sample->scratch);
}

static souk_status read_sample(struct sample *sample)
{
    struct line_reader *reader = NULL;
    souk_status status = line_reader_peek(sample->path, &reader);
    size_t longest = 0;
    while (!status && sample->num_lines < SAMPLE_LINES && sample->text.length < SAMPLE_BYTES) {
        const char *line = NULL;
        size_t length = 0;
        status = line_reader_next(reader, &line, &length);
        if (status || length == 0) continue;
        if (sample->num_lines == 0) sample->first_number = line_reader_number(reader);
        sample->lines[sample->num_lines++] = (struct sample_line){sample->text.length, length};
        buf_add(&sample->text, line, length);
        if (length > longest) longest = length;
    }
    line_reader_close(reader);
    if (status && status != SOUK_EEND) return status;
    if (sample->num_lines == 0)
        return log_fail(SOUK_EDATA, "%s is empty; a line for each rating is needed%s", sample->name,
                        strcmp(sample->path, "-") == 0
                            ? ", it comes once, and under mpirun to rank 0 only"
                            : "");
    sample->scratch = mem_alloc(longest + 1, "sample line");
    return SOUK_OK;
}

// UTF-16 without a mark: every other byte of plain text is zero.
static souk_status refuse_wide_text(const struct sample *sample)
{
    const char *line = line_text(sample, 0);
    size_t length = sample->lines[0].length, num_zeros = 0, num_even = 0;
    for (size_t i = 0; i < length; i++) {
        num_zeros += line[i] == 0;
        num_even += line[i] == 0 && i % 2 == 0;
    }
    if (length < 4 || num_zeros < length / 3) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s is not plain text (every other byte is zero); if it is UTF-16, convert it: "
                    "iconv -f UTF-16%s -t UTF-8 FILE > NEW",
                    sample->name, num_even * 2 > num_zeros ? "BE" : "LE");
}

static uint32_t split_sample(struct sample *sample, const char *delimiter, uint32_t line)
{
    return split_line(delimiter, line_text(sample, line), sample->lines[line].length,
                      sample->fields, sample->lengths, RATING_COLUMNS_MAX, sample->scratch);
}

// The number of columns that most lines have (of equals, the first line's, else the largest), and
// how many lines agree.
static uint32_t usual_columns(struct sample *sample, const char *delimiter, uint32_t *num_lines_out)
{
    uint32_t counts[RATING_COLUMNS_MAX + 2] = {0};
    for (uint32_t line = 0; line < sample->num_lines; line++)
        counts[split_sample(sample, delimiter, line)]++;
    uint32_t best = 1;
    for (uint32_t n = 2; n < RATING_COLUMNS_MAX + 2; n++)
        if (counts[n] > 0 && counts[n] >= counts[best]) best = n;
    uint32_t first = split_sample(sample, delimiter, 0);
    if (first > 1 && counts[first] == counts[best]) best = first;
    *num_lines_out = counts[best];
    return best;
}

static bool is_auto(const char *told)
{
    return !told || !*told || strcmp(told, "auto") == 0;
}

static souk_status copy_delimiter(const struct config *config, const char *told,
                                  struct rating_format *format)
{
    static const char *const words[][2] = {
        {"tab", "\t"}, {"\\t", "\t"}, {"comma", ","}, {"space", " "}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(told, words[i][0]) == 0) told = words[i][1];
    if (strlen(told) >= sizeof(format->delimiter))
        return config_fail_at(config, "data.delimiter", "\"%s\" is longer than %zu bytes", told,
                              sizeof(format->delimiter) - 1);
    strcpy(format->delimiter, told);
    return SOUK_OK;
}

static souk_status no_delimiter(const struct sample *sample, uint32_t num_needed)
{
    struct buf start = {0};
    size_t length = sample->lines[0].length;
    text_add_utf8(&start, line_text(sample, 0), length < 60 ? length : 60);
    souk_status status = log_fail(
        SOUK_EDATA,
        "%s:%llu: cannot tell what separates the %u columns that are needed: \"%s\"; set "
        "data.delimiter to tab, comma, space or the text itself",
        sample->name, (unsigned long long)sample->first_number, num_needed, buf_text(&start));
    buf_fini(&start);
    return status;
}

// The candidate that most lines agree on, the first one among equals.
static souk_status infer_delimiter(struct sample *sample, uint32_t num_needed,
                                   struct rating_format *format)
{
    static const char *const candidates[] = {"\t", "::", "|", ";", ",", " "};
    uint32_t best_agree = (sample->num_lines - 1) / 2;
    const char *best = NULL;
    for (size_t i = 0; i < sizeof(candidates) / sizeof(*candidates); i++) {
        uint32_t num_agree = 0, n = usual_columns(sample, candidates[i], &num_agree);
        if (n < num_needed || num_agree <= best_agree) continue;
        best = candidates[i];
        best_agree = num_agree;
    }
    if (!best) return no_delimiter(sample, num_needed);
    strcpy(format->delimiter, best);
    return SOUK_OK;
}

static souk_status resolve_delimiter(const struct config *config, struct sample *sample,
                                     bool needs_rating, struct rating_format *format)
{
    const char *told = config->data.delimiter;
    uint32_t num_needed = needs_rating ? 3 : 2, num_agree;
    souk_status status = is_auto(told) ? infer_delimiter(sample, num_needed, format)
                                       : copy_delimiter(config, told, format);
    if (status) return status;
    format->num_columns = usual_columns(sample, format->delimiter, &num_agree);
    if (format->num_columns > RATING_COLUMNS_MAX)
        return log_fail(SOUK_EDATA, "%s has more than %d columns", sample->name,
                        RATING_COLUMNS_MAX);
    if (format->num_columns >= num_needed) return SOUK_OK;
    return config_fail_at(
        config, "data.delimiter",
        "cut at \"%s\", lines of %s have %u columns, but %u are needed; set it to "
        "auto or to what separates them",
        told, sample->name, format->num_columns, num_needed);
}

static bool is_number(const char *text, size_t length)
{
    float unused;
    return field_parse_number(text, length, &unused) != FIELD_NO_NUMBER;
}

// Whether most lines from `first` on have a number in this column.
static bool is_number_column(struct sample *sample, const struct rating_format *format,
                             uint32_t column, uint32_t first)
{
    uint32_t num_numbers = 0, num_rows = 0;
    for (uint32_t line = first; line < sample->num_lines; line++) {
        if (split_sample(sample, format->delimiter, line) != format->num_columns) continue;
        num_rows++;
        num_numbers += is_number(sample->fields[column], sample->lengths[column]);
    }
    return num_numbers * 2 > num_rows;
}

static void read_names(struct sample *sample, const char *delimiter, struct column_names *names)
{
    names->count = split_sample(sample, delimiter, 0);
    if (names->count > RATING_COLUMNS_MAX) names->count = RATING_COLUMNS_MAX;
    for (uint32_t i = 0; i < names->count; i++) {
        const char *field = sample->fields[i];
        size_t length = sample->lengths[i];
        field_trim(&field, &length);
        names->names[i] = mem_alloc(length + 1, "column name");
        memcpy(names->names[i], field, length);
        names->names[i][length] = 0;
    }
}

// Names without a number among them, above a column of numbers, are a header.
static bool looks_like_header(struct sample *sample, const struct rating_format *format,
                              const struct column_names *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (is_number(names->names[i], strlen(names->names[i]))) return false;
    if (sample->num_lines < 2) return false;
    for (uint32_t i = 0; i < format->num_columns; i++)
        if (is_number_column(sample, format, i, 1)) return true;
    return false;
}

static souk_status resolve_header(const struct config *config, struct sample *sample,
                                  const struct column_names *names, struct rating_format *format)
{
    if (config->data.header == CONFIG_HEADER_AUTO)
        format->has_header = columns_want_names(config) || columns_are_named(config, names) ||
                             looks_like_header(sample, format, names);
    else
        format->has_header = config->data.header == CONFIG_HEADER_YES;
    if (!format->has_header) return SOUK_OK;

    if (sample->num_lines == 1)
        return log_fail(SOUK_EDATA, "%s has a header, but no ratings below it", sample->name);
    if (names->count != format->num_columns)
        return log_fail(SOUK_EDATA,
                        "%s:%llu: the header has %u columns, but the lines below it have %u",
                        sample->name, (unsigned long long)sample->first_number, names->count,
                        format->num_columns);
    format->header_hash = hash_bytes(line_text(sample, 0), sample->lines[0].length, 0);
    return SOUK_OK;
}

static enum config_id_kind resolve_ids(struct sample *sample, const struct rating_format *format,
                                       uint32_t column, enum config_id_kind told)
{
    if (told != CONFIG_ID_AUTO) return told;
    bool has_integer = false;
    for (uint32_t line = format->has_header; line < sample->num_lines; line++) {
        if (split_sample(sample, format->delimiter, line) != format->num_columns) continue;
        if (sample->lengths[column] == 0) continue;
        if (!field_is_canonical_u64(sample->fields[column], sample->lengths[column]))
            return CONFIG_ID_STRING;
        has_integer = true;
    }
    return has_integer ? CONFIG_ID_INTEGER : CONFIG_ID_STRING;
}

static souk_status resolve(const struct config *config, struct sample *sample, bool needs_rating,
                           struct rating_format *format)
{
    struct column_names names = {.count = 0};
    souk_status status = read_sample(sample);
    if (!status) status = refuse_wide_text(sample);
    if (!status) status = resolve_delimiter(config, sample, needs_rating, format);
    if (!status) {
        read_names(sample, format->delimiter, &names);
        status = resolve_header(config, sample, &names, format);
    }
    if (!status)
        status = columns_find(config, sample->name, format->has_header ? &names : NULL,
                              needs_rating, format);
    column_names_fini(&names);
    if (status) return status;

    // A third column that nobody has called a rating may be anything.
    if (!needs_rating && format->has_rating && is_auto(config->data.rating))
        format->has_rating =
            is_number_column(sample, format, format->rating_column, format->has_header);
    format->user_id = resolve_ids(sample, format, format->user_column, config->data.user_id);
    format->item_id = resolve_ids(sample, format, format->item_column, config->data.item_id);
    return SOUK_OK;
}

souk_status rating_format_resolve(const struct config *config, const char *path, bool needs_rating,
                                  struct rating_format *format_out)
{
    struct rating_format format = {0};
    struct sample *sample = mem_calloc(1, sizeof(*sample), "first lines");
    sample->path = path;
    sample->name = strcmp(path, "-") == 0 ? "standard input" : path;
    souk_status status = resolve(config, sample, needs_rating, &format);
    sample_fini(sample);
    mem_free(sample);
    if (!status) *format_out = format;
    return status;
}

bool rating_format_split(const struct rating_format *format, const char *line, size_t length,
                         const char **fields, size_t *field_lengths, char *scratch)
{
    return split_line(format->delimiter, line, length, fields, field_lengths, format->num_columns,
                      scratch) == format->num_columns;
}
