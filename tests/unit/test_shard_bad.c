/* Tests of server/shard.h against requests that are wrong: each is answered with an error (or not
 * at all, where nobody could be answered), changes nothing, and leaves the shard at work. */
#include <math.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/bytes/codec.h"
#include "tests/support/cmocka.h"
#include "tests/support/shard_probe.h"

enum { DIM = 3, NUM_KEYS = 4 };

static struct probe probe; // too large for the stack
static uint32_t table, other_table;
static const uint64_t keys[NUM_KEYS] = {2, 5, 9, 1ULL << 40};
static const float rows[NUM_KEYS * DIM] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const float states[NUM_KEYS * DIM] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static int begin_limited(uint64_t max_memory_bytes)
{
    struct souk_table_spec spec;
    probe_start(&probe, max_memory_bytes);
    souk_table_spec_init(&spec, "user", DIM);
    spec.optimizer = SOUK_OPT_ADAGRAD;
    table = probe_open(&probe, &spec);
    memcpy(spec.name, "item", 5);
    other_table = probe_open(&probe, &spec);
    return probe_push(&probe, table, SOUK_PUSH_ASSIGN, 1, keys, NUM_KEYS, rows, DIM);
}

static int begin(void **state)
{
    (void)state;
    return begin_limited(0);
}

static int end(void **state)
{
    (void)state;
    probe_stop(&probe);
    return 0;
}

// The rows and the sequence are as begin() left them.
static void assert_unchanged(void)
{
    float pulled[NUM_KEYS * DIM];
    probe_pull(&probe, table, keys, NUM_KEYS, pulled, DIM);
    assert_memory_equal(pulled, rows, sizeof(rows));
    assert_int_equal(probe.reply.sequence, 1);
    probe_begin(&probe, WIRE_INFO);
    struct wire_info info;
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    assert_int_equal(wire_unpack_info(probe.body, probe.body_length, &info), SOUK_OK);
    assert_int_equal(info.num_rows, NUM_KEYS);
}

/* ---- one fault in an otherwise sound push of the second table and then of the first ---- */

static struct wire_section *second(struct probe_message *message)
{
    return &message->header.sections[1];
}

static void table_that_is_not_open(struct probe_message *message)
{
    second(message)->table = 2;
}
static void table_far_out(struct probe_message *message)
{
    second(message)->table = UINT32_MAX;
}
static void table_twice(struct probe_message *message)
{
    second(message)->table = other_table;
}
static void unknown_mode(struct probe_message *message)
{
    second(message)->flags |= 3u << WIRE_MODE_SHIFT;
}
static void one_key_more(struct probe_message *message)
{
    second(message)->num_keys++;
}
static void one_key_less(struct probe_message *message)
{
    second(message)->num_keys--;
}
static void many_keys(struct probe_message *message)
{
    second(message)->num_keys = WIRE_KEYS_MAX;
}
static void rows_too_short(struct probe_message *message)
{
    second(message)->row_bytes -= 4;
    message->length -= 4;
}
static void rows_behind_the_end(struct probe_message *message)
{
    second(message)->row_bytes += 4;
}
static void keys_behind_the_end(struct probe_message *message)
{
    second(message)->key_bytes += message->header.sections[0].key_bytes;
}
static void bytes_left_over(struct probe_message *message)
{
    message->length += 4;
}
static void rows_over_the_keys(struct probe_message *message)
{
    second(message)->key_bytes -= 8;
    second(message)->row_bytes += 8;
}
static void key_bytes_of_no_list(struct probe_message *message)
{
    second(message)->key_codec = CODEC_KEYS_DELTA_LZ4;
}
static void keys_out_of_order(struct probe_message *message)
{
    uint8_t *at = message->body + message->length - NUM_KEYS * (sizeof(uint64_t) + DIM * 4);
    memcpy(at, &keys[2], sizeof(uint64_t));
}
static void key_twice(struct probe_message *message)
{
    uint8_t *at = message->body + message->length - NUM_KEYS * (sizeof(uint64_t) + DIM * 4);
    memcpy(at, &keys[1], sizeof(uint64_t));
}
static void row_not_a_number(struct probe_message *message)
{
    const float bad = NAN;
    memcpy(message->body + message->length - 4, &bad, 4);
}
static void row_infinite(struct probe_message *message)
{
    const float bad = INFINITY;
    memcpy(message->body + message->length - 4, &bad, 4);
}
static void narrower_codec(struct probe_message *message)
{
    second(message)->row_codec = SOUK_CODEC_FP16;
}
static void rows_that_lz4_did_not_make(struct probe_message *message)
{
    second(message)->row_codec |= CODEC_ROWS_LZ4;
}
static void remembered_keys(struct probe_message *message)
{
    second(message)->digest = 1;
}
static void states_without_flag(struct probe_message *message)
{
    second(message)->row_bytes -= 8;
    second(message)->state_bytes = 8;
}
static void states_of_a_gradient(struct probe_message *message)
{
    second(message)->flags |= WIRE_HAS_STATES;
    second(message)->state_bytes = NUM_KEYS * DIM * 4;
    message->length += NUM_KEYS * DIM * 4;
}
static void set_lr(struct probe_message *message, float lr)
{
    memcpy(&second(message)->lr_bits, &lr, sizeof(lr));
}
static void negative_lr(struct probe_message *message)
{
    set_lr(message, -1);
}
static void infinite_lr(struct probe_message *message)
{
    set_lr(message, INFINITY);
}
static void lr_not_a_number(struct probe_message *message)
{
    set_lr(message, NAN);
}
static void no_sequence(struct probe_message *message)
{
    message->header.sequence = 0;
}
static void damaged_body(struct probe_message *message)
{
    message->header.body_crc = 1;
    message->is_crc_kept = 1;
}
static void unknown_type(struct probe_message *message)
{
    message->header.type = 42;
}
static void reply_type(struct probe_message *message)
{
    message->header.type |= WIRE_REPLY_BIT;
}
static void type_far_out(struct probe_message *message)
{
    message->header.type = UINT32_MAX;
}
static void type_zero(struct probe_message *message)
{
    message->header.type = 0;
}
static void rows_in_a_pull(struct probe_message *message)
{
    message->header.type = WIRE_PULL;
}
static void scan_of_two(struct probe_message *message)
{
    message->header.type = WIRE_SCAN;
}
static void opens_two(struct probe_message *message)
{
    message->header.type = WIRE_OPEN_TABLE;
}

struct fault {
    const char *name;
    void (*make)(struct probe_message *message);
    int status;
};
#define FAULT(name, status) \
    {                       \
#name, name, status \
    }
static const struct fault faults[] = {
    FAULT(table_that_is_not_open, SOUK_ENOTFOUND),
    FAULT(table_far_out, SOUK_ENOTFOUND),
    FAULT(table_twice, SOUK_EPROTO),
    FAULT(unknown_mode, SOUK_EINVAL),
    FAULT(one_key_more, SOUK_EPROTO),
    FAULT(one_key_less, SOUK_EPROTO),
    FAULT(many_keys, SOUK_EPROTO),
    FAULT(rows_too_short, SOUK_EPROTO),
    FAULT(rows_behind_the_end, SOUK_EPROTO),
    FAULT(keys_behind_the_end, SOUK_EPROTO),
    FAULT(bytes_left_over, SOUK_EPROTO),
    FAULT(rows_over_the_keys, SOUK_EPROTO),
    FAULT(key_bytes_of_no_list, SOUK_EPROTO),
    FAULT(keys_out_of_order, SOUK_EPROTO),
    FAULT(key_twice, SOUK_EPROTO),
    FAULT(row_not_a_number, SOUK_EPROTO),
    FAULT(row_infinite, SOUK_EPROTO),
    FAULT(narrower_codec, SOUK_EPROTO),
    FAULT(rows_that_lz4_did_not_make, SOUK_EPROTO),
    FAULT(remembered_keys, SOUK_EPROTO),
    FAULT(states_without_flag, SOUK_EPROTO),
    FAULT(states_of_a_gradient, SOUK_EPROTO),
    FAULT(negative_lr, SOUK_EINVAL),
    FAULT(infinite_lr, SOUK_EINVAL),
    FAULT(lr_not_a_number, SOUK_EINVAL),
    FAULT(no_sequence, SOUK_EPROTO),
    FAULT(damaged_body, SOUK_EPROTO),
    FAULT(unknown_type, SOUK_EPROTO),
    FAULT(reply_type, SOUK_EPROTO),
    FAULT(type_far_out, SOUK_EPROTO),
    FAULT(type_zero, SOUK_EPROTO),
    FAULT(rows_in_a_pull, SOUK_EPROTO),
    FAULT(scan_of_two, SOUK_ENOTFOUND),
    FAULT(opens_two, SOUK_EPROTO),
};
#undef FAULT

// Of new rows in the other table, then of changes to those that are there.
static struct probe_message *begin_sound_push(void)
{
    struct probe_message *message = probe_begin(&probe, WIRE_PUSH);
    message->header.sequence = 2;
    probe_add(&probe, other_table, keys, NUM_KEYS, rows, NUM_KEYS * DIM, NULL, 0);
    probe_add(&probe, table, keys, NUM_KEYS, rows, NUM_KEYS * DIM, NULL, 0);
    return message;
}

static void faulty_push_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        faults[i].make(begin_sound_push());
        int status = probe_ask(&probe);
        if (status != faults[i].status)
            fail_msg("%s: %s", faults[i].name, souk_status_name((souk_status)status));
        assert_true(probe.body_length > 10); // it says why
        assert_unchanged();
    }
    begin_sound_push(); // without a fault it is taken
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    assert_int_equal(probe.reply.sequence, 2);
}

static void infinite_states_are_refused(void **state)
{
    (void)state;
    float bad[NUM_KEYS * DIM];
    memcpy(bad, states, sizeof(bad));
    for (int turn = 0; turn < 2; turn++) {
        probe_begin(&probe, WIRE_PUSH)->header.sequence = 2;
        bad[7] = turn == 0 ? INFINITY : 1;
        probe_add(&probe, table, keys, NUM_KEYS, rows, NUM_KEYS * DIM, bad, NUM_KEYS * DIM)
            ->flags |= SOUK_PUSH_ASSIGN << WIRE_MODE_SHIFT;
        assert_int_equal(probe_ask(&probe), turn == 0 ? SOUK_EPROTO : SOUK_OK);
        if (turn == 0) assert_unchanged();
    }
}

// 1,048,576 keys of 4096 floats would be 16 GiB.
static void pull_that_asks_for_too_much_is_refused(void **state)
{
    (void)state;
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "wide", SOUK_DIM_MAX);
    uint32_t wide = probe_open(&probe, &spec);
    static uint64_t many[20000];
    for (uint64_t i = 0; i < 20000; i++) many[i] = i;
    probe_begin(&probe, WIRE_PULL);
    probe_add(&probe, wide, many, 20000, NULL, 0, NULL, 0);
    assert_int_equal(probe_ask(&probe), SOUK_EINVAL);
    assert_non_null(strstr(probe_text(&probe), "fewer"));
    assert_unchanged();
}

// LZ4 makes 255 bytes of one: a small message must not ask for much memory.
static void push_that_unpacks_to_too_much_is_refused(void **state)
{
    (void)state;
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "wide", SOUK_DIM_MAX);
    uint32_t wide = probe_open(&probe, &spec);
    static uint64_t many[20000];
    static float zeros[200000];
    for (uint64_t i = 0; i < 20000; i++) many[i] = i;
    probe_begin(&probe, WIRE_PUSH)->header.sequence = 2;
    probe_add(&probe, wide, many, 20000, zeros, 200000, NULL, 0)->row_codec = CODEC_ROWS_LZ4;
    assert_int_equal(probe_ask(&probe), SOUK_EINVAL);
    assert_unchanged();
}

static void full_memory_refuses_a_push_in_all_tables(void **state)
{
    (void)state;
    probe_stop(&probe);
    assert_int_equal(begin_limited(8 << 20), SOUK_OK);
    enum { MANY = 30000 };
    static uint64_t many[MANY];
    static float zeros[MANY * DIM];
    for (uint64_t i = 0; i < MANY; i++) many[i] = 1000 + i;
    // The second section's table has room, then none: the first must not be touched either.
    uint64_t sequence = 2, first = 1000;
    int status = SOUK_OK;
    while (status == SOUK_OK) {
        assert_true(sequence < 100);
        for (uint64_t i = 0; i < MANY; i++) many[i] = first + i;
        probe_begin(&probe, WIRE_PUSH)->header.sequence = sequence;
        probe_add(&probe, table, keys, 2, rows, 2 * DIM, NULL, 0)->flags = SOUK_PUSH_ADD
                                                                           << WIRE_MODE_SHIFT;
        probe_add(&probe, other_table, many, MANY, zeros, MANY * DIM, NULL, 0);
        status = probe_ask(&probe);
        if (status == SOUK_OK) sequence++, first += MANY;
    }
    assert_int_equal(status, SOUK_ENOMEM);
    assert_int_equal(probe.reply.sequence, sequence - 1);
    assert_non_null(strstr(probe_text(&probe), "\"item\""));
    float pulled[DIM];
    probe_pull(&probe, table, keys, 1, pulled, DIM);
    assert_float_equal(pulled[0], (float)(sequence - 1), 1e-5); // 1, and 1 each time
    assert_int_equal(probe_push(&probe, table, SOUK_PUSH_ADD, sequence, keys, 2, rows, DIM),
                     SOUK_OK);
}

static void other_version_is_answered_with_both_versions(void **state)
{
    (void)state;
    struct probe_message *message = probe_begin(&probe, WIRE_PULL);
    message->header.version = 99;
    assert_int_equal(probe_ask(&probe), SOUK_EVERSION);
    assert_non_null(strstr(probe_text(&probe), "version 1 "));
    assert_non_null(strstr(probe_text(&probe), "version 99"));
    assert_unchanged();
}

static uint64_t num_bad_messages(void)
{
    struct wire_info info;
    probe_begin(&probe, WIRE_INFO);
    assert_int_equal(probe_ask(&probe), SOUK_OK);
    assert_int_equal(wire_unpack_info(probe.body, probe.body_length, &info), SOUK_OK);
    return info.bad_messages;
}

static void random_headers_are_counted_and_harm_nothing(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 5, 0);
    for (int turn = 0; turn < 2000; turn++) {
        uint8_t bytes[256];
        uint32_t length = (uint32_t)rng_below(&rng, sizeof(bytes));
        for (uint32_t i = 0; i < length; i++) bytes[i] = (uint8_t)rng_next_u32(&rng);
        probe_send_raw(&probe, bytes, length, bytes, length / 2);
        if (turn % 50 == 0) assert_unchanged(); // also empties the queues
    }
    assert_unchanged();
    assert_true(num_bad_messages() >= 1900);
}

// A sound push with some bytes of its header changed: nothing but what it says may happen.
static void mutated_headers_never_crash(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 6, 0);
    for (int turn = 0; turn < 5000; turn++) {
        uint8_t bytes[WIRE_HEADER_MAX];
        struct probe_message *message = begin_sound_push();
        size_t length = wire_pack_header(&message->header, bytes);
        for (uint64_t i = rng_below(&rng, 4) + 1; i > 0; i--)
            bytes[rng_below(&rng, length)] = (uint8_t)rng_next_u32(&rng);
        probe_send_raw(&probe, bytes, length, message->body, message->length);
        if (turn % 50 == 0) {
            probe_begin(&probe, WIRE_HELLO);
            assert_int_equal(probe_ask(&probe), SOUK_OK);
        }
    }
    probe_begin(&probe, WIRE_HELLO);
    assert_int_equal(probe_ask(&probe), SOUK_OK);
}

#define SHARD_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARD_TEST(faulty_push_is_refused_and_changes_nothing),
        SHARD_TEST(infinite_states_are_refused),
        SHARD_TEST(pull_that_asks_for_too_much_is_refused),
        SHARD_TEST(push_that_unpacks_to_too_much_is_refused),
        SHARD_TEST(full_memory_refuses_a_push_in_all_tables),
        SHARD_TEST(other_version_is_answered_with_both_versions),
        SHARD_TEST(random_headers_are_counted_and_harm_nothing),
        SHARD_TEST(mutated_headers_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
