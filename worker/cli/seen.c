/* seen.c - see seen.h. */
#include "worker/cli/seen.h"

#include <stdlib.h>

#include "common/base/mem.h"

static void keep(void *ctx, const struct rating *rating)
{
    struct seen *seen = ctx;
    mem_reserve(&seen->ratings, &seen->capacity, seen->num_ratings + 1, sizeof(*seen->ratings),
                "seen items");
    seen->ratings[seen->num_ratings++] = *rating;
}

static int compare_ratings(const void *a, const void *b)
{
    const struct rating *x = a, *y = b;
    if (x->user != y->user) return x->user < y->user ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

souk_status seen_read(const struct model_dir *dir, const uint64_t *users, uint32_t num_users,
                      struct seen *seen_out)
{
    *seen_out = (struct seen){0};
    for (uint32_t i = 0; i < model_dir_num_observed(dir); i++) {
        souk_status status =
            observed_read(model_dir_observed(dir, i), users, num_users, keep, seen_out);
        if (status != SOUK_OK) return status;
    }
    if (seen_out->num_ratings > 0)
        qsort(seen_out->ratings, seen_out->num_ratings, sizeof(*seen_out->ratings),
              compare_ratings);
    return SOUK_OK;
}

const struct rating *seen_find(const struct seen *seen, uint64_t user, uint64_t item)
{
    if (seen->num_ratings == 0) return NULL;
    struct rating wanted = {.user = user, .item = item};
    return bsearch(&wanted, seen->ratings, seen->num_ratings, sizeof(wanted), compare_ratings);
}

// Position of the first rating that does not come before (user, 0).
static size_t first_of(const struct seen *seen, uint64_t user)
{
    size_t low = 0, high = seen->num_ratings;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (seen->ratings[middle].user < user)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t seen_count(const struct seen *seen, uint64_t user)
{
    size_t first = first_of(seen, user), end = first;
    while (end < seen->num_ratings && seen->ratings[end].user == user) end++;
    return end - first;
}

void seen_fini(struct seen *seen)
{
    mem_free(seen->ratings);
    *seen = (struct seen){0};
}
