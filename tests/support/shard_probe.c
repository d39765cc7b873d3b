/* shard_probe.c - see shard_probe.h. */
#include "tests/support/shard_probe.h"

#include <string.h>

#include "common/bytes/crc32c.h"
#include "tests/support/cmocka.h"

enum { DEADLINE_MS = 10000 };

void probe_start(struct probe *probe, uint64_t max_memory_bytes)
{
    const uint16_t ports[1] = {0};
    uint32_t channel;
    memset(probe, 0, sizeof(*probe));
    assert_int_equal(net_create(&probe->net), SOUK_OK);
    struct shard_options options = {.net = probe->net,
                                    .address = "inproc://probed",
                                    .incarnation = PROBE_INCARNATION,
                                    .max_memory_bytes = max_memory_bytes};
    assert_int_equal(shard_create(&options, &probe->shard), SOUK_OK);
    assert_int_equal(shard_start(probe->shard, 1, ports), SOUK_OK);
    assert_int_equal(net_dialer_create(probe->net, &probe->dialer), SOUK_OK);
    assert_int_equal(net_dialer_connect(probe->dialer, "inproc://probed", &channel), SOUK_OK);
}

void probe_stop(struct probe *probe)
{
    net_message_fini(&probe->raw);
    net_dialer_destroy(probe->dialer);
    shard_stop(probe->shard);
    shard_destroy(probe->shard);
    net_destroy(probe->net);
}

struct probe_message *probe_begin(struct probe *probe, enum wire_type type)
{
    struct probe_message *message = &probe->message;
    message->header =
        (struct wire_header){.version = WIRE_VERSION, .type = type, .job_epoch = 1, .client = 3};
    message->length = 0;
    message->is_crc_kept = 0;
    return message;
}

static uint32_t append(struct probe_message *message, const void *bytes, size_t length)
{
    if (!bytes) return 0;
    assert_true(message->length + length <= PROBE_BODY_MAX);
    memcpy(message->body + message->length, bytes, length);
    message->length += length;
    return (uint32_t)length;
}

struct wire_section *probe_add(struct probe *probe, uint32_t table, const uint64_t *keys,
                               uint32_t num_keys, const float *rows, uint32_t row_floats,
                               const float *states, uint32_t state_floats)
{
    struct probe_message *message = &probe->message;
    struct wire_section *section = &message->header.sections[message->header.num_sections++];
    *section = (struct wire_section){.table = table, .num_keys = num_keys};
    section->key_bytes = append(message, keys, num_keys * sizeof(*keys));
    section->row_bytes = append(message, rows, row_floats * sizeof(*rows));
    section->state_bytes = append(message, states, state_floats * sizeof(*states));
    if (states) section->flags |= WIRE_HAS_STATES;
    return section;
}

static struct frame *make_frame(const void *bytes, size_t length)
{
    struct frame *frame = frame_create(length);
    if (length) memcpy(frame->bytes, bytes, length);
    frame->length = length;
    return frame;
}

void probe_send_raw(struct probe *probe, const void *header, size_t header_length, const void *body,
                    size_t body_length)
{
    assert_int_equal(net_dialer_send(probe->dialer, 0, make_frame(header, header_length),
                                     make_frame(body, body_length)),
                     SOUK_OK);
}

void probe_send(struct probe *probe)
{
    struct probe_message *message = &probe->message;
    uint8_t header[WIRE_HEADER_MAX];
    message->header.request = ++probe->request;
    if (!message->is_crc_kept) message->header.body_crc = crc32c(0, message->body, message->length);
    probe_send_raw(probe, header, wire_pack_header(&message->header, header), message->body,
                   message->length);
}

int probe_ask(struct probe *probe)
{
    probe_send(probe);
    do { // replies to earlier requests may still be under way
        net_message_fini(&probe->raw);
        assert_int_equal(net_dialer_receive(probe->dialer, DEADLINE_MS, &probe->raw), SOUK_OK);
        assert_int_equal(
            wire_unpack_header(probe->raw.header->bytes, probe->raw.header->length, &probe->reply),
            SOUK_OK);
    } while (probe->reply.request != probe->request);
    probe->body = probe->raw.body->bytes;
    probe->body_length = probe->raw.body->length;
    assert_int_equal(probe->reply.incarnation, PROBE_INCARNATION);
    assert_int_equal(probe->reply.body_crc, crc32c(0, probe->body, probe->body_length));
    assert_int_equal(probe->reply.status != SOUK_OK, probe->reply.type == WIRE_ERROR);
    return probe->reply.status;
}

const char *probe_text(const struct probe *probe)
{
    static char text[512];
    size_t length = probe->body_length < 511 ? probe->body_length : 511;
    memcpy(text, probe->body, length);
    text[length] = '\0';
    return text;
}

uint32_t probe_open(struct probe *probe, const struct souk_table_spec *spec)
{
    struct probe_message *message = probe_begin(probe, WIRE_OPEN_TABLE);
    probe_add(probe, 0, NULL, 0, NULL, 0, NULL, 0);
    message->length = wire_pack_spec(spec, message->body);
    assert_int_equal(probe_ask(probe), SOUK_OK);
    assert_int_equal(probe->reply.num_sections, 1);
    return probe->reply.sections[0].table;
}

int probe_push(struct probe *probe, uint32_t table, enum souk_push_mode mode, uint64_t sequence,
               const uint64_t *keys, uint32_t num_keys, const float *rows, uint32_t dim)
{
    probe_begin(probe, WIRE_PUSH)->header.sequence = sequence;
    probe_add(probe, table, keys, num_keys, rows, num_keys * dim, NULL, 0)->flags =
        (uint32_t)mode << WIRE_MODE_SHIFT;
    return probe_ask(probe);
}

void probe_pull(struct probe *probe, uint32_t table, const uint64_t *keys, uint32_t num_keys,
                float *rows, uint32_t dim)
{
    probe_begin(probe, WIRE_PULL);
    probe_add(probe, table, keys, num_keys, NULL, 0, NULL, 0)->flags = WIRE_EXACT;
    assert_int_equal(probe_ask(probe), SOUK_OK);
    assert_int_equal(probe->body_length, num_keys * dim * sizeof(float));
    memcpy(rows, probe->body, probe->body_length);
}
