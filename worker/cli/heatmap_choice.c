/* heatmap_choice.c - see heatmap_choice.h. */
#include "worker/cli/heatmap_choice.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/field.h"
#include "worker/data/observed.h"
#include "worker/eval/top_list.h"
#include "worker/model/mf.h"

// All keys of a table, ascending, and how often each was rated.
struct census {
    uint64_t *keys;    // (num_keys)
    uint64_t *ratings; // (num_keys)
    size_t num_keys, capacity;
};

struct choosing {
    struct loaded *loaded;
    struct heatmap_side *sides;
    uint32_t top[2];         // how many of the most rated; 0: not asked for
    bool wants_all[2];       // all of the table
    struct census census[2]; // of sides with one of those
};

static souk_status take_keys(void *ctx, const struct souk_scan_block *block)
{
    struct census *census = ctx;
    mem_reserve(&census->keys, &census->capacity, census->num_keys + block->num_rows,
                sizeof(*census->keys), "ids of a table");
    memcpy(census->keys + census->num_keys, block->keys, block->num_rows * sizeof(*block->keys));
    census->num_keys += block->num_rows;
    return SOUK_OK;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static souk_status scan_keys(struct choosing *choosing, uint32_t side)
{
    struct loaded *loaded = choosing->loaded;
    struct census *census = &choosing->census[side];
    souk_status status =
        souk_client_scan(loaded->client, loaded->tables[side], false, take_keys, census);
    if (status != SOUK_OK) return status;
    if (census->num_keys > 0)
        qsort(census->keys, census->num_keys, sizeof(*census->keys), compare_keys);
    census->ratings = mem_calloc(census->num_keys, sizeof(*census->ratings), "counts of ratings");
    return SOUK_OK;
}

static void count_key(struct census *census, uint64_t key)
{
    if (census->num_keys == 0) return;
    const uint64_t *at =
        bsearch(&key, census->keys, census->num_keys, sizeof(*census->keys), compare_keys);
    if (at) census->ratings[at - census->keys]++;
}

static void count_rating(void *ctx, const struct rating *rating)
{
    struct choosing *choosing = ctx;
    count_key(&choosing->census[MF_USER], rating->user);
    count_key(&choosing->census[MF_ITEM], rating->item);
}

static souk_status count_ratings(struct choosing *choosing)
{
    const struct model_dir *dir = choosing->loaded->dir;
    const struct census *users = &choosing->census[MF_USER];
    if (model_dir_num_observed(dir) == 0)
        log_warning("%s does not remember who rated what (data.keep_observed), so nobody knows "
                    "who has the most ratings: taking the smallest ids",
                    model_dir_path(dir));
    for (uint32_t i = 0; i < model_dir_num_observed(dir); i++) {
        souk_status status = observed_read(model_dir_observed(dir, i), users->keys,
                                           (uint32_t)users->num_keys, count_rating, choosing);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

// "top:20" as a number; 0 when the list is something else.
static souk_status parse_top(const struct config_list *list, const char *option, uint32_t *top_out)
{
    *top_out = 0;
    if (list->num_items != 1 || strncmp(list->items[0], "top:", 4) != 0) return SOUK_OK;
    uint64_t number = 0;
    const char *text = list->items[0] + 4;
    if (!field_parse_u64(text, strlen(text), &number) || number < 1 || number > HEATMAP_SIDE_MAX)
        return log_fail(SOUK_EUSAGE, "%s %s: must be top:1 to top:%d", option, list->items[0],
                        HEATMAP_SIDE_MAX);
    *top_out = (uint32_t)number;
    return SOUK_OK;
}

static void keep_top(struct choosing *choosing, uint32_t side)
{
    const struct census *census = &choosing->census[side];
    struct heatmap_side *out = &choosing->sides[side];
    struct top_list list;
    top_list_init(&list, choosing->top[side]);
    for (size_t i = 0; i < census->num_keys; i++) {
        struct top_entry entry = {.rank = (float)census->ratings[i], .key = census->keys[i]};
        top_list_add(&list, &entry);
    }
    top_list_sort(&list);
    out->keys = mem_calloc(list.num_entries, sizeof(*out->keys), "chosen ids");
    out->num_keys = list.num_entries;
    for (uint32_t i = 0; i < list.num_entries; i++) out->keys[i] = list.entries[i].key;
    top_list_fini(&list);
}

struct sort_entry {
    uint64_t key;
    float factor;    // the first one
    struct buf text; // the id
};

static int by_factor(const void *a, const void *b)
{
    const struct sort_entry *x = a, *y = b;
    if (x->factor != y->factor) return x->factor < y->factor ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int by_text(const void *a, const void *b)
{
    const struct sort_entry *x = a, *y = b;
    return strcmp(buf_text(&x->text), buf_text(&y->text));
}

static void sort_side(struct heatmap_side *side, int (*compare)(const void *, const void *))
{
    struct sort_entry *entries = mem_calloc(side->num_keys, sizeof(*entries), "order of ids");
    for (uint32_t i = 0; i < side->num_keys; i++) {
        const float *row = row_set_get(&side->rows, side->keys[i]);
        entries[i].key = side->keys[i];
        entries[i].factor = row ? row[0] : 0.0f;
        id_texts_add(&side->texts, side->keys[i], &entries[i].text);
    }
    qsort(entries, side->num_keys, sizeof(*entries), compare);
    for (uint32_t i = 0; i < side->num_keys; i++) {
        side->keys[i] = entries[i].key;
        buf_fini(&entries[i].text);
    }
    mem_free(entries);
}

static souk_status choose_side(struct choosing *choosing, uint32_t idx,
                               const struct config_list *list)
{
    struct loaded *loaded = choosing->loaded;
    struct heatmap_side *side = &choosing->sides[idx];
    struct census *census = &choosing->census[idx];
    souk_status status = SOUK_OK;
    if (choosing->top[idx] > 0) {
        keep_top(choosing, idx);
    } else if (choosing->wants_all[idx]) {
        side->keys = census->keys;
        side->num_keys = (uint32_t)census->num_keys;
        census->keys = NULL;
    } else {
        status = id_texts_parse_list(&side->texts, list, &side->keys, &side->num_keys);
    }
    if (status != SOUK_OK) return status;
    if (side->num_keys > HEATMAP_SIDE_MAX)
        return log_fail(SOUK_EUSAGE, "heatmap: %u %ss are more than %d, which nobody could read",
                        side->num_keys, side->texts.what, HEATMAP_SIDE_MAX);
    row_set_take(&side->rows, model_dir_spec(loaded->dir, idx)->dim, side->keys, side->num_keys);
    status = row_set_pull(&side->rows, loaded->client, loaded->tables[idx]);
    if (status != SOUK_OK) return status;
    if (choosing->top[idx] > 0) sort_side(side, by_factor);
    // Integer keys come sorted out of the census; those of texts are hashes.
    else if (choosing->wants_all[idx] && side->texts.names)
        sort_side(side, by_text);
    return SOUK_OK;
}

static souk_status choose(struct choosing *choosing, const struct args *args)
{
    const struct config_list *lists[2] = {&args->users, &args->items};
    static const char *const options[2] = {"--users", "--items"};
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; i < 2; i++) {
        status = parse_top(lists[i], options[i], &choosing->top[i]);
        if (status != SOUK_OK) return status;
        if (lists[i]->num_items > 0) continue;
        choosing->wants_all[i] = model_dir_num_rows(choosing->loaded->dir, i) <= HEATMAP_ALL_MAX;
        if (!choosing->wants_all[i]) choosing->top[i] = HEATMAP_TOP;
    }
    bool has_top = choosing->top[MF_USER] > 0 || choosing->top[MF_ITEM] > 0;
    // The ratings are read by user, so counting those of items takes all users too.
    for (uint32_t i = 0; i < 2 && status == SOUK_OK; i++)
        if (has_top || choosing->wants_all[i]) status = scan_keys(choosing, i);
    if (status == SOUK_OK && has_top) status = count_ratings(choosing);
    for (uint32_t i = 0; i < 2 && status == SOUK_OK; i++)
        status = choose_side(choosing, i, lists[i]);
    return status;
}

souk_status heatmap_choose(struct loaded *loaded, const struct args *args,
                           struct heatmap_side sides[2])
{
    struct choosing choosing = {.loaded = loaded, .sides = sides};
    souk_status status = choose(&choosing, args);
    for (uint32_t i = 0; i < 2; i++) {
        mem_free(choosing.census[i].keys);
        mem_free(choosing.census[i].ratings);
    }
    return status;
}

void heatmap_side_fini(struct heatmap_side *side)
{
    id_texts_fini(&side->texts);
    mem_free(side->keys);
    row_set_fini(&side->rows);
}
