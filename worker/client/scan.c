/* scan.c - walks all rows of a table, shard after shard, block after block. */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/client/state.h"

/* Arrays of a block; apart from the client's own, so that fn may pull and push. */
struct scan {
    struct souk_client *client;
    uint32_t table;
    bool with_states;
    uint64_t *keys;
    float *rows, *states;
    size_t keys_capacity, rows_capacity, states_capacity;
};

/* What a block must be, before anybody reads its bytes. */
static bool is_sound(const struct scan *scan, const struct stream *stream,
                     const struct reply *reply)
{
    const struct wire_section *section = &reply->header.sections[0];
    const struct client_table *table = &scan->client->tables[scan->table];
    if (reply->header.num_sections == 0)
        return reply->header.clock == 0 && reply->message.body->length == 0;
    uint64_t state_bytes =
        scan->with_states ? (uint64_t)section->num_keys * table->state_floats * sizeof(float) : 0;
    return reply->header.num_sections == 1 && section->table == stream->tables[scan->table] &&
           section->num_keys <= WIRE_SCAN_ROWS_MAX && section->key_codec < CODEC_NUM_KEYS &&
           (section->row_codec & ~(uint32_t)CODEC_ROWS_LZ4) == SOUK_CODEC_FP32 &&
           section->state_bytes == state_bytes &&
           (uint64_t)section->key_bytes + section->row_bytes + section->state_bytes ==
               reply->message.body->length;
}

static souk_status decode(struct scan *scan, const struct wire_section *section,
                          const uint8_t *bytes)
{
    const struct client_table *table = &scan->client->tables[scan->table];
    struct codec_scratch *scratch = &scan->client->scratch;
    uint32_t n = section->num_keys, dim = table->spec.dim;
    mem_reserve(&scan->keys, &scan->keys_capacity, n, sizeof(uint64_t), "keys of a scan");
    mem_reserve(&scan->rows, &scan->rows_capacity, (size_t)n * dim, sizeof(float),
                "rows of a scan");
    souk_status status = codec_decode_keys((enum codec_keys)section->key_codec, bytes,
                                           section->key_bytes, scan->keys, n, scratch);
    bytes += section->key_bytes;
    if (status == SOUK_OK)
        status = codec_decode_rows(section->row_codec, bytes, section->row_bytes, scan->rows, n,
                                   dim, scratch);
    bytes += section->row_bytes;
    if (status != SOUK_OK || section->state_bytes == 0) return status;
    mem_reserve(&scan->states, &scan->states_capacity, (size_t)n * table->state_floats,
                sizeof(float), "states of a scan");
    return codec_decode_rows(SOUK_CODEC_FP32, bytes, section->state_bytes, scan->states, n,
                             table->state_floats, scratch);
}

static souk_status refuse_block(struct scan *scan, const struct stream *stream)
{
    return client_end(scan->client, SOUK_EPROTO,
                      "server %s sent rows of a scan that cannot be decoded", stream->address);
}

static souk_status take_block(struct scan *scan, const struct stream *stream,
                              const struct reply *reply, souk_scan_fn fn, void *ctx)
{
    const struct wire_section *section = &reply->header.sections[0];
    if (!is_sound(scan, stream, reply) ||
        (reply->header.num_sections == 1 &&
         decode(scan, section, reply->message.body->bytes) != SOUK_OK))
        return refuse_block(scan, stream);
    if (reply->header.num_sections == 0 || section->num_keys == 0) return SOUK_OK;
    struct souk_scan_block block = {section->num_keys, scan->keys, scan->rows,
                                    section->state_bytes ? scan->states : NULL};
    return fn(ctx, &block);
}

static souk_status scan_shard(struct scan *scan, struct stream *stream, souk_scan_fn fn, void *ctx)
{
    uint64_t cursor = 0;
    do {
        struct wire_header header = {.type = WIRE_SCAN, .clock = cursor, .num_sections = 1};
        header.sections[0].table = stream->tables[scan->table];
        header.sections[0].flags = scan->with_states ? WIRE_HAS_STATES : 0;
        struct reply reply;
        souk_status status = client_call(scan->client, stream, &header, frame_create(1), &reply);
        if (status != SOUK_OK) return status;
        // A cursor that does not move on would never come to its end.
        bool is_ahead = reply.header.clock == 0 || reply.header.clock > cursor;
        cursor = is_ahead ? reply.header.clock : 0;
        status = !is_ahead ? refuse_block(scan, stream) : take_block(scan, stream, &reply, fn, ctx);
        net_message_fini(&reply.message);
        if (status != SOUK_OK) return status;
    } while (cursor != 0);
    return SOUK_OK;
}

souk_status souk_client_scan(struct souk_client *client, uint32_t table, bool with_states,
                             souk_scan_fn fn, void *ctx)
{
    if (client->status != SOUK_OK) return client->status;
    if (table >= client->num_tables)
        return log_fail(SOUK_EINVAL, "scan of table %u: it is not open", table);
    struct scan scan = {.client = client, .table = table, .with_states = with_states};
    souk_status status = SOUK_OK;
    for (uint32_t s = 0; s < client->num_streams && status == SOUK_OK; s++)
        status = scan_shard(&scan, client->streams[s], fn, ctx);
    mem_free(scan.keys);
    mem_free(scan.rows);
    mem_free(scan.states);
    return status;
}
