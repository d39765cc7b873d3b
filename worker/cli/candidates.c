/* candidates.c - see candidates.h. */
#include "worker/cli/candidates.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/model/din.h"

enum { NAMED_MAX = 3 }; // unknown candidates that a message names

souk_status memory_files_of(const struct loaded *loaded, struct memory_files *files_out)
{
    uint32_t num = model_dir_num_observed(loaded->dir);
    *files_out = (struct memory_files){0};
    if (num == 0)
        return log_fail(SOUK_EUSAGE,
                        "%s does not remember its users and items; train it with "
                        "data.keep_observed=true, and columns that are known as user and item",
                        model_dir_path(loaded->dir));
    files_out->paths = mem_calloc(num, sizeof *files_out->paths, "files of a model");
    files_out->num = num;
    for (uint32_t i = 0; i < num; i++) files_out->paths[i] = model_dir_observed(loaded->dir, i);
    return SOUK_OK;
}

void memory_files_fini(struct memory_files *files)
{
    mem_free(files->paths);
    *files = (struct memory_files){0};
}

/* ---- some of the items ---- */

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

// Keeps the items of a list of ascending keys.
static void keep_listed(struct catalogue *catalogue, const uint64_t *keys, uint32_t num_keys)
{
    uint64_t n = 0;
    uint32_t num_fields = catalogue->num_fields;
    for (uint64_t i = 0; i < catalogue->num_items; i++) {
        if (!bsearch(&catalogue->items[i], keys, num_keys, sizeof *keys, compare_keys)) continue;
        catalogue->items[n] = catalogue->items[i];
        memmove(catalogue->ids + n * num_fields, catalogue->ids + i * num_fields,
                num_fields * sizeof *catalogue->ids);
        n++;
    }
    catalogue->num_items = n;
}

// The first few keys that are none of the items, in words.
static void name_unknown(const struct catalogue *catalogue, const struct id_texts *items,
                         const uint64_t *keys, uint32_t num_keys, struct buf *out)
{
    struct buf id = {0};
    uint32_t num_named = 0;
    for (uint32_t i = 0; i < num_keys && num_named < NAMED_MAX; i++) {
        if (bsearch(&keys[i], catalogue->items, catalogue->num_items, sizeof *keys, compare_keys))
            continue;
        buf_add_text(out, num_named++ > 0 ? ", " : "");
        buf_clear(&id);
        id_texts_add(items, keys[i], &id);
        text_add_shown(out, buf_text(&id), id.length);
    }
    buf_fini(&id);
}

static souk_status report_unknown(const struct catalogue *catalogue, const struct id_texts *items,
                                  const char *path, const uint64_t *keys, uint32_t num_keys)
{
    uint64_t num_unknown = num_keys - catalogue->num_items;
    char unknown[32], all[32];
    if (num_unknown == 0) return SOUK_OK;
    struct buf names = {0};
    souk_status status = SOUK_OK;
    name_unknown(catalogue, items, keys, num_keys, &names);
    text_group_digits(num_unknown, unknown);
    text_group_digits(num_keys, all);
    if (catalogue->num_items == 0)
        status = log_fail(SOUK_EDATA,
                          "%s: none of these %s items was seen in training, such as %s; name items "
                          "of the training data",
                          path, all, buf_text(&names));
    else
        log_warning("%s: %s of these %s items were not seen in training and are left out: %s%s",
                    path, unknown, all, buf_text(&names), num_unknown > NAMED_MAX ? ", ..." : "");
    buf_fini(&names);
    return status;
}

static souk_status select_listed(struct id_texts *items, const char *path,
                                 struct catalogue *catalogue)
{
    struct buf entry = {0};
    uint64_t *keys = NULL;
    uint32_t num_keys = 0;
    buf_printf(&entry, "@%s", path);
    const struct config_list list = {.items = &entry.text, .num_items = 1};
    souk_status status = id_texts_parse_list(items, &list, &keys, &num_keys);
    if (status == SOUK_OK) {
        qsort(keys, num_keys, sizeof *keys, compare_keys);
        keep_listed(catalogue, keys, num_keys);
        status = report_unknown(catalogue, items, path, keys, num_keys);
    }
    mem_free(keys);
    buf_fini(&entry);
    return status;
}

souk_status candidates_read(const struct loaded *loaded, const struct memory_files *files,
                            struct id_texts *items, const char *path,
                            struct catalogue *candidates_out)
{
    struct catalogue *catalogue = candidates_out;
    *catalogue = (struct catalogue){0};
    souk_status status =
        catalogue_read(files->paths, files->num, din_format(loaded->model), catalogue);
    if (status != SOUK_OK || !path) return status;
    return select_listed(items, path, catalogue);
}
