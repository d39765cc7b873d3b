/* Tests of server/shard.h: what a shard answers to sound requests. test_shard_bad.c has the others.
 */
#include <string.h>

#include "common/bytes/codec.h"
#include "server/initial.h"
#include "server/sequences.h"
#include "tests/support/cmocka.h"
#include "tests/support/shard_probe.h"

enum { DIM = 3 };

static struct probe probe; // too large for the stack
static const uint64_t keys[4] = {2, 5, 9, 1ULL << 40};
static const float rows[4 * DIM] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static struct souk_table_spec make_spec(const char *name)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, name, DIM);
    spec.lr = 0.5f;
    return spec;
}

static int begin(void **state)
{
    (void)state;
    probe_start(&probe, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    probe_stop(&probe);
    return 0;
}

static void assert_row(uint32_t table, uint64_t key, float a, float b, float c)
{
    float row[DIM];
    probe_pull(&probe, table, &key, 1, row, DIM);
    assert_float_equal(row[0], a, 1e-6);
    assert_float_equal(row[1], b, 1e-6);
    assert_float_equal(row[2], c, 1e-6);
}

static void hello_names_the_shards_of_the_server(void **state)
{
    (void)state;
    struct wire_hello hello;
    probe_begin(&probe, WIRE_HELLO);
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    assert_int_equal(wire_unpack_hello(probe.body, probe.body_length, &hello), SOUK_OK);
    assert_int_equal(hello.num_shards, 1);
    assert_int_equal(hello.shard_idx, 0);
}

static void table_is_opened_once_under_one_number(void **state)
{
    (void)state;
    struct souk_table_spec user = make_spec("user"), item = make_spec("item");
    item.optimizer = SOUK_OPT_ADAM;
    uint32_t a = probe_open(&probe, &user), b = probe_open(&probe, &item);
    assert_int_not_equal(a, b);
    assert_int_equal(probe.reply.sections[0].state_bytes, (2 * DIM + 1) * sizeof(float));
    assert_int_equal(probe_open(&probe, &item), b);
    assert_int_equal(probe_open(&probe, &user), a);
    assert_int_equal(probe.reply.sections[0].state_bytes, 0);
}

static void table_with_other_settings_is_refused_by_name(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("user"), other = spec;
    uint32_t table = probe_open(&probe, &spec);
    other.beta2 = 0.5f;
    struct probe_message *message = probe_begin(&probe, WIRE_OPEN_TABLE);
    probe_add(&probe, table, NULL, 0, NULL, 0, NULL, 0);
    message->length = wire_pack_spec(&other, message->body);
    assert_int_equal(probe_ask(&probe), SOUK_EEXIST);
    assert_non_null(strstr(probe_text(&probe), "beta2"));
    assert_non_null(strstr(probe_text(&probe), "\"user\""));
}

static void zero_of_either_sign_is_the_same_setting(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("user");
    spec.l1 = 0.0f;
    uint32_t table = probe_open(&probe, &spec);
    spec.l1 = -0.0f;
    assert_int_equal(probe_open(&probe, &spec), table);
}

static void seventeenth_table_is_refused(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("t");
    for (int i = 0; i < SOUK_TABLES_MAX; i++) {
        spec.name[1] = (char)('a' + i);
        probe_open(&probe, &spec);
    }
    spec.name[1] = 'z';
    struct probe_message *message = probe_begin(&probe, WIRE_OPEN_TABLE);
    probe_add(&probe, 0, NULL, 0, NULL, 0, NULL, 0);
    message->length = wire_pack_spec(&spec, message->body);
    assert_int_equal(probe_ask(&probe), SOUK_EDENIED);
}

static struct wire_info ask_info(void)
{
    struct wire_info info;
    probe_begin(&probe, WIRE_INFO);
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    assert_int_equal(wire_unpack_info(probe.body, probe.body_length, &info), SOUK_OK);
    return info;
}

static void pull_of_unknown_keys_gives_initial_values_and_makes_nothing(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("user");
    uint32_t table = probe_open(&probe, &spec);
    uint64_t memory_bytes = ask_info().memory_bytes;
    float pulled[4 * DIM], expected[DIM];
    probe_pull(&probe, table, keys, 4, pulled, DIM);
    for (int i = 0; i < 4; i++) {
        initial_row(&spec, initial_seed(&spec), keys[i], expected);
        assert_memory_equal(pulled + i * DIM, expected, sizeof(expected));
    }
    struct wire_info info = ask_info();
    assert_int_equal(info.num_rows, 0);
    assert_int_equal(info.memory_bytes, memory_bytes);
    assert_int_equal(info.bad_messages, 0);
    assert_int_equal(info.requests, 4);
}

static void pushed_rows_come_back(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("user");
    uint32_t table = probe_open(&probe, &spec);
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ASSIGN, 1, keys, 4, rows, DIM), SOUK_OK);
    assert_int_equal(probe.reply.sequence, 1);
    assert_int_equal(probe.reply.type, WIRE_PUSH | WIRE_REPLY_BIT);
    assert_row(table, 5, 4, 5, 6);
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ADD, 2, keys, 4, rows, DIM), SOUK_OK);
    assert_row(table, 5, 8, 10, 12);
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_GRADIENT, 3, keys, 4, rows, DIM), SOUK_OK);
    assert_row(table, 5, 6, 7.5f, 9); // lr 0.5
    assert_int_equal(ask_info().num_rows, 4);
}

static void learning_rate_of_a_push_counts(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("user");
    uint32_t table = probe_open(&probe, &spec);
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ASSIGN, 1, keys, 4, rows, DIM), SOUK_OK);
    float lr = 2;
    probe_begin(&probe, WIRE_PUSH)->header.sequence = 2;
    memcpy(&probe_add(&probe, table, keys, 4, rows, 4 * DIM, NULL, 0)->lr_bits, &lr, sizeof(lr));
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    assert_row(table, 5, -4, -5, -6);
}

static void one_message_carries_several_tables(void **state)
{
    (void)state;
    struct souk_table_spec user = make_spec("user"), item = make_spec("item");
    uint32_t tables[2] = {probe_open(&probe, &user), probe_open(&probe, &item)};
    probe_begin(&probe, WIRE_PUSH)->header.sequence = 1;
    for (int t = 0; t < 2; t++)
        probe_add(&probe, tables[t], keys + t, 2, rows + t, 2 * DIM, NULL, 0)->flags =
            SOUK_PUSH_ASSIGN << WIRE_MODE_SHIFT;
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    // With 2 + 2 bytes of bitmaps in front, rows of the second section are not aligned.
    probe_begin(&probe, WIRE_PULL);
    for (int t = 0; t < 2; t++)
        probe_add(&probe, tables[t], keys, 4, NULL, 0, NULL, 0)->flags = WIRE_HAS_FOUND;
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    assert_int_equal(probe.reply.num_sections, 2);
    const uint8_t *at = probe.body;
    for (int t = 0; t < 2; t++) {
        const struct wire_section *section = &probe.reply.sections[t];
        float row[DIM];
        assert_int_equal(section->table, tables[t]);
        assert_int_equal(section->key_bytes, 1);
        assert_int_equal(section->row_bytes, 4 * DIM * sizeof(float));
        assert_int_equal(*at, t == 0 ? 3 : 6); // keys 0 and 1, keys 1 and 2
        memcpy(row, at + 1 + DIM * sizeof(float), sizeof(row));
        assert_true(row[0] == (t == 0 ? 4 : 2));
        at += section->key_bytes + section->row_bytes;
    }
}

static void rows_travel_in_the_codec_of_the_table(void **state)
{
    (void)state;
    for (int codec = 0; codec < SOUK_NUM_CODECS; codec++) {
        struct souk_table_spec spec = make_spec("t");
        spec.name[1] = (char)('a' + codec);
        spec.pull_codec = (enum souk_codec)codec;
        uint32_t table = probe_open(&probe, &spec);
        assert_int_equal(
            probe_push(&probe, table, SOUK_PUSH_ASSIGN, (uint64_t)codec + 1, keys, 4, rows, DIM),
            SOUK_OK);
        probe_begin(&probe, WIRE_PULL);
        probe_add(&probe, table, keys, 4, NULL, 0, NULL, 0);
        assert_int_equal(probe_ask(&probe), SOUK_OK);
        const struct wire_section *section = &probe.reply.sections[0];
        float decoded[4 * DIM];
        struct codec_scratch scratch = {0};
        assert_int_equal(section->row_codec, codec);
        assert_int_equal(section->row_bytes, codec_rows_bytes((enum souk_codec)codec, 4, DIM));
        assert_int_equal(codec_decode_rows(section->row_codec, probe.body, section->row_bytes,
                                           decoded, 4, DIM, &scratch),
                         SOUK_OK);
        for (int i = 0; i < 4 * DIM; i++) assert_float_equal(decoded[i], rows[i], 0.05);
        codec_scratch_fini(&scratch);
        assert_row(table, 9, 7, 8, 9); // WIRE_EXACT
    }
}

static void duplicate_push_is_acknowledged_and_not_applied(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("user");
    uint32_t table = probe_open(&probe, &spec);
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ASSIGN, 1, keys, 4, rows, DIM), SOUK_OK);
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ADD, 2, keys, 4, rows, DIM), SOUK_OK);
    for (uint64_t sequence = 2; sequence >= 1; sequence--) {
        assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ADD, sequence, keys, 4, rows, DIM),
                         SOUK_OK);
        assert_int_equal(probe.reply.sequence, 2);
    }
    assert_row(table, 5, 8, 10, 12);
}

static void gap_is_answered_with_the_last_that_was_applied(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("user");
    uint32_t table = probe_open(&probe, &spec);
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ASSIGN, 2, keys, 4, rows, DIM),
                     SOUK_EAGAIN);
    assert_int_equal(probe.reply.sequence, 0);
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ASSIGN, 1, keys, 4, rows, DIM), SOUK_OK);
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ADD, 5, keys, 4, rows, DIM), SOUK_EAGAIN);
    assert_int_equal(probe.reply.sequence, 1);
    assert_row(table, 5, 4, 5, 6);
}

static void clients_have_streams_of_their_own(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("user");
    uint32_t table = probe_open(&probe, &spec);
    for (uint32_t client = 0; client < 200; client++) {
        struct probe_message *message = probe_begin(&probe, WIRE_PUSH);
        message->header.sequence = 1;
        message->header.client = client * 7919;
        probe_add(&probe, table, keys, 4, rows, 4 * DIM, NULL, 0)->flags = SOUK_PUSH_ADD
                                                                           << WIRE_MODE_SHIFT;
        assert_int_equal(probe_ask(&probe), SOUK_OK);
    }
    float row[DIM];
    probe_pull(&probe, table, keys, 1, row, DIM);
    assert_float_equal(row[0], 200, 0.06); // on top of the initial value
}

static void hello_tells_a_client_how_far_it_was(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("user");
    uint32_t table = probe_open(&probe, &spec);
    for (uint64_t sequence = 1; sequence <= 3; sequence++)
        assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ADD, sequence, keys, 4, rows, DIM),
                         SOUK_OK);
    probe_begin(&probe, WIRE_HELLO);
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    assert_int_equal(probe.reply.sequence, 3);
    probe_begin(&probe, WIRE_HELLO)->header.job_epoch = 2;
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    assert_int_equal(probe.reply.sequence, 0);
}

static void older_job_epoch_is_fenced_off(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec("user");
    uint32_t table = probe_open(&probe, &spec); // epoch 1
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ASSIGN, 1, keys, 4, rows, DIM), SOUK_OK);
    struct probe_message *message = probe_begin(&probe, WIRE_PULL);
    message->header.job_epoch = 2;
    probe_add(&probe, table, keys, 4, NULL, 0, NULL, 0);
    assert_int_equal(probe_ask(&probe), SOUK_OK);

    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ADD, 2, keys, 4, rows, DIM), SOUK_EDENIED);
    assert_non_null(strstr(probe_text(&probe), "fenced"));
    assert_non_null(strstr(probe_text(&probe), "a clock was wrong: set it, and restart"));
    assert_int_equal(probe.reply.sequence, 0);
    message = probe_begin(&probe, WIRE_PUSH);
    message->header.job_epoch = 2;
    message->header.sequence = 1; // streams begin anew
    probe_add(&probe, table, keys, 4, rows, 4 * DIM, NULL, 0)->flags = SOUK_PUSH_ADD
                                                                       << WIRE_MODE_SHIFT;
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    message = probe_begin(&probe, WIRE_PULL);
    message->header.job_epoch = 2;
    probe_add(&probe, table, keys, 4, NULL, 0, NULL, 0);
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    float first;
    memcpy(&first, probe.body, sizeof(first));
    assert_float_equal(first, 2, 1e-6); // assigned 1, added 1 once
}

static void scan_gives_all_rows_with_their_states(void **state)
{
    (void)state;
    enum { N = 20000, WIDE = 64 };
    static uint64_t many[N];
    static float values[100 * WIDE], states[100 * WIDE];
    struct souk_table_spec spec = make_spec("wide");
    spec.dim = spec.init_columns = WIDE;
    spec.optimizer = SOUK_OPT_MOMENTUM;
    uint32_t table = probe_open(&probe, &spec);
    for (uint32_t i = 0; i < N; i++) many[i] = i * 3;
    for (uint32_t i = 0; i < 100 * WIDE; i++) values[i] = 1 + (states[i] = (float)i);
    for (uint32_t first = 0; first < N; first += 100) {
        probe_begin(&probe, WIRE_PUSH)->header.sequence = first / 100 + 1;
        probe_add(&probe, table, many + first, 100, values, 100 * WIDE, states, 100 * WIDE)
            ->flags |= SOUK_PUSH_ASSIGN << WIRE_MODE_SHIFT;
        assert_int_equal(probe_ask(&probe), SOUK_OK);
    }
    static uint64_t scanned[N];
    static float row_values[N * WIDE];
    struct codec_scratch scratch = {0};
    uint32_t total = 0, num_blocks = 0;
    uint64_t cursor = 0;
    do {
        probe_begin(&probe, WIRE_SCAN)->header.clock = cursor;
        probe_add(&probe, table, NULL, 0, NULL, 0, NULL, 0)->flags = WIRE_HAS_STATES;
        assert_int_equal(probe_ask(&probe), SOUK_OK);
        const struct wire_section *section = &probe.reply.sections[0];
        uint32_t n = section->num_keys;
        assert_int_equal(codec_decode_keys((enum codec_keys)section->key_codec, probe.body,
                                           section->key_bytes, scanned, n, &scratch),
                         SOUK_OK);
        const uint8_t *at = probe.body + section->key_bytes;
        assert_int_equal(codec_decode_rows(section->row_codec, at, section->row_bytes, row_values,
                                           n, WIDE, &scratch),
                         SOUK_OK);
        at += section->row_bytes;
        assert_int_equal(section->state_bytes, n * WIDE * sizeof(float));
        assert_ptr_equal(at + section->state_bytes, probe.body + probe.body_length);
        for (uint32_t i = 0; i < n; i++) {
            float state_value;
            memcpy(&state_value, at + (size_t)i * WIDE * sizeof(float), sizeof(state_value));
            assert_int_equal(scanned[i], (uint64_t)(total + i) * 3);
            assert_true(row_values[(size_t)i * WIDE] == 1 + (float)((total + i) % 100 * WIDE));
            assert_true(state_value == (float)((total + i) % 100 * WIDE));
        }
        total += n;
        num_blocks++;
        cursor = probe.reply.clock;
    } while (cursor != 0);
    assert_int_equal(total, N);
    assert_true(num_blocks > 1);
    codec_scratch_fini(&scratch);
}

static void slow_peer_does_not_stop_the_shard(void **state)
{
    (void)state;
    struct net_dialer *slow;
    uint32_t channel;
    struct souk_table_spec spec = make_spec("user");
    spec.init = SOUK_INIT_ZERO;
    uint32_t table = probe_open(&probe, &spec);
    assert_int_equal(net_dialer_create(probe.net, &slow), SOUK_OK);
    assert_int_equal(net_dialer_connect(slow, "inproc://probed", &channel), SOUK_OK);
    uint8_t header[WIRE_HEADER_MAX];
    struct wire_header hello = {.version = WIRE_VERSION, .type = WIRE_HELLO};
    size_t length = wire_pack_header(&hello, header);
    for (int i = 0; i < 20 * NET_QUEUE_MESSAGES; i++) { // nobody takes the answers
        struct frame *frame = frame_create(length);
        memcpy(frame->bytes, header, length);
        frame->length = length;
        souk_status status = net_dialer_send(slow, channel, frame, frame_create(0));
        assert_true(status == SOUK_OK || status == SOUK_EAGAIN);
        if (i % 64 == 0) assert_row(table, 5, 0, 0, 0); // but others are served
    }
    net_dialer_destroy(slow);
}

static void number_of_clients_is_bounded(void **state)
{
    (void)state;
    struct sequences sequences = {0};
    assert_int_equal(sequences_enter(&sequences, 4), SOUK_OK);
    for (uint32_t client = 0; client < SEQUENCES_CLIENTS_MAX; client++) {
        assert_true(sequences_has_room(&sequences, client * 3));
        sequences_set(&sequences, client * 3, client + 1);
    }
    assert_false(sequences_has_room(&sequences, 1));
    assert_true(sequences_has_room(&sequences, 3));
    for (uint32_t client = 0; client < SEQUENCES_CLIENTS_MAX; client++)
        assert_int_equal(sequences_applied(&sequences, 4, client * 3), client + 1);
    assert_int_equal(sequences_applied(&sequences, 4, 1), 0);
    assert_int_equal(sequences_enter(&sequences, 3), SOUK_EDENIED);
    assert_int_equal(sequences_enter(&sequences, 5), SOUK_OK);
    assert_int_equal(sequences_applied(&sequences, 5, 3), 0);
    assert_true(sequences_has_room(&sequences, 1));
    sequences_fini(&sequences);
}

#define SHARD_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARD_TEST(hello_names_the_shards_of_the_server),
        SHARD_TEST(table_is_opened_once_under_one_number),
        SHARD_TEST(table_with_other_settings_is_refused_by_name),
        SHARD_TEST(zero_of_either_sign_is_the_same_setting),
        SHARD_TEST(seventeenth_table_is_refused),
        SHARD_TEST(pull_of_unknown_keys_gives_initial_values_and_makes_nothing),
        SHARD_TEST(pushed_rows_come_back),
        SHARD_TEST(learning_rate_of_a_push_counts),
        SHARD_TEST(one_message_carries_several_tables),
        SHARD_TEST(rows_travel_in_the_codec_of_the_table),
        SHARD_TEST(duplicate_push_is_acknowledged_and_not_applied),
        SHARD_TEST(gap_is_answered_with_the_last_that_was_applied),
        SHARD_TEST(clients_have_streams_of_their_own),
        SHARD_TEST(hello_tells_a_client_how_far_it_was),
        SHARD_TEST(older_job_epoch_is_fenced_off),
        SHARD_TEST(scan_gives_all_rows_with_their_states),
        SHARD_TEST(slow_peer_does_not_stop_the_shard),
        cmocka_unit_test(number_of_clients_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
