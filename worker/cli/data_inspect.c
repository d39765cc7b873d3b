/* data_inspect.c - souk data inspect: what Souk understands of files of ratings or samples. */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/inspection.h"
#include "worker/cli/sample_inspection.h"
#include "worker/cli/verb.h"
#include "worker/data/sample_format.h"

enum { BLOCK_ROWS = 4096 };

const char *inspection_role(const struct inspection *inspection, uint32_t column)
{
    const struct rating_format *format = &inspection->format;
    if (column == format->user_column) return "user";
    if (column == format->item_column) return "item";
    return format->has_rating && column == format->rating_column ? "rating" : NULL;
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

// ---- all rows ----

static souk_status read_rows(struct inspection *inspection)
{
    struct rating_reader_options options = {.files = inspection->file.files,
                                            .format = &inspection->format,
                                            .num_parts = 1,
                                            .max_bad_rows = UINT64_MAX,
                                            .items = inspection->items,
                                            .on_bad_row = shown_file_keep_bad_row,
                                            .ctx = &inspection->file};
    struct rating_reader *reader = NULL;
    struct rating_summary *summary = rating_summary_create();
    struct rating *rows = mem_calloc(BLOCK_ROWS, sizeof(*rows), "rows");
    souk_status status = rating_reader_open(&options, &reader);
    for (uint32_t n = 1; !status && n > 0;) {
        status = rating_reader_next(reader, rows, BLOCK_ROWS, &n);
        if (!status) rating_summary_add(summary, rows, n);
    }
    if (!status) {
        inspection->file.num_bad = rating_reader_num_bad(reader);
        rating_summary_finish(summary, &inspection->summary);
    }
    rating_reader_close(reader);
    rating_summary_destroy(summary);
    mem_free(rows);
    return status;
}

static souk_status inspect_ratings(const struct program *program, const struct args *args,
                                   const struct config_list *files)
{
    struct inspection inspection = {.file = {.files = files}, .items = names_create()};
    struct buf text = {0};
    souk_status status =
        rating_format_resolve(&args->config, files->items[0], false, &inspection.format);
    inspection.file.layout = inspection.format.layout;
    if (!status) status = shown_file_read(&inspection.file);
    if (!status) status = read_rows(&inspection);
    if (!status) {
        if (args->is_json)
            inspection_print_json(&inspection, &text);
        else
            inspection_print_text(&inspection, program->terminal_columns, &text);
        fputs(buf_text(&text), stdout);
    }
    buf_fini(&text);
    shown_file_fini(&inspection.file);
    names_destroy(inspection.items);
    return status;
}

static souk_status inspect(const struct program *program, const struct args *args,
                           const struct config_list *files)
{
    bool are_samples = false;
    souk_status status = sample_format_look(&args->config, files->items[0], &are_samples);
    if (status) return status;
    if (!are_samples) return inspect_ratings(program, args, files);
    return inspect_samples(&args->config, files, args->is_json, program->terminal_columns);
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
    .summary = "say what a file of ratings or clicks is understood to hold",
    .help =
        "usage: souk data inspect [FILE]... [-c FILE] [--set data.KEY=VALUE]... [--json]\n"
        "\n"
        "Reads files of ratings as training would, and prints what was understood: separator,\n"
        "header, columns, kinds of ids, the first lines; then rows, users, items, duplicates, the\n"
        "ratings' range and histogram, the most rated items, and the first malformed rows. "
        "Several\n"
        "files are read as one. Counts beyond 2,000,000 users or items are estimates.\n"
        "\n"
        "A header with a label or a history (hist_item, item_history), or data.label or "
        "features.*\n"
        "in the configuration, tells samples of clicks: of those it prints fields, histories and\n"
        "their tables, the share of clicks, different ids a table, and how long histories are.\n"
        "\n"
        "  FILE              file to read, \"-\" for standard input; data.train without one\n"
        "  -c FILE           configuration to take data.* from\n"
        "  --set KEY=VALUE   set an option, such as data.delimiter=tab or data.rating=3\n"
        "  --json            print JSON\n",
    .run = run,
    .is_stopped_hard = true,
};
