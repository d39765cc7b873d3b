/* row_set.c - see row_set.h. */
#include "worker/cli/row_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

enum { KEYS_A_PULL = 1 << 16 };

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void row_set_take(struct row_set *set, uint32_t dim, const uint64_t *keys, uint32_t num_keys)
{
    set->dim = dim;
    mem_reserve(&set->keys, &set->keys_capacity, (size_t)num_keys + 1, sizeof(*set->keys), "keys");
    if (num_keys > 0) memcpy(set->keys, keys, num_keys * sizeof(*keys));
    qsort(set->keys, num_keys, sizeof(*keys), compare_keys);
    uint32_t n = 0;
    for (uint32_t i = 0; i < num_keys; i++)
        if (n == 0 || set->keys[n - 1] != set->keys[i]) set->keys[n++] = set->keys[i];
    set->num_keys = n;
    mem_reserve(&set->rows, &set->rows_capacity, (size_t)n * dim, sizeof(*set->rows), "rows");
    mem_reserve(&set->found, &set->found_capacity, n, sizeof(*set->found), "marks");
}

souk_status row_set_pull(struct row_set *set, struct souk_client *client, uint32_t table)
{
    for (uint32_t first = 0; first < set->num_keys; first += KEYS_A_PULL) {
        uint32_t left = set->num_keys - first;
        struct souk_pull pull = {.table = table,
                                 .num_keys = left < KEYS_A_PULL ? left : KEYS_A_PULL,
                                 .keys = set->keys + first,
                                 .rows = set->rows + (size_t)first * set->dim,
                                 .found = set->found + first,
                                 .exact = true};
        souk_ticket ticket;
        souk_status status = souk_client_pull(client, &pull, 1, &ticket);
        if (status == SOUK_OK) status = souk_client_wait(client, ticket);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

const float *row_set_get(const struct row_set *set, uint64_t key)
{
    const uint64_t *at = bsearch(&key, set->keys, set->num_keys, sizeof(*set->keys), compare_keys);
    assert(at); // keys are asked for that were taken
    size_t idx = (size_t)(at - set->keys);
    return set->found[idx] ? set->rows + idx * set->dim : NULL;
}

void row_set_fini(struct row_set *set)
{
    mem_free(set->keys);
    mem_free(set->rows);
    mem_free(set->found);
    *set = (struct row_set){0};
}
