/* Tests of server/server.h: addresses of several shards, ports after a restart, what is refused. */
#include <stdio.h>
#include <string.h>

#include "common/bytes/wire.h"
#include "server/server.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

enum { DEADLINE_MS = 10000 };

static struct net *net;

static int begin(void **state)
{
    (void)state;
    capture_log_begin();
    return net_create(&net) == SOUK_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    net_destroy(net);
    capture_log_end();
    return 0;
}

static struct server_options make_options(const char *address, uint32_t num_threads)
{
    return (struct server_options){.net = net, .address = address, .num_threads = num_threads};
}

static struct server *must_start(const struct server_options *options)
{
    struct server *server = NULL;
    assert_int_equal(server_start(options, &server), SOUK_OK);
    return server;
}

// Says hello at an address; returns the incarnation.
static uint64_t greet(const char *address, struct wire_hello *hello_out)
{
    struct net_dialer *dialer;
    uint32_t channel;
    struct net_message reply = {0};
    struct wire_header header = {.version = WIRE_VERSION, .type = WIRE_HELLO};
    assert_int_equal(net_dialer_create(net, &dialer), SOUK_OK);
    assert_int_equal(net_dialer_connect(dialer, address, &channel), SOUK_OK);
    souk_status status = SOUK_EAGAIN; // while it connects
    for (int i = 0; i < DEADLINE_MS / 10 && status != SOUK_OK; i++) {
        struct frame *frame = frame_create(WIRE_HEADER_MAX);
        frame->length = wire_pack_header(&header, frame->bytes);
        status = net_dialer_send(dialer, channel, frame, frame_create(0));
        if (status == SOUK_OK)
            status = net_dialer_receive(dialer, DEADLINE_MS, &reply);
        else
            assert_int_equal(net_dialer_receive(dialer, 10, &reply), SOUK_ETIMEOUT);
    }
    assert_int_equal(status, SOUK_OK);
    assert_int_equal(wire_unpack_header(reply.header->bytes, reply.header->length, &header),
                     SOUK_OK);
    assert_int_equal(wire_unpack_hello(reply.body->bytes, reply.body->length, hello_out), SOUK_OK);
    net_message_fini(&reply);
    net_dialer_destroy(dialer);
    return header.incarnation;
}

static void each_shard_has_an_address_and_knows_its_place(void **state)
{
    (void)state;
    struct server_options options = make_options("inproc://many", 3);
    struct server *server = must_start(&options);
    const char *addresses[3] = {"inproc://many", "inproc://many/1", "inproc://many/2"};
    uint64_t incarnation = 0;
    assert_string_equal(server_address(server), addresses[0]);
    assert_int_equal(server_num_shards(server), 3);
    for (uint16_t i = 0; i < 3; i++) {
        struct wire_hello hello;
        uint64_t own = greet(addresses[i], &hello);
        assert_int_equal(hello.num_shards, 3);
        assert_int_equal(hello.shard_idx, i);
        assert_int_equal(hello.ports[i], 0);
        assert_true(own != 0 && (i == 0 || own == incarnation)); // one server, one number
        incarnation = own;
    }
    server_stop(server);
}

static void ports_are_told_and_can_be_taken_again(void **state)
{
    (void)state;
    struct server_options options = make_options("tcp://127.0.0.1:*", 2);
    struct server *server = must_start(&options);
    uint16_t ports[WIRE_SHARDS_MAX];
    char address[128];
    struct wire_hello hello;
    memcpy(ports, server_ports(server), sizeof(ports));
    snprintf(address, sizeof(address), "%s", server_address(server));
    uint64_t incarnation = greet(address, &hello);
    assert_int_equal(hello.num_shards, 2);
    assert_int_equal(hello.ports[0], ports[0]);
    assert_int_equal(hello.ports[1], ports[1]);
    server_stop(server);

    options.ports = ports;
    server = must_start(&options);
    assert_string_equal(server_address(server), address);
    assert_memory_equal(server_ports(server), ports, 2 * sizeof(ports[0]));
    assert_true(greet(address, &hello) != incarnation);
    server_stop(server);
}

static void bad_options_are_refused_with_advice(void **state)
{
    (void)state;
    const struct {
        const char *address;
        uint32_t num_threads;
        souk_status status;
        const char *advice;
    } cases[] = {
        {"tcp://0.0.0.0:*", 1, SOUK_EDENIED, "--insecure"},
        {"tcp://*:*", 1, SOUK_EDENIED, "127.0.0.1"},
        {"127.0.0.1:4000", 1, SOUK_EINVAL, "tcp://"},
        {"inproc://a", 0, SOUK_EINVAL, "1..64"},
        {"inproc://a", 65, SOUK_EINVAL, "1..64"},
        {"ipc:///tmp/souk-two-shards", 2, SOUK_EINVAL, "tcp://"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct server_options options = make_options(cases[i].address, cases[i].num_threads);
        struct server *server = NULL;
        assert_int_equal(server_start(&options, &server), cases[i].status);
        assert_null(server);
        assert_non_null(strstr(capture_log_text(), cases[i].address));
        assert_non_null(strstr(capture_log_text(), cases[i].advice));
        capture_log_end();
        capture_log_begin();
    }
}

static void address_that_is_taken_is_refused_and_nothing_stays_behind(void **state)
{
    (void)state;
    struct server_options options = make_options("inproc://one/1", 1);
    struct server *in_the_way = must_start(&options), *server = NULL;
    options = make_options("inproc://one", 2); // its second shard wants that name
    assert_int_equal(server_start(&options, &server), SOUK_EEXIST);
    server_stop(in_the_way);
    server_stop(must_start(&options));
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(each_shard_has_an_address_and_knows_its_place),
        SERVER_TEST(ports_are_told_and_can_be_taken_again),
        SERVER_TEST(bad_options_are_refused_with_advice),
        SERVER_TEST(address_that_is_taken_is_refused_and_nothing_stays_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
