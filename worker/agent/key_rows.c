/* key_rows.c - see key_rows.h. */
#include "worker/agent/key_rows.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/model/unique_keys.h"

enum { SYNC_ROWS = 4096 }; // rows copied at once

struct key_rows {
    struct souk_client *client; // borrowed
    struct souk_table_spec spec;
    uint32_t tables[2]; // the client's numbers: rows, targets
    bool has_targets;
    struct unique_keys *unique;
    struct batch_part part;    // distinct keys of the last pull; pushes: gradients
    struct batch_part targets; // the same keys
    uint32_t *idxs;            // (n) in part, of each key of the last pull
    size_t idxs_capacity;
    uint32_t *num_added; // (num_keys) gradients that its push is the sum of
    size_t added_capacity;
    uint64_t *dirty; // keys that were pushed since the last sync, with repeats
    size_t num_dirty, dirty_capacity, dirty_limit; // limit: then repeats go
};

souk_status key_rows_create(const struct souk_table_spec *spec, bool has_targets,
                            struct souk_client *client, struct key_rows **rows_out)
{
    struct key_rows *rows = mem_calloc(1, sizeof *rows, "rows of keys");
    rows->client = client;
    rows->spec = *spec;
    rows->has_targets = has_targets;
    rows->part.dim = rows->targets.dim = spec->dim;
    rows->unique = unique_keys_create();
    souk_status status = souk_client_open_table(client, &rows->spec, &rows->tables[0]);
    if (status == SOUK_OK && has_targets) {
        struct souk_table_spec copy = rows->spec;
        snprintf(copy.name, sizeof copy.name, "%.20s_target", spec->name);
        copy.init = SOUK_INIT_ZERO;
        copy.optimizer = SOUK_OPT_SGD;
        status = souk_client_open_table(client, &copy, &rows->tables[1]);
    }
    if (status != SOUK_OK) {
        key_rows_destroy(rows);
        return status;
    }
    *rows_out = rows;
    return SOUK_OK;
}

void key_rows_destroy(struct key_rows *rows)
{
    if (!rows) return;
    unique_keys_destroy(rows->unique);
    batch_part_fini(&rows->part);
    batch_part_fini(&rows->targets);
    mem_free(rows->idxs);
    mem_free(rows->num_added);
    mem_free(rows->dirty);
    mem_free(rows);
}

const struct souk_table_spec *key_rows_spec(const struct key_rows *rows)
{
    return &rows->spec;
}

uint32_t key_rows_table(const struct key_rows *rows)
{
    return rows->tables[0];
}

static size_t row_bytes(const struct key_rows *rows)
{
    return rows->spec.dim * sizeof(float);
}

/* ---- pull ---- */

static souk_status pull(struct key_rows *rows, bool with_targets)
{
    struct batch_part *part = &rows->part, *targets = &rows->targets;
    struct souk_pull pulls[2] = {
        {.table = rows->tables[0],
         .num_keys = part->num_keys,
         .keys = part->keys,
         .rows = part->rows},
        {.table = rows->tables[1],
         .num_keys = part->num_keys,
         .keys = part->keys,
         .rows = targets->rows,
         .found = targets->found},
    };
    souk_ticket ticket;
    souk_status status = souk_client_pull(rows->client, pulls, with_targets ? 2 : 1, &ticket);
    return status == SOUK_OK ? souk_client_wait(rows->client, ticket) : status;
}

souk_status key_rows_pull(struct key_rows *rows, const uint64_t *keys, uint32_t n,
                          bool with_targets)
{
    assert(!with_targets || rows->has_targets);
    mem_reserve(&rows->idxs, &rows->idxs_capacity, n, sizeof *rows->idxs, "places of keys");
    unique_keys_find(rows->unique, keys, n, &rows->part, rows->idxs);
    uint32_t num_keys = rows->part.num_keys;
    if (with_targets) batch_part_reserve(&rows->targets, num_keys);
    mem_reserve(&rows->num_added, &rows->added_capacity, num_keys, sizeof *rows->num_added,
                "counts of gradients");
    key_rows_drop(rows);
    if (n == 0) return SOUK_OK;
    souk_status status = pull(rows, with_targets);
    if (status != SOUK_OK || !with_targets) return status;
    for (uint32_t i = 0; i < num_keys; i++)
        if (!rows->targets.found[i])
            memcpy(rows->targets.rows + (size_t)i * rows->spec.dim,
                   rows->part.rows + (size_t)i * rows->spec.dim, row_bytes(rows));
    return SOUK_OK;
}

const float *key_rows_get(const struct key_rows *rows, uint32_t i)
{
    return rows->part.rows + (size_t)rows->idxs[i] * rows->spec.dim;
}

const float *key_rows_target(const struct key_rows *rows, uint32_t i)
{
    return rows->targets.rows + (size_t)rows->idxs[i] * rows->spec.dim;
}

/* ---- push ---- */

void key_rows_add(struct key_rows *rows, uint32_t i, const float *gradient)
{
    uint32_t idx = rows->idxs[i], dim = rows->spec.dim;
    float *push = rows->part.pushes + (size_t)idx * dim;
    if (rows->num_added[idx]++ == 0) memset(push, 0, row_bytes(rows));
    for (uint32_t d = 0; d < dim; d++) push[d] += gradient[d];
}

void key_rows_drop(struct key_rows *rows)
{
    memset(rows->num_added, 0, rows->part.num_keys * sizeof *rows->num_added);
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void drop_repeats(struct key_rows *rows)
{
    size_t kept = 0;
    qsort(rows->dirty, rows->num_dirty, sizeof *rows->dirty, compare_keys);
    for (size_t i = 0; i < rows->num_dirty; i++)
        if (kept == 0 || rows->dirty[kept - 1] != rows->dirty[i])
            rows->dirty[kept++] = rows->dirty[i];
    rows->num_dirty = kept;
    rows->dirty_limit = 2 * kept + SYNC_ROWS;
}

/* Moves rows with a gradient to the front, keys with them; the pull is used up. */
static uint32_t gather_added(struct key_rows *rows, const struct key_rows_step *step)
{
    struct batch_part *part = &rows->part;
    uint32_t num = 0, dim = rows->spec.dim;
    for (uint32_t i = 0; i < part->num_keys; i++) {
        if (rows->num_added[i] == 0) continue;
        float scale = step->is_mean ? step->scale / (float)rows->num_added[i] : step->scale;
        const float *from = part->pushes + (size_t)i * dim;
        float *to = part->pushes + (size_t)num * dim;
        for (uint32_t d = 0; d < dim; d++) to[d] = from[d] * scale;
        part->keys[num++] = part->keys[i];
    }
    key_rows_drop(rows);
    return num;
}

static void note_dirty(struct key_rows *rows, const uint64_t *keys, uint32_t num)
{
    mem_reserve(&rows->dirty, &rows->dirty_capacity, rows->num_dirty + num, sizeof *rows->dirty,
                "changed keys");
    memcpy(rows->dirty + rows->num_dirty, keys, num * sizeof *rows->dirty);
    rows->num_dirty += num;
    if (rows->num_dirty > rows->dirty_limit) drop_repeats(rows);
}

souk_status key_rows_push(struct key_rows *rows, const struct key_rows_step *step)
{
    struct batch batch = {.num_parts = 1};
    struct batch_part *mine = &batch.parts[0]; // arrays are those of rows->part
    const struct batch_part *part = mine;
    *mine = rows->part;
    mine->num_keys = gather_added(rows, step);
    if (step->merge) part = &merge_pushes(step->merge, &batch)->parts[0];
    if (part->num_keys == 0) return SOUK_OK;
    if (rows->has_targets) note_dirty(rows, part->keys, part->num_keys);
    struct souk_push push = {.table = rows->tables[0],
                             .num_keys = part->num_keys,
                             .keys = part->keys,
                             .rows = part->pushes,
                             .lr = step->lr,
                             .mode = SOUK_PUSH_GRADIENT};
    souk_ticket ticket; // nobody waits for it
    return souk_client_push(rows->client, &push, 1, &ticket);
}

/* ---- targets ---- */

souk_status key_rows_sync(struct key_rows *rows)
{
    if (rows->num_dirty == 0) return SOUK_OK;
    drop_repeats(rows);
    souk_status status = SOUK_OK;
    batch_part_reserve(&rows->targets, SYNC_ROWS);
    for (size_t i = 0; i < rows->num_dirty && status == SOUK_OK; i += SYNC_ROWS) {
        size_t left = rows->num_dirty - i;
        struct souk_pull part = {.table = rows->tables[0],
                                 .num_keys = left < SYNC_ROWS ? (uint32_t)left : SYNC_ROWS,
                                 .keys = rows->dirty + i,
                                 .rows = rows->targets.rows};
        souk_ticket ticket;
        status = souk_client_pull(rows->client, &part, 1, &ticket);
        if (status == SOUK_OK) status = souk_client_wait(rows->client, ticket);
        struct souk_push push = {.table = rows->tables[1],
                                 .num_keys = part.num_keys,
                                 .keys = part.keys,
                                 .rows = part.rows,
                                 .mode = SOUK_PUSH_ASSIGN};
        if (status == SOUK_OK) status = souk_client_push(rows->client, &push, 1, &ticket);
    }
    rows->num_dirty = 0;
    return status;
}
