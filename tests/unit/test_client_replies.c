/* Replies that are malformed, or of another version, end the client as a peer error: each case
 * changes one thing in one reply that is otherwise sound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/bytes/codec.h"
#include "common/bytes/crc32c.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/temp.h"
#include "worker/client/client.h"

struct lie {
    const char *name;
    uint32_t type; // of the requests whose replies are changed
    enum fake_action (*tell)(struct wire_header *reply, struct frame *body);
    souk_status expected;
    const char *text; // in the message
};

static void seal(struct wire_header *reply, const struct frame *body)
{
    reply->body_crc = crc32c(0, body->bytes, body->length);
}

#define DEFINE_LIE(name, statement)                                             \
    static enum fake_action name(struct wire_header *reply, struct frame *body) \
    {                                                                           \
        (void)reply, (void)body;                                                \
        statement;                                                              \
        return FAKE_PASS;                                                       \
    }
DEFINE_LIE(other_version, reply->version = 7)
DEFINE_LIE(other_type, reply->type = WIRE_INFO | WIRE_REPLY_BIT)
DEFINE_LIE(a_request, reply->type = WIRE_PULL)
DEFINE_LIE(error_without_status, reply->type = WIRE_ERROR)
DEFINE_LIE(broken_body, body->bytes[0] ^= 1)
DEFINE_LIE(no_sections, reply->num_sections = 0; body->length = 0; seal(reply, body))
DEFINE_LIE(other_table, reply->sections[0].table = 1)
DEFINE_LIE(more_keys, reply->sections[0].num_keys++)
DEFINE_LIE(fewer_keys, reply->sections[0].num_keys--)
DEFINE_LIE(no_bitmap, reply->sections[0].key_bytes = 0)
DEFINE_LIE(states, reply->sections[0].state_bytes = 4)
DEFINE_LIE(longer_rows, reply->sections[0].row_bytes += 4)
DEFINE_LIE(huge_rows, reply->sections[0].row_bytes = 1 << 20)
DEFINE_LIE(false_lz4, reply->sections[0].row_codec |= CODEC_ROWS_LZ4)
DEFINE_LIE(unknown_codec, reply->sections[0].row_codec = 9)
DEFINE_LIE(short_body, body->length--; seal(reply, body))
DEFINE_LIE(long_body, body->length++; seal(reply, body))
DEFINE_LIE(infinite_row, memset(body->bytes + body->length - 4, 0xff, 4); seal(reply, body))
DEFINE_LIE(too_many_sections, reply->sections[1] = reply->sections[0]; reply->num_sections = 2)
DEFINE_LIE(future_sequence, reply->sequence = 1000)
DEFINE_LIE(other_incarnation, reply->incarnation++)
DEFINE_LIE(refusal, reply->type = WIRE_ERROR; reply->status = SOUK_ENOMEM; body->length = 4;
           memcpy(body->bytes, "f\x1bll", 4); seal(reply, body))
DEFINE_LIE(no_shards, memset(body->bytes, 0, body->length); seal(reply, body))
DEFINE_LIE(many_shards, body->bytes[0] = 200; seal(reply, body))
DEFINE_LIE(no_incarnation, reply->incarnation = 0)
DEFINE_LIE(table_out_of_range, reply->sections[0].table = SOUK_TABLES_MAX)
DEFINE_LIE(cursor_back, reply->clock = reply->clock ? 1 : 0)
DEFINE_LIE(too_many_rows, reply->sections[0].num_keys = WIRE_SCAN_ROWS_MAX + 1)
DEFINE_LIE(wrong_keys, memset(body->bytes, 0, 16); seal(reply, body))
DEFINE_LIE(coded_rows, reply->sections[0].row_codec = SOUK_CODEC_FP16)

static enum fake_action noise(struct wire_header *reply, struct frame *body)
{
    (void)reply, (void)body;
    return FAKE_GARBAGE;
}

static const struct lie LIES[] = {
    {"version", WIRE_PULL, other_version, SOUK_EVERSION, "speaks version 7"},
    {"noise", WIRE_PULL, noise, SOUK_EPROTO, "header is malformed"},
    {"type", WIRE_PULL, other_type, SOUK_EPROTO, "something else"},
    {"request", WIRE_PULL, a_request, SOUK_EPROTO, "is a request"},
    {"error without status", WIRE_PULL, error_without_status, SOUK_EPROTO, "without a status"},
    {"checksum", WIRE_PULL, broken_body, SOUK_EPROTO, "checksum"},
    {"no sections", WIRE_PULL, no_sections, SOUK_EPROTO, "number of tables"},
    {"table", WIRE_PULL, other_table, SOUK_EPROTO, "another table"},
    {"more keys", WIRE_PULL, more_keys, SOUK_EPROTO, "number of rows"},
    {"fewer keys", WIRE_PULL, fewer_keys, SOUK_EPROTO, "number of rows"},
    {"bitmap", WIRE_PULL, no_bitmap, SOUK_EPROTO, "bitmap"},
    {"states", WIRE_PULL, states, SOUK_EPROTO, "states"},
    {"longer rows", WIRE_PULL, longer_rows, SOUK_EPROTO, "another length"},
    {"huge rows", WIRE_PULL, huge_rows, SOUK_EPROTO, "another length"},
    {"false LZ4", WIRE_PULL, false_lz4, SOUK_EPROTO, "cannot be decoded"},
    {"codec", WIRE_PULL, unknown_codec, SOUK_EPROTO, "malformed"},
    {"short body", WIRE_PULL, short_body, SOUK_EPROTO, "cannot be decoded"},
    {"long body", WIRE_PULL, long_body, SOUK_EPROTO, "behind the last row"},
    {"not finite", WIRE_PULL, infinite_row, SOUK_EPROTO, "cannot be decoded"},
    {"two sections", WIRE_PULL, too_many_sections, SOUK_EPROTO, "number of tables"},
    {"sequence", WIRE_PULL, future_sequence, SOUK_ETOPOLOGY, "client 7"},
    {"incarnation", WIRE_PULL, other_incarnation, SOUK_ELOST, "restarted"},
    {"refused pull", WIRE_PULL, refusal, SOUK_ENOMEM, "out of memory: f ll"},
    {"refused push", WIRE_PUSH, refusal, SOUK_ENOMEM, "refused a push"},
    {"ack of another type", WIRE_PUSH, other_type, SOUK_EPROTO, "something else"},
    {"hello without shards", WIRE_HELLO, no_shards, SOUK_EPROTO, "not like a souk-server"},
    {"hello with many shards", WIRE_HELLO, many_shards, SOUK_EPROTO, "not like a souk-server"},
    {"hello without incarnation", WIRE_HELLO, no_incarnation, SOUK_EPROTO, "not like a souk-"},
    {"hello of another version", WIRE_HELLO, other_version, SOUK_EVERSION, "speaks version 7"},
    {"table number", WIRE_OPEN_TABLE, table_out_of_range, SOUK_EPROTO, "something else"},
    {"open without section", WIRE_OPEN_TABLE, no_sections, SOUK_EPROTO, "something else"},
    {"info", WIRE_INFO, short_body, SOUK_EPROTO, "malformed figures"},
    {"cursor", WIRE_SCAN, cursor_back, SOUK_EPROTO, "scan"},
    {"rows of a scan", WIRE_SCAN, too_many_rows, SOUK_EPROTO, "scan"},
    {"keys of a scan", WIRE_SCAN, wrong_keys, SOUK_EPROTO, "scan"},
    {"codec of a scan", WIRE_SCAN, coded_rows, SOUK_EPROTO, "scan"},
    {"body of a scan", WIRE_SCAN, long_body, SOUK_EPROTO, "scan"},
    {"states of a scan", WIRE_SCAN, states, SOUK_EPROTO, "scan"},
};

static enum fake_action tell(void *ctx, struct wire_header *reply, struct frame *body)
{
    const struct lie *lie = ctx;
    if ((reply->type & ~(uint32_t)WIRE_REPLY_BIT) != lie->type) return FAKE_PASS;
    return lie->tell(reply, body);
}

static souk_status ignore_block(void *ctx, const struct souk_scan_block *block)
{
    (void)ctx, (void)block;
    return SOUK_OK;
}

/* Uses every type of request; returns the first status that is not SOUK_OK. */
static souk_status use_all(struct souk_client *client)
{
    uint64_t keys[20];
    float rows[40] = {0};
    uint8_t found[20];
    for (uint32_t i = 0; i < 20; i++) keys[i] = i * 3;
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "item", 2);
    uint32_t table;
    souk_status status = souk_client_open_table(client, &spec, &table);
    if (status != SOUK_OK) return status;
    souk_ticket ticket;
    for (uint32_t i = 0; i < 40; i++) rows[i] = (float)i + 1; // nothing that LZ4 would take
    struct souk_push push = {
        .table = table, .num_keys = 20, .keys = keys, .rows = rows, .mode = SOUK_PUSH_ASSIGN};
    status = souk_client_push(client, &push, 1, &ticket);
    if (status == SOUK_OK) status = souk_client_wait(client, ticket);
    if (status != SOUK_OK) return status;
    struct souk_pull pull = {table, 20, keys, rows, found, false};
    status = souk_client_pull(client, &pull, 1, &ticket);
    if (status == SOUK_OK) status = souk_client_wait(client, ticket);
    if (status != SOUK_OK) return status;
    struct souk_server_info info;
    status = souk_client_server_info(client, 0, &info);
    return status == SOUK_OK ? souk_client_scan(client, table, false, ignore_block, NULL) : status;
}

/* With one shard rows are decoded in place, with two they are scattered: both must check. */
static void check_lie(const struct lie *lie, uint32_t num_servers)
{
    struct fake_cluster cluster;
    fake_cluster_init(&cluster, num_servers);
    union {
        const struct lie *lie;
        void *ctx;
    } same = {.lie = lie};
    cluster.shard_options.hooks = (struct fake_hooks){.on_reply = tell, .ctx = same.ctx};
    fake_cluster_start(&cluster);
    capture_log_begin();
    struct souk_client *client = NULL;
    souk_status status = client_create_on(cluster.net, &cluster.client_options, &client);
    if (status == SOUK_OK) status = use_all(client);
    if (status != lie->expected || (client && souk_client_error(client)[0] == '\0') ||
        !strstr(capture_log_text(), lie->text) || !strstr(capture_log_text(), "inproc://fake"))
        fail_msg("%s: %s, \"%s\"", lie->name, souk_status_name(status), capture_log_text());
    capture_log_end();
    souk_client_destroy(client);
    fake_cluster_fini(&cluster);
}

static void every_lie_ends_the_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(LIES) / sizeof(LIES[0]); i++) check_lie(&LIES[i], 1);
}

static void every_lie_ends_a_client_of_two_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(LIES) / sizeof(LIES[0]); i++) check_lie(&LIES[i], 2);
}

static enum fake_action truth(struct wire_header *reply, struct frame *body)
{
    (void)reply, (void)body;
    return FAKE_PASS;
}

/* The control: without a lie the same calls end well. */
static void the_truth_ends_nothing(void **state)
{
    (void)state;
    struct lie none = {.type = WIRE_PULL, .tell = truth};
    struct fake_cluster cluster;
    fake_cluster_init(&cluster, 1);
    cluster.shard_options.hooks = (struct fake_hooks){.on_reply = tell, .ctx = &none};
    fake_cluster_start(&cluster);
    struct souk_client *client = fake_cluster_client(&cluster);
    assert_int_equal(use_all(client), SOUK_OK);
    souk_client_destroy(client);
    fake_cluster_fini(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_truth_ends_nothing),
        cmocka_unit_test(every_lie_ends_the_client),
        cmocka_unit_test(every_lie_ends_a_client_of_two_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
