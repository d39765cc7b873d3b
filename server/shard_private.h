/* shard_private.h - the inside of a shard, for shard*.c only. */
#ifndef SOUK_SERVER_SHARD_PRIVATE_H
#define SOUK_SERVER_SHARD_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "common/bytes/codec.h"
#include "common/bytes/wire.h"
#include "server/sequences.h"
#include "server/shard.h"
#include "server/table.h"

struct shard {
    struct shard_options options; // address is not kept
    struct net_listener *listener;
    pthread_t thread;
    bool is_started;
    struct wire_hello hello;               // what WIRE_HELLO answers
    struct table *tables[SOUK_TABLES_MAX]; // (num_tables) by number
    uint32_t num_tables;
    struct table_budget budget; // of all tables
    struct sequences sequences;
    uint64_t num_requests; // of a known type, intact
    uint64_t num_bad;      // answered or dropped before a handler saw them
    // Decoded sections of the request in hand, end to end; they grow to the largest request.
    uint64_t *keys;
    size_t keys_capacity;
    float *rows;
    size_t rows_capacity;
    float *states;
    size_t states_capacity;
    struct codec_scratch scratch;
};

enum { REQUEST_TEXT_MAX = 320 };

/* A request in hand, and the reply that is being made. */
struct request {
    const struct wire_header *header; // numbers off the wire: only its shape was checked
    const uint8_t *body;
    size_t body_length;
    struct wire_header reply;    // filled in but for sections and clock
    struct frame *reply_body;    // NULL: empty; sent by the loop
    char text[REQUEST_TEXT_MAX]; // why it is refused, for people
};

/* Writes the text and returns status: `return refuse(request, SOUK_EINVAL, "...", ...)`. */
souk_status refuse(struct request *request, souk_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Handlers: fill in the reply, or refuse and change nothing. */
souk_status handle_hello(struct shard *shard, struct request *request);
souk_status handle_open_table(struct shard *shard, struct request *request);
souk_status handle_info(struct shard *shard, struct request *request);
souk_status handle_scan(struct shard *shard, struct request *request);
souk_status handle_pull(struct shard *shard, struct request *request);
souk_status handle_push(struct shard *shard, struct request *request);

#endif
