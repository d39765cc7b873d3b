/* labels.c - see labels.h. */
#include "worker/cli/labels.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/field.h"
#include "worker/data/line_reader.h"
#include "worker/data/rating_reader.h"
#include "worker/data/title_file.h"
#include "worker/model/din.h"
#include "worker/model/mf.h"

enum { SHOWN_BYTES = 100 }; // of an id that is none, in a message

/* The column of a click model's users or items. */
static souk_status find_column(const struct loaded *loaded, bool is_user,
                               const struct sample_column **column_out)
{
    const struct sample_format *format = din_format(loaded->model);
    int32_t id = is_user ? format->user : format->item;
    const char *what = is_user ? "user" : "item";
    if (id < 0)
        return log_fail(SOUK_EUSAGE,
                        "%s does not know which column was the %s; train it with data.%s set to "
                        "the column's name",
                        model_dir_path(loaded->dir), what, what);
    *column_out = &format->ids[id];
    return SOUK_OK;
}

/* The table is NULL for ids that have none: their texts are not kept. */
static souk_status init(struct loaded *loaded, bool is_user, enum config_id_kind kind,
                        const char *table, struct id_texts *texts_out)
{
    *texts_out = (struct id_texts){.what = is_user ? "user" : "item", .kind = kind};
    if (kind == CONFIG_ID_STRING) texts_out->asked = names_create();
    return table ? model_dir_names(loaded->dir, table, &texts_out->names) : SOUK_OK;
}

static souk_status find(struct loaded *loaded, bool is_user, struct id_texts *texts_out)
{
    const struct model *model = loaded->model;
    if (!loaded->ops->clicks)
        return init(loaded, is_user, is_user ? mf_user_id(model) : mf_item_id(model),
                    is_user ? "user" : "item", texts_out);
    const struct sample_column *column = NULL;
    souk_status status = find_column(loaded, is_user, &column);
    if (status != SOUK_OK) return status;
    bool has_table = column->table != SAMPLE_NO_TABLE;
    return init(loaded, is_user, column->kind,
                has_table ? din_format(model)->tables[column->table].name : NULL, texts_out);
}

souk_status id_texts_users(struct loaded *loaded, struct id_texts *texts_out)
{
    return find(loaded, true, texts_out);
}

souk_status id_texts_items(struct loaded *loaded, struct id_texts *texts_out)
{
    return find(loaded, false, texts_out);
}

void id_texts_fini(struct id_texts *texts)
{
    names_destroy(texts->asked);
    *texts = (struct id_texts){0};
}

// reader: of the file that it comes from; NULL: none.
static souk_status parse(struct id_texts *texts, const struct line_reader *reader, const char *text,
                         size_t length, uint64_t *key_out)
{
    field_trim(&text, &length);
    if (length == 0 || !rating_parse_id(texts->kind, text, length, key_out)) {
        struct buf shown = {0};
        if (reader)
            buf_printf(&shown, "%s:%llu: ", line_reader_name(reader),
                       (unsigned long long)line_reader_number(reader));
        buf_add_char(&shown, '"');
        text_add_shown(&shown, text, length < SHOWN_BYTES ? length : SHOWN_BYTES);
        souk_status status = log_fail(
            reader ? SOUK_EDATA : SOUK_EUSAGE, "%s\" is no %s id%s", buf_text(&shown), texts->what,
            length > 0 ? ": those of this model are integers from 0 to 2^64-1" : "; it is empty");
        buf_fini(&shown);
        return status;
    }
    return texts->asked ? names_learn(texts->asked, *key_out, text, length) : SOUK_OK;
}

void id_texts_add(const struct id_texts *texts, uint64_t key, struct buf *out)
{
    size_t length;
    const char *text = texts->names ? names_get(texts->names, key, &length) : NULL;
    if (!text && texts->asked) text = names_get(texts->asked, key, &length);
    if (text)
        buf_add(out, text, length);
    else if (texts->kind == CONFIG_ID_INTEGER)
        buf_printf(out, "%" PRIu64, key);
    else
        buf_printf(out, "#%016" PRIx64, key);
}

// Keys in the making.
struct key_list {
    struct id_texts *texts;
    uint64_t *keys;
    uint32_t num_keys;
    size_t capacity;
};

static souk_status add_text(struct key_list *list, const struct line_reader *reader,
                            const char *text, size_t length)
{
    uint64_t key;
    souk_status status = parse(list->texts, reader, text, length, &key);
    if (status != SOUK_OK) return status;
    mem_reserve(&list->keys, &list->capacity, (size_t)list->num_keys + 1, sizeof(*list->keys),
                "ids");
    list->keys[list->num_keys++] = key;
    return SOUK_OK;
}

static souk_status add_file(struct key_list *list, const char *path)
{
    struct line_reader *reader;
    if (file_is_pipe(path))
        return log_fail(SOUK_EDATA,
                        "%s is a pipe; write the list of %s ids to a file, or pipe it in and give "
                        "@-, which is standard input",
                        path, list->texts->what);
    souk_status status = line_reader_open(path, 0, 1, &reader);
    if (status != SOUK_OK) return status;
    const char *line;
    size_t length;
    uint32_t num_before = list->num_keys;
    while ((status = line_reader_next(reader, &line, &length)) == SOUK_OK) {
        if (length == 0) continue;
        status = add_text(list, reader, line, length);
        if (status != SOUK_OK) break;
    }
    line_reader_close(reader);
    if (status != SOUK_EEND) return status;
    if (list->num_keys == num_before)
        return log_fail(SOUK_EDATA, "%s: there is no %s id in it; write one a line", path,
                        list->texts->what);
    return SOUK_OK;
}

struct key_place {
    uint64_t key;
    uint32_t place; // in the list as it was given
};

static int by_key(const void *a, const void *b)
{
    const struct key_place *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = ((const struct key_place *)a)->place, y = ((const struct key_place *)b)->place;
    return x < y ? -1 : x > y;
}

// Keeps the first of each key, in the given order.
static void drop_repeated(struct key_list *list)
{
    struct key_place *places = mem_calloc(list->num_keys, sizeof(*places), "ids");
    for (uint32_t i = 0; i < list->num_keys; i++)
        places[i] = (struct key_place){.key = list->keys[i], .place = i};
    qsort(places, list->num_keys, sizeof(*places), by_key);
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->num_keys; i++)
        if (n == 0 || places[n - 1].key != places[i].key) places[n++] = places[i];
    qsort(places, n, sizeof(*places), by_place);
    for (uint32_t i = 0; i < n; i++) list->keys[i] = places[i].key;
    list->num_keys = n;
    mem_free(places);
}

souk_status id_texts_parse_list(struct id_texts *texts, const struct config_list *list,
                                uint64_t **keys_out, uint32_t *num_keys_out)
{
    struct key_list keys = {.texts = texts};
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; i < list->num_items && status == SOUK_OK; i++) {
        const char *item = list->items[i];
        status =
            item[0] == '@' ? add_file(&keys, item + 1) : add_text(&keys, NULL, item, strlen(item));
    }
    if (status != SOUK_OK) {
        mem_free(keys.keys);
        return status;
    }
    drop_repeated(&keys);
    *keys_out = keys.keys;
    *num_keys_out = keys.num_keys;
    return SOUK_OK;
}

souk_status labels_titles(const struct loaded *loaded, const struct args *args,
                          const struct id_texts *items, struct names **titles_out)
{
    const char *path = args->titles ? args->titles : loaded->config.data.titles;
    *titles_out = NULL;
    if (!path || !*path) return SOUK_OK;
    if (!args->titles && !file_exists(path)) {
        log_warning("%s: data.titles names it, but it is not there; showing ids instead", path);
        return SOUK_OK;
    }
    return title_file_load(&loaded->config, path, items->kind, titles_out);
}

void labels_add_title(const struct names *titles, uint64_t key, struct buf *out)
{
    size_t length;
    const char *title = titles ? names_get(titles, key, &length) : NULL;
    if (title) buf_add(out, title, length);
}
