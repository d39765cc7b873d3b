/* Measures round trips between two threads of this process over each transport: how long one with
 * 64 bytes takes, and how many bytes a second go through with bodies of 256 KiB each way, one or
 * four at a time. Prints lines "BENCH name value". */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/net/net.h"
#include "tests/support/temp.h"

enum { SMALL_BYTES = 64, LARGE_BYTES = 256 * 1024, HEADER_BYTES = 60 };

static void *serve_echo(void *listener)
{
    struct net_message message;
    while (net_listener_receive(listener, -1, &message) == SOUK_OK)
        if (net_listener_send(listener, message.peer, message.header, message.body) != SOUK_OK)
            break;
    return NULL;
}

static bool send_one(struct net_dialer *dialer, size_t body_bytes)
{
    struct frame *header = frame_create(HEADER_BYTES), *body = frame_create(body_bytes);
    memset(header->bytes, 1, HEADER_BYTES);
    memset(body->bytes, 2, body_bytes); // as somebody who packs rows into it
    header->length = HEADER_BYTES;
    body->length = body_bytes;
    return net_dialer_send(dialer, 0, header, body) == SOUK_OK;
}

// Nanoseconds that num_trips take with `window` of them under way; 0 when something fails.
static uint64_t time_trips(struct net_dialer *dialer, size_t body_bytes, int num_trips, int window)
{
    uint64_t begin = clock_now_ns();
    struct net_message message;
    for (int sent = 0, got = 0; got < num_trips; got++) {
        for (; sent < num_trips && sent < got + window; sent++)
            if (!send_one(dialer, body_bytes)) return 0;
        if (net_dialer_receive(dialer, 10000, &message) != SOUK_OK) return 0;
        net_message_fini(&message);
    }
    return clock_now_ns() - begin;
}

static bool measure(struct net_dialer *dialer, const char *name)
{
    enum { NUM_SMALL = 5000, NUM_LARGE = 2000 };
    if (!time_trips(dialer, LARGE_BYTES, 200, 4)) return false; // warm up
    uint64_t small_ns = time_trips(dialer, SMALL_BYTES, NUM_SMALL, 1);
    uint64_t small64_ns = time_trips(dialer, SMALL_BYTES, 20 * NUM_SMALL, 64);
    uint64_t large_ns = time_trips(dialer, LARGE_BYTES, NUM_LARGE, 1);
    uint64_t large4_ns = time_trips(dialer, LARGE_BYTES, NUM_LARGE, 4);
    if (!small_ns || !small64_ns || !large_ns || !large4_ns) return false;
    double bytes = 2.0 * LARGE_BYTES * NUM_LARGE; // both ways
    printf("BENCH net_%s_64b_round_trip_us %.1f\n", name, (double)small_ns / NUM_SMALL / 1e3);
    printf("BENCH net_%s_64b_window64_per_s %.0f\n", name, 20e9 * NUM_SMALL / (double)small64_ns);
    printf("BENCH net_%s_256kib_gb_per_s %.2f\n", name, bytes / (double)large_ns);
    printf("BENCH net_%s_256kib_window4_gb_per_s %.2f\n", name, bytes / (double)large4_ns);
    return true;
}

static bool run(struct net *net, const char *name, const char *address)
{
    struct net_listener *listener;
    struct net_dialer *dialer = NULL;
    struct net_message message;
    uint32_t channel;
    pthread_t thread;
    bool is_done = false;
    if (net_listen(net, address, &listener) != SOUK_OK) return false;
    bool is_served = pthread_create(&thread, NULL, serve_echo, listener) == 0;
    if (is_served && net_dialer_create(net, &dialer) == SOUK_OK &&
        net_dialer_connect(dialer, net_listener_address(listener), &channel) == SOUK_OK) {
        for (int i = 0; i < 1000 && !net_dialer_is_up(dialer, channel); i++)
            if (net_dialer_receive(dialer, 10, &message) == SOUK_OK) net_message_fini(&message);
        is_done = measure(dialer, name);
    }
    net_listener_wake(listener);
    if (is_served) pthread_join(thread, NULL);
    net_dialer_destroy(dialer);
    net_listener_close(listener);
    return is_done;
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL; // one transport, to look at it with a profiler
    char *dir = temp_dir_create(), ipc[300];
    snprintf(ipc, sizeof(ipc), "ipc://%s/s", dir);
    const struct {
        const char *name, *address;
    } ways[] = {{"inproc", "inproc://bench"}, {"ipc", ipc}, {"tcp", "tcp://127.0.0.1:*"}};
    struct net *net;
    bool is_good = net_create(&net) == SOUK_OK;
    for (int i = 0; is_good && i < 3; i++)
        if (!only || strcmp(only, ways[i].name) == 0)
            is_good = run(net, ways[i].name, ways[i].address);
    if (is_good) net_destroy(net);
    temp_dir_remove(dir);
    return is_good ? 0 : 1;
}
