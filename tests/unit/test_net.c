/* Tests of common/net/net.h: the contract, over every transport. Those of libzmq against strangers
 * are in test_zsock.c. */
#include "common/net/net.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/support/cmocka.h"
#include "tests/support/net_rig.h"
#include "tests/support/temp.h"

static const char *address_of(void **state)
{
    return *state;
}

static void messages_go_there_and_back(void **state)
{
    struct net_rig rig;
    rig_start(&rig, address_of(state));
    const size_t sizes[] = {0, 1, 33, 4095, 4096, 5000, 70000, 3 << 20};
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct net_message message = {0};
        assert_int_equal(rig_send(rig.dialer, 0, sizes[i], i), SOUK_OK);
        assert_int_equal(net_listener_receive(rig.listener, RIG_DEADLINE_MS, &message), SOUK_OK);
        assert_true(rig_frame_is(message.body, sizes[i], i));
        // The same frames go back: one that came from the network can be sent again.
        assert_int_equal(
            net_listener_send(rig.listener, message.peer, message.header, message.body), SOUK_OK);
        assert_int_equal(net_dialer_receive(rig.dialer, RIG_DEADLINE_MS, &message), SOUK_OK);
        assert_int_equal(message.peer, 0);
        assert_true(rig_frame_is(message.header, 8, i));
        assert_true(rig_frame_is(message.body, sizes[i], i));
        net_message_fini(&message);
    }
    assert_int_equal(net_listener_num_dropped(rig.listener), 0);
    rig_stop(&rig);
}

static void receives_end_at_their_time(void **state)
{
    struct net_rig rig;
    struct net_message message;
    rig_start(&rig, address_of(state));
    uint64_t begin = clock_now_ns();
    assert_int_equal(net_listener_receive(rig.listener, 30, &message), SOUK_ETIMEOUT);
    assert_int_equal(net_dialer_receive(rig.dialer, 30, &message), SOUK_ETIMEOUT);
    assert_true(clock_now_ns() - begin >= 55 * 1000000ULL);
    assert_int_equal(net_listener_receive(rig.listener, 0, &message), SOUK_ETIMEOUT);
    assert_int_equal(net_dialer_receive(rig.dialer, 0, &message), SOUK_ETIMEOUT);
    rig_stop(&rig);
}

static void *wake(void *listener)
{
    net_listener_wake(listener);
    return NULL;
}

static void wake_ends_a_wait(void **state)
{
    struct net_rig rig;
    struct net_message message;
    pthread_t thread;
    rig_start(&rig, address_of(state));
    for (int i = 0; i < 200; i++) { // in some rounds the wait begins first, in some the wake
        assert_int_equal(pthread_create(&thread, NULL, wake, rig.listener), 0);
        assert_int_equal(net_listener_receive(rig.listener, -1, &message), SOUK_ESTOPPED);
        pthread_join(thread, NULL);
    }
    net_listener_wake(rig.listener); // ahead of the wait
    assert_int_equal(net_listener_receive(rig.listener, -1, &message), SOUK_ESTOPPED);
    assert_int_equal(net_listener_receive(rig.listener, 10, &message), SOUK_ETIMEOUT);
    assert_true(rig_ping(rig.dialer, 0, rig.listener));
    rig_stop(&rig);
}

static void full_queue_says_so_and_keeps_the_order(void **state)
{
    struct net_rig rig;
    rig_start(&rig, address_of(state));
    uint32_t num_sent = 0;
    struct frame *body = rig_frame(20000, 1);
    while (num_sent < 100000) {
        souk_status status =
            net_dialer_send(rig.dialer, 0, rig_frame(8, num_sent), frame_ref(body));
        if (status == SOUK_EAGAIN) break;
        assert_int_equal(status, SOUK_OK);
        num_sent++;
    }
    assert_in_range(num_sent, NET_QUEUE_MESSAGES, 99999); // bounded, but the kernel holds some too
    for (uint32_t i = 0; i < num_sent; i++) {
        struct net_message message = {0};
        assert_int_equal(net_listener_receive(rig.listener, RIG_DEADLINE_MS, &message), SOUK_OK);
        assert_true(rig_frame_is(message.header, 8, i));
        assert_int_equal(message.body->length, 20000);
        net_message_fini(&message);
    }
    frame_unref(body);
    assert_true(rig_ping(rig.dialer, 0, rig.listener)); // there is room again
    rig_stop(&rig);
}

static void sends_that_fail_take_their_references_too(void **state)
{
    struct net_rig rig;
    rig_start(&rig, address_of(state));
    struct frame *header = rig_frame(8, 1), *body = rig_frame(9000, 1);
    assert_int_equal(
        net_listener_send(rig.listener, 0x77777777, frame_ref(header), frame_ref(body)),
        SOUK_EPEER);
    assert_int_equal(header->num_refs, 1);
    assert_int_equal(body->num_refs, 1);

    capture_log_begin();
    struct frame *long_header = rig_frame(NET_HEADER_MAX + 1, 1);
    assert_int_equal(net_dialer_send(rig.dialer, 0, frame_ref(long_header), frame_ref(body)),
                     SOUK_EINVAL);
    assert_non_null(strstr(capture_log_text(), "4097 + 9000 bytes"));
    capture_log_end();
    assert_int_equal(body->num_refs, 1);
    frame_unref(long_header);
    frame_unref(header);
    frame_unref(body);
    rig_stop(&rig);
}

static void answer_to_a_gone_peer_fails(void **state)
{
    struct net_rig rig;
    struct net_message message = {0}, nothing;
    rig_start(&rig, address_of(state));
    assert_int_equal(rig_send(rig.dialer, 0, 10, 1), SOUK_OK);
    assert_int_equal(net_listener_receive(rig.listener, RIG_DEADLINE_MS, &message), SOUK_OK);
    net_dialer_destroy(rig.dialer);
    rig.dialer = NULL;

    uint64_t deadline_ms = clock_now_ms() + RIG_DEADLINE_MS;
    souk_status status = SOUK_OK;
    while (status != SOUK_EPEER && clock_now_ms() < deadline_ms) {
        status = net_listener_send(rig.listener, message.peer, frame_ref(message.header),
                                   frame_ref(message.body));
        assert_int_equal(net_listener_receive(rig.listener, 2, &nothing), SOUK_ETIMEOUT);
    }
    assert_int_equal(status, SOUK_EPEER);
    net_message_fini(&message);
    rig_stop(&rig);
}

// The channel is down until the listener comes, notices when it goes, and finds the next one.
static void channel_follows_its_listener(void **state)
{
    struct net_rig rig;
    uint32_t channel;
    rig_start(&rig, address_of(state));
    net_dialer_destroy(rig.dialer);
    net_listener_close(rig.listener);
    assert_int_equal(net_dialer_create(rig.net, &rig.dialer), SOUK_OK);
    assert_int_equal(net_dialer_connect(rig.dialer, rig.address, &channel), SOUK_OK);
    assert_false(net_dialer_is_up(rig.dialer, channel));
    assert_int_equal(net_dialer_send(rig.dialer, 0, rig_frame(8, 1), rig_frame(8, 1)), SOUK_EAGAIN);

    for (uint32_t round = 0; round < 3; round++) {
        assert_int_equal(net_dialer_num_losses(rig.dialer, 0), round);
        assert_int_equal(net_listen(rig.net, rig.address, &rig.listener), SOUK_OK);
        assert_true(rig_wait_up(rig.dialer, 0, true));
        assert_true(rig_ping(rig.dialer, 0, rig.listener));
        assert_int_equal(rig_send(rig.dialer, 0, 50000, 1), SOUK_OK); // nobody will take it
        net_listener_close(rig.listener);
        rig.listener = NULL;
        assert_true(rig_wait_up(rig.dialer, 0, false));
    }
    assert_int_equal(net_dialer_num_losses(rig.dialer, 0), 3);
    rig_stop(&rig);
}

static void slow_reader_blocks_nobody_else(void **state)
{
    struct net_rig rig;
    struct net_dialer *lazy;
    struct net_message message = {0};
    uint32_t channel;
    rig_start(&rig, address_of(state));
    assert_int_equal(net_dialer_create(rig.net, &lazy), SOUK_OK);
    assert_int_equal(net_dialer_connect(lazy, rig.address, &channel), SOUK_OK);
    assert_true(rig_wait_up(lazy, 0, true));
    assert_int_equal(rig_send(lazy, 0, 10, 1), SOUK_OK);
    assert_int_equal(net_listener_receive(rig.listener, RIG_DEADLINE_MS, &message), SOUK_OK);

    struct frame *body = rig_frame(100000, 1);
    souk_status status = SOUK_OK;
    int num_sent = 0;
    for (; status == SOUK_OK && num_sent < 100000; num_sent++)
        status = net_listener_send(rig.listener, message.peer, frame_ref(message.header),
                                   frame_ref(body));
    assert_int_equal(status, SOUK_EAGAIN);
    for (int i = 0; i < 50; i++) assert_true(rig_ping(rig.dialer, 0, rig.listener));
    frame_unref(body);
    net_message_fini(&message);
    net_dialer_destroy(lazy);
    assert_true(rig_ping(rig.dialer, 0, rig.listener));
    rig_stop(&rig);
}

static void taken_address_is_refused(void **state)
{
    struct net_rig rig;
    struct net_listener *second = NULL;
    rig_start(&rig, address_of(state));
    capture_log_begin();
    assert_int_equal(net_listen(rig.net, rig.address, &second), SOUK_EEXIST);
    assert_non_null(strstr(capture_log_text(), rig.address));
    capture_log_end();
    assert_true(rig_ping(rig.dialer, 0, rig.listener)); // the first one is not disturbed
    rig_stop(&rig);
}

// The peer number that a listener knows a channel by.
static uint64_t peer_of(struct net_rig *rig, struct net_dialer *dialer, uint32_t channel)
{
    struct net_message message = {0};
    assert_int_equal(rig_send(dialer, channel, 10, 0), SOUK_OK);
    assert_int_equal(net_listener_receive(rig->listener, RIG_DEADLINE_MS, &message), SOUK_OK);
    uint64_t peer = message.peer;
    net_message_fini(&message);
    return peer;
}

static void send_some(struct net_rig *rig, uint64_t peer, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(net_listener_send(rig->listener, peer, rig_frame(8, 0), rig_frame(8, 0)),
                         SOUK_OK);
}

// How often the channel changes while num_messages are received.
static int count_turns(struct net_dialer *dialer, int num_messages)
{
    int num_turns = 0;
    uint64_t last = UINT64_MAX;
    for (int i = 0; i < num_messages; i++) {
        struct net_message message = {0};
        assert_int_equal(net_dialer_receive(dialer, RIG_DEADLINE_MS, &message), SOUK_OK);
        num_turns += message.peer != last;
        last = message.peer;
        net_message_fini(&message);
    }
    return num_turns;
}

static void channels_take_turns(void **state)
{
    enum { NUM_EACH = 50 };
    struct net_rig rig;
    struct net_dialer *witness;
    uint32_t channel;
    rig_start(&rig, address_of(state));
    assert_int_equal(net_dialer_connect(rig.dialer, rig.address, &channel), SOUK_OK);
    assert_int_equal(channel, 1);
    assert_true(rig_wait_up(rig.dialer, 1, true));
    assert_int_equal(net_dialer_create(rig.net, &witness), SOUK_OK);
    assert_int_equal(net_dialer_connect(witness, rig.address, &channel), SOUK_OK);
    assert_true(rig_wait_up(witness, 0, true));
    uint64_t peers[] = {peer_of(&rig, rig.dialer, 0), peer_of(&rig, rig.dialer, 1)};
    uint64_t witness_peer = peer_of(&rig, witness, 0);
    assert_int_not_equal(peers[0], peers[1]);

    // Where the witness has its message, the ones before have arrived too, nearly always. An order
    // of arrival, which is what a transport in the process keeps, is fair as well.
    bool is_by_arrival = strncmp(rig.address, "inproc:", 7) == 0;
    int most_turns = 0;
    for (int round = 0; round < 10 && most_turns < NUM_EACH / 2; round++) {
        for (int i = 0; i < (is_by_arrival ? NUM_EACH : 1); i++)
            for (int c = 0; c < 2; c++) send_some(&rig, peers[c], is_by_arrival ? 1 : NUM_EACH);
        send_some(&rig, witness_peer, 1);
        assert_int_equal(count_turns(witness, 1), 1);
        int num_turns = count_turns(rig.dialer, 2 * NUM_EACH);
        if (num_turns > most_turns) most_turns = num_turns;
    }
    assert_in_range(most_turns, NUM_EACH / 2, 2 * NUM_EACH);
    net_dialer_destroy(witness);
    rig_stop(&rig);
}

static void one_end_may_go_with_messages_under_way(void **state)
{
    struct net_rig rig;
    rig_start(&rig, address_of(state));
    for (uint32_t i = 0; i < 40; i++) assert_int_equal(rig_send(rig.dialer, 0, 8192, i), SOUK_OK);
    struct net_message message = {0};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(net_listener_receive(rig.listener, RIG_DEADLINE_MS, &message), SOUK_OK);
        assert_int_equal(
            net_listener_send(rig.listener, message.peer, message.header, message.body), SOUK_OK);
    }
    rig_stop(&rig); // the sanitizer looks for what is left
}

struct echo {
    struct net_listener *listener;
    uint32_t num_messages;
};

static void *serve_echo(void *ctx)
{
    struct echo *echo = ctx;
    struct net_message message;
    souk_status status;
    while ((status = net_listener_receive(echo->listener, -1, &message)) == SOUK_OK) {
        echo->num_messages++;
        if (net_listener_send(echo->listener, message.peer, message.header, message.body) !=
            SOUK_OK)
            break;
    }
    return status == SOUK_ESTOPPED ? NULL : echo;
}

struct asker {
    struct net_dialer *dialer;
    uint32_t num_wrong;
};

enum { NUM_QUESTIONS = 600, QUESTION_WINDOW = 16 };

// Keeps a window of messages of many sizes under way and checks that answers come in order.
static void *ask(void *ctx)
{
    struct asker *asker = ctx;
    struct net_message message;
    asker->num_wrong = !rig_wait_up(asker->dialer, 0, true);
    for (uint32_t sent = 0, got = 0; got < NUM_QUESTIONS;) {
        if (sent < NUM_QUESTIONS && sent - got < QUESTION_WINDOW) {
            if (rig_send(asker->dialer, 0, sent * 37 % 20000, sent) != SOUK_OK) asker->num_wrong++;
            sent++;
            continue;
        }
        if (net_dialer_receive(asker->dialer, RIG_DEADLINE_MS, &message) != SOUK_OK)
            return asker->num_wrong++, NULL;
        if (!rig_frame_is(message.body, got * 37 % 20000, got)) asker->num_wrong++;
        net_message_fini(&message);
        got++;
    }
    return NULL;
}

static void threads_talk_at_once(void **state)
{
    enum { NUM_ASKERS = 3 };
    struct net_rig rig;
    struct asker askers[NUM_ASKERS] = {0};
    pthread_t threads[NUM_ASKERS], server;
    uint32_t channel;
    rig_start(&rig, address_of(state));
    struct echo echo = {.listener = rig.listener};
    assert_int_equal(pthread_create(&server, NULL, serve_echo, &echo), 0);
    for (int i = 0; i < NUM_ASKERS; i++) {
        assert_int_equal(net_dialer_create(rig.net, &askers[i].dialer), SOUK_OK);
        assert_int_equal(net_dialer_connect(askers[i].dialer, rig.address, &channel), SOUK_OK);
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < NUM_ASKERS; i++) {
        pthread_join(threads[i], NULL);
        net_dialer_destroy(askers[i].dialer);
        assert_int_equal(askers[i].num_wrong, 0);
    }
    net_listener_wake(rig.listener);
    void *failed;
    pthread_join(server, &failed);
    assert_null(failed);
    assert_int_equal(echo.num_messages, NUM_ASKERS * NUM_QUESTIONS);
    rig_stop(&rig);
}

static void bad_addresses_are_refused(void **state)
{
    (void)state;
    struct net *net;
    struct net_listener *listener;
    struct net_dialer *dialer;
    uint32_t channel;
    assert_int_equal(net_create(&net), SOUK_OK);
    assert_int_equal(net_dialer_create(net, &dialer), SOUK_OK);
    capture_log_begin();
    assert_int_equal(net_listen(net, "udp://1.2.3.4:5", &listener), SOUK_EINVAL);
    assert_int_equal(net_listen(net, "tcp://198.51.100.1:*", &listener), SOUK_EINVAL);
    assert_int_equal(net_dialer_connect(dialer, "tcp://127.0.0.1:*", &channel), SOUK_EINVAL);
    assert_int_equal(net_dialer_connect(dialer, "tcp://*:4000", &channel), SOUK_EINVAL);
    assert_int_equal(net_dialer_connect(dialer, "inproc://a", &channel), SOUK_OK);
    assert_int_equal(net_dialer_connect(dialer, "tcp://127.0.0.1:9", &channel), SOUK_EINVAL);
    assert_non_null(strstr(capture_log_text(), "\"udp://1.2.3.4:5\" does not begin with"));
    assert_non_null(strstr(capture_log_text(), "198.51.100.1"));
    capture_log_end();
    net_dialer_destroy(dialer);
    net_destroy(net);
    net_dialer_destroy(NULL);
    net_listener_close(NULL);
    net_destroy(NULL);
}

static int run_contract(const char *name, char *address)
{
#define ON(test) cmocka_unit_test_prestate(test, address)
    const struct CMUnitTest tests[] = {
        ON(messages_go_there_and_back),
        ON(receives_end_at_their_time),
        ON(wake_ends_a_wait),
        ON(full_queue_says_so_and_keeps_the_order),
        ON(sends_that_fail_take_their_references_too),
        ON(answer_to_a_gone_peer_fails),
        ON(channel_follows_its_listener),
        ON(slow_reader_blocks_nobody_else),
        ON(taken_address_is_refused),
        ON(channels_take_turns),
        ON(one_end_may_go_with_messages_under_way),
        ON(threads_talk_at_once),
    };
#undef ON
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    char inproc[] = "inproc://contract", tcp[] = "tcp://127.0.0.1:*", ipc[300];
    char *dir = temp_dir_create();
    snprintf(ipc, sizeof(ipc), "ipc://%s/s", dir);
    const struct CMUnitTest tests[] = {cmocka_unit_test(bad_addresses_are_refused)};
    int num_failed = run_contract("inproc", inproc);
    num_failed += run_contract("tcp", tcp);
    num_failed += run_contract("ipc", ipc);
    num_failed += cmocka_run_group_tests_name("any", tests, NULL, NULL);
    temp_dir_remove(dir);
    return num_failed;
}
