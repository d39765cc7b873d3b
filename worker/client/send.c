/* send.c - what a pull and a push have in common: their messages go out, shard by shard. */
#include "worker/client/state.h"

static souk_status send_to_shard(struct souk_client *client, uint32_t shard,
                                 const struct sending *sending, struct ticket *ticket)
{
    struct stream *stream = client->streams[shard];
    struct route_walk walk = {.shard = shard};
    for (;;) {
        souk_status status = client_make_room(client, stream);
        if (status != SOUK_OK) return status;
        struct request *request = stream_next(stream);
        request->num_cuts = route_next(&client->route, &walk, request->cuts);
        if (request->num_cuts == 0) return SOUK_OK;
        struct wire_header header = {.type = sending->type};
        struct frame *body = sending->pack(client, stream, sending->parts, request, &header);
        client_submit(client, stream, ticket, &header, body);
    }
}

souk_status client_send_parts(struct souk_client *client, const struct sending *sending,
                              struct ticket *ticket, souk_ticket *ticket_out)
{
    souk_ticket id = ticket->id;
    souk_status status = SOUK_OK;
    for (uint32_t s = 0; s < client->num_streams && status == SOUK_OK; s++)
        status = send_to_shard(client, s, sending, ticket);
    ticket_answer(&client->tickets, ticket);
    if (status == SOUK_OK) status = client->status;
    if (status == SOUK_OK) *ticket_out = id;
    return status;
}
