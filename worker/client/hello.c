/* hello.c - finds the shards of the servers.
 *
 * A server is known by the address of its shard 0, which says how many sisters it has and at which
 * ports (tcp) they listen; those of "inproc://name" and "ipc:///path" are at "/1", "/2" ... behind
 * it. The order of all shards, which deals the slots, is that of the addresses given, and within
 * a server that of its shards.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/client/state.h"

static souk_status add_stream(struct souk_client *client, const char *address, uint32_t server,
                              struct stream **stream_out)
{
    uint32_t channel;
    souk_status status = net_dialer_connect(client->dialer, address, &channel);
    if (status != SOUK_OK)
        return client_end(client, status, "cannot connect to server %s: %s", address,
                          souk_status_text(status));
    if (channel != client->num_streams)
        return client_end(client, SOUK_ESYS, "server %s has channel %u, not %u", address, channel,
                          client->num_streams);
    mem_reserve(&client->streams, &client->streams_capacity, channel + 1, sizeof(struct stream *),
                "streams");
    struct stream *stream = stream_create(address, client->window);
    stream->channel = channel;
    stream->server = server;
    client->streams[client->num_streams++] = stream;
    *stream_out = stream;
    return SOUK_OK;
}

/* Asks a shard who it is, and goes on from the last push that it has of this client. */
static souk_status greet(struct souk_client *client, struct stream *stream,
                         struct wire_hello *hello_out)
{
    struct wire_header header = {.type = WIRE_HELLO};
    struct reply reply;
    souk_status status = client_call(client, stream, &header, frame_create(1), &reply);
    if (status != SOUK_OK) return status;
    status = wire_unpack_hello(reply.message.body->bytes, reply.message.body->length, hello_out);
    net_message_fini(&reply.message);
    if (status != SOUK_OK || hello_out->num_shards == 0 ||
        hello_out->num_shards > WIRE_SHARDS_MAX || reply.header.incarnation == 0)
        return client_end(client, SOUK_EPROTO, "%s answers, but not like a souk-server",
                          stream->address);
    stream->incarnation = reply.header.incarnation;
    stream->sequence = reply.header.sequence;
    return SOUK_OK;
}

/* Writes the address of shard `shard_idx` of the server at `address`. */
static void sister_address(const char *address, uint32_t shard_idx, uint16_t port, char *out,
                           size_t size)
{
    const char *colon = strrchr(address, ':');
    if (strncmp(address, "tcp://", 6) == 0)
        snprintf(out, size, "%.*s:%u", (int)(colon - address), address, port);
    else
        snprintf(out, size, "%s/%u", address, shard_idx);
}

static souk_status connect_sister(struct souk_client *client, uint32_t server_idx,
                                  uint32_t shard_idx, const struct wire_hello *first)
{
    const struct client_server *server = &client->servers[server_idx];
    char address[512];
    sister_address(server->address, shard_idx, first->ports[shard_idx], address, sizeof(address));
    struct stream *stream;
    souk_status status = add_stream(client, address, server_idx, &stream);
    if (status != SOUK_OK) return status;
    struct wire_hello hello;
    status = greet(client, stream, &hello);
    if (status != SOUK_OK) return status;
    if (stream->incarnation != server->incarnation || hello.shard_idx != shard_idx ||
        hello.num_shards != first->num_shards)
        return client_end(client, SOUK_EPROTO, "%s is not shard %u of server %s", address,
                          shard_idx, server->address);
    return SOUK_OK;
}

/* One process under two addresses would get twice the slots and one set of sequence numbers. */
static souk_status check_is_new(struct souk_client *client, uint32_t server_idx)
{
    const struct client_server *server = &client->servers[server_idx];
    for (uint32_t i = 0; i < server_idx; i++)
        if (client->servers[i].incarnation == server->incarnation)
            return client_end(client, SOUK_ETOPOLOGY,
                              "servers %s and %s are one and the same; name each server once",
                              client->servers[i].address, server->address);
    return SOUK_OK;
}

/* The transport would look a name up again and again, and the server seem silent. */
static souk_status check_host(struct souk_client *client, const char *address)
{
    char host[NET_HOST_MAX + 1];
    const char *why;
    if (net_address_resolve(address, host, &why) == SOUK_OK) return SOUK_OK;
    return client_end(client, SOUK_EPEER,
                      "cannot resolve host \"%s\" of server %s: %s; check the name, or give the "
                      "address in numbers",
                      host, address, why);
}

static souk_status connect_server(struct souk_client *client, uint32_t server_idx)
{
    struct client_server *server = &client->servers[server_idx];
    struct stream *stream;
    server->first_shard = client->num_streams;
    souk_status status = check_host(client, server->address);
    if (status != SOUK_OK) return status;
    status = add_stream(client, server->address, server_idx, &stream);
    if (status != SOUK_OK) return status;
    struct wire_hello hello;
    status = greet(client, stream, &hello);
    if (status != SOUK_OK) return status;
    if (hello.shard_idx != 0)
        return client_end(client, SOUK_ETOPOLOGY,
                          "%s is shard %u of its server; give the address of shard 0, which the "
                          "server prints when it starts",
                          server->address, hello.shard_idx);
    server->incarnation = stream->incarnation;
    server->num_shards = hello.num_shards;
    status = check_is_new(client, server_idx);
    for (uint32_t i = 1; status == SOUK_OK && i < hello.num_shards; i++)
        status = connect_sister(client, server_idx, i, &hello);
    return status;
}

souk_status client_connect(struct souk_client *client, const char *const *addresses,
                           uint32_t num_servers)
{
    client->servers = mem_calloc(num_servers, sizeof(*client->servers), "servers");
    client->num_servers = num_servers;
    for (uint32_t i = 0; i < num_servers; i++)
        client->servers[i].address = mem_strdup(addresses[i]);
    for (uint32_t i = 0; i < num_servers; i++) {
        souk_status status = connect_server(client, i);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}
