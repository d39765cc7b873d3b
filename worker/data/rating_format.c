/* rating_format.c - see rating_format.h. */
#include "worker/data/rating_format.h"

#include "worker/data/rating_columns.h"

static enum config_id_kind resolve_ids(struct first_lines *lines, const struct first_rows *rows,
                                       uint32_t column, enum config_id_kind told)
{
    return told == CONFIG_ID_AUTO ? first_rows_ids(lines, rows, column) : told;
}

static souk_status resolve(const struct config *config, struct first_lines *lines,
                           bool needs_rating, struct rating_format *format)
{
    struct row_layout_options options = {
        .config = config,
        .what = "ratings",
        .min_columns = needs_rating ? 3 : 2,
        .are_names = rating_columns_are_named,
    };
    struct column_names fields = {.count = 0};
    souk_status status = row_layout_resolve(&options, lines, &format->layout, &fields);
    if (!status)
        status = rating_columns_find(
            config, lines->name, format->layout.has_header ? &fields : NULL, needs_rating, format);
    column_names_fini(&fields);
    if (status) return status;

    // A third column that nobody has called a rating may be anything.
    struct first_rows rows = row_layout_rows(&format->layout);
    if (!needs_rating && format->has_rating && column_is_auto(config->data.rating))
        format->has_rating = first_rows_are_numbers(lines, &rows, format->rating_column);
    format->user_id = resolve_ids(lines, &rows, format->user_column, config->data.user_id);
    format->item_id = resolve_ids(lines, &rows, format->item_column, config->data.item_id);
    return SOUK_OK;
}

souk_status rating_format_resolve(const struct config *config, const char *path, bool needs_rating,
                                  struct rating_format *format_out)
{
    struct rating_format format = {.user_column = 0};
    struct first_lines *lines = NULL;
    souk_status status = first_lines_read(path, "rating", &lines);
    if (!status) status = resolve(config, lines, needs_rating, &format);
    first_lines_free(lines);
    if (!status) *format_out = format;
    return status;
}
