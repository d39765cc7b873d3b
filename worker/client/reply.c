/* reply.c - what each reply does.
 *
 * Every number in a reply is checked: a reply that makes no sense ends the client, because the
 * peer is not what it says it is. What is only late or double is dropped.
 *
 * "Not covered": the reply says that the shard has applied less than was pushed before this
 * request. That push was lost on the way (a channel keeps its order), so the reply is not taken
 * and everything not answered is sent again. The shard says the same of a push with SOUK_EAGAIN.
 */
#include "common/base/log.h"
#include "common/bytes/crc32c.h"
#include "worker/client/state.h"

static souk_status end_protocol(struct souk_client *client, const struct stream *stream,
                                const char *why)
{
    return client_end(client, SOUK_EPROTO,
                      "server %s sent a reply that makes no sense: %s; check that it is a "
                      "souk-server of version " SOUK_VERSION,
                      stream->address, why);
}

/* Sends again from the oldest on, once for each state of the shard: there is an answer like this
 * one for every request in flight, and the timer is there when the second sending is lost too. */
static souk_status go_back(struct stream *stream, uint64_t applied)
{
    if (stream->asked_back == applied + 1) return SOUK_OK;
    stream->asked_back = applied + 1;
    stream_turn_back(stream);
    return SOUK_OK;
}

/* The oldest push without an answer must be the one that the shard expects, or one before it. */
static souk_status check_nothing_lost(struct souk_client *client, struct stream *stream,
                                      uint64_t applied)
{
    for (uint64_t n = stream->head; n != stream->tail; n++) {
        const struct request *request = stream_find(stream, n);
        if (!request || request->type != WIRE_PUSH) continue;
        if (request->covers <= applied + 1) return SOUK_OK;
        return client_end(client, SOUK_ELOST,
                          "server %s has lost updates that it had acknowledged (it has %llu, %llu "
                          "were acknowledged); start again from the last checkpoint with --resume",
                          stream->address, (unsigned long long)applied,
                          (unsigned long long)(request->covers - 1));
    }
    return SOUK_OK;
}

static souk_status end_version(struct souk_client *client, const struct stream *stream,
                               uint32_t version)
{
    return client_end(client, SOUK_EVERSION,
                      "server %s speaks version %u of the protocol, this program speaks %u; use "
                      "the same release of Souk on both sides",
                      stream->address, version, (unsigned)WIRE_VERSION);
}

static souk_status end_restarted(struct souk_client *client, const struct stream *stream)
{
    return client_end(client, SOUK_ELOST,
                      "server %s was restarted and has lost its tables; start again, with --resume "
                      "from the last checkpoint if there is one",
                      stream->address);
}

void client_copy_message(const struct frame *body, char out[CLIENT_MESSAGE_SHOWN])
{
    size_t n = body->length < CLIENT_MESSAGE_SHOWN - 1 ? body->length : CLIENT_MESSAGE_SHOWN - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = body->bytes[i] < ' ' || body->bytes[i] == 0x7F ? ' ' : (char)body->bytes[i];
    out[n] = '\0';
}

/* Gives the message to the call that waits for it. */
static void hand_over(struct reply *reply, struct net_message *message,
                      const struct wire_header *header)
{
    reply->message = *message;
    reply->header = *header;
    reply->is_here = true;
    *message = (struct net_message){0};
}

static souk_status take_refusal(struct souk_client *client, struct stream *stream,
                                const struct request *request, const struct wire_header *header,
                                const struct frame *body)
{
    souk_status status = (souk_status)header->status;
    if (status == SOUK_OK) return end_protocol(client, stream, "an error without a status");
    if (status == SOUK_EAGAIN) {
        status = check_nothing_lost(client, stream, header->sequence);
        return status == SOUK_OK ? go_back(stream, header->sequence) : status;
    }
    char text[CLIENT_MESSAGE_SHOWN];
    client_copy_message(body, text);
    if (status == SOUK_EVERSION) return end_version(client, stream, header->version);
    if (status == SOUK_EDENIED)
        return client_end(client, status, "server %s refuses client %u: %s", stream->address,
                          client->client_id, text);
    return client_end(client, status, "server %s refused a %s: %s: %s", stream->address,
                      request->type == WIRE_PUSH ? "push" : "pull", souk_status_text(status), text);
}

/* Checks what all replies have in common. */
static souk_status check_reply(struct souk_client *client, const struct stream *stream,
                               const struct wire_header *header, const struct frame *body)
{
    if (!(header->type & WIRE_REPLY_BIT)) return end_protocol(client, stream, "it is a request");
    if (header->body_crc != crc32c(0, body->bytes, body->length))
        return end_protocol(client, stream, "its checksum is wrong");
    if (stream->incarnation != 0 && header->incarnation != stream->incarnation)
        return end_restarted(client, stream);
    if (header->sequence > stream->sequence && stream->incarnation != 0)
        return client_end(client, SOUK_ETOPOLOGY,
                          "server %s has pushes of client %u that this process has not made; give "
                          "each process its own client_id",
                          stream->address, client->client_id);
    return SOUK_OK;
}

/* Does what the request's type asks for. SOUK_EPROTO with *why_out ends the client. */
static souk_status take_answer(struct souk_client *client, const struct stream *stream,
                               const struct request *request, const struct wire_header *header,
                               struct net_message *message, const char **why_out)
{
    uint64_t bytes = message->header->length + message->body->length;
    switch (request->type) {
    case WIRE_PULL:
        client->stats.sent_bytes_pulled += bytes;
        return client_place_rows(client, stream, request, header, message->body, why_out);
    case WIRE_PUSH: client->stats.sent_bytes_pushed += bytes; return SOUK_OK;
    default: return SOUK_OK;
    }
}

static souk_status take_for(struct souk_client *client, struct stream *stream,
                            struct request *request, const struct wire_header *header,
                            struct net_message *message, uint64_t now_ns)
{
    struct ticket *ticket = request->ticket;
    bool is_refusal = header->type == WIRE_ERROR;
    if (is_refusal && (!ticket->reply || header->status == SOUK_EAGAIN))
        return take_refusal(client, stream, request, header, message->body);
    if (!is_refusal) {
        const char *why = "it answers something else";
        if (header->type != (request->type | (uint32_t)WIRE_REPLY_BIT))
            return end_protocol(client, stream, why);
        if (header->sequence < request->covers && stream->incarnation != 0)
            return go_back(stream, header->sequence);
        souk_status status = take_answer(client, stream, request, header, message, &why);
        if (status != SOUK_OK) return end_protocol(client, stream, why);
    }
    if (ticket->reply) hand_over(ticket->reply, message, header);
    stream_finish(stream, request, client_attended_ns(client, now_ns), now_ns);
    ticket_answer(&client->tickets, ticket);
    return SOUK_OK;
}

souk_status client_take_reply(struct souk_client *client, struct net_message *message,
                              uint64_t now_ns)
{
    if (message->peer >= client->num_streams) return SOUK_OK; // of no channel that is in use
    struct stream *stream = client->streams[message->peer];
    struct wire_header header;
    souk_status status =
        wire_unpack_header(message->header->bytes, message->header->length, &header);
    if (status == SOUK_EVERSION) return end_version(client, stream, header.version);
    if (status != SOUK_OK) return end_protocol(client, stream, "its header is malformed");
    status = check_reply(client, stream, &header, message->body);
    if (status != SOUK_OK) return status;

    struct request *request = stream_find(stream, header.request);
    if (!request) return SOUK_OK; // answered already: one of the two was sent twice
    return take_for(client, stream, request, &header, message, now_ns);
}
