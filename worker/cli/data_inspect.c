/* data_inspect.c - souk data inspect: what Souk understands of files of ratings. */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/inspection.h"
#include "worker/cli/verb.h"
#include "worker/data/line_reader.h"

enum { BLOCK_ROWS = 4096 };

const char *inspection_role(const struct inspection *inspection, uint32_t column)
{
    const struct rating_format *format = &inspection->format;
    if (column == format->user_column) return "user";
    if (column == format->item_column) return "item";
    return format->has_rating && column == format->rating_column ? "rating" : NULL;
}

const char *inspection_delimiter(const struct inspection *inspection)
{
    const char *delimiter = inspection->format.layout.delimiter;
    return strcmp(delimiter, "\t") == 0 ? "tab" : strcmp(delimiter, " ") == 0 ? "space" : delimiter;
}

void inspection_add_item(const struct inspection *inspection, uint64_t key, struct buf *out)
{
    size_t length = 0;
    const char *name = names_get(inspection->items, key, &length);
    if (name)
        text_add_utf8(out, name, length);
    else
        buf_printf(out, "%llu", (unsigned long long)key);
}

// ---- the first lines ----

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

static souk_status read_first_lines(struct inspection *inspection)
{
    const struct row_layout *layout = &inspection->format.layout;
    struct line_reader *reader = NULL;
    souk_status status = line_reader_peek(inspection->files->items[0], &reader);
    inspection->cells =
        mem_calloc((size_t)INSPECTION_LINES * layout->num_columns, sizeof(char *), "first lines");
    bool is_header_ahead = layout->has_header;
    while (!status && inspection->num_lines < INSPECTION_LINES) {
        const char *line = NULL;
        size_t length = 0;
        status = line_reader_next(reader, &line, &length);
        if (status || length == 0) continue;
        if (is_header_ahead) {
            inspection->names = mem_calloc(layout->num_columns, sizeof(char *), "column names");
            copy_fields(layout, line, length, inspection->names);
            is_header_ahead = false;
        } else {
            char **row = inspection->cells + (size_t)inspection->num_lines * layout->num_columns;
            inspection->num_lines += copy_fields(layout, line, length, row);
        }
    }
    line_reader_close(reader);
    return status == SOUK_EEND ? SOUK_OK : status;
}

// ---- all rows ----

static void keep_bad_row(void *ctx, const char *message)
{
    struct inspection *inspection = ctx;
    if (inspection->num_bad_rows < INSPECTION_BAD_ROWS)
        inspection->bad_rows[inspection->num_bad_rows++] = copy_field(message, strlen(message));
}

static souk_status read_rows(struct inspection *inspection)
{
    struct rating_reader_options options = {.files = inspection->files,
                                            .format = &inspection->format,
                                            .num_parts = 1,
                                            .max_bad_rows = UINT64_MAX,
                                            .items = inspection->items,
                                            .on_bad_row = keep_bad_row,
                                            .ctx = inspection};
    struct rating_reader *reader = NULL;
    struct summary *summary = summary_create();
    struct rating *rows = mem_calloc(BLOCK_ROWS, sizeof(*rows), "rows");
    souk_status status = rating_reader_open(&options, &reader);
    for (uint32_t n = 1; !status && n > 0;) {
        status = rating_reader_next(reader, rows, BLOCK_ROWS, &n);
        if (!status) summary_add(summary, rows, n);
    }
    if (!status) {
        inspection->num_bad = rating_reader_num_bad(reader);
        summary_finish(summary, &inspection->summary);
    }
    rating_reader_close(reader);
    summary_destroy(summary);
    mem_free(rows);
    return status;
}

static void inspection_fini(struct inspection *inspection)
{
    uint32_t num_columns = inspection->format.layout.num_columns;
    for (uint32_t i = 0; inspection->names && i < num_columns; i++) mem_free(inspection->names[i]);
    for (uint32_t i = 0; i < inspection->num_lines * num_columns; i++)
        mem_free(inspection->cells[i]);
    for (uint32_t i = 0; i < inspection->num_bad_rows; i++) mem_free(inspection->bad_rows[i]);
    mem_free(inspection->names);
    mem_free(inspection->cells);
    names_destroy(inspection->items);
}

static souk_status inspect(const struct program *program, const struct args *args,
                           const struct config_list *files)
{
    struct inspection inspection = {.files = files, .items = names_create()};
    struct buf text = {0};
    souk_status status =
        rating_format_resolve(&args->config, files->items[0], false, &inspection.format);
    if (!status) status = read_first_lines(&inspection);
    if (!status) status = read_rows(&inspection);
    if (!status) {
        if (args->is_json)
            inspection_print_json(&inspection, &text);
        else
            inspection_print_text(&inspection, program->terminal_columns, &text);
        fputs(buf_text(&text), stdout);
    }
    buf_fini(&text);
    inspection_fini(&inspection);
    return status;
}

static souk_status run(const struct program *program, int argc, char **argv)
{
    struct args args;
    souk_status status =
        args_parse(&verb_data_inspect, ARG_CONFIG | ARG_JSON | ARG_WORDS, argc, argv, &args);
    struct config_list files = {args.positional, (uint32_t)args.num_positional};
    if (files.num_items == 0) files = args.config.data.train;
    if (!status && files.num_items == 0)
        status = log_fail(SOUK_EUSAGE, "data inspect: which file? See souk data inspect --help");
    if (!status) status = inspect(program, &args, &files);
    args_fini(&args);
    return status;
}

const struct verb verb_data_inspect = {
    .name = "data inspect",
    .summary = "say what a file of ratings is understood to hold",
    .help =
        "usage: souk data inspect [FILE]... [-c FILE] [--set data.KEY=VALUE]... [--json]\n"
        "\n"
        "Reads files of ratings as training would, and prints what was understood: separator,\n"
        "header, columns, kinds of ids, the first lines; then rows, users, items, duplicates, the\n"
        "ratings' range and histogram, the most rated items, and the first malformed rows. "
        "Several\n"
        "files are read as one. Counts beyond 2,000,000 users or items are estimates.\n"
        "\n"
        "  FILE              file to read, \"-\" for standard input; data.train without one\n"
        "  -c FILE           configuration to take data.* from\n"
        "  --set KEY=VALUE   set an option, such as data.delimiter=tab or data.rating=3\n"
        "  --json            print JSON\n",
    .run = run,
    .is_stopped_hard = true,
};
