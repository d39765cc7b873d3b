/* server.h - a server: a few shard threads that share nothing but an incarnation number.
 *
 * Threads: start and stop belong to one thread; what is in between may be read by any.
 */
#ifndef SOUK_SERVER_SERVER_H
#define SOUK_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/net/net.h"

struct server;

struct server_options {
    struct net *net;       // borrowed
    const char *address;   // of shard 0: "tcp://127.0.0.1:*", "inproc://server0"; the others get
                           // a port of the system's (tcp) or "/1", "/2" ... behind the name
    const uint16_t *ports; // (num_threads) to take again after a restart, or NULL
    uint32_t num_threads;  // shard threads, 1..WIRE_SHARDS_MAX
    bool allow_exposed;    // may listen beyond loopback
    uint64_t max_memory_bytes; // of all shards together, dealt out evenly; 0: no limit
};

/* Starts serving. On SOUK_OK the caller owns *server_out. SOUK_EDENIED, with advice in the log, for
 * an address that other hosts can reach while allow_exposed is false. */
SOUK_MUST_CHECK souk_status server_start(const struct server_options *options,
                                         struct server **server_out);
/* Address of shard 0, which clients are given. Borrowed. */
const char *server_address(const struct server *server);
uint32_t server_num_shards(const struct server *server);
/* Ports of the shards, for ports above; all 0 where the transport has none. Borrowed. */
const uint16_t *server_ports(const struct server *server);
void server_stop(struct server *server); // stops and destroys; NULL is fine

#endif
