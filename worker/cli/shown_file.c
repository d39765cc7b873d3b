/* shown_file.c - see shown_file.h: what is read, and its JSON. */
#include "worker/cli/shown_file.h"

#include <string.h>

#include "common/base/mem.h"
#include "worker/data/line_reader.h"

static char *copy_field(const char *field, size_t length)
{
    struct buf text = {0};
    text_add_utf8(&text, field, length);
    char *copy = mem_strdup(buf_text(&text));
    buf_fini(&text);
    return copy;
}

// Fields of a line as texts, into out[num_columns]; false when it has another number of them.
static bool copy_fields(const struct row_layout *layout, const char *line, size_t length,
                        char **out)
{
    const char *fields[COLUMNS_MAX];
    size_t lengths[COLUMNS_MAX];
    char *scratch = mem_alloc(length + 1, "fields");
    bool is_good = row_layout_split(layout, line, length, fields, lengths, scratch);
    for (uint32_t i = 0; is_good && i < layout->num_columns; i++)
        out[i] = copy_field(fields[i], lengths[i]);
    mem_free(scratch);
    return is_good;
}

souk_status shown_file_read(struct shown_file *file)
{
    const struct row_layout *layout = &file->layout;
    struct line_reader *reader = NULL;
    souk_status status = line_reader_peek(file->files->items[0], &reader);
    file->cells =
        mem_calloc((size_t)SHOWN_LINES * layout->num_columns, sizeof(char *), "first lines");
    bool is_header_ahead = layout->has_header;
    while (!status && file->num_lines < SHOWN_LINES) {
        const char *line = NULL;
        size_t length = 0;
        status = line_reader_next(reader, &line, &length);
        if (status || length == 0) continue;
        if (is_header_ahead) {
            file->names = mem_calloc(layout->num_columns, sizeof(char *), "column names");
            copy_fields(layout, line, length, file->names);
            is_header_ahead = false;
        } else {
            char **row = file->cells + (size_t)file->num_lines * layout->num_columns;
            file->num_lines += copy_fields(layout, line, length, row);
        }
    }
    line_reader_close(reader);
    return status == SOUK_EEND ? SOUK_OK : status;
}

void shown_file_fini(struct shown_file *file)
{
    uint32_t num_columns = file->layout.num_columns;
    for (uint32_t i = 0; file->names && i < num_columns; i++) mem_free(file->names[i]);
    for (uint32_t i = 0; i < file->num_lines * num_columns; i++) mem_free(file->cells[i]);
    for (uint32_t i = 0; i < file->num_bad_rows; i++) mem_free(file->bad_rows[i]);
    mem_free(file->names);
    mem_free(file->cells);
}

void shown_file_keep_bad_row(void *ctx, const char *message)
{
    struct shown_file *file = ctx;
    if (file->num_bad_rows < SHOWN_BAD_ROWS)
        file->bad_rows[file->num_bad_rows++] = copy_field(message, strlen(message));
}

const char *shown_delimiter(const struct shown_file *file)
{
    const char *delimiter = file->layout.delimiter;
    return strcmp(delimiter, "\t") == 0 ? "tab" : strcmp(delimiter, " ") == 0 ? "space" : delimiter;
}

// ---- JSON ----

void shown_json_layout(const struct shown_file *file, struct json *json)
{
    json_key(json, "files");
    json_open(json, '[');
    for (uint32_t i = 0; i < file->files->num_items; i++) json_string(json, file->files->items[i]);
    json_close(json);
    json_key(json, "delimiter"), json_string(json, shown_delimiter(file));
    json_key(json, "header"), json_bool(json, file->layout.has_header);
}

void shown_json_bad_rows(const struct shown_file *file, struct json *json)
{
    json_key(json, "bad_rows"), json_uint(json, file->num_bad);
    json_key(json, "bad_examples");
    json_open(json, '[');
    for (uint32_t i = 0; i < file->num_bad_rows; i++) json_string(json, file->bad_rows[i]);
    json_close(json);
}

void shown_json_name(const struct shown_file *file, uint32_t column, struct json *json)
{
    if (file->names && file->names[column])
        json_string(json, file->names[column]);
    else
        json_null(json);
}
