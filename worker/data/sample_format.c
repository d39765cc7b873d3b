/* sample_format.c - see sample_format.h. */
#include "worker/data/sample_format.h"

#include <string.h>

#include "common/base/log.h"
#include "worker/data/field.h"
#include "worker/data/sample_columns.h"

// Whether one of these is a label or a history.
static bool has_sample_names(const struct column_names *fields)
{
    char base[SAMPLE_NAME_MAX];
    for (uint32_t i = 0; i < fields->count; i++)
        if (column_is_usual(fields->names[i], &column_label) ||
            sample_history_base(fields->names[i], base))
            return true;
    return false;
}

// "3:item" tells a position, "item" or "item:goods" a name.
static bool tells_name(const char *text)
{
    char name[CONFIG_TEXT_MAX];
    strcpy(name, text);
    char *colon = strrchr(name, ':');
    if (colon) *colon = 0;
    return !column_is_position(name) && strcmp(name, "none") != 0;
}

static bool are_names(const struct config *config, const struct column_names *fields)
{
    const struct config_list *lists[] = {&config->features.fields, &config->features.histories};
    if (!column_is_auto(config->data.label) && !column_is_position(config->data.label)) return true;
    for (int i = 0; i < 2; i++)
        for (uint32_t j = 0; j < lists[i]->num_items; j++)
            if (tells_name(lists[i]->items[j])) return true;
    if (has_sample_names(fields)) return true;
    return column_find_usual(fields, &column_user) >= 0 &&
           column_find_usual(fields, &column_item) >= 0;
}

// ---- the separator of lists ----

// Whether ids of all histories in the first lines are whole numbers when cut there. *is_there_out:
// whether the separator occurs.
static bool makes_numbers(struct first_lines *lines, const struct sample_format *format,
                          char separator, bool *is_there_out)
{
    struct first_rows rows = row_layout_rows(&format->layout);
    *is_there_out = false;
    for (uint32_t line = rows.first; line < lines->num_lines; line++) {
        if (first_lines_split(lines, rows.delimiter, line) != rows.num_columns) continue;
        for (uint32_t h = 0; h < format->num_histories; h++) {
            const char *text = lines->fields[format->histories[h].column];
            const char *end = text + lines->lengths[format->histories[h].column], *next;
            for (; text < end; text = next) {
                const char *stop = memchr(text, separator, (size_t)(end - text));
                next = stop ? stop + 1 : end;
                *is_there_out |= stop != NULL;
                if (!field_is_canonical_u64(text, (size_t)((stop ? stop : end) - text)))
                    return false;
            }
        }
    }
    return true;
}

static uint32_t count_cuts(const char *text, size_t length, char separator)
{
    uint32_t count = 0;
    for (size_t i = 0; i < length; i++) count += text[i] == separator;
    return count;
}

// Whether a field has the character in an id that a history may have too: it separates nothing.
static bool is_in_ids(const struct first_lines *lines, const struct sample_format *format, char c)
{
    for (uint32_t h = 0; h < format->num_histories; h++)
        for (uint32_t f = 0; f < format->num_fields; f++) {
            const struct sample_column *field = &format->ids[f];
            if (field->table == format->histories[h].table &&
                memchr(lines->fields[field->column], c, lines->lengths[field->column]))
                return true;
        }
    return false;
}

// Whether it may be what separates ids that are texts: it stands in lists, never in an id that is
// alone in its column, and the lists of a row are equally long when cut there.
static bool separates_texts(struct first_lines *lines, const struct sample_format *format,
                            char separator)
{
    struct first_rows rows = row_layout_rows(&format->layout);
    bool is_there = false;
    for (uint32_t line = rows.first; line < lines->num_lines; line++) {
        if (first_lines_split(lines, rows.delimiter, line) != rows.num_columns) continue;
        uint32_t first_count = 0;
        for (uint32_t h = 0; h < format->num_histories; h++) {
            uint32_t column = format->histories[h].column;
            uint32_t count = count_cuts(lines->fields[column], lines->lengths[column], separator);
            is_there |= count > 0;
            if (h == 0) first_count = count;
            if (count != first_count) return false;
        }
        if (is_in_ids(lines, format, separator)) return false;
    }
    return is_there;
}

static char look_for_separator(const struct sample_format *model, struct first_lines *lines,
                               const struct sample_format *format)
{
    static const char candidates[] = ",|;^ ";
    for (const char *c = candidates; *c; c++) {
        bool is_there = false;
        if (makes_numbers(lines, format, *c, &is_there) && is_there) return *c;
    }
    if (model) return model->separator; // a few rows to predict on may have one behaviour each
    for (const char *c = candidates; *c; c++)
        if (separates_texts(lines, format, *c)) return *c;
    return ',';
}

// What the configuration says of it; 0: it is to be looked for.
static char told_separator(const struct config *config)
{
    static const char *const words[][2] = {{"comma", ","}, {"space", " "}, {"tab", "\t"}};
    const char *told = config->features.separator;
    if (column_is_auto(told)) return 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(told, words[i][0]) == 0) return words[i][1][0];
    return told[0];
}

static char find_separator(const struct sample_format_options *options, struct first_lines *lines,
                           const struct sample_format *format)
{
    char told = told_separator(options->config);
    return told ? told : look_for_separator(options->model, lines, format);
}

// ---- kinds of ids ----

static bool are_canonical(const char *text, size_t length, char separator, bool *has_any)
{
    const char *end = text + length, *next;
    for (; text < end; text = next) {
        const char *stop = separator ? memchr(text, separator, (size_t)(end - text)) : NULL;
        next = stop ? stop + 1 : end;
        if (!field_is_canonical_u64(text, (size_t)((stop ? stop : end) - text))) return false;
        *has_any = true;
    }
    return true;
}

// Whole numbers if all of the first lines' ids in these columns are; separator 0: one id a cell.
static bool are_integers(struct first_lines *lines, const struct sample_format *format,
                         uint32_t column, char separator, bool *has_any)
{
    struct first_rows rows = row_layout_rows(&format->layout);
    for (uint32_t line = rows.first; line < lines->num_lines; line++) {
        if (first_lines_split(lines, rows.delimiter, line) != rows.num_columns) continue;
        if (!are_canonical(lines->fields[column], lines->lengths[column], separator, has_any))
            return false;
    }
    return true;
}

static enum config_id_kind look_at_table(struct first_lines *lines,
                                         const struct sample_format *format, uint32_t table)
{
    bool has_any = false;
    for (uint32_t i = 0; i < format->num_fields; i++)
        if (format->ids[i].table == table &&
            !are_integers(lines, format, format->ids[i].column, 0, &has_any))
            return CONFIG_ID_STRING;
    for (uint32_t i = 0; i < format->num_histories; i++)
        if (format->histories[i].table == table &&
            !are_integers(lines, format, format->histories[i].column, format->separator, &has_any))
            return CONFIG_ID_STRING;
    return has_any ? CONFIG_ID_INTEGER : CONFIG_ID_STRING;
}

// What the configuration says of the kind of a table's ids.
static enum config_id_kind told_kind(const struct config *config,
                                     const struct sample_format *format, uint32_t table)
{
    if (config->features.ids != CONFIG_ID_AUTO) return config->features.ids;
    if (format->user >= 0 && format->ids[format->user].table == table) return config->data.user_id;
    if (format->item >= 0 && format->ids[format->item].table == table) return config->data.item_id;
    return CONFIG_ID_AUTO;
}

static void resolve_kinds(const struct sample_format_options *options, struct first_lines *lines,
                          struct sample_format *format)
{
    const struct sample_format *model = options->model;
    for (uint32_t t = 0; t < format->num_tables; t++) {
        enum config_id_kind kind =
            model ? model->tables[t].kind : told_kind(options->config, format, t);
        if (kind == CONFIG_ID_AUTO) kind = look_at_table(lines, format, t);
        format->tables[t].kind = kind;
    }
    for (uint32_t i = 0; i < format->num_fields; i++)
        format->ids[i].kind = format->tables[format->ids[i].table].kind;
    for (uint32_t i = 0; i < format->num_histories; i++)
        format->histories[i].kind = format->tables[format->histories[i].table].kind;
    if (format->num_ids == format->num_fields) return;

    struct sample_column *user = &format->ids[format->user];
    struct first_rows rows = row_layout_rows(&format->layout);
    user->kind = options->config->data.user_id;
    if (model && model->num_ids > model->num_fields) user->kind = model->ids[model->user].kind;
    if (user->kind == CONFIG_ID_AUTO) user->kind = first_rows_ids(lines, &rows, user->column);
}

static souk_status resolve(const struct sample_format_options *options, struct first_lines *lines,
                           struct sample_format *format)
{
    struct row_layout_options layout_options = {
        .config = options->config,
        .what = "samples",
        .min_columns = 2,
        .are_names = are_names,
        // lists of a few rows to predict on may have one id each, which nothing separates
        .list_separator = options->model ? 0 : told_separator(options->config)};
    struct column_names fields = {.count = 0};
    souk_status status = row_layout_resolve(&layout_options, lines, &format->layout, &fields);
    if (!status)
        status = sample_columns_find(options, lines->name,
                                     format->layout.has_header ? &fields : NULL, format);
    column_names_fini(&fields);
    if (status) return status;
    format->max_history =
        options->model ? options->model->max_history : options->config->features.max_history;
    format->separator = find_separator(options, lines, format);
    resolve_kinds(options, lines, format);
    return SOUK_OK;
}

souk_status sample_format_resolve(const struct sample_format_options *options,
                                  struct sample_format *format_out)
{
    struct sample_format format;
    memset(&format, 0, sizeof(format)); // padding too: the bytes are told to all ranks
    struct first_lines *lines = NULL;
    souk_status status = first_lines_read(options->path, "sample", &lines);
    if (!status) status = resolve(options, lines, &format);
    first_lines_free(lines);
    if (!status) *format_out = format;
    return status;
}

static bool is_meant(const struct config *config)
{
    return !column_is_auto(config->data.label) || config->features.fields.num_items > 0 ||
           config->features.histories.num_items > 0;
}

static bool never(const struct config *config, const struct column_names *fields)
{
    (void)config;
    (void)fields;
    return false;
}

souk_status sample_format_look(const struct config *config, const char *path, bool *are_samples_out)
{
    struct row_layout_options options = {
        .config = config, .what = "ratings", .min_columns = 2, .are_names = never};
    struct row_layout layout;
    struct column_names fields = {.count = 0};
    struct first_lines *lines = NULL;
    *are_samples_out = is_meant(config);
    if (*are_samples_out) return SOUK_OK;
    souk_status status = first_lines_read(path, "rating", &lines);
    if (status) return status;
    status = row_layout_resolve(&options, lines, &layout, &fields);
    if (!status) *are_samples_out = has_sample_names(&fields);
    column_names_fini(&fields);
    first_lines_free(lines);
    return status;
}
