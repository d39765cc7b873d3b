/* push.c - makes the messages of a push. All is checked before the first is sent, so that a push
 * that is refused has changed nothing and used no sequence number. */
#include <math.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/client/state.h"

static souk_status refuse_row(const struct souk_client *client, const struct souk_push *part,
                              const float *values, uint32_t width)
{
    uint32_t row = 0;
    while (codec_is_finite(values + (size_t)row * width, width)) row++;
    return log_fail(SOUK_EINVAL,
                    "push of table \"%s\": the row of key %llu is not finite; lower the learning "
                    "rate or clip gradients",
                    client->tables[part->table].spec.name, (unsigned long long)part->keys[row]);
}

static souk_status check_part(const struct souk_client *client, const struct souk_push *part,
                              uint32_t *seen)
{
    souk_status status =
        client_check_keys(client, "push", part->table, part->keys, part->num_keys, seen);
    if (status != SOUK_OK) return status;
    const struct client_table *table = &client->tables[part->table];
    uint32_t dim = table->spec.dim, states = table->state_floats;
    if ((unsigned)part->mode >= SOUK_NUM_PUSH_MODES || !(part->lr >= 0) || !isfinite(part->lr))
        return log_fail(SOUK_EINVAL, "push of table \"%s\": mode %d or learning rate %g is wrong",
                        table->spec.name, (int)part->mode, (double)part->lr);
    if (part->states && part->mode != SOUK_PUSH_ASSIGN)
        return log_fail(SOUK_EINVAL, "push of table \"%s\": only an assignment may have states",
                        table->spec.name);
    if (!codec_is_finite(part->rows, (size_t)part->num_keys * dim))
        return refuse_row(client, part, part->rows, dim);
    if (part->states && !codec_is_finite(part->states, (size_t)part->num_keys * states))
        return refuse_row(client, part, part->states, states);
    return SOUK_OK;
}

static souk_status check_parts(const struct souk_client *client, const struct souk_push *parts,
                               uint32_t num_parts)
{
    uint32_t seen = 0;
    for (uint32_t p = 0; p < num_parts; p++) {
        souk_status status = check_part(client, &parts[p], &seen);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

static uint32_t state_floats(const struct souk_client *client, const struct souk_push *part)
{
    return part->states ? client->tables[part->table].state_floats : 0;
}

static void deal_parts(struct souk_client *client, const struct souk_push *parts,
                       uint32_t num_parts)
{
    size_t num_keys = 0;
    for (uint32_t p = 0; p < num_parts; p++) num_keys += parts[p].num_keys;
    if (client->num_streams > 1)
        mem_reserve(&client->positions, &client->positions_capacity, num_keys, sizeof(uint32_t),
                    "positions of keys");
    route_begin(&client->route, client->positions);
    for (uint32_t p = 0; p < num_parts; p++) {
        uint32_t floats = client->tables[parts[p].table].spec.dim + state_floats(client, &parts[p]);
        route_add(&client->route, parts[p].keys, parts[p].num_keys,
                  (uint32_t)sizeof(uint64_t) + floats * (uint32_t)sizeof(float));
    }
}

/* The rows of a cut in the order of its keys: where they stand with one shard, else gathered into
 * out. */
static const float *in_key_order(const struct souk_client *client, const struct route_cut *cut,
                                 const float *rows, uint32_t width, float *out)
{
    if (client->num_streams == 1) return rows + (size_t)cut->first * width;
    const uint32_t *positions =
        client->positions + client->route.parts[cut->part].base + cut->first;
    for (uint32_t i = 0; i < cut->count; i++)
        memcpy(out + (size_t)i * width, rows + (size_t)positions[i] * width, width * sizeof(float));
    return out;
}

/* No two sections that any client sends in a job draw the same numbers. */
static struct codec_rounding rounding_of(const struct souk_client *client,
                                         const struct stream *stream, uint32_t table)
{
    uint64_t owner = (uint64_t)client->client_id << 32 | stream->channel;
    return (struct codec_rounding){
        .is_stochastic = true,
        .seed = client->seed ^ hash_key(owner + 1),
        .position = (stream->sequence + 1) * SOUK_TABLES_MAX + table,
    };
}

/* Assignments travel exactly: a model that is loaded has to be the one that was saved. */
static enum souk_codec codec_of(const struct souk_client *client, const struct souk_push *part)
{
    return part->mode == SOUK_PUSH_ASSIGN ? SOUK_CODEC_FP32
                                          : client->tables[part->table].spec.push_codec;
}

static size_t section_bound(const struct souk_client *client, const struct souk_push *part,
                            uint32_t count)
{
    const struct souk_table_spec *spec = &client->tables[part->table].spec;
    return codec_keys_bound(count) + codec_rows_bound(codec_of(client, part), count, spec->dim) +
           (size_t)count * state_floats(client, part) * sizeof(float);
}

/* Appends keys, rows and states of one cut to the body. */
static void pack_section(struct souk_client *client, const struct stream *stream,
                         const struct souk_push *part, const struct route_cut *cut,
                         struct frame *body, struct wire_section *section)
{
    const struct souk_table_spec *spec = &client->tables[part->table].spec;
    uint32_t states = state_floats(client, part), width = spec->dim > states ? spec->dim : states;
    mem_reserve(&client->rows, &client->rows_capacity, (size_t)cut->count * width, sizeof(float),
                "rows");
    uint8_t *keys_at = body->bytes + body->length;
    enum codec_keys key_codec;
    size_t key_bytes = codec_encode_keys(client->route.parts[cut->part].keys + cut->first,
                                         cut->count, keys_at, &client->scratch, &key_codec);
    struct codec_rounding rounding = rounding_of(client, stream, part->table);
    uint8_t *rows_at = keys_at + key_bytes;
    uint32_t row_codec;
    const float *rows = in_key_order(client, cut, part->rows, spec->dim, client->rows);
    size_t row_bytes = codec_encode_rows(codec_of(client, part), rows, cut->count, spec->dim,
                                         &rounding, true, rows_at, &client->scratch, &row_codec);
    size_t state_bytes = (size_t)cut->count * states * sizeof(float);
    if (state_bytes > 0)
        memcpy(rows_at + row_bytes, in_key_order(client, cut, part->states, states, client->rows),
               state_bytes);
    body->length += key_bytes + row_bytes + state_bytes;
    *section = (struct wire_section){
        .table = stream->tables[part->table],
        .flags = (states ? WIRE_HAS_STATES : 0u) | (uint32_t)part->mode << WIRE_MODE_SHIFT,
        .key_codec = key_codec,
        .row_codec = row_codec,
        .num_keys = cut->count,
        .key_bytes = (uint32_t)key_bytes,
        .row_bytes = (uint32_t)row_bytes,
        .state_bytes = (uint32_t)state_bytes,
    };
    memcpy(&section->lr_bits, &part->lr, sizeof(part->lr));
}

static struct frame *pack_message(struct souk_client *client, const struct stream *stream,
                                  const void *all_parts, const struct request *request,
                                  struct wire_header *header)
{
    const struct souk_push *parts = all_parts;
    size_t bound = 0;
    for (uint32_t i = 0; i < request->num_cuts; i++)
        bound += section_bound(client, &parts[request->cuts[i].part], request->cuts[i].count);
    struct frame *body = frame_create(bound);
    header->num_sections = request->num_cuts;
    for (uint32_t i = 0; i < request->num_cuts; i++) {
        const struct route_cut *cut = &request->cuts[i];
        pack_section(client, stream, &parts[cut->part], cut, body, &header->sections[i]);
        client->stats.rows_pushed += cut->count;
        client->stats.raw_bytes_pushed +=
            (uint64_t)cut->count * client->route.parts[cut->part].row_bytes;
    }
    return body;
}

souk_status souk_client_push(struct souk_client *client, const struct souk_push *parts,
                             uint32_t num_parts, souk_ticket *ticket_out)
{
    if (client->status != SOUK_OK) return client->status;
    souk_status status = check_parts(client, parts, num_parts);
    if (status != SOUK_OK) return status;

    struct ticket *ticket = ticket_open(&client->tickets);
    deal_parts(client, parts, num_parts);
    struct sending sending = {.type = WIRE_PUSH, .parts = parts, .pack = pack_message};
    return client_send_parts(client, &sending, ticket, ticket_out);
}
