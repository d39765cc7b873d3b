/* Tests of a ZeroMQ listener against peers that are broken or mean harm. They speak over plain
 * sockets: ZMTP 3.0, https://rfc.zeromq.org/spec/23/. After each of them a client of ours goes on.
 */
#include "common/net/zsock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/net_rig.h"

/* ---- a peer made by hand ---- */

static void set_time_limits(int fd)
{
    struct timeval limit = {.tv_sec = RIG_DEADLINE_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static int peer_connect(const struct net_rig *rig)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)atoi(strrchr(rig->address, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    set_time_limits(fd);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

// False when the other end has closed.
static bool peer_write(int fd, const void *bytes, size_t length)
{
    for (size_t n = 0; n < length;) {
        ssize_t rc = send(fd, (const char *)bytes + n, length - n, MSG_NOSIGNAL);
        if (rc <= 0) return false;
        n += (size_t)rc;
    }
    return true;
}

static bool peer_read(int fd, size_t length)
{
    char bytes[64];
    assert_true(length <= sizeof(bytes));
    return recv(fd, bytes, length, MSG_WAITALL) == (ssize_t)length;
}

// True when the other end closes before the deadline.
static bool peer_is_closed(int fd)
{
    char bytes[256];
    ssize_t rc;
    do rc = recv(fd, bytes, sizeof(bytes), 0);
    while (rc > 0);
    return rc == 0 || errno == ECONNRESET;
}

// signature, version 3.0, mechanism NULL, not a server
static const uint8_t greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};

// A short command or message frame. flags: 1 more, 4 command.
static size_t put_frame(uint8_t *out, uint8_t flags, const void *bytes, size_t length)
{
    out[0] = flags;
    out[1] = (uint8_t)length;
    if (length > 0) memcpy(out + 2, bytes, length);
    return 2 + length;
}

static size_t put_ready(uint8_t *out, const void *identity, size_t identity_length)
{
    uint8_t body[128];
    size_t n = 0;
    memcpy(body,
           "\x05READY\x0bSocket-Type\0\0\0\x06"
           "DEALER\x08Identity\0\0\0",
           6 + 12 + 4 + 6 + 9 + 3);
    n += 6 + 12 + 4 + 6 + 9 + 3;
    body[n++] = (uint8_t)identity_length;
    if (identity_length > 0) memcpy(body + n, identity, identity_length);
    return put_frame(out, 4, body, n + identity_length);
}

static int peer_shake_hands_as(const struct net_rig *rig, const void *identity, size_t length)
{
    uint8_t ready[160];
    int fd = peer_connect(rig);
    assert_true(peer_write(fd, greeting, sizeof(greeting)));
    assert_true(peer_read(fd, 64));
    size_t n = put_ready(ready, identity, length);
    assert_true(peer_write(fd, ready, n));
    assert_true(peer_read(fd, 2)); // its READY begins
    return fd;
}

static int peer_shake_hands(const struct net_rig *rig)
{
    return peer_shake_hands_as(rig, "", 0);
}

/* ---- what must hold ---- */

static void start(struct net_rig *rig)
{
    rig_start(rig, "tcp://127.0.0.1:*");
}

// Takes in messages until num_dropped of them were dropped; none of them may be given to us.
static bool wait_dropped(struct net_rig *rig, uint64_t num_dropped)
{
    uint64_t deadline_ms = clock_now_ms() + RIG_DEADLINE_MS;
    struct net_message message;
    while (net_listener_num_dropped(rig->listener) < num_dropped && clock_now_ms() < deadline_ms)
        if (net_listener_receive(rig->listener, 5, &message) == SOUK_OK) {
            net_message_fini(&message);
            return false;
        }
    return net_listener_num_dropped(rig->listener) == num_dropped;
}

static long vm_kib(const char *field)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, field, strlen(field)) == 0) kib = atol(line + strlen(field));
    if (file) fclose(file);
    return kib;
}

static void handmade_peer_is_served(void **state)
{
    (void)state;
    struct net_rig rig;
    struct net_message message = {0};
    uint8_t bytes[64];
    start(&rig);
    int fd = peer_shake_hands(&rig);
    size_t n = put_frame(bytes, 1, "head", 4);
    n += put_frame(bytes + n, 0, "body", 4);
    assert_true(peer_write(fd, bytes, n));
    assert_int_equal(net_listener_receive(rig.listener, RIG_DEADLINE_MS, &message), SOUK_OK);
    assert_int_equal(message.header->length, 4);
    assert_memory_equal(message.header->bytes, "head", 4);
    assert_memory_equal(message.body->bytes, "body", 4);
    net_message_fini(&message);
    close(fd);
    rig_stop(&rig);
}

static void other_than_two_frames_are_dropped_and_counted(void **state)
{
    (void)state;
    struct net_rig rig;
    uint8_t bytes[1024];
    start(&rig);
    int fd = peer_shake_hands(&rig);
    for (uint32_t num_frames = 1, num_dropped = 0; num_frames <= 5; num_frames++) {
        if (num_frames == 2) continue;
        size_t n = 0;
        for (uint32_t i = 1; i <= num_frames; i++)
            n += put_frame(bytes + n, i < num_frames, "x", 1);
        assert_true(peer_write(fd, bytes, n));
        assert_true(wait_dropped(&rig, ++num_dropped));
        assert_true(rig_ping(rig.dialer, 0, rig.listener));
    }
    close(fd);
    rig_stop(&rig);
}

static void header_that_is_too_long_is_dropped(void **state)
{
    (void)state;
    struct net_rig rig;
    uint8_t bytes[9 + NET_HEADER_MAX + 1 + 3] = {3, 0, 0, 0, 0, 0, 0};
    start(&rig);
    int fd = peer_shake_hands(&rig);
    bytes[7] = (NET_HEADER_MAX + 1) >> 8; // a long frame, more follows: 8 bytes of length
    bytes[8] = (NET_HEADER_MAX + 1) & 255;
    put_frame(bytes + 9 + NET_HEADER_MAX + 1, 0, "b", 1);
    assert_true(peer_write(fd, bytes, sizeof(bytes)));
    assert_true(wait_dropped(&rig, 1));
    assert_true(rig_ping(rig.dialer, 0, rig.listener));
    close(fd);
    rig_stop(&rig);
}

static void peers_that_name_themselves_are_dropped(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t length;
    } identities[] = {{"a", 1}, {"abcde", 5}, {"\0\0\0\0\0\0", 6}, {"a long name of its own", 22}};
    struct net_rig rig;
    uint8_t bytes[64];
    start(&rig);
    for (uint32_t i = 0; i < sizeof(identities) / sizeof(identities[0]); i++) {
        int fd = peer_shake_hands_as(&rig, identities[i].bytes, identities[i].length);
        size_t n = put_frame(bytes, 1, "head", 4);
        n += put_frame(bytes + n, 0, "body", 4);
        assert_true(peer_write(fd, bytes, n));
        assert_true(wait_dropped(&rig, i + 1));
        close(fd);
    }
    assert_true(rig_ping(rig.dialer, 0, rig.listener));
    rig_stop(&rig);
}

static void long_train_of_frames_is_dropped(void **state)
{
    (void)state;
    enum { NUM_FRAMES = 100000, CHUNK = 1000 };
    struct net_rig rig;
    static uint8_t bytes[CHUNK * 3];
    start(&rig);
    int fd = peer_shake_hands(&rig);
    for (int i = 0; i < CHUNK; i++) put_frame(bytes + i * 3, 1, "x", 1);
    for (int i = 0; i < NUM_FRAMES / CHUNK; i++) assert_true(peer_write(fd, bytes, sizeof(bytes)));
    bytes[0] = 0;
    assert_true(peer_write(fd, bytes, 3));
    assert_true(wait_dropped(&rig, 1));
    assert_true(rig_ping(rig.dialer, 0, rig.listener));
    close(fd);
    rig_stop(&rig);
}

static void announced_monsters_are_refused(void **state)
{
    (void)state;
    const uint64_t lengths[] = {NET_BODY_MAX + 1, 3000000000, UINT64_C(1) << 62, INT64_MAX,
                                UINT64_MAX};
    struct net_rig rig;
    start(&rig);
    long before_kib = vm_kib("VmPeak:");
    for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint8_t bytes[3 + 9] = {1, 1, 'h', 2};
        for (int b = 0; b < 8; b++) bytes[4 + b] = (uint8_t)(lengths[i] >> (56 - 8 * b));
        int fd = peer_shake_hands(&rig);
        assert_true(peer_write(fd, bytes, sizeof(bytes)));
        assert_true(peer_is_closed(fd));
        close(fd);
    }
    assert_true(vm_kib("VmPeak:") - before_kib < 200 * 1024);
    assert_true(rig_ping(rig.dialer, 0, rig.listener));
    assert_int_equal(net_listener_num_dropped(rig.listener), 0);
    rig_stop(&rig);
}

static void silent_connections_are_closed(void **state)
{
    (void)state;
    enum { NUM_PEERS = 50 };
    int fds[NUM_PEERS];
    struct net_rig rig;
    start(&rig);
    for (int i = 0; i < NUM_PEERS; i++) {
        fds[i] = peer_connect(&rig);
        assert_true(peer_write(fds[i], greeting, (size_t)i));
    }
    assert_true(rig_ping(rig.dialer, 0, rig.listener));
    for (int i = 0; i < NUM_PEERS; i++) {
        assert_true(peer_is_closed(fds[i]));
        close(fds[i]);
    }
    assert_true(rig_ping(rig.dialer, 0, rig.listener));
    rig_stop(&rig);
}

static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    enum { NUM_PEERS = 2000 };
    struct net_rig rig;
    struct net_message message;
    struct rng rng;
    start(&rig);
    rng_init(&rng, 7, 1);
    for (int i = 0; i < NUM_PEERS; i++) {
        uint8_t bytes[400];
        size_t length = 1 + rng_below(&rng, sizeof(bytes));
        for (size_t b = 0; b < length; b++) bytes[b] = (uint8_t)rng_next_u32(&rng);
        if (i % 2)
            memcpy(bytes, greeting, length < 10 ? length : 10); // further than the first byte
        int fd = peer_connect(&rig);
        (void)peer_write(fd, bytes, length);
        close(fd);
        assert_int_equal(net_listener_receive(rig.listener, 0, &message), SOUK_ETIMEOUT);
        if (i % 200 == 0) assert_true(rig_ping(rig.dialer, 0, rig.listener));
    }
    assert_true(rig_ping(rig.dialer, 0, rig.listener));
    assert_int_equal(net_listener_num_dropped(rig.listener), 0);
    assert_int_equal(net_dialer_num_losses(rig.dialer, 0), 0);
    rig_stop(&rig);
}

// A message of ZMTP 1, which has no handshake: length, flags, bytes.
static void peers_without_a_handshake_are_refused(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 0, 5, 1, 'h', 'e', 'a', 'd', 5, 0, 'b', 'o', 'd', 'y'};
    struct net_rig rig;
    struct net_message message;
    start(&rig);
    int fd = peer_connect(&rig);
    assert_true(peer_write(fd, bytes, sizeof(bytes)));
    assert_true(peer_is_closed(fd));
    assert_int_equal(net_listener_receive(rig.listener, 0, &message), SOUK_ETIMEOUT);
    close(fd);
    rig_stop(&rig);
}

// libzmq reads 12 bytes, makes a queue for the peer, and reads on a moment later; by then the
// listener may be closing.
static void listener_closes_in_a_crowd(void **state)
{
    (void)state;
    enum { NUM_ROUNDS = 30, NUM_PEERS = 40 };
    static const uint8_t id_of_zmtp_1[200] = {100}; // its length, then flags
    for (int round = 0; round < NUM_ROUNDS; round++) {
        struct net_rig rig;
        int fds[NUM_PEERS];
        start(&rig);
        for (int i = 0; i < NUM_PEERS; i++) {
            fds[i] = peer_connect(&rig);
            bool is_old = i % 3 > 0;
            (void)peer_write(fds[i], is_old ? id_of_zmtp_1 : greeting, 64);
        }
        net_listener_close(rig.listener);
        rig.listener = NULL;
        for (int i = 0; i < NUM_PEERS; i++) {
            (void)peer_write(fds[i], id_of_zmtp_1, sizeof(id_of_zmtp_1));
            close(fds[i]);
        }
        rig_stop(&rig);
    }
}

// Two frames after a handshake are given on, whatever they are; what is in them is the caller's to
// check. Here it only has to live.
static void take_whatever_comes(struct net_rig *rig)
{
    struct net_message message;
    while (net_listener_receive(rig->listener, 0, &message) == SOUK_OK) {
        souk_status status =
            net_listener_send(rig->listener, message.peer, message.header, message.body);
        assert_true(status == SOUK_OK || status == SOUK_EPEER || status == SOUK_EAGAIN);
    }
}

static void mutated_handshakes_do_no_harm(void **state)
{
    (void)state;
    enum { NUM_PEERS = 2000 };
    struct net_rig rig;
    struct rng rng;
    uint8_t session[512];
    memcpy(session, greeting, sizeof(greeting));
    size_t length = sizeof(greeting);
    length += put_ready(session + length, "", 0);
    for (int i = 0; i < 10; i++) {
        length += put_frame(session + length, 1, "header", 6);
        length += put_frame(session + length, 0, "body", 4);
    }
    start(&rig);
    rng_init(&rng, 8, 1);
    for (int i = 0; i < NUM_PEERS; i++) {
        uint8_t bytes[sizeof(session)];
        memcpy(bytes, session, length);
        for (uint64_t m = 1 + rng_below(&rng, 4); m > 0; m--)
            bytes[rng_below(&rng, length)] = (uint8_t)rng_next_u32(&rng);
        int fd = peer_connect(&rig);
        (void)peer_write(fd, bytes, 1 + rng_below(&rng, length));
        close(fd);
        take_whatever_comes(&rig);
    }
    uint64_t deadline_ms = clock_now_ms() + RIG_DEADLINE_MS;
    bool is_served = false;
    while (!is_served && clock_now_ms() < deadline_ms) {
        take_whatever_comes(&rig); // strangers' messages may still come in between
        struct net_message message = {0};
        assert_int_equal(rig_send(rig.dialer, 0, 77, 5), SOUK_OK);
        while (!is_served && net_listener_receive(rig.listener, 100, &message) == SOUK_OK) {
            is_served = rig_frame_is(message.body, 77, 5);
            net_message_fini(&message);
        }
    }
    assert_true(is_served);
    rig_stop(&rig);
}

/* ---- against a server that is not what it should be ---- */

static void channel_to_a_stranger_is_never_up(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    set_time_limits(server);
    assert_int_equal(bind(server, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(server, 8), 0);

    struct net_rig rig = {0};
    struct net_message message;
    uint32_t channel;
    char text[64];
    snprintf(text, sizeof(text), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(net_create(&rig.net), SOUK_OK);
    assert_int_equal(net_dialer_create(rig.net, &rig.dialer), SOUK_OK);
    assert_int_equal(net_dialer_connect(rig.dialer, text, &channel), SOUK_OK);
    for (int i = 0; i < 3; i++) { // it comes again, with an ever longer pause
        int fd = accept(server, NULL, NULL);
        assert_true(fd >= 0);
        (void)peer_write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
        close(fd);
        assert_int_equal(net_dialer_receive(rig.dialer, 10, &message), SOUK_ETIMEOUT);
        assert_false(net_dialer_is_up(rig.dialer, channel));
    }
    assert_int_equal(net_dialer_num_losses(rig.dialer, channel), 0);
    close(server);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handmade_peer_is_served),
        cmocka_unit_test(other_than_two_frames_are_dropped_and_counted),
        cmocka_unit_test(header_that_is_too_long_is_dropped),
        cmocka_unit_test(peers_that_name_themselves_are_dropped),
        cmocka_unit_test(long_train_of_frames_is_dropped),
        cmocka_unit_test(announced_monsters_are_refused),
        cmocka_unit_test(silent_connections_are_closed),
        cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(peers_without_a_handshake_are_refused),
        cmocka_unit_test(listener_closes_in_a_crowd),
        cmocka_unit_test(mutated_handshakes_do_no_harm),
        cmocka_unit_test(channel_to_a_stranger_is_never_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
