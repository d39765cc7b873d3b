/* lossy_relay.c - see lossy_relay.h. */
#include "tests/support/lossy_relay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/mem.h"

enum { PEERS_MAX = 8 };

struct lossy_relay {
    struct net_listener *listener; // for clients
    struct net_dialer *dialer;     // to the shard
    char *shard;
    uint64_t peers[PEERS_MAX]; // clients; the index is the channel of each
    uint32_t num_peers;
    uint32_t num_lost;
    uint32_t state; // of the draws
    pthread_t thread;
    _Atomic bool is_over;
};

/* How often this message arrives. */
static uint32_t draw_copies(struct lossy_relay *relay)
{
    relay->state = relay->state * 1664525 + 1013904223;
    uint32_t draw = relay->state >> 24;
    return draw < relay->num_lost ? 0 : draw < 2 * relay->num_lost ? 2 : 1;
}

static uint32_t channel_of(struct lossy_relay *relay, uint64_t peer)
{
    for (uint32_t i = 0; i < relay->num_peers; i++)
        if (relay->peers[i] == peer) return i;
    uint32_t channel;
    if (relay->num_peers == PEERS_MAX ||
        net_dialer_connect(relay->dialer, relay->shard, &channel) != SOUK_OK)
        abort();
    relay->peers[relay->num_peers++] = peer;
    return channel;
}

static void pass_request(struct lossy_relay *relay, struct net_message *message)
{
    for (uint32_t n = draw_copies(relay); n > 0; n--)
        (void)!net_dialer_send(relay->dialer, channel_of(relay, message->peer),
                               frame_ref(message->header), frame_ref(message->body));
    net_message_fini(message);
}

static void pass_reply(struct lossy_relay *relay, struct net_message *message)
{
    for (uint32_t n = draw_copies(relay); n > 0; n--)
        (void)!net_listener_send(relay->listener, relay->peers[message->peer],
                                 frame_ref(message->header), frame_ref(message->body));
    net_message_fini(message);
}

static void *run(void *ctx)
{
    struct lossy_relay *relay = ctx;
    while (!relay->is_over) {
        struct net_message message = {0};
        int wait_ms = relay->num_peers == 0; // there is nothing to receive from before a client
        if (net_listener_receive(relay->listener, wait_ms, &message) == SOUK_OK)
            pass_request(relay, &message);
        if (relay->num_peers > 0 && net_dialer_receive(relay->dialer, 1, &message) == SOUK_OK)
            pass_reply(relay, &message);
    }
    return NULL;
}

struct lossy_relay *lossy_relay_start(struct net *net, const char *address, const char *shard,
                                      uint32_t num_lost, uint32_t seed)
{
    struct lossy_relay *relay = mem_calloc(1, sizeof(*relay), "relay");
    relay->shard = mem_strdup(shard);
    relay->num_lost = num_lost;
    relay->state = seed;
    if (net_listen(net, address, &relay->listener) != SOUK_OK ||
        net_dialer_create(net, &relay->dialer) != SOUK_OK ||
        pthread_create(&relay->thread, NULL, run, relay) != 0)
        abort();
    return relay;
}

void lossy_relay_stop(struct lossy_relay *relay)
{
    if (!relay) return;
    relay->is_over = true;
    pthread_join(relay->thread, NULL);
    net_dialer_destroy(relay->dialer);
    net_listener_close(relay->listener);
    mem_free(relay->shard);
    mem_free(relay);
}
