/* pull.c - makes the messages of a pull and places the rows that come back. */
#include <string.h>

#include "common/base/mem.h"
#include "worker/client/state.h"

enum { SCATTER_ROWS = 64 }; // decoded at a time, so that they are still in the first-level cache

static souk_status check_parts(const struct souk_client *client, const struct souk_pull *parts,
                               uint32_t num_parts)
{
    uint32_t seen = 0;
    for (uint32_t p = 0; p < num_parts; p++) {
        souk_status status = client_check_keys(client, "pull", parts[p].table, parts[p].keys,
                                               parts[p].num_keys, &seen);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

/* Deals the keys of all parts and notes in the ticket where the rows go. */
static void deal_parts(struct souk_client *client, const struct souk_pull *parts,
                       uint32_t num_parts, struct ticket *ticket)
{
    size_t num_keys = 0;
    for (uint32_t p = 0; p < num_parts; p++) num_keys += parts[p].num_keys;
    ticket->is_dealt = client->num_streams > 1;
    if (ticket->is_dealt)
        mem_reserve(&ticket->positions, &ticket->positions_capacity, num_keys, sizeof(uint32_t),
                    "positions of keys");
    route_begin(&client->route, ticket->positions);
    for (uint32_t p = 0; p < num_parts; p++) {
        uint32_t dim = client->tables[parts[p].table].spec.dim;
        route_add(&client->route, parts[p].keys, parts[p].num_keys,
                  (uint32_t)sizeof(uint64_t) + dim * (uint32_t)sizeof(float));
        ticket->parts[p] = (struct ticket_part){parts[p].rows, parts[p].found, parts[p].table, dim,
                                                client->route.parts[p].base};
    }
}

/* Makes the message of these cuts. The body is the keys of one section after the other. */
static struct frame *pack_message(struct souk_client *client, const struct stream *stream,
                                  const void *all_parts, const struct request *request,
                                  struct wire_header *header)
{
    const struct souk_pull *parts = all_parts;
    size_t bound = 0;
    for (uint32_t i = 0; i < request->num_cuts; i++)
        bound += codec_keys_bound(request->cuts[i].count);
    struct frame *body = frame_create(bound);
    header->num_sections = request->num_cuts;
    for (uint32_t i = 0; i < request->num_cuts; i++) {
        const struct route_cut *cut = &request->cuts[i];
        const struct souk_pull *part = &parts[cut->part];
        enum codec_keys codec;
        size_t bytes =
            codec_encode_keys(client->route.parts[cut->part].keys + cut->first, cut->count,
                              body->bytes + body->length, &client->scratch, &codec);
        body->length += bytes;
        header->sections[i] = (struct wire_section){
            .table = stream->tables[part->table],
            .flags = (part->found ? WIRE_HAS_FOUND : 0u) | (part->exact ? WIRE_EXACT : 0u),
            .key_codec = codec,
            .num_keys = cut->count,
            .key_bytes = (uint32_t)bytes,
        };
        client->stats.rows_pulled += cut->count;
        client->stats.raw_bytes_pulled +=
            (uint64_t)cut->count * client->route.parts[cut->part].row_bytes;
    }
    return body;
}

souk_status souk_client_pull(struct souk_client *client, const struct souk_pull *parts,
                             uint32_t num_parts, souk_ticket *ticket_out)
{
    if (client->status != SOUK_OK) return client->status;
    souk_status status = check_parts(client, parts, num_parts);
    if (status != SOUK_OK) return status;

    struct ticket *ticket = ticket_open(&client->tickets);
    deal_parts(client, parts, num_parts, ticket);
    struct sending sending = {.type = WIRE_PULL, .parts = parts, .pack = pack_message};
    return client_send_parts(client, &sending, ticket, ticket_out);
}

/* Decodes rows a few at a time and puts each where the caller wants it. LZ4 works on the whole. */
static souk_status scatter_rows(struct souk_client *client, const struct wire_section *section,
                                const uint8_t *bytes, const struct ticket_part *part,
                                const uint32_t *positions)
{
    uint32_t dim = part->dim, num_left = section->num_keys;
    bool is_whole = section->row_codec & CODEC_ROWS_LZ4;
    uint32_t step = is_whole || num_left < SCATTER_ROWS ? num_left : SCATTER_ROWS;
    mem_reserve(&client->rows, &client->rows_capacity, (size_t)step * dim, sizeof(float), "rows");
    for (uint32_t n; num_left > 0; num_left -= n, positions += n) {
        n = num_left < step ? num_left : step;
        size_t length = is_whole ? section->row_bytes
                                 : codec_rows_bytes((enum souk_codec)section->row_codec, n, dim);
        souk_status status = codec_decode_rows(section->row_codec, bytes, length, client->rows, n,
                                               dim, &client->scratch);
        if (status != SOUK_OK) return status;
        for (uint32_t i = 0; i < n; i++)
            memcpy(part->rows + (size_t)positions[i] * dim, client->rows + (size_t)i * dim,
                   dim * sizeof(float));
        bytes += length;
    }
    return SOUK_OK;
}

static void place_found(const struct route_cut *cut, const uint8_t *bitmap, uint8_t *found,
                        const uint32_t *positions)
{
    for (uint32_t i = 0; i < cut->count; i++)
        found[positions ? positions[i] : cut->first + i] = bitmap[i / 8] >> (i % 8) & 1;
}

/* What a section of a reply must be, before anybody reads its bytes. */
static const char *find_fault(const struct wire_section *section, const struct route_cut *cut,
                              const struct ticket_part *part, uint32_t table)
{
    uint32_t bitmap_bytes = part->found ? (cut->count + 7) / 8 : 0;
    uint32_t codec = section->row_codec & ~(uint32_t)CODEC_ROWS_LZ4;
    if (section->table != table) return "rows of another table";
    if (section->num_keys != cut->count) return "another number of rows";
    if (section->key_bytes != bitmap_bytes) return "a bitmap of another size";
    if (section->state_bytes != 0) return "states that nobody asked for";
    if (codec >= SOUK_NUM_CODECS) return "rows of an unknown coding";
    if (!(section->row_codec & CODEC_ROWS_LZ4) &&
        section->row_bytes != codec_rows_bytes((enum souk_codec)codec, cut->count, part->dim))
        return "rows of another length";
    return NULL;
}

static souk_status place_section(struct souk_client *client, const struct request *request,
                                 uint32_t idx, const struct wire_section *section,
                                 const uint8_t *bytes)
{
    const struct route_cut *cut = &request->cuts[idx];
    const struct ticket_part *part = &request->ticket->parts[cut->part];
    const uint32_t *positions =
        request->ticket->is_dealt ? request->ticket->positions + part->base + cut->first : NULL;
    if (part->found) place_found(cut, bytes, part->found, positions);
    bytes += section->key_bytes;
    if (positions) return scatter_rows(client, section, bytes, part, positions);
    return codec_decode_rows(section->row_codec, bytes, section->row_bytes,
                             part->rows + (size_t)cut->first * part->dim, cut->count, part->dim,
                             &client->scratch);
}

souk_status client_place_rows(struct souk_client *client, const struct stream *stream,
                              const struct request *request, const struct wire_header *header,
                              const struct frame *body, const char **why_out)
{
    *why_out = "another number of tables";
    if (header->num_sections != request->num_cuts) return SOUK_EPROTO;
    const uint8_t *bytes = body->bytes;
    size_t left = body->length;
    for (uint32_t i = 0; i < header->num_sections; i++) {
        const struct wire_section *section = &header->sections[i];
        const struct ticket_part *part = &request->ticket->parts[request->cuts[i].part];
        uint32_t wire_table = stream->tables[part->table];
        *why_out = find_fault(section, &request->cuts[i], part, wire_table);
        if (*why_out) return SOUK_EPROTO;
        *why_out = "rows that cannot be decoded";
        size_t length = (size_t)section->key_bytes + section->row_bytes;
        if (length > left || place_section(client, request, i, section, bytes) != SOUK_OK)
            return SOUK_EPROTO;
        bytes += length;
        left -= length;
    }
    *why_out = "bytes behind the last row";
    return left == 0 ? SOUK_OK : SOUK_EPROTO;
}
