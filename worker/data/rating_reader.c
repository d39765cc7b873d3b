/* rating_reader.c - see rating_reader.h. */
#include "worker/data/rating_reader.h"

#include <math.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "worker/data/field.h"
#include "worker/data/row_reader.h"

struct rating_reader {
    struct rating_reader_options options; // files, format, names: borrowed
    struct row_reader *rows;
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
    struct row_reader *rows = NULL;
    souk_status status =
        row_reader_open(&(struct row_reader_options){.files = options->files,
                                                     .layout = &options->format->layout,
                                                     .what = "ratings",
                                                     .part = options->part,
                                                     .num_parts = options->num_parts,
                                                     .max_bad_rows = options->max_bad_rows,
                                                     .on_bad_row = options->on_bad_row,
                                                     .ctx = options->ctx},
                        &rows);
    if (status) return status;
    struct rating_reader *reader = mem_calloc(1, sizeof(*reader), "rating reader");
    *reader = (struct rating_reader){*options, rows};
    *reader_out = reader;
    return SOUK_OK;
}

void rating_reader_close(struct rating_reader *reader)
{
    if (!reader) return;
    row_reader_close(reader->rows);
    mem_free(reader);
}

static souk_status bad_id(struct rating_reader *reader, const struct row *row, const char *side,
                          uint32_t column)
{
    char shown[ROW_TEXT_MAX];
    if (row->lengths[column] == 0)
        return row_reader_refuse(reader->rows, "the %s id is empty", side);
    return row_reader_refuse(
        reader->rows,
        "%s id \"%s\" is not a whole number from 0 to 18446744073709551615; if ids are texts, set "
        "data.%s_id=string",
        side, row_show_text(row->fields[column], row->lengths[column], shown), side);
}

static souk_status bad_rating(struct rating_reader *reader, const struct row *row,
                              enum field_number kind)
{
    uint32_t column = reader->options.format->rating_column;
    char shown[ROW_TEXT_MAX];
    return row_reader_refuse(reader->rows, "rating \"%s\" is not a %s",
                             row_show_text(row->fields[column], row->lengths[column], shown),
                             kind == FIELD_NOT_FINITE ? "finite number" : "number");
}

static bool parse_key(const struct row *row, enum config_id_kind kind, uint32_t column,
                      uint64_t *key_out)
{
    return row->lengths[column] > 0 &&
           rating_parse_id(kind, row->fields[column], row->lengths[column], key_out);
}

// *is_good_out tells whether *out is a rating; a bad row that is tolerated is none.
static souk_status parse_row(struct rating_reader *reader, const struct row *row,
                             struct rating *out, bool *is_good_out)
{
    const struct rating_format *format = reader->options.format;
    *is_good_out = false;
    if (!parse_key(row, format->user_id, format->user_column, &out->user))
        return bad_id(reader, row, "user", format->user_column);
    if (!parse_key(row, format->item_id, format->item_column, &out->item))
        return bad_id(reader, row, "item", format->item_column);
    out->value = NAN;
    if (format->has_rating) {
        uint32_t column = format->rating_column;
        enum field_number kind =
            field_parse_number(row->fields[column], row->lengths[column], &out->value);
        if (kind != FIELD_NUMBER) return bad_rating(reader, row, kind);
    }
    *is_good_out = true;
    return SOUK_OK;
}

static souk_status learn_names(struct rating_reader *reader, const struct row *row,
                               const struct rating *rating)
{
    const struct rating_reader_options *options = &reader->options;
    uint32_t user = options->format->user_column, item = options->format->item_column;
    souk_status status = SOUK_OK;
    if (options->users && options->format->user_id == CONFIG_ID_STRING)
        status = names_learn(options->users, rating->user, row->fields[user], row->lengths[user]);
    if (!status && options->items && options->format->item_id == CONFIG_ID_STRING)
        status = names_learn(options->items, rating->item, row->fields[item], row->lengths[item]);
    return status;
}

souk_status rating_reader_next(struct rating_reader *reader, struct rating *ratings, uint32_t max,
                               uint32_t *num_out)
{
    uint32_t count = 0;
    while (count < max) {
        struct row row;
        bool is_good = false;
        souk_status status = row_reader_next(reader->rows, &row);
        if (status == SOUK_EEND) break;
        if (!status) status = parse_row(reader, &row, &ratings[count], &is_good);
        if (!status && is_good) status = learn_names(reader, &row, &ratings[count]);
        if (status) return status;
        count += is_good;
    }
    *num_out = count;
    return SOUK_OK;
}

uint64_t rating_reader_num_bad(const struct rating_reader *reader)
{
    return row_reader_num_bad(reader->rows);
}

double rating_reader_share(const struct rating_reader *reader)
{
    return row_reader_share(reader->rows);
}
