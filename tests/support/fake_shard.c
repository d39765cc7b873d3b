/* fake_shard.c - see fake_shard.h. */
#include "tests/support/fake_shard.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/bytes/codec.h"
#include "common/bytes/crc32c.h"
#include "tests/support/fake_table.h"

enum { STREAMS_MAX = 16, SCAN_ROWS = 7, BODY_MAX = 1 << 23 };

struct fake_stream {
    uint64_t epoch;
    uint32_t client;
    uint64_t applied;
};

struct fake_shard {
    struct fake_options options;
    struct net_listener *listener;
    pthread_t thread;
    struct fake_table tables[SOUK_TABLES_MAX];
    struct fake_stream streams[STREAMS_MAX];
    uint32_t num_streams;
    uint64_t epoch; // the newest seen
    struct fake_counts counts;
    struct net_message held;
    struct codec_scratch scratch;
};

/* One request being answered. */
struct exchange {
    struct fake_shard *shard;
    uint64_t peer;
    const struct wire_header *request;
    const uint8_t *bytes; // of the request's body
    size_t length;
    struct wire_header reply;
    struct frame *body; // of the reply
};

static struct fake_stream *stream_of(struct fake_shard *shard, const struct wire_header *request)
{
    for (uint32_t i = 0; i < shard->num_streams; i++) {
        struct fake_stream *stream = &shard->streams[i];
        if (stream->epoch == request->job_epoch && stream->client == request->client) return stream;
    }
    assert(shard->num_streams < STREAMS_MAX);
    struct fake_stream *stream = &shard->streams[shard->num_streams++];
    *stream = (struct fake_stream){.epoch = request->job_epoch, .client = request->client};
    return stream;
}

static void refuse(struct exchange *exchange, souk_status status, const char *why)
{
    exchange->reply.type = WIRE_ERROR;
    exchange->reply.status = status;
    exchange->reply.num_sections = 0;
    exchange->body->length = strlen(why);
    memcpy(exchange->body->bytes, why, strlen(why));
}

static void answer_hello(struct exchange *exchange)
{
    const struct fake_options *options = &exchange->shard->options;
    struct wire_hello hello = {.num_shards = options->num_shards, .shard_idx = options->shard_idx};
    exchange->body->length = wire_pack_hello(&hello, exchange->body->bytes);
}

static void answer_open(struct exchange *exchange)
{
    struct souk_table_spec spec;
    uint32_t number = exchange->request->sections[0].table;
    if (exchange->request->num_sections != 1 || number >= SOUK_TABLES_MAX ||
        wire_unpack_spec(exchange->bytes, exchange->length, &spec) != SOUK_OK) {
        refuse(exchange, SOUK_EPROTO, "no table");
        return;
    }
    struct fake_table *table = &exchange->shard->tables[number];
    if (table->is_open && memcmp(&table->spec, &spec, sizeof(spec)) != 0) {
        refuse(exchange, SOUK_EEXIST, "the table has other settings");
        return;
    }
    if (!table->is_open) fake_table_open(table, &spec);
    exchange->reply.num_sections = 1;
    exchange->reply.sections[0] = (struct wire_section){
        .table = number, .state_bytes = table->state_floats * (uint32_t)sizeof(float)};
}

/* Decodes the keys of a section, which the caller frees; NULL after a refusal. */
static uint64_t *take_keys(struct exchange *exchange, const struct wire_section *section,
                           size_t *offset)
{
    size_t total = (size_t)section->key_bytes + section->row_bytes + section->state_bytes;
    uint64_t *keys = mem_calloc(section->num_keys, sizeof(uint64_t), "fake keys");
    if (section->table < SOUK_TABLES_MAX && exchange->shard->tables[section->table].is_open &&
        total <= exchange->length - *offset &&
        codec_decode_keys((enum codec_keys)section->key_codec, exchange->bytes + *offset,
                          section->key_bytes, keys, section->num_keys,
                          &exchange->shard->scratch) == SOUK_OK) {
        *offset += section->key_bytes;
        return keys;
    }
    refuse(exchange, SOUK_EPROTO, "malformed section");
    mem_free(keys);
    return NULL;
}

static void pull_section(struct exchange *exchange, const struct wire_section *asked,
                         const uint64_t *keys)
{
    struct fake_table *table = &exchange->shard->tables[asked->table];
    struct wire_section *section = &exchange->reply.sections[exchange->reply.num_sections++];
    uint32_t dim = table->spec.dim, n = asked->num_keys;
    uint8_t *out = exchange->body->bytes + exchange->body->length;
    *section = (struct wire_section){.table = asked->table, .num_keys = n};
    if (asked->flags & WIRE_HAS_FOUND) {
        section->flags = WIRE_HAS_FOUND;
        section->key_bytes = (n + 7) / 8;
        memset(out, 0, section->key_bytes);
    }
    float *rows = mem_calloc((size_t)n * dim, sizeof(float), "fake reply");
    for (uint32_t i = 0; i < n; i++) {
        const struct fake_row *row = fake_table_find(table, keys[i]);
        if (row && section->key_bytes) out[i / 8] |= (uint8_t)(1u << (i % 8));
        for (uint32_t c = 0; c < dim; c++)
            rows[(size_t)i * dim + c] = row ? row->weights[c] : fake_initial(keys[i], c);
    }
    enum souk_codec codec = asked->flags & WIRE_EXACT ? SOUK_CODEC_FP32 : table->spec.pull_codec;
    struct codec_rounding nearest = {0};
    section->row_bytes =
        (uint32_t)codec_encode_rows(codec, rows, n, dim, &nearest, true, out + section->key_bytes,
                                    &exchange->shard->scratch, &section->row_codec);
    exchange->body->length += section->key_bytes + section->row_bytes;
    mem_free(rows);
}

static void answer_pull(struct exchange *exchange)
{
    size_t offset = 0;
    for (uint32_t s = 0; s < exchange->request->num_sections; s++) {
        const struct wire_section *section = &exchange->request->sections[s];
        uint64_t *keys = take_keys(exchange, section, &offset);
        if (!keys) return;
        pull_section(exchange, section, keys);
        mem_free(keys);
    }
}

static void apply_row(struct fake_table *table, const struct wire_section *section, uint64_t key,
                      const float *values, const uint8_t *states)
{
    struct fake_row *row = fake_table_make(table, key);
    uint32_t mode = section->flags >> WIRE_MODE_SHIFT & 3;
    float lr;
    memcpy(&lr, &section->lr_bits, sizeof(lr));
    if (lr == 0) lr = table->spec.lr;
    for (uint32_t c = 0; c < table->spec.dim; c++) {
        if (mode == SOUK_PUSH_ASSIGN) row->weights[c] = values[c];
        if (mode == SOUK_PUSH_ADD) row->weights[c] += values[c];
        if (mode == SOUK_PUSH_GRADIENT) row->weights[c] -= lr * values[c];
    }
    if (states) memcpy(row->states, states, table->state_floats * sizeof(float));
}

static bool push_section(struct exchange *exchange, const struct wire_section *section,
                         const uint64_t *keys, const uint8_t *bytes)
{
    struct fake_table *table = &exchange->shard->tables[section->table];
    uint32_t dim = table->spec.dim;
    float *rows = mem_calloc((size_t)section->num_keys * dim, sizeof(float), "fake rows");
    bool is_good = codec_decode_rows(section->row_codec, bytes, section->row_bytes, rows,
                                     section->num_keys, dim, &exchange->shard->scratch) == SOUK_OK;
    const uint8_t *states = section->state_bytes ? bytes + section->row_bytes : NULL;
    for (uint32_t i = 0; is_good && i < section->num_keys; i++)
        apply_row(table, section, keys[i], rows + (size_t)i * dim,
                  states ? states + (size_t)i * table->state_floats * sizeof(float) : NULL);
    mem_free(rows);
    return is_good;
}

static void apply_push(struct exchange *exchange)
{
    size_t offset = 0;
    for (uint32_t s = 0; s < exchange->request->num_sections; s++) {
        const struct wire_section *section = &exchange->request->sections[s];
        uint64_t *keys = take_keys(exchange, section, &offset);
        if (!keys) return;
        if (!push_section(exchange, section, keys, exchange->bytes + offset))
            refuse(exchange, SOUK_EPROTO, "malformed rows");
        offset += section->row_bytes + section->state_bytes;
        mem_free(keys);
    }
}

static void answer_push(struct exchange *exchange)
{
    struct fake_shard *shard = exchange->shard;
    struct fake_stream *stream = stream_of(shard, exchange->request);
    uint64_t sequence = exchange->request->sequence;
    if (sequence > stream->applied + 1) {
        shard->counts.num_gaps++;
        refuse(exchange, SOUK_EAGAIN, "a push is missing");
    } else if (sequence <= stream->applied && !shard->options.applies_twice) {
        shard->counts.num_duplicates++;
    } else {
        apply_push(exchange);
        shard->counts.num_applied++;
        if (exchange->reply.type == WIRE_ERROR) return;
        if (sequence > stream->applied) stream->applied = sequence;
    }
}

/* Rows from position `clock` on. */
static void answer_scan(struct exchange *exchange)
{
    struct fake_shard *shard = exchange->shard;
    const struct wire_section *asked = &exchange->request->sections[0];
    struct fake_table *table = &shard->tables[asked->table % SOUK_TABLES_MAX];
    uint32_t dim = table->spec.dim, first = (uint32_t)exchange->request->clock;
    uint32_t n = shard->options.scan_rows ? shard->options.scan_rows : SCAN_ROWS;
    if (n > table->num_rows - first) n = table->num_rows - first;
    bool with_states = asked->flags & WIRE_HAS_STATES;
    struct wire_section *section = &exchange->reply.sections[0];
    *section = (struct wire_section){.table = asked->table, .num_keys = n, .flags = asked->flags};
    exchange->reply.num_sections = 1;
    exchange->reply.clock = first + n < table->num_rows ? first + n : 0;
    section->key_bytes = n * 8;
    section->row_bytes = n * dim * 4;
    section->state_bytes = with_states ? n * table->state_floats * 4 : 0;
    uint8_t *keys = exchange->body->bytes, *rows = keys + section->key_bytes;
    uint8_t *states = rows + section->row_bytes;
    for (uint32_t i = 0; i < n; i++) {
        const struct fake_row *row = &table->rows[first + i];
        memcpy(keys + (size_t)i * 8, &row->key, 8);
        memcpy(rows + (size_t)i * dim * 4, row->weights, dim * 4);
        if (with_states)
            memcpy(states + (size_t)i * table->state_floats * 4, row->states,
                   table->state_floats * 4);
    }
    exchange->body->length = section->key_bytes + section->row_bytes + section->state_bytes;
}

static void answer_info(struct exchange *exchange)
{
    struct wire_info info = {.memory_bytes = 1000, .bad_messages = 1};
    for (uint32_t t = 0; t < SOUK_TABLES_MAX; t++)
        info.num_rows += exchange->shard->tables[t].num_rows;
    wire_pack_info(&info, exchange->body->bytes);
    exchange->body->length = WIRE_INFO_BYTES;
}

static void answer(struct exchange *exchange)
{
    struct fake_shard *shard = exchange->shard;
    if (exchange->request->job_epoch < shard->epoch) {
        refuse(exchange, SOUK_EDENIED, "job epoch is over");
        return;
    }
    shard->epoch = exchange->request->job_epoch;
    switch (exchange->request->type) {
    case WIRE_HELLO: answer_hello(exchange); break;
    case WIRE_OPEN_TABLE: answer_open(exchange); break;
    case WIRE_PULL: answer_pull(exchange); break;
    case WIRE_PUSH: answer_push(exchange); break;
    case WIRE_SCAN: answer_scan(exchange); break;
    case WIRE_INFO: answer_info(exchange); break;
    default: refuse(exchange, SOUK_EPROTO, "unknown type");
    }
}

static void send_reply(struct exchange *exchange)
{
    struct fake_shard *shard = exchange->shard;
    const struct fake_hooks *hooks = &shard->options.hooks;
    struct wire_header *reply = &exchange->reply;
    reply->sequence = stream_of(shard, exchange->request)->applied;
    reply->body_crc = crc32c(0, exchange->body->bytes, exchange->body->length);
    enum fake_action action =
        hooks->on_reply ? hooks->on_reply(hooks->ctx, reply, exchange->body) : FAKE_PASS;
    struct frame *header = frame_create(WIRE_HEADER_MAX);
    header->length = wire_pack_header(reply, header->bytes);
    if (action == FAKE_GARBAGE) memset(header->bytes, 0xc1, header->length);
    int num_sent = action == FAKE_DROP ? 0 : action == FAKE_TWICE ? 2 : 1;
    for (int i = 0; i < num_sent; i++)
        (void)!net_listener_send(shard->listener, exchange->peer, frame_ref(header),
                                 frame_ref(exchange->body));
    frame_unref(header);
}

static void handle(struct fake_shard *shard, const struct net_message *message,
                   const struct wire_header *request)
{
    struct exchange exchange = {
        .shard = shard,
        .peer = message->peer,
        .request = request,
        .bytes = message->body->bytes,
        .length = message->body->length,
        .reply = {.version = WIRE_VERSION,
                  .type = request->type | WIRE_REPLY_BIT,
                  .request = request->request,
                  .client = request->client,
                  .job_epoch = request->job_epoch,
                  .incarnation = shard->options.incarnation},
        .body = frame_create(BODY_MAX),
    };
    shard->counts.num_requests++;
    answer(&exchange);
    send_reply(&exchange);
    frame_unref(exchange.body);
}

/* Takes what a request's header says, as a shard must: a client's own requests are sound. */
static void take(struct fake_shard *shard, struct net_message *message)
{
    struct wire_header request;
    const struct fake_hooks *hooks = &shard->options.hooks;
    if (wire_unpack_header(message->header->bytes, message->header->length, &request) != SOUK_OK)
        return;
    enum fake_action action =
        hooks->on_request ? hooks->on_request(hooks->ctx, &request) : FAKE_PASS;
    if (action == FAKE_DROP) return;
    if (action == FAKE_HOLD && !shard->held.header) {
        shard->held = *message;
        *message = (struct net_message){0};
        return;
    }
    handle(shard, message, &request);
    if (action == FAKE_TWICE) handle(shard, message, &request);
    if (!shard->held.header) return;
    if (wire_unpack_header(shard->held.header->bytes, shard->held.header->length, &request) ==
        SOUK_OK)
        handle(shard, &shard->held, &request);
    net_message_fini(&shard->held);
    shard->held = (struct net_message){0};
}

static void *run(void *ctx)
{
    struct fake_shard *shard = ctx;
    for (;;) {
        struct net_message message = {0};
        souk_status status = net_listener_receive(shard->listener, -1, &message);
        if (status == SOUK_ESTOPPED) return NULL;
        if (status != SOUK_OK) continue;
        take(shard, &message);
        net_message_fini(&message);
    }
}

struct fake_shard *fake_start(const struct fake_options *options)
{
    struct fake_shard *shard = mem_calloc(1, sizeof(*shard), "fake shard");
    shard->options = *options;
    if (net_listen(options->net, options->address, &shard->listener) != SOUK_OK ||
        pthread_create(&shard->thread, NULL, run, shard) != 0)
        abort();
    return shard;
}

void fake_stop(struct fake_shard *shard)
{
    if (!shard) return;
    net_listener_wake(shard->listener);
    pthread_join(shard->thread, NULL);
    net_message_fini(&shard->held);
    net_listener_close(shard->listener);
    for (uint32_t t = 0; t < SOUK_TABLES_MAX; t++) fake_table_fini(&shard->tables[t]);
    codec_scratch_fini(&shard->scratch);
    mem_free(shard);
}

struct fake_counts *fake_counts(struct fake_shard *shard)
{
    return &shard->counts;
}
