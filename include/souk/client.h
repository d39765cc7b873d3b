/* client.h - pull rows from parameter servers and push updates to them.
 *
 * A client holds one connection a shard. Pulls and pushes are asynchronous: a call sends one
 * message to each shard that owns some of the keys, with all tables in it, and returns a ticket;
 * souk_client_wait() completes it. Many tickets may be open. Calls of one client reach a shard in
 * the order in which they were made, so a pull sees every earlier push of the same client.
 *
 * A push is applied exactly once by a server that stays up: it carries a sequence number, is kept
 * until it is acknowledged, and is sent again when its deadline passes; the server recognises what
 * it has. A server that does not answer in time, or that came back without its tables, ends the
 * client: every later call returns the same status, and souk_client_error() names the server.
 *
 * Threads: a client is owned by one thread. Several clients in one process are fine.
 */
#ifndef SOUK_CLIENT_H
#define SOUK_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct souk_client;

struct souk_client_options {
    const char *const *servers; // num_servers addresses, "tcp://host:port"; copied
    uint32_t num_servers;       // >= 1; their order deals the slots, so it is the same everywhere
    uint64_t job_epoch;         // servers refuse pushes of an epoch older than they have seen
    uint32_t client_id;         // unique among the clients of a job, such as the rank
    uint32_t timeout_ms;        // until a request that is not answered is an error; 0: 10,000
    uint32_t retry_ms;          // until an unanswered request is sent again; 0: 1,000
    uint32_t window;            // requests in flight a shard, then calls wait; <= 128; 0: 64
    uint64_t seed;              // of stochastic rounding
};

/* Connects, learns the shards of every server, and checks their version. On SOUK_OK the caller
 * owns *client_out. SOUK_EINVAL: the options; SOUK_EPEER, SOUK_EVERSION, SOUK_EPROTO: a server;
 * SOUK_ETOPOLOGY: one that is named twice, or by another address than its first. Logged. */
SOUK_MUST_CHECK SOUK_API souk_status souk_client_create(const struct souk_client_options *options,
                                                        struct souk_client **client_out);
/* Drops what is in flight; call souk_client_flush() before it. NULL is fine. */
SOUK_API void souk_client_destroy(struct souk_client *client);

/* Makes a table known to all servers, or finds it there with the same settings (SOUK_EEXIST when
 * they differ). SOUK_EINVAL: a spec that souk_table_spec_check() refuses, or one table too many.
 * *table_out numbers the tables of this client from 0. Waits for the answers. */
SOUK_MUST_CHECK SOUK_API souk_status souk_client_open_table(struct souk_client *client,
                                                            const struct souk_table_spec *spec,
                                                            uint32_t *table_out);

/* One table's part of a pull. Keys ascend strictly. Arrays stay the caller's and must live until
 * the ticket is done. */
struct souk_pull {
    uint32_t table;
    uint32_t num_keys;
    const uint64_t *keys; // (num_keys), ascending, unique
    float *rows;          // (num_keys, dim), written by the wait
    uint8_t *found;       // (num_keys), 1 where a push made the row, 0 where rows holds the initial
                          // value; NULL when nobody asks
    bool exact;           // fp32 whatever the table's codec is
};

/* One table's part of a push. Keys ascend strictly. Everything is copied before the call returns.
 */
struct souk_push {
    uint32_t table;
    uint32_t num_keys;
    const uint64_t *keys; // (num_keys), ascending, unique
    const float *rows;    // (num_keys, dim): gradients, differences or values
    const float *states;  // (num_keys, state floats of the table), SOUK_PUSH_ASSIGN only, or NULL
    float lr;             // for this push; 0: the table's own
    enum souk_push_mode mode;
};

typedef uint64_t souk_ticket;

/* Sends a pull or a push of num_parts tables, each at most once. SOUK_EINVAL: keys out of order, an
 * unknown table, a row that is not finite; nothing was sent then. */
SOUK_MUST_CHECK SOUK_API souk_status souk_client_pull(struct souk_client *client,
                                                      const struct souk_pull *parts,
                                                      uint32_t num_parts, souk_ticket *ticket_out);
SOUK_MUST_CHECK SOUK_API souk_status souk_client_push(struct souk_client *client,
                                                      const struct souk_push *parts,
                                                      uint32_t num_parts, souk_ticket *ticket_out);

/* Waits until the ticket is done; one that is done already, or is 0, returns at once. */
SOUK_MUST_CHECK SOUK_API souk_status souk_client_wait(struct souk_client *client,
                                                      souk_ticket ticket);
/* Waits until everything is done. */
SOUK_MUST_CHECK SOUK_API souk_status souk_client_flush(struct souk_client *client);
/* Sends again what is due and takes in what has arrived, without waiting. For callers that compute
 * for seconds between two calls. */
SOUK_MUST_CHECK SOUK_API souk_status souk_client_progress(struct souk_client *client);

/* A block of rows on its way through souk_client_scan(). Borrowed during the call. */
struct souk_scan_block {
    uint32_t num_rows;
    const uint64_t *keys; // (num_rows), ascending within the block
    const float *rows;    // (num_rows, dim), fp32
    const float *states;  // (num_rows, state floats), or NULL when not asked for
};
typedef souk_status (*souk_scan_fn)(void *ctx, const struct souk_scan_block *block);

/* Walks all rows that pushes have made, shard by shard. Rows pushed while it runs may be missed.
 * fn may use the client. A status other than SOUK_OK from fn ends the scan and is returned. */
SOUK_MUST_CHECK SOUK_API souk_status souk_client_scan(struct souk_client *client, uint32_t table,
                                                      bool with_states, souk_scan_fn fn, void *ctx);

/* Floats of optimizer state that a row of this table has. */
SOUK_API uint32_t souk_client_state_floats(const struct souk_client *client, uint32_t table);

struct souk_client_stats {
    uint64_t rows_pulled, rows_pushed;
    uint64_t raw_bytes_pulled; // what fp32 rows and 8-byte keys would have taken, both ways
    uint64_t raw_bytes_pushed;
    uint64_t sent_bytes_pulled; // headers and bodies of pulls as they travelled, both ways
    uint64_t sent_bytes_pushed;
    uint64_t retries; // requests that were sent again
    uint64_t wait_ns; // time spent waiting in calls of this client
};
SOUK_API void souk_client_get_stats(const struct souk_client *client,
                                    struct souk_client_stats *stats_out);

/* What a server holds. */
struct souk_server_info {
    char address[128];     // of the server, as given; cut where it is longer
    uint32_t num_shards;   // shard threads of this server
    uint64_t num_rows;     // over all tables
    uint64_t memory_bytes; // of rows, states and hash tables
    uint64_t bad_messages; // refused before they reached a handler
};
SOUK_API uint32_t souk_client_num_servers(const struct souk_client *client);
SOUK_API uint32_t souk_client_num_shards(const struct souk_client *client);
SOUK_MUST_CHECK SOUK_API souk_status souk_client_server_info(struct souk_client *client,
                                                             uint32_t server_idx,
                                                             struct souk_server_info *info_out);

/* The message of the error that ended this client, "" before one. Borrowed until the next call. */
SOUK_API const char *souk_client_error(const struct souk_client *client);

#ifdef __cplusplus
}
#endif
#endif
