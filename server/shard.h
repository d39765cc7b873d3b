/* shard.h - one shard thread: a listener, its tables, and the streams of its clients.
 *
 * The loop receives a request, checks every number in it, and hands it to the handler of its type
 * (one table of handlers). Pushes pass the stream check first: a sequence that was applied already
 * is acknowledged again and not applied; one that leaves a gap is answered with the sequence that
 * is expected. Nothing that a peer sends is asserted; bad requests are answered, counted, and
 * change nothing.
 *
 * Threads: everything inside belongs to the shard's own thread.
 */
#ifndef SOUK_SERVER_SHARD_H
#define SOUK_SERVER_SHARD_H

#include <stdint.h>

#include "common/net/net.h"

struct shard;

struct shard_options {
    struct net *net;           // borrowed
    const char *address;       // to listen on
    uint64_t incarnation;      // of the server
    uint16_t shard_idx;        // within the server
    uint64_t max_memory_bytes; // of all tables; 0: no limit. Pushes that need more get SOUK_ENOMEM
};

/* Listens, but serves nothing yet. On SOUK_OK the caller owns *shard_out. */
SOUK_MUST_CHECK souk_status shard_create(const struct shard_options *options,
                                         struct shard **shard_out);
const char *shard_address(const struct shard *shard);
/* Tells which shards the server has, for WIRE_HELLO, and starts the thread. */
SOUK_MUST_CHECK souk_status shard_start(struct shard *shard, uint16_t num_shards,
                                        const uint16_t *ports);
/* Ends the thread after the request in hand. */
void shard_stop(struct shard *shard);
void shard_destroy(struct shard *shard); // stopped before; NULL is fine

#endif
