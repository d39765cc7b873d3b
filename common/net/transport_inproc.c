/* transport_inproc.c - messages between threads of one process, by pointer.
 *
 * It behaves like the network: queues are bounded, peers come and go, a channel may be made before
 * its listener. One lock guards everything of a context. It is held for a few pointer moves a
 * message, and a message is a batch of some thousand rows, so nobody waits for it; in return no
 * end has to fear that the other one goes away under its hands.
 *
 * Threads: as net.h says; all fields below are guarded by inproc.lock.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/transport.h"

struct message {
    struct message *next;
    struct net_message content; // peer: of the connection in requests, of the channel in replies
};

struct fifo {
    struct message *head, *tail; // both NULL when empty
};

struct inproc {
    pthread_mutex_t lock;
    struct listener *listeners; // list
    struct dialer *dialers;     // list
    struct message *spare;      // list of messages for reuse: sending allocates only at first
    uint64_t last_peer;         // numbers of connections are never used again
};

struct listener {
    struct inproc *inproc;
    struct listener *next;
    char *address;
    pthread_cond_t has_news;
    struct fifo requests;
    struct channel **peers; // (num_peers) connected, ascending by their peer number
    size_t num_peers, peers_capacity;
    bool is_woken;
};

struct channel {
    struct dialer *dialer;     // its owner
    struct listener *listener; // NULL while not connected
    char *address;
    uint64_t peer;         // number of the present connection
    uint32_t channel_idx;  // in dialer->channels
    uint32_t num_requests; // of this connection in the listener's queue, <= NET_QUEUE_MESSAGES
    uint32_t num_replies;  // of this channel in the dialer's queue, <= NET_QUEUE_MESSAGES
    uint32_t num_losses;   // connections that the listener ended
};

struct dialer {
    struct inproc *inproc;
    struct dialer *next;
    pthread_cond_t has_news;
    struct fifo replies;
    struct channel **channels; // (num_channels)
    size_t num_channels, channels_capacity;
};

/* ---- queues ---- */

static void fifo_push(struct inproc *inproc, struct fifo *fifo, struct net_message content)
{
    struct message *message = inproc->spare;
    if (message)
        inproc->spare = message->next;
    else
        message = mem_alloc(sizeof(*message), "inproc message");
    *message = (struct message){.content = content};
    if (fifo->tail)
        fifo->tail->next = message;
    else
        fifo->head = message;
    fifo->tail = message;
}

static bool fifo_pop(struct inproc *inproc, struct fifo *fifo, struct net_message *content_out)
{
    struct message *message = fifo->head;
    if (!message) return false;
    fifo->head = message->next;
    if (!fifo->head) fifo->tail = NULL;
    *content_out = message->content;
    message->next = inproc->spare;
    inproc->spare = message;
    return true;
}

static void fifo_drop_all(struct inproc *inproc, struct fifo *fifo)
{
    for (struct net_message content; fifo_pop(inproc, fifo, &content);) net_message_fini(&content);
}

/* ---- waiting ---- */

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct timespec deadline_after(int timeout_ms)
{
    uint64_t ns = clock_now_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000;
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
}

// False when the deadline has passed; a NULL deadline never does.
static bool wait_for_news(pthread_cond_t *condition, pthread_mutex_t *lock,
                          const struct timespec *deadline)
{
    if (!deadline) return pthread_cond_wait(condition, lock), true;
    return pthread_cond_timedwait(condition, lock, deadline) != ETIMEDOUT;
}

/* ---- connections ---- */

// The peer numbers of a listener ascend, so a binary search finds one. num_peers when it is gone.
static size_t find_peer(const struct listener *listener, uint64_t peer)
{
    size_t low = 0, high = listener->num_peers;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (listener->peers[middle]->peer < peer)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_found = low < listener->num_peers && listener->peers[low]->peer == peer;
    return is_found ? low : listener->num_peers;
}

static void connect_channel(struct channel *channel, struct listener *listener)
{
    mem_reserve(&listener->peers, &listener->peers_capacity, listener->num_peers + 1,
                sizeof(struct channel *), "inproc peers");
    channel->listener = listener;
    channel->peer = ++listener->inproc->last_peer;
    channel->num_requests = 0;
    listener->peers[listener->num_peers++] = channel;
}

static void disconnect_channel(struct channel *channel)
{
    struct listener *listener = channel->listener;
    if (!listener) return;
    size_t i = find_peer(listener, channel->peer);
    listener->num_peers--;
    memmove(listener->peers + i, listener->peers + i + 1,
            (listener->num_peers - i) * sizeof(listener->peers[0]));
    channel->listener = NULL;
}

static struct listener *find_listener(const struct inproc *inproc, const char *address)
{
    struct listener *listener = inproc->listeners;
    while (listener && strcmp(listener->address, address) != 0) listener = listener->next;
    return listener;
}

static void connect_waiting(struct inproc *inproc, struct listener *listener)
{
    for (struct dialer *dialer = inproc->dialers; dialer; dialer = dialer->next)
        for (size_t i = 0; i < dialer->num_channels; i++) {
            struct channel *channel = dialer->channels[i];
            if (!channel->listener && strcmp(channel->address, listener->address) == 0)
                connect_channel(channel, listener);
        }
}

/* ---- context ---- */

static souk_status context_create(void **context_out)
{
    struct inproc *inproc = mem_calloc(1, sizeof(*inproc), "inproc transport");
    pthread_mutex_init(&inproc->lock, NULL);
    *context_out = inproc;
    return SOUK_OK;
}

static void context_destroy(void *context)
{
    struct inproc *inproc = context;
    if (!inproc) return;
    while (inproc->spare) {
        struct message *next = inproc->spare->next;
        mem_free(inproc->spare);
        inproc->spare = next;
    }
    pthread_mutex_destroy(&inproc->lock);
    mem_free(inproc);
}

/* ---- listener ---- */

static souk_status listen_at(void *context, const char *address, void **listener_out)
{
    struct inproc *inproc = context;
    struct listener *listener = mem_calloc(1, sizeof(*listener), "inproc listener");
    listener->inproc = inproc;
    listener->address = mem_strdup(address);
    init_condition(&listener->has_news);

    pthread_mutex_lock(&inproc->lock);
    bool is_taken = find_listener(inproc, address) != NULL;
    if (!is_taken) {
        listener->next = inproc->listeners;
        inproc->listeners = listener;
        connect_waiting(inproc, listener);
    }
    pthread_mutex_unlock(&inproc->lock);
    if (!is_taken) {
        *listener_out = listener;
        return SOUK_OK;
    }
    pthread_cond_destroy(&listener->has_news);
    mem_free(listener->address);
    mem_free(listener);
    return log_fail(SOUK_EEXIST, "%s: this process listens there already; use another name",
                    address);
}

static void listener_close(void *opaque)
{
    struct listener *listener = opaque;
    struct inproc *inproc = listener->inproc;
    pthread_mutex_lock(&inproc->lock);
    struct listener **link = &inproc->listeners;
    while (*link != listener) link = &(*link)->next;
    *link = listener->next;
    for (size_t i = 0; i < listener->num_peers; i++) {
        listener->peers[i]->listener = NULL;
        listener->peers[i]->num_losses++;
    }
    fifo_drop_all(inproc, &listener->requests);
    pthread_mutex_unlock(&inproc->lock);

    pthread_cond_destroy(&listener->has_news);
    mem_free(listener->peers);
    mem_free(listener->address);
    mem_free(listener);
}

static const char *listener_address(const void *listener)
{
    return ((const struct listener *)listener)->address;
}

// Called with the lock. SOUK_EAGAIN: there is nothing.
static souk_status take_request(struct listener *listener, struct net_message *message_out)
{
    if (listener->is_woken) {
        listener->is_woken = false;
        return SOUK_ESTOPPED;
    }
    if (!fifo_pop(listener->inproc, &listener->requests, message_out)) return SOUK_EAGAIN;
    size_t i = find_peer(listener, message_out->peer);
    if (i < listener->num_peers) listener->peers[i]->num_requests--;
    return SOUK_OK;
}

static souk_status listener_receive(void *opaque, int timeout_ms, struct net_message *message_out)
{
    struct listener *listener = opaque;
    struct timespec deadline = deadline_after(timeout_ms);
    pthread_mutex_t *lock = &listener->inproc->lock;
    pthread_mutex_lock(lock);
    souk_status status = take_request(listener, message_out);
    while (status == SOUK_EAGAIN) {
        bool is_late = !wait_for_news(&listener->has_news, lock, timeout_ms < 0 ? NULL : &deadline);
        status = take_request(listener, message_out);
        if (status == SOUK_EAGAIN && is_late) status = SOUK_ETIMEOUT;
    }
    pthread_mutex_unlock(lock);
    return status;
}

static souk_status queue_reply(struct listener *listener, struct net_message content)
{
    size_t i = find_peer(listener, content.peer);
    if (i == listener->num_peers) return SOUK_EPEER;
    struct channel *channel = listener->peers[i];
    if (channel->num_replies == NET_QUEUE_MESSAGES) return SOUK_EAGAIN;
    channel->num_replies++;
    content.peer = channel->channel_idx;
    fifo_push(listener->inproc, &channel->dialer->replies, content);
    pthread_cond_signal(&channel->dialer->has_news);
    return SOUK_OK;
}

static souk_status listener_send(void *opaque, uint64_t peer, struct frame *header,
                                 struct frame *body)
{
    struct listener *listener = opaque;
    struct net_message content = {.peer = peer, .header = header, .body = body};
    pthread_mutex_lock(&listener->inproc->lock);
    souk_status status = queue_reply(listener, content);
    pthread_mutex_unlock(&listener->inproc->lock);
    if (status != SOUK_OK) net_message_fini(&content);
    return status;
}

static void listener_wake(void *opaque)
{
    struct listener *listener = opaque;
    pthread_mutex_lock(&listener->inproc->lock);
    listener->is_woken = true;
    pthread_cond_signal(&listener->has_news);
    pthread_mutex_unlock(&listener->inproc->lock);
}

// Frames are passed as they are: a message of a wrong shape cannot be sent.
static uint64_t listener_num_dropped(const void *listener)
{
    (void)listener;
    return 0;
}

/* ---- dialer ---- */

static souk_status dialer_create(void *context, void **dialer_out)
{
    struct inproc *inproc = context;
    struct dialer *dialer = mem_calloc(1, sizeof(*dialer), "inproc dialer");
    dialer->inproc = inproc;
    init_condition(&dialer->has_news);
    pthread_mutex_lock(&inproc->lock);
    dialer->next = inproc->dialers;
    inproc->dialers = dialer;
    pthread_mutex_unlock(&inproc->lock);
    *dialer_out = dialer;
    return SOUK_OK;
}

static void dialer_destroy(void *opaque)
{
    struct dialer *dialer = opaque;
    struct inproc *inproc = dialer->inproc;
    pthread_mutex_lock(&inproc->lock);
    struct dialer **link = &inproc->dialers;
    while (*link != dialer) link = &(*link)->next;
    *link = dialer->next;
    for (size_t i = 0; i < dialer->num_channels; i++) disconnect_channel(dialer->channels[i]);
    fifo_drop_all(inproc, &dialer->replies);
    pthread_mutex_unlock(&inproc->lock);

    for (size_t i = 0; i < dialer->num_channels; i++) {
        mem_free(dialer->channels[i]->address);
        mem_free(dialer->channels[i]);
    }
    pthread_cond_destroy(&dialer->has_news);
    mem_free(dialer->channels);
    mem_free(dialer);
}

static souk_status dialer_connect(void *opaque, const char *address, uint32_t *channel_out)
{
    struct dialer *dialer = opaque;
    struct inproc *inproc = dialer->inproc;
    struct channel *channel = mem_calloc(1, sizeof(*channel), "inproc channel");
    channel->dialer = dialer;
    channel->address = mem_strdup(address);

    pthread_mutex_lock(&inproc->lock);
    mem_reserve(&dialer->channels, &dialer->channels_capacity, dialer->num_channels + 1,
                sizeof(struct channel *), "inproc channels");
    channel->channel_idx = (uint32_t)dialer->num_channels;
    dialer->channels[dialer->num_channels++] = channel;
    struct listener *listener = find_listener(inproc, address);
    if (listener) connect_channel(channel, listener);
    pthread_mutex_unlock(&inproc->lock);
    *channel_out = channel->channel_idx;
    return SOUK_OK;
}

static souk_status queue_request(struct channel *channel, struct net_message content)
{
    struct listener *listener = channel->listener;
    if (!listener || channel->num_requests == NET_QUEUE_MESSAGES) return SOUK_EAGAIN;
    channel->num_requests++;
    content.peer = channel->peer;
    fifo_push(listener->inproc, &listener->requests, content);
    pthread_cond_signal(&listener->has_news);
    return SOUK_OK;
}

static souk_status dialer_send(void *opaque, uint32_t channel, struct frame *header,
                               struct frame *body)
{
    struct dialer *dialer = opaque;
    struct net_message content = {.header = header, .body = body};
    pthread_mutex_lock(&dialer->inproc->lock);
    souk_status status = queue_request(dialer->channels[channel], content);
    pthread_mutex_unlock(&dialer->inproc->lock);
    if (status != SOUK_OK) net_message_fini(&content);
    return status;
}

static souk_status dialer_receive(void *opaque, int timeout_ms, struct net_message *message_out)
{
    struct dialer *dialer = opaque;
    struct timespec deadline = deadline_after(timeout_ms);
    pthread_mutex_t *lock = &dialer->inproc->lock;
    pthread_mutex_lock(lock);
    bool is_there = fifo_pop(dialer->inproc, &dialer->replies, message_out), is_late = false;
    while (!is_there && !is_late) {
        is_late = !wait_for_news(&dialer->has_news, lock, timeout_ms < 0 ? NULL : &deadline);
        is_there = fifo_pop(dialer->inproc, &dialer->replies, message_out);
    }
    if (is_there) dialer->channels[message_out->peer]->num_replies--;
    pthread_mutex_unlock(lock);
    return is_there ? SOUK_OK : SOUK_ETIMEOUT;
}

static bool dialer_is_up(void *opaque, uint32_t channel)
{
    struct dialer *dialer = opaque;
    pthread_mutex_lock(&dialer->inproc->lock);
    bool is_up = dialer->channels[channel]->listener != NULL;
    pthread_mutex_unlock(&dialer->inproc->lock);
    return is_up;
}

static uint32_t dialer_num_losses(void *opaque, uint32_t channel)
{
    struct dialer *dialer = opaque;
    pthread_mutex_lock(&dialer->inproc->lock);
    uint32_t num_losses = dialer->channels[channel]->num_losses;
    pthread_mutex_unlock(&dialer->inproc->lock);
    return num_losses;
}

const struct transport_ops transport_inproc = {
    .context_create = context_create,
    .context_destroy = context_destroy,
    .listen = listen_at,
    .listener_close = listener_close,
    .listener_address = listener_address,
    .listener_receive = listener_receive,
    .listener_send = listener_send,
    .listener_wake = listener_wake,
    .listener_num_dropped = listener_num_dropped,
    .dialer_create = dialer_create,
    .dialer_destroy = dialer_destroy,
    .dialer_connect = dialer_connect,
    .dialer_send = dialer_send,
    .dialer_receive = dialer_receive,
    .dialer_is_up = dialer_is_up,
    .dialer_num_losses = dialer_num_losses,
};
