/* stream.h - the requests of one client to one shard, in order, until they are answered.
 *
 * Requests wait in a ring: those before `sent` have been sent, the rest will be. To send again is
 * to set `sent` back to the oldest request that is not answered: everything behind it goes out
 * again in the old order, with the same bytes and sequence numbers. The shard recognises pushes
 * that it has applied; pulls may be answered twice.
 *
 * A pull must see the pushes before it, also when one of them is lost on the way: every request
 * notes the last push before it (`covers`), every reply says which push was applied last, and a
 * reply that does not cover its request is not taken (see reply.c).
 *
 * Threads: owned by the client.
 */
#ifndef SOUK_WORKER_CLIENT_STREAM_H
#define SOUK_WORKER_CLIENT_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/wire.h"
#include "common/net/frame.h"
#include "worker/client/route.h"
#include "worker/client/ticket.h"

struct request {
    struct frame *header; // NULL: answered
    struct frame *body;
    struct ticket *ticket;
    uint64_t covers;  // sequence that a reply must have reached; a push's own
    uint64_t made_ns; // attended time, see struct souk_client
    uint64_t sent_ns; // when it was last sent; 0: never
    enum wire_type type;
    uint32_t num_cuts;                      // sections
    struct route_cut cuts[SOUK_TABLES_MAX]; // pulls: where the rows of a section go
};

struct stream {
    char *address;             // of the shard, for messages
    uint32_t channel;          // of the dialer
    uint32_t server;           // index of its server
    uint32_t window;           // requests in the ring at most; a power of two
    struct request *ring;      // (window) by request number modulo window
    uint64_t head;             // number of the oldest request that is not answered
    uint64_t sent;             // first that is to be sent
    uint64_t tail;             // number that the next request gets
    uint64_t sequence;         // of the last push that was made
    uint64_t incarnation;      // of the server, 0 before it said hello
    uint64_t progress_ns;      // attended time when the head last moved
    uint64_t progress_real_ns; // the same by the clock
    uint64_t asked_back;      // 1 + the sequence at which a reply last made us send again; 0: never
    bool is_wait_told;        // it was said that the server has not said hello yet
    uint32_t num_turned_back; // by the timer since the head last moved: the wait doubles
    uint32_t tables[SOUK_TABLES_MAX]; // number of each table at this shard
};

/* address is copied. window is rounded up to a power of two. */
struct stream *stream_create(const char *address, uint32_t window);
void stream_destroy(struct stream *stream); // NULL is fine

static inline bool stream_is_full(const struct stream *stream)
{
    return stream->tail - stream->head == stream->window;
}
static inline bool stream_has_unsent(const struct stream *stream)
{
    return stream->tail != stream->sent;
}

/* The slot of the next request, to be filled in; the stream is not full. */
struct request *stream_next(struct stream *stream);
/* Numbers the request in that slot, packs its header and puts it in line. header has type, epoch,
 * client, clock and sections; body is taken over. */
void stream_append(struct stream *stream, struct wire_header *header, struct frame *body);
/* The request of that number that is waiting for an answer, or NULL. */
struct request *stream_find(struct stream *stream, uint64_t number);
/* Marks it as answered and moves the head over all that are. */
void stream_finish(struct stream *stream, struct request *request, uint64_t attended_ns,
                   uint64_t now_ns);
/* Everything that is not answered is to be sent again. */
void stream_turn_back(struct stream *stream);

#endif
