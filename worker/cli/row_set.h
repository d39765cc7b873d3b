/* row_set.h - rows of some keys, pulled as fp32, found by key. Threads: one owner. */
#ifndef SOUK_WORKER_CLI_ROW_SET_H
#define SOUK_WORKER_CLI_ROW_SET_H

#include <stdint.h>

#include "souk/client.h"

/* A zeroed one is ready; arrays grow and are kept. */
struct row_set {
    uint32_t num_keys; // distinct
    uint32_t dim;
    uint64_t *keys; // (num_keys), ascending
    float *rows;    // (num_keys, dim)
    uint8_t *found; // (num_keys)
    size_t keys_capacity, rows_capacity, found_capacity;
};

/* Fills with the distinct ones of keys. */
void row_set_take(struct row_set *set, uint32_t dim, const uint64_t *keys, uint32_t num_keys);
SOUK_MUST_CHECK souk_status row_set_pull(struct row_set *set, struct souk_client *client,
                                         uint32_t table);
/* NULL for a key that no push has made. The key must be one of those taken. Borrowed. */
const float *row_set_get(const struct row_set *set, uint64_t key);
void row_set_fini(struct row_set *set);

#endif
