/* turn.c - the loop of a client: see state.h.
 *
 * Two times guard a request. After retry_ms without progress everything that its shard has not
 * answered is sent again, then after twice that, up to eight times. After timeout_ms without
 * progress the server is given up. Progress is that the oldest request was answered: a server
 * that is slow but works through its queue is left alone.
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "worker/client/state.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    RECEIVE_MAX = 4096,   // messages in one turn, so that a flood cannot hold the caller
    UNSENT_TURN_MS = 2,   // the wait of a turn while the transport takes nothing
    RETRY_DOUBLINGS = 3,  // of the wait between two retries
    WAIT_TOLD_SHARE = 10, // part of timeout_ms after which a wait for a new server is told
    NS_PER_MS = 1000 * 1000,
};

souk_status client_end(struct souk_client *client, souk_status status, const char *format, ...)
{
    if (client->status != SOUK_OK) return client->status;
    va_list args;
    va_start(args, format);
    vsnprintf(client->error, sizeof(client->error), format, args);
    va_end(args);
    client->status = status;
    return log_fail(status, "%s", client->error);
}

static void count_sent(struct souk_client *client, const struct request *request)
{
    uint64_t bytes = request->header->length + request->body->length;
    if (request->type == WIRE_PULL) client->stats.sent_bytes_pulled += bytes;
    if (request->type == WIRE_PUSH) client->stats.sent_bytes_pushed += bytes;
    if (request->sent_ns != 0) client->stats.retries++;
}

/* Sends requests until the transport takes no more. */
static souk_status send_unsent(struct souk_client *client, struct stream *stream, uint64_t now_ns)
{
    for (; stream_has_unsent(stream); stream->sent++) {
        struct request *request = stream_find(stream, stream->sent);
        if (!request) continue; // answered while it waited to be sent again
        souk_status status = net_dialer_send(client->dialer, stream->channel,
                                             frame_ref(request->header), frame_ref(request->body));
        if (status == SOUK_EAGAIN) return SOUK_OK;
        if (status != SOUK_OK)
            return client_end(client, status, "cannot send to server %s: %s", stream->address,
                              souk_status_text(status));
        count_sent(client, request);
        request->sent_ns = now_ns;
    }
    return SOUK_OK;
}

static souk_status send_all_unsent(struct souk_client *client, uint64_t now_ns, bool *is_stuck_out)
{
    *is_stuck_out = false;
    for (uint32_t s = 0; s < client->num_streams; s++) {
        struct stream *stream = client->streams[s];
        if (!stream_has_unsent(stream)) continue;
        souk_status status = send_unsent(client, stream, now_ns);
        if (status != SOUK_OK) return status;
        *is_stuck_out |= stream_has_unsent(stream);
    }
    return SOUK_OK;
}

/* Takes in everything that is there, after waiting up to timeout_ms for the first message. */
static souk_status receive(struct souk_client *client, int timeout_ms)
{
    for (int n = 0; n < RECEIVE_MAX; n++) {
        struct net_message message = {0};
        uint64_t before_ns = clock_now_ns();
        souk_status status = net_dialer_receive(client->dialer, timeout_ms, &message);
        uint64_t now_ns = clock_now_ns();
        if (timeout_ms > 0) client->stats.wait_ns += now_ns - before_ns;
        if (status == SOUK_ETIMEOUT || status == SOUK_EAGAIN) return SOUK_OK;
        if (status != SOUK_OK)
            return client_end(client, status, "cannot receive from the servers: %s",
                              souk_status_text(status));
        status = client_take_reply(client, &message, now_ns);
        net_message_fini(&message);
        if (status != SOUK_OK) return status;
        timeout_ms = 0;
    }
    return SOUK_OK;
}

static souk_status give_up(struct souk_client *client, const struct stream *stream,
                           uint64_t silent_ns)
{
    bool is_up = net_dialer_is_up(client->dialer, stream->channel);
    uint32_t num_losses = net_dialer_num_losses(client->dialer, stream->channel);
    const char *link = is_up            ? "it has a connection but is silent"
                       : num_losses > 0 ? "its connection was lost"
                                        : "there is no connection";
    const char *advice = is_up ? "the server may be overloaded or stopped: look at its log, or "
                                 "raise cluster.timeout_s"
                               : "check that souk-server runs there and that the address is right";
    return client_end(client, SOUK_EPEER, "server %s has not answered for %.1f s: %s; %s",
                      stream->address, (double)silent_ns / 1e9, link, advice);
}

/* Of a server that has not even said hello, once: waiting in silence looks like a hang. */
static void tell_wait(const struct souk_client *client, struct stream *stream, uint64_t silent_ns)
{
    if (stream->incarnation != 0 || stream->is_wait_told ||
        silent_ns < client->timeout_ns / WAIT_TOLD_SHARE)
        return;
    stream->is_wait_told = true;
    log_info("waiting for server %s, which does not answer yet; giving up in %.1f s "
             "(cluster.timeout_s)",
             stream->address, (double)(client->timeout_ns - silent_ns) / 1e9);
}

static souk_status check_deadlines(struct souk_client *client, struct stream *stream,
                                   uint64_t now_ns)
{
    const struct request *oldest = stream_find(stream, stream->head);
    if (!oldest) return SOUK_OK;
    uint64_t attended_ns = client_attended_ns(client, now_ns);
    uint64_t since_ns =
        oldest->made_ns > stream->progress_ns ? oldest->made_ns : stream->progress_ns;
    if (attended_ns - since_ns >= client->timeout_ns)
        return give_up(client, stream, attended_ns - since_ns);
    tell_wait(client, stream, attended_ns - since_ns);

    if (stream->sent == stream->head) return SOUK_OK; // it waits to be sent as it is
    uint64_t sent_ns =
        oldest->sent_ns > stream->progress_real_ns ? oldest->sent_ns : stream->progress_real_ns;
    if (now_ns - sent_ns < client->retry_ns << stream->num_turned_back) return SOUK_OK;
    if (stream->num_turned_back < RETRY_DOUBLINGS) stream->num_turned_back++;
    stream_turn_back(stream);
    return SOUK_OK;
}

/* Of a time without a turn that is longer than a retry, the rest was the caller's. */
static void note_time(struct souk_client *client, uint64_t now_ns)
{
    uint64_t gap_ns = now_ns - client->last_turn_ns;
    if (gap_ns > client->retry_ns) client->away_ns += gap_ns - client->retry_ns;
    client->last_turn_ns = now_ns;
}

souk_status client_turn(struct souk_client *client, int timeout_ms)
{
    if (client->status != SOUK_OK) return client->status;
    uint64_t now_ns = clock_now_ns();
    note_time(client, now_ns);

    bool is_stuck;
    souk_status status = send_all_unsent(client, now_ns, &is_stuck);
    if (status != SOUK_OK) return status;
    if (is_stuck && timeout_ms > UNSENT_TURN_MS) timeout_ms = UNSENT_TURN_MS;
    status = receive(client, timeout_ms);
    if (status != SOUK_OK) return status;

    client->last_turn_ns = now_ns = clock_now_ns();
    for (uint32_t s = 0; s < client->num_streams; s++) {
        status = check_deadlines(client, client->streams[s], now_ns);
        if (status != SOUK_OK) return status;
    }
    return send_all_unsent(client, now_ns, &is_stuck);
}

souk_status client_make_room(struct souk_client *client, struct stream *stream)
{
    souk_status status = client->status;
    while (status == SOUK_OK && stream_is_full(stream))
        status = client_turn(client, CLIENT_TURN_MS);
    return status;
}

void client_submit(struct souk_client *client, struct stream *stream, struct ticket *ticket,
                   struct wire_header *header, struct frame *body)
{
    uint64_t now_ns = clock_now_ns();
    note_time(client, now_ns);
    struct request *request = stream_next(stream);
    request->ticket = ticket;
    request->made_ns = client_attended_ns(client, now_ns);
    ticket->num_missing++;
    header->job_epoch = client->job_epoch;
    header->client = client->client_id;
    stream_append(stream, header, body);
    // An error here is noted in the client; the call that waits next returns it.
    (void)!send_unsent(client, stream, now_ns);
}
