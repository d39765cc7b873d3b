/* shard_handlers.c - the requests that are not pulls and pushes: hello, open, info, scan. */
#include <stddef.h>
#include <string.h>

#include "common/base/mem.h"
#include "server/shard_private.h"

enum { SCAN_BYTES_MAX = 4 * 1024 * 1024 }; // of a reply: pulls behind it should not wait long

souk_status handle_hello(struct shard *shard, struct request *request)
{
    request->reply_body = frame_create(WIRE_HELLO_MAX);
    request->reply_body->length = wire_pack_hello(&shard->hello, request->reply_body->bytes);
    return SOUK_OK;
}

souk_status handle_info(struct shard *shard, struct request *request)
{
    struct wire_info info = {.requests = shard->num_requests};
    info.bad_messages = shard->num_bad + net_listener_num_dropped(shard->listener);
    for (uint32_t i = 0; i < shard->num_tables; i++) {
        info.num_rows += table_num_rows(shard->tables[i]);
        info.memory_bytes += table_memory_bytes(shard->tables[i]);
    }
    request->reply_body = frame_create(WIRE_INFO_BYTES);
    wire_pack_info(&info, request->reply_body->bytes);
    request->reply_body->length = WIRE_INFO_BYTES;
    return SOUK_OK;
}

/* ---- open ---- */

// A setting of a table, for comparing two of them field by field.
struct setting {
    const char *name;
    size_t offset, size; // in struct souk_table_spec
    bool is_float;
};
#define FIELD(field) (((const struct souk_table_spec *)0)->field)
#define SETTING(field)                                                        \
    {                                                                         \
#field, offsetof(struct souk_table_spec, field), sizeof FIELD(field), \
            _Generic(FIELD(field), float                                      \
                     : true, default                                          \
                     : false)                                                 \
    }
static const struct setting settings[] = {
    SETTING(dim),          SETTING(seed),       SETTING(init),    SETTING(init_scale),
    SETTING(init_columns), SETTING(optimizer),  SETTING(lr),      SETTING(momentum),
    SETTING(beta1),        SETTING(beta2),      SETTING(epsilon), SETTING(initial_accumulator),
    SETTING(ftrl_alpha),   SETTING(ftrl_beta),  SETTING(l1),      SETTING(l2),
    SETTING(pull_codec),   SETTING(push_codec),
};
#undef SETTING
#undef FIELD

// Floats go by value: 0 and -0 are the same setting. None is NaN (souk_table_spec_check).
static bool is_same(const struct setting *setting, const void *a, const void *b)
{
    float float_a, float_b;
    if (!setting->is_float) return memcmp(a, b, setting->size) == 0;
    memcpy(&float_a, a, sizeof float_a);
    memcpy(&float_b, b, sizeof float_b);
    return float_a == float_b;
}

// Name of the first setting that differs, NULL if none does.
static const char *find_difference(const struct souk_table_spec *a, const struct souk_table_spec *b)
{
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (!is_same(&settings[i], (const char *)a + settings[i].offset,
                     (const char *)b + settings[i].offset))
            return settings[i].name;
    return NULL;
}

// Number of the table of that name; num_tables if there is none.
static uint32_t find_table(const struct shard *shard, const char *name)
{
    uint32_t i = 0;
    while (i < shard->num_tables && strcmp(table_spec(shard->tables[i])->name, name) != 0) i++;
    return i;
}

static souk_status make_table(struct shard *shard, struct request *request,
                              const struct souk_table_spec *spec)
{
    if (shard->num_tables == SOUK_TABLES_MAX)
        return refuse(request, SOUK_EDENIED,
                      "table \"%s\": this server has %d tables, which is the most; restart it or "
                      "use fewer",
                      spec->name, SOUK_TABLES_MAX);
    if (table_create(spec, &shard->budget, &shard->tables[shard->num_tables]) != SOUK_OK)
        return refuse(request, SOUK_ENOMEM, "table \"%s\": no memory left for it", spec->name);
    shard->num_tables++;
    return SOUK_OK;
}

/* Tables go by name. The number that the request wishes is not looked at: clients that open other
 * tables, or in another order, take the number that the reply names. */
souk_status handle_open_table(struct shard *shard, struct request *request)
{
    struct souk_table_spec spec;
    if (request->header->num_sections != 1 ||
        wire_unpack_spec(request->body, request->body_length, &spec) != SOUK_OK)
        return refuse(request, SOUK_EPROTO, "the settings of a table are malformed");

    uint32_t number = find_table(shard, spec.name);
    if (number == shard->num_tables) {
        souk_status status = make_table(shard, request, &spec);
        if (status != SOUK_OK) return status;
    }
    struct table *table = shard->tables[number];
    const char *difference = find_difference(table_spec(table), &spec);
    if (difference)
        return refuse(request, SOUK_EEXIST,
                      "table \"%s\" is here already, with another %s; use the same settings or "
                      "restart the server",
                      spec.name, difference);
    request->reply.num_sections = 1;
    request->reply.sections[0] = (struct wire_section){
        .table = number, .state_bytes = table_state_floats(table) * (uint32_t)sizeof(float)};
    return SOUK_OK;
}

/* ---- scan ---- */

static uint32_t scan_rows(const struct table *table, bool with_states)
{
    size_t floats = table_spec(table)->dim + (with_states ? table_state_floats(table) : 0);
    size_t rows = SCAN_BYTES_MAX / (sizeof(uint64_t) + floats * sizeof(float));
    return rows < WIRE_SCAN_ROWS_MAX ? (uint32_t)rows : WIRE_SCAN_ROWS_MAX;
}

// Appends the block that was scanned to the reply.
static void pack_block(struct shard *shard, struct request *request, const struct table *table,
                       uint32_t num_rows, uint32_t state_floats)
{
    uint32_t dim = table_spec(table)->dim;
    size_t state_bytes = (size_t)num_rows * state_floats * sizeof(float);
    struct frame *body =
        frame_create(codec_keys_bound(num_rows) + codec_rows_bound(SOUK_CODEC_FP32, num_rows, dim) +
                     state_bytes);
    struct wire_section *section = &request->reply.sections[0];
    enum codec_keys key_codec;
    section->key_bytes = (uint32_t)codec_encode_keys(shard->keys, num_rows, body->bytes,
                                                     &shard->scratch, &key_codec);
    section->key_codec = key_codec;
    section->row_bytes = (uint32_t)codec_encode_rows(SOUK_CODEC_FP32, shard->rows, num_rows, dim,
                                                     NULL, true, body->bytes + section->key_bytes,
                                                     &shard->scratch, &section->row_codec);
    body->length = section->key_bytes + section->row_bytes;
    section->state_bytes = (uint32_t)state_bytes;
    if (state_bytes) memcpy(body->bytes + body->length, shard->states, state_bytes);
    body->length += state_bytes;
    request->reply_body = body;
}

souk_status handle_scan(struct shard *shard, struct request *request)
{
    const struct wire_section *asked = &request->header->sections[0];
    if (request->header->num_sections != 1 || asked->table >= shard->num_tables)
        return refuse(request, SOUK_ENOTFOUND, "scan of a table that is not open here");

    struct table *table = shard->tables[asked->table];
    bool with_states = asked->flags & WIRE_HAS_STATES;
    uint32_t max_rows = scan_rows(table, with_states), dim = table_spec(table)->dim;
    uint32_t state_floats = with_states ? table_state_floats(table) : 0;
    mem_reserve(&shard->keys, &shard->keys_capacity, max_rows, sizeof(*shard->keys), "scan");
    mem_reserve(&shard->rows, &shard->rows_capacity, (size_t)max_rows * dim, sizeof(float), "scan");
    mem_reserve(&shard->states, &shard->states_capacity, (size_t)max_rows * state_floats,
                sizeof(float), "scan");

    uint64_t cursor = request->header->clock;
    uint32_t num_rows = table_scan(table, &cursor, max_rows, shard->keys, shard->rows,
                                   state_floats ? shard->states : NULL);
    request->reply.clock = cursor;
    request->reply.num_sections = 1;
    request->reply.sections[0] = (struct wire_section){
        .table = asked->table, .flags = asked->flags & WIRE_HAS_STATES, .num_keys = num_rows};
    pack_block(shard, request, table, num_rows, state_floats);
    return SOUK_OK;
}
