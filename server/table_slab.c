/* table_slab.c - see table_slab.h. */
#include "server/table_slab.h"

#include "common/base/mem.h"

enum {
    CHUNK_BYTES_MAX = 32 * 1024 * 1024,
    PAGE_BYTES = 4096,
    HUGE_PAGE_BYTES = 2 * 1024 * 1024, // what the system hands out at once, and so what is charged
};

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

souk_status budget_charge(struct table_budget *budget, uint64_t bytes)
{
    if (budget->limit_bytes && bytes > budget->limit_bytes - budget->used_bytes) return SOUK_ENOMEM;
    budget->used_bytes += bytes;
    return SOUK_OK;
}

void budget_release(struct table_budget *budget, uint64_t bytes)
{
    budget->used_bytes -= bytes;
}

void slab_init(struct slab *slab, uint32_t record_bytes, struct table_budget *budget)
{
    *slab = (struct slab){.record_bytes = record_bytes, .budget = budget};
    while (((uint64_t)record_bytes << (slab->chunk_shift + 1)) <= CHUNK_BYTES_MAX)
        slab->chunk_shift++;
    slab->chunk_bytes = round_up((uint64_t)record_bytes << slab->chunk_shift, PAGE_BYTES);
}

void slab_fini(struct slab *slab)
{
    for (size_t i = 0; i < slab->num_chunks; i++) mem_unmap(slab->chunks[i], slab->chunk_bytes);
    mem_free(slab->chunks);
    budget_release(slab->budget, slab->charged_bytes);
}

static souk_status add_chunk(struct slab *slab)
{
    uint8_t *chunk = mem_try_map(slab->chunk_bytes);
    if (!chunk) return SOUK_ENOMEM;
    mem_reserve(&slab->chunks, &slab->chunks_capacity, slab->num_chunks + 1, sizeof(*slab->chunks),
                "list of table chunks");
    slab->chunks[slab->num_chunks++] = chunk;
    return SOUK_OK;
}

souk_status slab_reserve(struct slab *slab, uint64_t num_new)
{
    uint64_t wanted = slab->num_records + num_new;
    if (wanted > UINT32_MAX) return SOUK_ENOMEM; // record numbers have 32 bits

    uint64_t bytes = round_up(wanted * slab->record_bytes, HUGE_PAGE_BYTES);
    if (bytes > slab->charged_bytes) {
        if (budget_charge(slab->budget, bytes - slab->charged_bytes)) return SOUK_ENOMEM;
        slab->charged_bytes = bytes;
    }
    while ((uint64_t)slab->num_chunks << slab->chunk_shift < wanted)
        if (add_chunk(slab)) return SOUK_ENOMEM;
    return SOUK_OK;
}
