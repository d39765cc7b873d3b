/* resamples.c - see resamples.h. */
#include "worker/ope/resamples.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/base/rng.h"

struct resamples {
    uint8_t *counts; // (num_resamples, num_groups); NULL: nothing is drawn
    uint32_t num_groups, num_resamples;
    uint64_t seed;
};

struct resamples *resamples_create(void)
{
    return mem_calloc(1, sizeof(struct resamples), "resamples");
}

void resamples_destroy(struct resamples *resamples)
{
    if (!resamples) return;
    mem_free(resamples->counts);
    mem_free(resamples);
}

uint32_t resample_groups(uint64_t num_rounds)
{
    return num_rounds < RESAMPLE_GROUPS_MAX ? (uint32_t)num_rounds : RESAMPLE_GROUPS_MAX;
}

uint64_t resample_group_begin(uint64_t num_rounds, uint32_t group)
{
    return num_rounds / RESAMPLE_GROUPS_MAX < 1
               ? group
               : (uint64_t)((__uint128_t)num_rounds * group / RESAMPLE_GROUPS_MAX);
}

// One resample: as many draws as groups. With so few groups a random word has no bias to speak of.
static void draw(uint8_t *counts, uint32_t num_groups, uint64_t seed, uint32_t number)
{
    struct rng rng;
    rng_init(&rng, seed, rng_stream("bootstrap", number, 0));
    memset(counts, 0, num_groups);
    for (uint32_t i = 0; i < num_groups; i++) {
        uint64_t group = (uint64_t)rng_next_u32(&rng) * num_groups >> 32;
        counts[group] += counts[group] < UINT8_MAX;
    }
}

const uint8_t *resamples_get(struct resamples *resamples, uint32_t num_groups,
                             uint32_t num_resamples, uint64_t seed)
{
    struct resamples *r = resamples;
    if (r->counts && r->num_groups == num_groups && r->num_resamples == num_resamples &&
        r->seed == seed)
        return r->counts;
    mem_free(r->counts);
    *r = (struct resamples){.num_groups = num_groups, .num_resamples = num_resamples, .seed = seed};
    r->counts = mem_alloc((size_t)num_groups * num_resamples, "resamples");
    for (uint32_t b = 0; b < num_resamples; b++)
        draw(r->counts + (size_t)b * num_groups, num_groups, seed, b);
    return r->counts;
}
