/* click_samples.c - see click_samples.h. Radix sort, least significant byte first; a byte that all
 * keys share costs no pass. Room for a second array is there only while it sorts. */
#include "worker/eval/click_samples.h"

#include <assert.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"

void click_samples_fini(struct click_samples *samples)
{
    mem_free(samples->items);
    *samples = (struct click_samples){0};
}

souk_status click_samples_add(struct click_samples *samples, const uint64_t *groups,
                              const uint8_t *labels, const float *scores, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!(scores[i] >= 0 && scores[i] <= 1))
            return log_fail(SOUK_EDIVERGED,
                            "the model scores sample %zu by %g, which is no probability; take an "
                            "earlier model, or train again with a smaller train.lr",
                            samples->num + i + 1, (double)scores[i]);
    mem_reserve(&samples->items, &samples->capacity, samples->num + n, sizeof *samples->items,
                "scored samples");
    struct click_sample *items = samples->items + samples->num;
    for (uint32_t i = 0; i < n; i++) {
        assert(labels[i] <= 1); // the reader of samples lets no other through
        // + 0: there is one zero only, since equal scores are told by their bits
        items[i] = (struct click_sample){groups[i], scores[i] + 0.0f, labels[i]};
    }
    samples->num += n;
    return SOUK_OK;
}

/* ---- sorting ---- */

static uint64_t score_key(const struct click_sample *sample)
{
    uint32_t bits; // of floats that are not negative: in the order of the floats
    memcpy(&bits, &sample->score, sizeof bits);
    return bits;
}

static uint64_t group_key(const struct click_sample *sample)
{
    return sample->group;
}

/* Inlined with each key. */
static inline void sort(struct click_samples *samples, unsigned num_bytes,
                        uint64_t (*key)(const struct click_sample *))
{
    size_t n = samples->num;
    if (n < 2) return;
    static const size_t zero[256];
    size_t counts[8][256];
    for (unsigned b = 0; b < num_bytes; b++) memcpy(counts[b], zero, sizeof zero);
    for (size_t i = 0; i < n; i++) {
        uint64_t k = key(&samples->items[i]);
        for (unsigned b = 0; b < num_bytes; b++) counts[b][k >> (8 * b) & 255]++;
    }
    struct click_sample *from = samples->items;
    struct click_sample *to = mem_alloc(n * sizeof *to, "sorting of samples");
    for (unsigned b = 0; b < num_bytes; b++) {
        if (counts[b][key(from) >> (8 * b) & 255] == n) continue;
        size_t total = 0; // counts become where each value's samples go
        for (unsigned value = 0; value < 256; value++) {
            size_t count = counts[b][value];
            counts[b][value] = total;
            total += count;
        }
        for (size_t i = 0; i < n; i++) to[counts[b][key(&from[i]) >> (8 * b) & 255]++] = from[i];
        struct click_sample *sorted = to;
        to = from;
        from = sorted;
    }
    if (samples->items != from) samples->capacity = n;
    samples->items = from;
    mem_free(to);
}

void click_samples_sort_by_score(struct click_samples *samples)
{
    sort(samples, 4, score_key);
}

void click_samples_sort_by_group(struct click_samples *samples)
{
    sort(samples, 8, group_key);
}
