/* shard.c - the loop of a shard: receive, check, dispatch, answer. See shard.h. */
#include "server/shard_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/crc32c.h"

_Static_assert((int)NET_HEADER_MAX >= (int)WIRE_HEADER_MAX &&
                   (int)NET_BODY_MAX >= (int)WIRE_BODY_MAX,
               "the transport would drop messages that the wire format allows");

// One entry a message type.
struct handler {
    souk_status (*run)(struct shard *shard, struct request *request); // NULL: no such type
    bool is_fenced; // refused to job epochs that are over, and begins newer ones
};

static const struct handler handlers[] = {
    [WIRE_HELLO] = {handle_hello, false},          // asks only, also tools that know no epoch
    [WIRE_OPEN_TABLE] = {handle_open_table, true}, //
    [WIRE_PULL] = {handle_pull, true},             // zombies should notice that they are
    [WIRE_PUSH] = {handle_push, true},             //
    [WIRE_SCAN] = {handle_scan, true},             //
    [WIRE_INFO] = {handle_info, false},            // as hello
};
enum { NUM_HANDLERS = sizeof(handlers) / sizeof(handlers[0]) };

souk_status refuse(struct request *request, souk_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(request->text, sizeof(request->text), format, args);
    va_end(args);
    return status;
}

souk_status shard_create(const struct shard_options *options, struct shard **shard_out)
{
    struct shard *shard = mem_calloc(1, sizeof(*shard), "shard");
    shard->options = *options;
    shard->options.address = NULL;
    shard->budget.limit_bytes = options->max_memory_bytes;
    souk_status status = net_listen(options->net, options->address, &shard->listener);
    if (status != SOUK_OK) {
        shard_destroy(shard);
        return status;
    }
    *shard_out = shard;
    return SOUK_OK;
}

const char *shard_address(const struct shard *shard)
{
    return net_listener_address(shard->listener);
}

void shard_destroy(struct shard *shard)
{
    if (!shard) return;
    net_listener_close(shard->listener);
    for (uint32_t i = 0; i < shard->num_tables; i++) table_destroy(shard->tables[i]);
    sequences_fini(&shard->sequences);
    codec_scratch_fini(&shard->scratch);
    mem_free(shard->keys);
    mem_free(shard->rows);
    mem_free(shard->states);
    mem_free(shard);
}

// Sends request->reply. A reply that cannot be sent is dropped: the client asks again.
static void answer(struct shard *shard, uint64_t peer, struct request *request, souk_status status)
{
    struct wire_header *reply = &request->reply;
    if (status != SOUK_OK) {
        size_t length = strlen(request->text);
        frame_unref(request->reply_body);
        request->reply_body = frame_create(length);
        request->reply_body->length = length;
        memcpy(request->reply_body->bytes, request->text, length);
        reply->type = WIRE_ERROR;
        reply->status = status;
        reply->num_sections = 0;
        log_debug("request refused: %s: %s", souk_status_name(status), request->text);
    }
    if (!request->reply_body) request->reply_body = frame_create(0);
    reply->body_crc = crc32c(0, request->reply_body->bytes, request->reply_body->length);
    struct frame *header = frame_create(WIRE_HEADER_MAX);
    header->length = wire_pack_header(reply, header->bytes);
    souk_status sent = net_listener_send(shard->listener, peer, header, request->reply_body);
    if (sent != SOUK_OK) log_debug("reply dropped: %s", souk_status_text(sent));
}

static souk_status fence(struct shard *shard, struct request *request)
{
    uint64_t epoch = request->header->job_epoch;
    if (sequences_enter(&shard->sequences, epoch) == SOUK_OK) return SOUK_OK;
    return refuse(request, SOUK_EDENIED,
                  "fenced: job epoch %llu is over, epoch %llu has begun: a later run uses this "
                  "server; if there is none, a clock was wrong: set it, and restart the server",
                  (unsigned long long)epoch, (unsigned long long)shard->sequences.job_epoch);
}

// What is true of every request: its checksum, a type that we know. Others reach no handler.
static souk_status check(const struct request *request)
{
    uint32_t type = request->header->type;
    if (crc32c(0, request->body, request->body_length) == request->header->body_crc &&
        request->body_length <= WIRE_BODY_MAX && type < NUM_HANDLERS && handlers[type].run)
        return SOUK_OK;
    return SOUK_EPROTO;
}

static souk_status dispatch(struct shard *shard, struct request *request)
{
    const struct wire_header *header = request->header;
    if (check(request) != SOUK_OK) {
        shard->num_bad++;
        return refuse(request, SOUK_EPROTO,
                      "message of type %u with %zu bytes is damaged, or of a type that is unknown",
                      header->type, request->body_length);
    }
    shard->num_requests++;
    const struct handler *handler = &handlers[header->type];
    souk_status status = handler->is_fenced ? fence(shard, request) : SOUK_OK;
    if (status == SOUK_OK) status = handler->run(shard, request);
    request->reply.sequence =
        sequences_applied(&shard->sequences, header->job_epoch, header->client);
    return status;
}

static void handle(struct shard *shard, const struct net_message *message)
{
    struct wire_header header;
    souk_status status =
        wire_unpack_header(message->header->bytes, message->header->length, &header);
    if (status != SOUK_OK && status != SOUK_EVERSION) { // whom, and what about, could we answer?
        shard->num_bad++;
        return;
    }
    struct request request = {.header = &header,
                              .body = message->body->bytes,
                              .body_length = message->body->length,
                              .reply = {.version = WIRE_VERSION,
                                        .request = header.request,
                                        .incarnation = shard->options.incarnation}};
    if (status == SOUK_EVERSION) {
        shard->num_bad++;
        status = refuse(&request, SOUK_EVERSION,
                        "this server speaks version %d of the protocol, the client version %u; "
                        "use the same release of Souk on both sides",
                        WIRE_VERSION, header.version);
    } else {
        request.reply.type = header.type | WIRE_REPLY_BIT;
        request.reply.client = header.client;
        request.reply.job_epoch = header.job_epoch;
        status = dispatch(shard, &request);
    }
    answer(shard, message->peer, &request, status);
}

/* States that decay (momentum, Adam) come to numbers so small that arithmetic with them takes a
 * hundred times as long. In this thread they are zero. */
static void flush_tiny_numbers(void)
{
#ifdef __SSE__
    _mm_setcsr(_mm_getcsr() | 0x8040); // flush to zero, denormals are zero
#endif
}

static void *run(void *ctx)
{
    struct shard *shard = ctx;
    flush_tiny_numbers();
    for (;;) {
        struct net_message message = {0};
        souk_status status = net_listener_receive(shard->listener, -1, &message);
        if (status == SOUK_ESTOPPED) return NULL;
        if (status != SOUK_OK) { // deaf for good: better to be restarted than to look alive
            log_error("%s: cannot receive any more: %s", shard_address(shard),
                      souk_status_text(status));
            abort();
        }
        handle(shard, &message);
        net_message_fini(&message);
    }
}

souk_status shard_start(struct shard *shard, uint16_t num_shards, const uint16_t *ports)
{
    shard->hello =
        (struct wire_hello){.num_shards = num_shards, .shard_idx = shard->options.shard_idx};
    memcpy(shard->hello.ports, ports, num_shards * sizeof(*ports));
    int error = pthread_create(&shard->thread, NULL, run, shard);
    if (error)
        return log_fail(SOUK_ESYS, "%s: cannot start a thread: %s", shard_address(shard),
                        strerror(error));
    shard->is_started = true;
    return SOUK_OK;
}

void shard_stop(struct shard *shard)
{
    if (!shard->is_started) return;
    net_listener_wake(shard->listener);
    pthread_join(shard->thread, NULL);
    shard->is_started = false;
}
