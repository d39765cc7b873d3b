/* item_list.c - see item_list.h. */
#include "worker/cli/item_list.h"

#include <string.h>

static size_t item_columns(const struct item_list *list, const struct top_list *top)
{
    size_t width = strlen("item");
    struct buf id = {0}, shown = {0};
    for (uint32_t i = 0; i < top->num_entries; i++) {
        buf_clear(&id);
        buf_clear(&shown);
        id_texts_add(list->items, top->entries[i].key, &id);
        text_add_shown(&shown, buf_text(&id), id.length);
        size_t columns = text_columns(buf_text(&shown), shown.length);
        if (columns > width) width = columns;
    }
    buf_fini(&id);
    buf_fini(&shown);
    return width;
}

static void add_item(const struct item_list *list, uint64_t key, size_t width, struct buf *out)
{
    struct buf text = {0};
    size_t start = out->length;
    id_texts_add(list->items, key, &text);
    text_add_shown(out, buf_text(&text), text.length);
    buf_clear(&text);
    labels_add_title(list->titles, key, &text);
    size_t columns = text_columns(out->text + start, out->length - start);
    for (; text.length > 0 && columns < width + 2; columns++) buf_add_char(out, ' ');
    text_add_shown(out, buf_text(&text), text.length);
    buf_add_char(out, '\n');
    buf_fini(&text);
}

void item_list_text(const struct item_list *list, const struct top_list *top, struct buf *out)
{
    size_t width = item_columns(list, top);
    buf_printf(out, "rank  %s  %-*s%s\n", list->figure, list->titles ? (int)width + 2 : 0, "item",
               list->titles ? "title" : "");
    for (uint32_t i = 0; i < top->num_entries; i++) {
        const struct top_entry *entry = &top->entries[i];
        buf_printf(out, "%4u  %*.*f  ", i + 1, (int)strlen(list->figure), list->digits,
                   (double)entry->value);
        add_item(list, entry->key, width, out);
    }
}

void item_list_json(const struct item_list *list, const struct top_list *top, struct json *json)
{
    struct buf text = {0};
    json_open(json, '[');
    for (uint32_t i = 0; i < top->num_entries; i++) {
        const struct top_entry *entry = &top->entries[i];
        buf_clear(&text);
        id_texts_add(list->items, entry->key, &text);
        json_open(json, '{');
        json_key(json, "item"), json_string_n(json, buf_text(&text), text.length);
        buf_clear(&text);
        labels_add_title(list->titles, entry->key, &text);
        json_key(json, "title");
        if (text.length > 0)
            json_string_n(json, buf_text(&text), text.length);
        else
            json_null(json);
        json_key(json, list->key), json_double(json, (double)entry->value);
        json_close(json);
    }
    json_close(json);
    buf_fini(&text);
}
