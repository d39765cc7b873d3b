/* table_slab.h - where the records of a table lie: in chunks that never move.
 *
 * A record is the key (8 bytes), the row (dim floats) and the optimizer state, packed without a
 * gap: at 16 floats a row, rounding records up to 8 bytes would cost 5 % of the memory. So a key is
 * only aligned to 4 bytes and is read with memcpy. Chunks are 16 to 32 MiB of address space, large
 * enough for huge pages; the system gives memory only to what has been written, and records are
 * handed out from the beginning of a chunk to its end.
 *
 * Threads: owned by the shard loop.
 */
#ifndef SOUK_SERVER_TABLE_SLAB_H
#define SOUK_SERVER_TABLE_SLAB_H

#include <stdint.h>
#include <string.h>

#include "server/table.h"

struct slab {
    uint8_t **chunks; // (num_chunks) mapped, of chunk_bytes each; owned
    size_t num_chunks;
    size_t chunks_capacity;      // of the array above
    size_t chunk_bytes;          // multiple of a page
    uint64_t num_records;        // handed out
    uint64_t charged_bytes;      // what the budget was told
    struct table_budget *budget; // borrowed
    uint32_t record_bytes;
    uint32_t chunk_shift; // a chunk holds 1 << chunk_shift records
};

void slab_init(struct slab *slab, uint32_t record_bytes, struct table_budget *budget);
void slab_fini(struct slab *slab);

/* Makes sure that slab_add() can be called num_new times. SOUK_ENOMEM: it cannot. */
SOUK_MUST_CHECK souk_status slab_reserve(struct slab *slab, uint64_t num_new);
/* The number of a new record, whose bytes are zero. After slab_reserve() only. */
static inline uint32_t slab_add(struct slab *slab)
{
    return (uint32_t)slab->num_records++;
}

static inline uint8_t *slab_record(const struct slab *slab, uint32_t record_idx)
{
    uint64_t within = record_idx & ((1u << slab->chunk_shift) - 1);
    return slab->chunks[record_idx >> slab->chunk_shift] + within * slab->record_bytes;
}

enum { RECORD_KEY_BYTES = 8 };

static inline uint64_t record_key(const uint8_t *record)
{
    uint64_t key;
    memcpy(&key, record, sizeof(key));
    return key;
}

/* The row of a record; its state follows. */
static inline float *record_row(uint8_t *record)
{
    return (float *)(void *)(record + RECORD_KEY_BYTES);
}

/* Charges or gives back bytes. SOUK_ENOMEM when the limit would be passed; nothing is charged then.
 */
SOUK_MUST_CHECK souk_status budget_charge(struct table_budget *budget, uint64_t bytes);
void budget_release(struct table_budget *budget, uint64_t bytes);

#endif
