/* ticket.c - see ticket.h. A ticket's number is a serial with the slot's index below it. */
#include "worker/client/ticket.h"

#include "common/base/mem.h"

enum { SLOT_BITS = 20 };

void ticket_pool_fini(struct ticket_pool *pool)
{
    for (size_t i = 0; i < pool->num_slots; i++) {
        mem_free(pool->slots[i]->positions);
        mem_free(pool->slots[i]);
    }
    mem_free(pool->slots);
    mem_free(pool->free_slots);
}

static uint32_t take_slot(struct ticket_pool *pool)
{
    if (pool->num_free > 0) return pool->free_slots[--pool->num_free];
    mem_reserve(&pool->slots, &pool->slots_capacity, pool->num_slots + 1, sizeof(*pool->slots),
                "tickets");
    mem_reserve(&pool->free_slots, &pool->free_capacity, pool->num_slots + 1,
                sizeof(*pool->free_slots), "free tickets");
    pool->slots[pool->num_slots] = mem_calloc(1, sizeof(struct ticket), "ticket");
    return (uint32_t)pool->num_slots++;
}

struct ticket *ticket_open(struct ticket_pool *pool)
{
    uint32_t slot = take_slot(pool);
    struct ticket *ticket = pool->slots[slot];
    ticket->id = ++pool->serial << SLOT_BITS | slot;
    ticket->num_missing = 1;
    ticket->is_dealt = false;
    ticket->reply = NULL;
    return ticket;
}

struct ticket *ticket_find(const struct ticket_pool *pool, souk_ticket id)
{
    size_t slot = id & ((1u << SLOT_BITS) - 1);
    if (id == 0 || slot >= pool->num_slots) return NULL;
    return pool->slots[slot]->id == id ? pool->slots[slot] : NULL;
}

void ticket_answer(struct ticket_pool *pool, struct ticket *ticket)
{
    if (--ticket->num_missing > 0) return;
    pool->free_slots[pool->num_free++] = (uint32_t)(ticket->id & ((1u << SLOT_BITS) - 1));
    ticket->id = 0;
}

size_t ticket_num_open(const struct ticket_pool *pool)
{
    return pool->num_slots - pool->num_free;
}
