/* sample_reader.c - see sample_reader.h. A row is parsed to where it will stand in the batch, and
 * counts once all of it is good. */
#include "worker/data/sample_reader.h"

#include <math.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "worker/data/field.h"
#include "worker/data/row_reader.h"

struct sample_reader {
    struct sample_reader_options options; // files, format, names: borrowed
    struct row_reader *rows;
    uint64_t num_cut; // samples whose history was too long
};

// A list of ids as text.
struct id_list {
    const char *text, *end;
    uint32_t count;
};

bool sample_parse_id(enum config_id_kind kind, const char *text, size_t length, uint64_t *key_out)
{
    if (kind == CONFIG_ID_INTEGER) return field_parse_u64(text, length, key_out);
    field_trim(&text, &length);
    *key_out = hash_bytes(text, length, 0);
    return length > 0;
}

void sample_format_init_batch(const struct sample_format *format, struct sample_batch *batch)
{
    sample_batch_init(batch, format->num_ids, format->num_histories);
}

souk_status sample_reader_open(const struct sample_reader_options *options,
                               struct sample_reader **reader_out)
{
    struct row_reader *rows = NULL;
    souk_status status =
        row_reader_open(&(struct row_reader_options){.files = options->files,
                                                     .layout = &options->format->layout,
                                                     .what = "samples",
                                                     .part = options->part,
                                                     .num_parts = options->num_parts,
                                                     .max_bad_rows = options->max_bad_rows,
                                                     .on_bad_row = options->on_bad_row,
                                                     .ctx = options->ctx},
                        &rows);
    if (status) return status;
    struct sample_reader *reader = mem_calloc(1, sizeof(*reader), "sample reader");
    *reader = (struct sample_reader){*options, rows, 0};
    *reader_out = reader;
    return SOUK_OK;
}

void sample_reader_close(struct sample_reader *reader)
{
    if (!reader) return;
    row_reader_close(reader->rows);
    mem_free(reader);
}

// ---- what can be wrong ----

static souk_status bad_label(struct sample_reader *reader, const char *text, size_t length)
{
    char shown[ROW_TEXT_MAX];
    return row_reader_refuse(reader->rows,
                             "label \"%s\" is neither 0 nor 1; write 1 for a click and 0 for none",
                             row_show_text(text, length, shown));
}

static souk_status bad_id(struct sample_reader *reader, const struct sample_column *column,
                          const char *text, size_t length)
{
    char shown[ROW_TEXT_MAX];
    field_trim(&text, &length);
    if (length == 0)
        return row_reader_refuse(reader->rows, "column \"%s\": an id is missing", column->name);
    return row_reader_refuse(
        reader->rows,
        "column \"%s\": id \"%s\" is not a whole number from 0 to 18446744073709551615; if ids are "
        "texts, set features.ids=string%s",
        column->name, row_show_text(text, length, shown),
        memchr(text, ',', length) || memchr(text, '|', length) || memchr(text, ' ', length)
            ? "; if this is a list, see features.histories and features.separator"
            : "");
}

// ---- parsing ----

// Keys of ids up to end; returns where the first bad one begins, NULL when all are good.
static const char *parse_integers(const char *text, const char *end, char separator, uint64_t *out)
{
    for (;;) {
        const char *begin = text;
        uint64_t value = 0;
        while (text < end && (unsigned char)(*text - '0') <= 9)
            value = value * 10 + (uint64_t)(*text++ - '0');
        bool is_usual = text > begin && text - begin < 19 && (text == end || *text == separator);
        if (!is_usual) {
            const char *stop = memchr(begin, separator, (size_t)(end - begin));
            text = stop ? stop : end;
            if (!field_parse_u64(begin, (size_t)(text - begin), &value)) return begin;
        }
        *out++ = value;
        if (text++ >= end) return NULL;
    }
}

static const char *parse_strings(const char *text, const char *end, char separator, uint64_t *out)
{
    for (;;) {
        const char *stop = memchr(text, separator, (size_t)(end - text));
        if (!stop) stop = end;
        if (!sample_parse_id(CONFIG_ID_STRING, text, (size_t)(stop - text), out++)) return text;
        if (stop == end) return NULL;
        text = stop + 1;
    }
}

static struct id_list find_list(const char *text, size_t length, char separator)
{
    field_trim(&text, &length);
    struct id_list list = {text, text + length, length > 0};
    for (const char *p = text; p < list.end; p++) list.count += *p == separator;
    return list;
}

// Leaves out the oldest ids.
static void cut_list(struct id_list *list, char separator, uint32_t max)
{
    for (; list->count > max; list->count--)
        list->text =
            (const char *)memchr(list->text, separator, (size_t)(list->end - list->text)) + 1;
}

static souk_status parse_list(struct sample_reader *reader, const struct sample_column *column,
                              const struct id_list *list, uint64_t *out, bool *is_good)
{
    char separator = reader->options.format->separator;
    if (list->count == 0) return SOUK_OK;
    const char *bad = column->kind == CONFIG_ID_INTEGER
                          ? parse_integers(list->text, list->end, separator, out)
                          : parse_strings(list->text, list->end, separator, out);
    if (!bad) return SOUK_OK;
    const char *stop = memchr(bad, separator, (size_t)(list->end - bad));
    *is_good = false;
    return bad_id(reader, column, bad, (size_t)((stop ? stop : list->end) - bad));
}

// All histories of a row have the same length, *num_out, after the cut.
static souk_status find_lists(struct sample_reader *reader, const struct row *row,
                              struct id_list *lists, bool *is_good)
{
    const struct sample_format *format = reader->options.format;
    for (uint32_t h = 0; h < format->num_histories; h++) {
        uint32_t column = format->histories[h].column;
        lists[h] = find_list(row->fields[column], row->lengths[column], format->separator);
        if (lists[h].count == lists[0].count) continue;
        *is_good = false;
        return row_reader_refuse(reader->rows,
                                 "\"%s\" has %u ids, but \"%s\" has %u; lists of a row need the "
                                 "same length (they are cut at \"%c\", see features.separator)",
                                 format->histories[0].name, lists[0].count,
                                 format->histories[h].name, lists[h].count, format->separator);
    }
    for (uint32_t h = 0; h < format->num_histories; h++)
        cut_list(&lists[h], format->separator, format->max_history);
    return SOUK_OK;
}

static souk_status parse_histories(struct sample_reader *reader, const struct row *row,
                                   struct sample_batch *batch, bool *is_good)
{
    const struct sample_format *format = reader->options.format;
    struct id_list lists[SAMPLE_HISTORIES_MAX];
    uint32_t num_rows = 0;
    souk_status status = find_lists(reader, row, lists, is_good);
    if (!*is_good || status) return status;
    if (format->num_histories > 0) num_rows = lists[0].count;
    sample_batch_reserve(batch, 1, num_rows);
    for (uint32_t h = 0; !status && *is_good && h < format->num_histories; h++)
        status = parse_list(reader, &format->histories[h], &lists[h],
                            batch->histories[h] + batch->num_rows, is_good);
    batch->row_start[batch->num_samples + 1] = batch->num_rows + num_rows;
    return status;
}

static souk_status parse_ids(struct sample_reader *reader, const struct row *row,
                             struct sample_batch *batch, bool *is_good)
{
    const struct sample_format *format = reader->options.format;
    for (uint32_t i = 0; i < format->num_ids; i++) {
        const struct sample_column *id = &format->ids[i];
        const char *text = row->fields[id->column];
        size_t length = row->lengths[id->column];
        if (sample_parse_id(id->kind, text, length, &batch->ids[i][batch->num_samples])) continue;
        *is_good = false;
        return bad_id(reader, id, text, length);
    }
    return SOUK_OK;
}

static souk_status parse_label(struct sample_reader *reader, const struct row *row,
                               struct sample_batch *batch, bool *is_good)
{
    const struct sample_format *format = reader->options.format;
    float *label = &batch->labels[batch->num_samples];
    *label = NAN;
    if (!format->has_label) return SOUK_OK;
    const char *text = row->fields[format->label_column];
    size_t length = row->lengths[format->label_column];
    if (length == 1 && (*text == '0' || *text == '1')) {
        *label = (float)(*text - '0');
        return SOUK_OK;
    }
    if (field_parse_number(text, length, label) == FIELD_NUMBER && (*label == 0 || *label == 1))
        return SOUK_OK;
    *is_good = false;
    return bad_label(reader, text, length);
}

// Appends the row; a bad one that is tolerated leaves the batch as it was.
static souk_status parse_row(struct sample_reader *reader, const struct row *row,
                             struct sample_batch *batch, bool *is_good)
{
    *is_good = true;
    sample_batch_reserve(batch, 1, 0);
    souk_status status = parse_label(reader, row, batch, is_good);
    if (!status && *is_good) status = parse_ids(reader, row, batch, is_good);
    if (!status && *is_good) status = parse_histories(reader, row, batch, is_good);
    return status;
}

// ---- names ----

static souk_status learn_id(struct names *names, uint64_t key, const char *text, size_t length)
{
    field_trim(&text, &length);
    return names_learn(names, key, text, length);
}

static struct names *names_of(const struct sample_reader *reader,
                              const struct sample_column *column)
{
    if (!reader->options.names || column->kind != CONFIG_ID_STRING ||
        column->table == SAMPLE_NO_TABLE)
        return NULL;
    return reader->options.names[column->table];
}

static souk_status learn_list(const struct sample_reader *reader, const struct row *row,
                              const struct sample_column *column, const uint64_t *keys,
                              uint32_t count)
{
    struct names *names = names_of(reader, column);
    char separator = reader->options.format->separator;
    if (!names || count == 0) return SOUK_OK;
    struct id_list list =
        find_list(row->fields[column->column], row->lengths[column->column], separator);
    cut_list(&list, separator, count);
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; !status && i < count; i++) {
        const char *stop = memchr(list.text, separator, (size_t)(list.end - list.text));
        if (!stop) stop = list.end;
        status = learn_id(names, keys[i], list.text, (size_t)(stop - list.text));
        list.text = stop + 1;
    }
    return status;
}

static souk_status learn_names(const struct sample_reader *reader, const struct row *row,
                               const struct sample_batch *batch)
{
    const struct sample_format *format = reader->options.format;
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; !status && i < format->num_ids; i++) {
        const struct sample_column *id = &format->ids[i];
        struct names *names = names_of(reader, id);
        if (names)
            status = learn_id(names, batch->ids[i][batch->num_samples], row->fields[id->column],
                              row->lengths[id->column]);
    }
    uint32_t begin = batch->num_rows, end = batch->row_start[batch->num_samples + 1];
    for (uint32_t h = 0; !status && h < format->num_histories; h++)
        status = learn_list(reader, row, &format->histories[h], batch->histories[h] + begin,
                            end - begin);
    return status;
}

// ---- reading ----

static bool is_cut(const struct sample_reader *reader, const struct row *row, uint32_t num_rows)
{
    const struct sample_format *format = reader->options.format;
    if (format->num_histories == 0 || num_rows < format->max_history) return false;
    uint32_t column = format->histories[0].column;
    return find_list(row->fields[column], row->lengths[column], format->separator).count > num_rows;
}

souk_status sample_reader_next(struct sample_reader *reader, uint32_t max,
                               struct sample_batch *batch)
{
    sample_batch_clear(batch);
    while (batch->num_samples < max && sample_batch_has_room(batch)) {
        struct row row;
        bool is_good = false;
        souk_status status = row_reader_next(reader->rows, &row);
        if (status == SOUK_EEND) break;
        if (!status) status = parse_row(reader, &row, batch, &is_good);
        if (!status && is_good && reader->options.names) status = learn_names(reader, &row, batch);
        if (status) return status;
        if (!is_good) continue;
        uint32_t num_rows = batch->row_start[batch->num_samples + 1];
        reader->num_cut += is_cut(reader, &row, num_rows - batch->num_rows);
        batch->num_rows = num_rows;
        batch->num_samples++;
    }
    return SOUK_OK;
}

uint64_t sample_reader_num_bad(const struct sample_reader *reader)
{
    return row_reader_num_bad(reader->rows);
}

uint64_t sample_reader_num_cut(const struct sample_reader *reader)
{
    return reader->num_cut;
}

double sample_reader_share(const struct sample_reader *reader)
{
    return row_reader_share(reader->rows);
}
