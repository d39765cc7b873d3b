/* ticket.h - calls that are not finished: how many answers are missing and where they go.
 *
 * A ticket's slot is used again once it is done, with all its memory; its number is not, so that
 * an old number is recognised as done.
 *
 * Threads: owned by the client.
 */
#ifndef SOUK_WORKER_CLIENT_TICKET_H
#define SOUK_WORKER_CLIENT_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/wire.h"
#include "common/net/net.h"
#include "souk/client.h"

/* The answer to a call that waits for it, with both frames. */
struct reply {
    struct net_message message;
    struct wire_header header;
    bool is_here;
};

/* Where the rows of one part of a pull go. */
struct ticket_part {
    float *rows;    // (keys of the part, dim), the caller's
    uint8_t *found; // (keys of the part), the caller's, or NULL
    uint32_t table; // of the client
    uint32_t dim;
    size_t base; // where the part begins in positions
};

struct ticket {
    souk_ticket id;       // 0: the slot is free
    uint32_t num_missing; // answers, and one more while messages are being made
    bool is_dealt;        // positions say where rows go; else they go where they stand
    struct ticket_part parts[SOUK_TABLES_MAX];
    uint32_t *positions; // see struct route
    size_t positions_capacity;
    struct reply *reply; // borrowed; calls that wait for their answer, else NULL
};

struct ticket_pool {
    struct ticket **slots; // (num_slots); they never move
    size_t num_slots, slots_capacity;
    uint32_t *free_slots; // (num_free) indices
    size_t num_free, free_capacity;
    uint64_t serial; // of the last ticket
};

void ticket_pool_fini(struct ticket_pool *pool); // a zeroed one is ready and is fine here
/* A ticket with one answer missing, which ticket_answer() takes away. */
struct ticket *ticket_open(struct ticket_pool *pool);
/* NULL for one that is done, was never there, or is 0. */
struct ticket *ticket_find(const struct ticket_pool *pool, souk_ticket id);
/* One answer less; with the last the slot is free. */
void ticket_answer(struct ticket_pool *pool, struct ticket *ticket);
size_t ticket_num_open(const struct ticket_pool *pool);

#endif
