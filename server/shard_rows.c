/* shard_rows.c - pulls and pushes, which are nearly all that a shard does.
 *
 * Everything is checked before anything happens: first the numbers of all sections, then room is
 * made, then all is decoded, then (pushes) every table gets its memory; only then is the first row
 * changed. So a message that is refused has changed nothing. */
#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "server/shard_private.h"

static uint32_t plain_codec(uint32_t wire_codec)
{
    return wire_codec & ~(uint32_t)CODEC_ROWS_LZ4;
}

/* ---- sections ---- */

// Where the parts of a section lie, once check_sections() has passed.
struct section_place {
    struct table *table;
    const uint8_t *bytes; // of the keys; rows and states follow
    size_t first_key;     // in shard->keys
    size_t first_float;   // in shard->rows
    size_t first_state;   // in shard->states
};

// Sizes of what the sections checked so far decode to.
struct totals {
    size_t num_keys, num_floats, num_states;
    size_t body_bytes;       // of this message that they take
    uint64_t unpacked_bytes; // of their rows without LZ4
    uint32_t tables_seen;    // bit t: table t was there
};

static souk_status find_place(struct shard *shard, struct request *request, uint32_t idx,
                              struct totals *totals, struct section_place *place)
{
    const struct wire_section *section = &request->header->sections[idx];
    if (section->table >= shard->num_tables)
        return refuse(request, SOUK_ENOTFOUND,
                      "section %u: there is no table %u; a server that was restarted has lost its "
                      "tables",
                      idx, section->table);
    if (totals->tables_seen & 1u << section->table)
        return refuse(request, SOUK_EPROTO, "section %u: table %u is there twice", idx,
                      section->table);
    if (section->digest != 0)
        return refuse(request, SOUK_EPROTO, "section %u: key lists are not remembered here", idx);
    totals->tables_seen |= 1u << section->table;
    *place = (struct section_place){.table = shard->tables[section->table],
                                    .bytes = request->body + totals->body_bytes,
                                    .first_key = totals->num_keys,
                                    .first_float = totals->num_floats,
                                    .first_state = totals->num_states};
    return SOUK_OK;
}

// Adds a section to the totals; all sums are of checked numbers and cannot overflow.
static souk_status add_section(struct request *request, uint32_t idx,
                               const struct section_place *place, struct totals *totals)
{
    const struct wire_section *section = &request->header->sections[idx];
    uint32_t dim = table_spec(place->table)->dim, codec = plain_codec(section->row_codec);
    size_t floats = (size_t)section->num_keys * dim;
    totals->body_bytes += (size_t)section->key_bytes + section->row_bytes + section->state_bytes;
    totals->num_keys += section->num_keys;
    totals->num_floats += floats;
    totals->num_states += section->state_bytes / sizeof(float);
    totals->unpacked_bytes += codec_rows_bytes((enum souk_codec)codec, section->num_keys, dim);
    if (totals->body_bytes > request->body_length)
        return refuse(request, SOUK_EPROTO, "section %u ends behind the body", idx);
    if (totals->unpacked_bytes > WIRE_BODY_MAX)
        return refuse(request, SOUK_EINVAL,
                      "section %u: the rows of one message may have %d bytes; send fewer keys at "
                      "once",
                      idx, WIRE_BODY_MAX);
    return SOUK_OK;
}

/* Checks all numbers of the sections of a pull or push: tables are known, each there once, lengths
 * fill the body exactly, and what decodes from it stays bounded. Makes room for it. */
static souk_status check_sections(struct shard *shard, struct request *request,
                                  struct section_place places[SOUK_TABLES_MAX])
{
    struct totals totals = {0};
    for (uint32_t i = 0; i < request->header->num_sections; i++) {
        souk_status status = find_place(shard, request, i, &totals, &places[i]);
        if (status == SOUK_OK) status = add_section(request, i, &places[i], &totals);
        if (status != SOUK_OK) return status;
    }
    if (totals.body_bytes != request->body_length)
        return refuse(request, SOUK_EPROTO, "%zu bytes behind the last section",
                      request->body_length - totals.body_bytes);
    mem_reserve(&shard->keys, &shard->keys_capacity, totals.num_keys, sizeof(uint64_t), "request");
    mem_reserve(&shard->rows, &shard->rows_capacity, totals.num_floats, sizeof(float), "request");
    mem_reserve(&shard->states, &shard->states_capacity, totals.num_states, sizeof(float),
                "request");
    return SOUK_OK;
}

/* Decodes the keys of all sections to shard->keys. */
static souk_status decode_keys(struct shard *shard, struct request *request,
                               const struct section_place *places)
{
    for (uint32_t i = 0; i < request->header->num_sections; i++) {
        const struct wire_section *section = &request->header->sections[i];
        if (codec_decode_keys((enum codec_keys)section->key_codec, places[i].bytes,
                              section->key_bytes, shard->keys + places[i].first_key,
                              section->num_keys, &shard->scratch) != SOUK_OK)
            return refuse(request, SOUK_EPROTO,
                          "section %u: these are not %u keys in ascending order", i,
                          section->num_keys);
    }
    return SOUK_OK;
}

/* ---- pull ---- */

// How a section of the reply travels.
static enum souk_codec reply_codec(const struct wire_section *asked, const struct table *table)
{
    return asked->flags & WIRE_EXACT ? SOUK_CODEC_FP32 : table_spec(table)->pull_codec;
}

static size_t bitmap_bytes(const struct wire_section *asked)
{
    return asked->flags & WIRE_HAS_FOUND ? (asked->num_keys + 7) / 8 : 0;
}

/* Makes the frame of the reply; its size is known before the rows are. */
static souk_status make_reply(struct request *request, const struct section_place *places)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < request->header->num_sections; i++) {
        const struct wire_section *asked = &request->header->sections[i];
        const struct table *table = places[i].table;
        if (asked->row_bytes || asked->state_bytes)
            return refuse(request, SOUK_EPROTO, "section %u: a pull sends no rows", i);
        bytes += bitmap_bytes(asked) + codec_rows_bound(reply_codec(asked, table), asked->num_keys,
                                                        table_spec(table)->dim);
    }
    if (bytes > WIRE_BODY_MAX)
        return refuse(request, SOUK_EINVAL,
                      "the rows would have %zu bytes, and a message has at most %d; pull fewer "
                      "keys at once",
                      bytes, WIRE_BODY_MAX);
    request->reply_body = frame_create(bytes);
    return SOUK_OK;
}

/* Appends the rows of one section. Values are rounded to the nearest: what a client reads is not
 * stored, so errors cannot add up, and the nearest has half the error of a random rounding and is
 * the same for all who ask. fp32 rows go into the frame directly where they are aligned. */
static void pull_section(struct shard *shard, const struct wire_section *asked,
                         const struct section_place *place, struct frame *body,
                         struct wire_section *section)
{
    const uint64_t *keys = shard->keys + place->first_key;
    uint32_t n = asked->num_keys, dim = table_spec(place->table)->dim;
    enum souk_codec codec = reply_codec(asked, place->table);
    *section = (struct wire_section){.table = asked->table,
                                     .flags = asked->flags & WIRE_HAS_FOUND,
                                     .row_codec = codec,
                                     .num_keys = n,
                                     .key_bytes = (uint32_t)bitmap_bytes(asked)};
    uint8_t *bitmap = section->key_bytes ? body->bytes + body->length : NULL;
    uint8_t *out = body->bytes + body->length + section->key_bytes;
    if (codec == SOUK_CODEC_FP32 && (uintptr_t)out % sizeof(float) == 0) {
        table_pull(place->table, keys, n, (float *)(void *)out, bitmap);
        section->row_bytes = (uint32_t)codec_rows_bytes(codec, n, dim);
    } else {
        table_pull(place->table, keys, n, shard->rows, bitmap);
        section->row_bytes = (uint32_t)codec_encode_rows(codec, shard->rows, n, dim, NULL, true,
                                                         out, &shard->scratch, &section->row_codec);
    }
    body->length += section->key_bytes + section->row_bytes;
}

souk_status handle_pull(struct shard *shard, struct request *request)
{
    struct section_place places[SOUK_TABLES_MAX];
    souk_status status = check_sections(shard, request, places);
    if (status == SOUK_OK) status = decode_keys(shard, request, places);
    if (status == SOUK_OK) status = make_reply(request, places);
    if (status != SOUK_OK) return status;

    request->reply.num_sections = request->header->num_sections;
    for (uint32_t i = 0; i < request->header->num_sections; i++)
        pull_section(shard, &request->header->sections[i], &places[i], request->reply_body,
                     &request->reply.sections[i]);
    return SOUK_OK;
}

/* ---- push ---- */

// The push of one section to its table, from numbers that have been checked here.
static souk_status make_push(const struct shard *shard, struct request *request, uint32_t idx,
                             const struct section_place *place, struct table_push *push_out)
{
    const struct wire_section *section = &request->header->sections[idx];
    uint32_t mode = section->flags >> WIRE_MODE_SHIFT & 3;
    uint64_t state_bytes = section->flags & WIRE_HAS_STATES
                               ? (uint64_t)section->num_keys * table_state_floats(place->table) * 4
                               : 0;
    float lr;
    memcpy(&lr, &section->lr_bits, sizeof(lr));
    if (lr == 0) lr = table_spec(place->table)->lr;
    if (mode >= SOUK_NUM_PUSH_MODES || !(lr > 0) || !isfinite(lr))
        return refuse(request, SOUK_EINVAL, "section %u: mode %u or learning rate %g is wrong", idx,
                      mode, (double)lr);
    if (section->state_bytes != state_bytes || (state_bytes && mode != SOUK_PUSH_ASSIGN))
        return refuse(request, SOUK_EPROTO,
                      "section %u: %u bytes of states; only an assignment has them, %llu here", idx,
                      section->state_bytes, (unsigned long long)state_bytes);
    *push_out =
        (struct table_push){.mode = (enum souk_push_mode)mode,
                            .lr = lr,
                            .num_keys = section->num_keys,
                            .keys = shard->keys + place->first_key,
                            .rows = shard->rows + place->first_float,
                            .states = state_bytes ? shard->states + place->first_state : NULL};
    return SOUK_OK;
}

static souk_status decode_rows(struct shard *shard, struct request *request,
                               const struct section_place *places)
{
    for (uint32_t i = 0; i < request->header->num_sections; i++) {
        const struct wire_section *section = &request->header->sections[i];
        const uint8_t *bytes = places[i].bytes + section->key_bytes;
        uint32_t dim = table_spec(places[i].table)->dim;
        float *states = shard->states + places[i].first_state;
        if (codec_decode_rows(section->row_codec, bytes, section->row_bytes,
                              shard->rows + places[i].first_float, section->num_keys, dim,
                              &shard->scratch) != SOUK_OK)
            return refuse(request, SOUK_EPROTO,
                          "section %u: these are not %u rows of %u finite values", i,
                          section->num_keys, dim);
        if (section->state_bytes == 0) continue;
        memcpy(states, bytes + section->row_bytes, section->state_bytes);
        if (!codec_is_finite(states, section->state_bytes / sizeof(float)))
            return refuse(request, SOUK_EPROTO, "section %u: states are not finite", i);
    }
    return SOUK_OK;
}

// Memory for the new rows of all tables: the last that can fail.
static souk_status prepare_all(struct request *request, const struct section_place *places,
                               const struct table_push *pushes)
{
    for (uint32_t i = 0; i < request->header->num_sections; i++)
        if (table_prepare(places[i].table, &pushes[i]) != SOUK_OK)
            return refuse(request, SOUK_ENOMEM,
                          "table \"%s\": no memory left for new rows, it has %llu; use more "
                          "servers, or raise --max-memory",
                          table_spec(places[i].table)->name,
                          (unsigned long long)table_num_rows(places[i].table));
    return SOUK_OK;
}

static souk_status apply(struct shard *shard, struct request *request)
{
    struct section_place places[SOUK_TABLES_MAX];
    struct table_push pushes[SOUK_TABLES_MAX];
    souk_status status = check_sections(shard, request, places);
    for (uint32_t i = 0; status == SOUK_OK && i < request->header->num_sections; i++)
        status = make_push(shard, request, i, &places[i], &pushes[i]);
    if (status == SOUK_OK) status = decode_keys(shard, request, places);
    if (status == SOUK_OK) status = decode_rows(shard, request, places);
    if (status == SOUK_OK) status = prepare_all(request, places, pushes);
    if (status != SOUK_OK) return status;

    for (uint32_t i = 0; i < request->header->num_sections; i++)
        table_apply(places[i].table, &pushes[i]);
    return SOUK_OK;
}

souk_status handle_push(struct shard *shard, struct request *request)
{
    const struct wire_header *header = request->header;
    uint64_t applied = sequences_applied(&shard->sequences, header->job_epoch, header->client);
    if (header->sequence == 0)
        return refuse(request, SOUK_EPROTO, "a push needs a sequence number, from 1 on");
    if (header->sequence <= applied) return SOUK_OK; // sent again: acknowledged again, no more
    if (header->sequence > applied + 1)
        return refuse(request, SOUK_EAGAIN, "push %llu is here, %llu is missing",
                      (unsigned long long)header->sequence, (unsigned long long)applied + 1);
    if (!sequences_has_room(&shard->sequences, header->client))
        return refuse(request, SOUK_EDENIED, "%d clients push to this server, which is the most",
                      SEQUENCES_CLIENTS_MAX);
    souk_status status = apply(shard, request);
    if (status == SOUK_OK) sequences_set(&shard->sequences, header->client, header->sequence);
    return status;
}
