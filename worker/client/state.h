/* state.h - what a client is made of. Private to worker/client.
 *
 *   client.c  the functions of souk/client.h that are not elsewhere
 *   hello.c   finds the shards of the servers
 *   call.c    requests whose answer the caller waits for: tables, information; and scan.c
 *   pull.c, push.c   make the messages of a pull and of a push; pull.c places the rows that come
 *   send.c    puts those messages in line, shard by shard
 *   turn.c    the loop: send, receive, deadlines
 *   reply.c   what each reply does
 *   stream.c  one shard's requests      ticket.c  open calls      route.c  keys to shards
 *
 * An error that ends the client is noted and logged once, by client_end(); every later call
 * returns its status.
 *
 * Threads: owned by the thread that owns the client.
 */
#ifndef SOUK_WORKER_CLIENT_STATE_H
#define SOUK_WORKER_CLIENT_STATE_H

#include "common/bytes/codec.h"
#include "worker/client/client.h"
#include "worker/client/route.h"
#include "worker/client/stream.h"
#include "worker/client/ticket.h"

struct client_table {
    struct souk_table_spec spec;
    uint32_t state_floats; // of a row, as the servers say
};

struct client_server {
    char *address;
    uint32_t first_shard; // in the order of all shards
    uint32_t num_shards;
    uint64_t incarnation;
};

struct souk_client {
    struct net *net;
    struct net *own_net; // NULL when net is the caller's
    struct net_dialer *dialer;
    uint64_t job_epoch;
    uint32_t client_id;
    uint32_t window;
    uint64_t timeout_ns, retry_ns;
    uint64_t seed; // of stochastic rounding

    struct client_server *servers; // (num_servers)
    uint32_t num_servers;
    struct stream **streams; // (num_streams), a shard each, in the order that deals the slots;
                             // channel numbers of the dialer are indices in here
    uint32_t num_streams;
    size_t streams_capacity;

    struct client_table tables[SOUK_TABLES_MAX];
    uint32_t num_tables;

    struct ticket_pool tickets;
    struct route route;  // of the call that is being made
    uint32_t *positions; // of a push that is being made
    size_t positions_capacity;
    struct codec_scratch scratch;
    float *rows; // rows on their way between their order in a message and the caller's
    size_t rows_capacity;

    // Time in which nobody called the client does not count against a server: attended time is the
    // clock less that.
    uint64_t away_ns;
    uint64_t last_turn_ns; // by the clock

    souk_status status;
    char error[640];
    struct souk_client_stats stats;
};

/* Notes and logs what ends the client; the first time counts. Returns status. */
souk_status client_end(struct souk_client *client, souk_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends what is to be sent, takes in what has come, waiting up to timeout_ms for the first of it,
 * and looks at the deadlines. Returns the status of the client. (turn.c) */
SOUK_MUST_CHECK souk_status client_turn(struct souk_client *client, int timeout_ms);
/* Turns until the stream has room for a request. */
SOUK_MUST_CHECK souk_status client_make_room(struct souk_client *client, struct stream *stream);
/* Puts a request of `type` with `body` (taken over) in line, as one more answer that the ticket
 * misses; the caller has made room. header has sections, flags and clock. */
void client_submit(struct souk_client *client, struct stream *stream, struct ticket *ticket,
                   struct wire_header *header, struct frame *body);

/* How the messages of a pull or a push are made. */
struct sending {
    enum wire_type type;
    const void *parts; // of the call, as pack() knows them
    /* The body of a message with the cuts of `request`, and its sections in the header. */
    struct frame *(*pack)(struct souk_client *client, const struct stream *stream,
                          const void *parts, const struct request *request,
                          struct wire_header *header);
};
/* Sends the parts that client->route has dealt, and takes the ticket's first answer away. On
 * SOUK_OK *ticket_out is its number. (send.c) */
SOUK_MUST_CHECK souk_status client_send_parts(struct souk_client *client,
                                              const struct sending *sending, struct ticket *ticket,
                                              souk_ticket *ticket_out);

/* How long a caller that has nothing else to do waits in one turn. */
enum { CLIENT_TURN_MS = 20 };

/* Takes one message off the net. (reply.c) */
SOUK_MUST_CHECK souk_status client_take_reply(struct souk_client *client,
                                              struct net_message *message, uint64_t now_ns);

/* What a server says in a reply, cut and made fit for a terminal and a log. (reply.c) */
enum { CLIENT_MESSAGE_SHOWN = 300 };
void client_copy_message(const struct frame *body, char out[CLIENT_MESSAGE_SHOWN]);

/* Sends one request and waits for its answer; on SOUK_OK the caller owns reply_out->message. A
 * refusal is logged and returned. (call.c) */
SOUK_MUST_CHECK souk_status client_call(struct souk_client *client, struct stream *stream,
                                        struct wire_header *header, struct frame *body,
                                        struct reply *reply_out);

/* Checks the keys of one part of a pull or push (`what`), and that its table is open and not in
 * *tables_seen, a bit a table. SOUK_EINVAL is logged. (client.c) */
SOUK_MUST_CHECK souk_status client_check_keys(const struct souk_client *client, const char *what,
                                              uint32_t table, const uint64_t *keys,
                                              uint32_t num_keys, uint32_t *tables_seen);

/* Puts the rows of a pull's reply in their places. SOUK_EPROTO for a reply that does not fit its
 * request; *why_out says how. (pull.c) */
SOUK_MUST_CHECK souk_status client_place_rows(struct souk_client *client,
                                              const struct stream *stream,
                                              const struct request *request,
                                              const struct wire_header *header,
                                              const struct frame *body, const char **why_out);

/* Finds all shards of these servers. (hello.c) */
SOUK_MUST_CHECK souk_status client_connect(struct souk_client *client, const char *const *addresses,
                                           uint32_t num_servers);

static inline uint64_t client_attended_ns(const struct souk_client *client, uint64_t now_ns)
{
    return now_ns - client->away_ns;
}

#endif
