/* row_layout.c - see row_layout.h. */
#include "worker/data/row_layout.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/field.h"
#include "worker/data/split.h"

// The number of columns that most lines have (of equals, the first line's, else the largest), and
// how many lines agree.
static uint32_t usual_columns(struct first_lines *lines, const char *delimiter,
                              uint32_t *num_lines_out)
{
    uint32_t counts[COLUMNS_MAX + 2] = {0};
    for (uint32_t line = 0; line < lines->num_lines; line++)
        counts[first_lines_split(lines, delimiter, line)]++;
    uint32_t best = 1;
    for (uint32_t n = 2; n < COLUMNS_MAX + 2; n++)
        if (counts[n] > 0 && counts[n] >= counts[best]) best = n;
    uint32_t first = first_lines_split(lines, delimiter, 0);
    if (first > 1 && counts[first] == counts[best]) best = first;
    *num_lines_out = counts[best];
    return best;
}

static souk_status copy_delimiter(const struct config *config, const char *told,
                                  struct row_layout *layout)
{
    static const char *const words[][2] = {
        {"tab", "\t"}, {"\\t", "\t"}, {"comma", ","}, {"space", " "}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(told, words[i][0]) == 0) told = words[i][1];
    if (strlen(told) >= sizeof(layout->delimiter))
        return config_fail_at(config, "data.delimiter", "\"%s\" is longer than %zu bytes", told,
                              sizeof(layout->delimiter) - 1);
    strcpy(layout->delimiter, told);
    return SOUK_OK;
}

static souk_status no_delimiter(const struct first_lines *lines, uint32_t num_needed)
{
    struct buf start = {0};
    size_t length = lines->lines[0].length;
    text_add_utf8(&start, first_lines_text(lines, 0), length < 60 ? length : 60);
    souk_status status = log_fail(
        SOUK_EDATA,
        "%s:%llu: cannot tell what separates the %u columns that are needed: \"%s\"; set "
        "data.delimiter to tab, comma, space or the text itself",
        lines->name, (unsigned long long)lines->first_number, num_needed, buf_text(&start));
    buf_fini(&start);
    return status;
}

// The candidate that most lines agree on, the first one among equals.
static souk_status infer_delimiter(struct first_lines *lines, uint32_t num_needed,
                                   struct row_layout *layout)
{
    static const char *const candidates[] = {"\t", "::", "|", ";", ",", " "};
    uint32_t best_agree = (lines->num_lines - 1) / 2;
    const char *best = NULL;
    for (size_t i = 0; i < sizeof(candidates) / sizeof(*candidates); i++) {
        uint32_t num_agree = 0, n = usual_columns(lines, candidates[i], &num_agree);
        if (n < num_needed || num_agree <= best_agree) continue;
        best = candidates[i];
        best_agree = num_agree;
    }
    if (!best) return no_delimiter(lines, num_needed);
    strcpy(layout->delimiter, best);
    return SOUK_OK;
}

// Quotes keep lists together where row_layout_split() understands them.
static bool has_quotes(const struct first_lines *lines, const char *delimiter)
{
    if (strcmp(delimiter, ",") != 0 && strcmp(delimiter, ";") != 0) return false;
    for (uint32_t line = 0; line < lines->num_lines; line++)
        if (memchr(first_lines_text(lines, line), '"', lines->lines[line].length)) return true;
    return false;
}

static souk_status check_list_separator(const struct row_layout_options *options,
                                        const struct first_lines *lines, const char *delimiter)
{
    char separator = options->list_separator;
    bool is_same = strchr(delimiter, separator) && strlen(delimiter) == 1;
    is_same |= strcmp(delimiter, " ") == 0 && separator == '\t'; // blanks of any kind
    if (!separator || !is_same || has_quotes(lines, delimiter)) return SOUK_OK;
    return config_fail_at(options->config, "features.separator",
                          "\"%s\" separates the columns of %s already, so its lists would be cut "
                          "into columns; write lists with another one%s",
                          options->config->features.separator, lines->name,
                          strpbrk(delimiter, ",;") ? " or in quotes" : "");
}

static souk_status resolve_delimiter(const struct row_layout_options *options,
                                     struct first_lines *lines, struct row_layout *layout)
{
    const char *told = options->config->data.delimiter;
    uint32_t num_needed = options->min_columns, num_agree;
    souk_status status = column_is_auto(told) ? infer_delimiter(lines, num_needed, layout)
                                              : copy_delimiter(options->config, told, layout);
    if (!status) status = check_list_separator(options, lines, layout->delimiter);
    if (status) return status;
    layout->num_columns = usual_columns(lines, layout->delimiter, &num_agree);
    if (layout->num_columns > COLUMNS_MAX)
        return log_fail(SOUK_EDATA, "%s has more than %d columns", lines->name, COLUMNS_MAX);
    if (layout->num_columns >= num_needed) return SOUK_OK;
    return config_fail_at(
        options->config, "data.delimiter",
        "cut at \"%s\", lines of %s have %u columns, but %u are needed; set it to "
        "auto or to what separates them",
        told, lines->name, layout->num_columns, num_needed);
}

static void read_fields(struct first_lines *lines, const char *delimiter,
                        struct column_names *fields)
{
    fields->count = first_lines_split(lines, delimiter, 0);
    if (fields->count > COLUMNS_MAX) fields->count = COLUMNS_MAX;
    for (uint32_t i = 0; i < fields->count; i++) {
        const char *field = lines->fields[i];
        size_t length = lines->lengths[i];
        field_trim(&field, &length);
        fields->names[i] = mem_alloc(length + 1, "column name");
        memcpy(fields->names[i], field, length);
        fields->names[i][length] = 0;
    }
}

// Names without a number among them, above a column of numbers, are a header.
static bool looks_like_header(struct first_lines *lines, const struct row_layout *layout,
                              const struct column_names *fields)
{
    struct first_rows rows = row_layout_rows(layout);
    float unused;
    rows.first = 1;
    for (uint32_t i = 0; i < fields->count; i++)
        if (field_parse_number(fields->names[i], strlen(fields->names[i]), &unused) !=
            FIELD_NO_NUMBER)
            return false;
    if (lines->num_lines < 2) return false;
    for (uint32_t i = 0; i < layout->num_columns; i++)
        if (first_rows_are_numbers(lines, &rows, i)) return true;
    return false;
}

static souk_status resolve_header(const struct row_layout_options *options,
                                  struct first_lines *lines, const struct column_names *fields,
                                  struct row_layout *layout)
{
    const struct config *config = options->config;
    if (config->data.header == CONFIG_HEADER_AUTO)
        layout->has_header =
            options->are_names(config, fields) || looks_like_header(lines, layout, fields);
    else
        layout->has_header = config->data.header == CONFIG_HEADER_YES;
    if (!layout->has_header) return SOUK_OK;

    if (lines->num_lines == 1)
        return log_fail(SOUK_EDATA, "%s has a header, but no %s below it", lines->name,
                        options->what);
    if (fields->count != layout->num_columns)
        return log_fail(SOUK_EDATA,
                        "%s:%llu: the header has %u columns, but the lines below it have %u",
                        lines->name, (unsigned long long)lines->first_number, fields->count,
                        layout->num_columns);
    layout->header_hash = hash_bytes(first_lines_text(lines, 0), lines->lines[0].length, 0);
    return SOUK_OK;
}

souk_status row_layout_resolve(const struct row_layout_options *options, struct first_lines *lines,
                               struct row_layout *layout_out, struct column_names *fields_out)
{
    struct row_layout layout = {0};
    struct column_names fields = {.count = 0};
    souk_status status = resolve_delimiter(options, lines, &layout);
    if (status) return status;
    read_fields(lines, layout.delimiter, &fields);
    status = resolve_header(options, lines, &fields, &layout);
    if (status) {
        column_names_fini(&fields);
        return status;
    }
    *layout_out = layout;
    *fields_out = fields;
    return SOUK_OK;
}

struct first_rows row_layout_rows(const struct row_layout *layout)
{
    return (struct first_rows){layout->delimiter, layout->num_columns, layout->has_header};
}

bool row_layout_split(const struct row_layout *layout, const char *line, size_t length,
                      const char **fields, size_t *field_lengths, char *scratch)
{
    return split_line(layout->delimiter, line, length, fields, field_lengths, layout->num_columns,
                      scratch) == layout->num_columns;
}
