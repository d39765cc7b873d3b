/* call.c - requests whose answer the caller waits for. */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "worker/client/state.h"

/* Logs why the server refused; a refusal of the peer's or the process's band ends the client. */
static souk_status refused(struct souk_client *client, const struct stream *stream,
                           const struct reply *reply)
{
    souk_status status = (souk_status)reply->header.status;
    char text[CLIENT_MESSAGE_SHOWN];
    client_copy_message(reply->message.body, text);
    if (status >= SOUK_OK) status = SOUK_EPROTO;
    if (status <= SOUK_EPEER)
        return client_end(client, status, "server %s: %s", stream->address, text);
    return log_fail(status, "server %s: %s", stream->address, text);
}

souk_status client_call(struct souk_client *client, struct stream *stream,
                        struct wire_header *header, struct frame *body, struct reply *reply_out)
{
    souk_status status = client_make_room(client, stream);
    if (status != SOUK_OK) {
        frame_unref(body);
        return status;
    }
    *reply_out = (struct reply){0};
    struct ticket *ticket = ticket_open(&client->tickets);
    ticket->reply = reply_out;
    client_submit(client, stream, ticket, header, body);
    ticket_answer(&client->tickets, ticket); // what is missing now is the answer
    while (status == SOUK_OK && !reply_out->is_here) status = client_turn(client, CLIENT_TURN_MS);
    if (status == SOUK_OK && reply_out->header.type == WIRE_ERROR)
        status = refused(client, stream, reply_out);
    if (status != SOUK_OK) {
        net_message_fini(&reply_out->message);
        ticket->reply = NULL;
    }
    return status;
}

/* Tells one shard about a table and learns its number there and the size of its states. */
static souk_status open_at(struct souk_client *client, struct stream *stream, uint32_t table,
                           const struct souk_table_spec *spec, uint32_t *state_floats_out)
{
    struct wire_header header = {.type = WIRE_OPEN_TABLE, .num_sections = 1};
    header.sections[0].table = table;
    struct frame *body = frame_create(WIRE_SPEC_MAX);
    body->length = wire_pack_spec(spec, body->bytes);

    struct reply reply;
    souk_status status = client_call(client, stream, &header, body, &reply);
    if (status != SOUK_OK) return status;
    const struct wire_section *section = &reply.header.sections[0];
    bool is_sound = reply.header.num_sections == 1 && section->table < SOUK_TABLES_MAX &&
                    section->state_bytes <= 4 * sizeof(float) * SOUK_DIM_MAX;
    stream->tables[table] = section->table;
    *state_floats_out = section->state_bytes / (uint32_t)sizeof(float);
    net_message_fini(&reply.message);
    if (is_sound) return SOUK_OK;
    return client_end(client, SOUK_EPROTO,
                      "server %s answers the opening of table \"%s\" with "
                      "something else",
                      stream->address, spec->name);
}

static bool same_spec(const struct souk_table_spec *a, const struct souk_table_spec *b)
{
    uint8_t packed_a[WIRE_SPEC_MAX], packed_b[WIRE_SPEC_MAX];
    size_t length = wire_pack_spec(a, packed_a);
    return length == wire_pack_spec(b, packed_b) && memcmp(packed_a, packed_b, length) == 0;
}

/* Whether this client has a table of that name already; *status_out then says how it compares. */
static bool find_open(const struct souk_client *client, const struct souk_table_spec *spec,
                      uint32_t *table_out, souk_status *status_out)
{
    for (uint32_t t = 0; t < client->num_tables; t++) {
        if (strcmp(client->tables[t].spec.name, spec->name) != 0) continue;
        *status_out = SOUK_OK;
        if (same_spec(&client->tables[t].spec, spec))
            *table_out = t;
        else
            *status_out = log_fail(SOUK_EEXIST, "table \"%s\" is open already with other settings",
                                   spec->name);
        return true;
    }
    return false;
}

souk_status souk_client_open_table(struct souk_client *client, const struct souk_table_spec *spec,
                                   uint32_t *table_out)
{
    if (client->status != SOUK_OK) return client->status;
    const char *why;
    souk_status status = souk_table_spec_check(spec, &why);
    if (status != SOUK_OK)
        return log_fail(status, "table \"%.*s\": %s", SOUK_NAME_MAX, spec->name, why);
    if (find_open(client, spec, table_out, &status)) return status;
    if (client->num_tables == SOUK_TABLES_MAX)
        return log_fail(SOUK_EINVAL, "table \"%s\" is one too many: a job has at most %d",
                        spec->name, SOUK_TABLES_MAX);

    struct client_table *table = &client->tables[client->num_tables];
    table->spec = *spec;
    for (uint32_t s = 0; s < client->num_streams; s++) {
        status =
            open_at(client, client->streams[s], client->num_tables, spec, &table->state_floats);
        if (status != SOUK_OK) return status;
    }
    *table_out = client->num_tables++;
    return SOUK_OK;
}

uint32_t souk_client_state_floats(const struct souk_client *client, uint32_t table)
{
    return table < client->num_tables ? client->tables[table].state_floats : 0;
}

static souk_status add_shard_info(struct souk_client *client, struct stream *stream,
                                  struct souk_server_info *info)
{
    struct wire_header header = {.type = WIRE_INFO};
    struct reply reply;
    souk_status status = client_call(client, stream, &header, frame_create(1), &reply);
    if (status != SOUK_OK) return status;
    struct wire_info shard;
    status = wire_unpack_info(reply.message.body->bytes, reply.message.body->length, &shard);
    net_message_fini(&reply.message);
    if (status != SOUK_OK)
        return client_end(client, SOUK_EPROTO, "server %s sent malformed figures", stream->address);
    info->num_rows += shard.num_rows;
    info->memory_bytes += shard.memory_bytes;
    info->bad_messages += shard.bad_messages;
    return SOUK_OK;
}

souk_status souk_client_server_info(struct souk_client *client, uint32_t server_idx,
                                    struct souk_server_info *info_out)
{
    if (client->status != SOUK_OK) return client->status;
    if (server_idx >= client->num_servers)
        return log_fail(SOUK_EINVAL, "there is no server %u: the client has %u", server_idx,
                        client->num_servers);
    const struct client_server *server = &client->servers[server_idx];
    struct souk_server_info info = {.num_shards = server->num_shards};
    snprintf(info.address, sizeof(info.address), "%s", server->address);
    for (uint32_t i = 0; i < server->num_shards; i++) {
        souk_status status =
            add_shard_info(client, client->streams[server->first_shard + i], &info);
        if (status != SOUK_OK) return status;
    }
    *info_out = info;
    return SOUK_OK;
}
