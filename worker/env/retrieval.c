/* retrieval.c - see retrieval.h. Items are ordered by group, and weights summed up along that
 * order: drawing from a group, or from all, is a binary search. */
#include "worker/env/retrieval.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"

struct span {
    uint32_t first, end; // in order
};

struct retrieval {
    uint32_t num_items;
    bool has_groups;
    double near_share;
    uint32_t *order;    // (num_items) items by group
    double *sums;       // (num_items + 1) of the weights of order[0..i)
    struct span *spans; // (num_items) by item: its group
};

struct grouped {
    uint64_t group;
    uint32_t item;
};

static int by_group(const void *a, const void *b)
{
    const struct grouped *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static void find_spans(struct retrieval *retrieval, const struct grouped *grouped)
{
    const uint32_t n = retrieval->num_items;
    for (uint32_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && grouped[end].group == grouped[first].group;) end++;
        for (uint32_t i = first; i < end; i++)
            retrieval->spans[grouped[i].item] = (struct span){first, end};
    }
}

struct retrieval *retrieval_create(const struct retrieval_options *options)
{
    const uint32_t n = options->num_items;
    struct retrieval *retrieval = mem_calloc(1, sizeof *retrieval, "retrieval");
    struct grouped *grouped = mem_calloc(n, sizeof *grouped, "retrieval");
    *retrieval = (struct retrieval){
        .num_items = n, .has_groups = options->groups != NULL, .near_share = options->near_share};
    retrieval->order = mem_calloc(n, sizeof *retrieval->order, "retrieval");
    retrieval->sums = mem_calloc((size_t)n + 1, sizeof *retrieval->sums, "retrieval");
    retrieval->spans = mem_calloc(n, sizeof *retrieval->spans, "retrieval");
    for (uint32_t i = 0; i < n; i++) {
        uint64_t group = options->groups ? options->groups[(size_t)i * options->groups_stride] : 0;
        grouped[i] = (struct grouped){group, i};
    }
    qsort(grouped, n, sizeof *grouped, by_group);
    for (uint32_t i = 0; i < n; i++) {
        double weight = pow(options->popularity[grouped[i].item], options->exponent);
        retrieval->order[i] = grouped[i].item;
        retrieval->sums[i + 1] = retrieval->sums[i] + weight;
    }
    find_spans(retrieval, grouped);
    mem_free(grouped);
    return retrieval;
}

void retrieval_destroy(struct retrieval *retrieval)
{
    if (!retrieval) return;
    mem_free(retrieval->order);
    mem_free(retrieval->sums);
    mem_free(retrieval->spans);
    mem_free(retrieval);
}

/* ---- draws ---- */

// The place in the order whose weight covers the share `at`, in [0, 1), of the span's sum.
static uint32_t find_place(const struct retrieval *retrieval, struct span span, double at)
{
    const double *sums = retrieval->sums;
    double wanted = sums[span.first] + at * (sums[span.end] - sums[span.first]);
    uint32_t low = span.first, high = span.end - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sums[middle + 1] > wanted)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool is_among(const uint32_t *items, uint32_t n, uint32_t item)
{
    for (uint32_t i = 0; i < n; i++)
        if (items[i] == item) return true;
    return false;
}

static uint32_t draw_place(const struct retrieval *retrieval, const struct retrieval_user *user,
                           uint32_t what)
{
    struct span span = {0, retrieval->num_items};
    uint32_t words[4];
    env_draw(user->base, user->place, what, words);
    bool may_be_near = retrieval->has_groups && user->num_behaviours > 0;
    if (may_be_near && (double)words[0] * 0x1p-32 < retrieval->near_share) {
        uint32_t behaviour = (uint32_t)((uint64_t)words[1] * user->num_behaviours >> 32);
        uint32_t item = user->history[behaviour];
        if (item != UINT32_MAX) span = retrieval->spans[item];
    }
    return find_place(retrieval, span, env_uniform(words + 2));
}

void retrieval_draw(const struct retrieval *retrieval, const struct retrieval_user *user,
                    uint32_t num_candidates, uint32_t *out)
{
    assert(num_candidates <= retrieval->num_items);
    for (uint32_t c = 0; c < num_candidates; c++) {
        uint32_t place = 0, item = 0;
        for (uint32_t t = 0; t < RETRIEVAL_TRIES; t++) {
            place = draw_place(retrieval, user, user->what + c * RETRIEVAL_TRIES + t);
            item = retrieval->order[place];
            if (!is_among(out, c, item) && !is_among(user->history, user->num_behaviours, item))
                break;
        }
        while (is_among(out, c, item)) {
            place = place + 1 < retrieval->num_items ? place + 1 : 0;
            item = retrieval->order[place];
        }
        out[c] = item;
    }
}
