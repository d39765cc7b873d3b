/* prediction_row.c - see prediction_row.h. */
#include "worker/cli/prediction_row.h"

#include "common/text/json.h"

void prediction_row_head(bool is_json, struct buf *out)
{
    if (!is_json) buf_add_text(out, "user,item,prediction\n");
}

static bool needs_quotes(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] == ',' || text[i] == '"' || text[i] == '\r' || text[i] == '\n') return true;
    return false;
}

// An id as a field of a CSV file, in quotes where its bytes need them.
static void add_field(const struct id_texts *texts, uint64_t key, struct buf *id, struct buf *out)
{
    if (!texts) return;
    buf_clear(id);
    id_texts_add(texts, key, id);
    bool is_quoted = needs_quotes(buf_text(id), id->length);
    if (is_quoted) buf_add_char(out, '"');
    for (size_t i = 0; i < id->length; i++) {
        if (is_quoted && id->text[i] == '"') buf_add_char(out, '"');
        buf_add_char(out, id->text[i]);
    }
    if (is_quoted) buf_add_char(out, '"');
}

static void add_value(struct json *json, const struct id_texts *texts, uint64_t key, struct buf *id)
{
    if (!texts) {
        json_null(json);
        return;
    }
    buf_clear(id);
    id_texts_add(texts, key, id);
    json_string_n(json, buf_text(id), id->length);
}

static void add_json(const struct prediction_row *row, struct buf *id, struct buf *out)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    json_key(&json, "user"), add_value(&json, row->users, row->user, id);
    json_key(&json, "item"), add_value(&json, row->items, row->item, id);
    json_key(&json, "prediction"), json_double(&json, (double)row->value);
    json_close(&json);
    buf_add_char(out, '\n');
}

void prediction_row_add(const struct prediction_row *row, bool is_json, struct buf *id,
                        struct buf *out)
{
    if (is_json) {
        add_json(row, id, out);
        return;
    }
    add_field(row->users, row->user, id, out);
    buf_add_char(out, ',');
    add_field(row->items, row->item, id, out);
    buf_printf(out, ",%.7g\n", (double)row->value);
}
