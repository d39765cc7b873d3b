/* transport_zmq.c - tcp:// and ipc:// by libzmq. A listener is a ROUTER, a channel a DEALER with a
 * monitor that tells when its connection comes and goes.
 *
 * Waiting: libzmq's own poll asks every socket and enters the kernel several times a message, so
 * we wait on the sockets' descriptors ourselves. Such a descriptor tells that something has
 * *changed*; therefore each channel carries a mark "may have input" until it was found empty, and
 * we sleep only when no channel has it.
 *
 * Threads: as net.h says.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/transport.h"
#include "common/net/zsock.h"

struct listener {
    struct zsock_context *context;
    void *socket;
    char address[ZSOCK_ADDRESS_MAX]; // with the port that the system chose
    struct pollfd fds[2];            // of the socket, and an eventfd that a wake writes
    atomic_bool is_woken;            // what a wake says; the eventfd only ends the sleep
    _Atomic uint64_t num_dropped;
};

struct channel {
    void *socket;
    void *monitor;
    bool may_have_input; // false: nothing is there until the descriptor says so
    bool is_up;
    uint32_t num_losses;
};

struct dialer {
    struct zsock_context *context;
    struct channel *channels; // (num_channels)
    struct pollfd *fds;       // (num_channels, 2): socket, monitor
    size_t num_channels, channels_capacity, fds_capacity;
    size_t first; // channel to look at first, so that none waits behind a busy one
};

static souk_status context_create(void **context_out)
{
    struct zsock_context *context;
    souk_status status = zsock_context_create(&context);
    if (status == SOUK_OK) *context_out = context;
    return status;
}

static void context_destroy(void *context)
{
    zsock_context_destroy(context);
}

static uint64_t deadline_after(int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : clock_now_ms() + (uint64_t)timeout_ms;
}

// SOUK_OK: some descriptor is readable, or a signal came. SOUK_ETIMEOUT: nothing until then.
static souk_status wait_for_news(struct pollfd *fds, size_t num_fds, uint64_t deadline_ms)
{
    int timeout_ms = -1;
    if (deadline_ms != UINT64_MAX) {
        uint64_t now = clock_now_ms();
        timeout_ms = deadline_ms > now ? (int)(deadline_ms - now) : 0;
    }
    int rc = poll(fds, num_fds, timeout_ms);
    if (rc == 0) return SOUK_ETIMEOUT;
    if (rc > 0 || errno == EINTR) return SOUK_OK;
    return log_fail_errno(errno, "cannot wait for messages");
}

/* ---- listener ---- */

static souk_status listen_at(void *context, const char *address, void **listener_out)
{
    int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0) return log_fail_errno(errno, "%s: cannot make an event descriptor", address);
    struct listener *listener = mem_calloc(1, sizeof(*listener), "ZeroMQ listener");
    listener->context = context;
    souk_status status =
        zsock_listen(listener->context, address, &listener->socket, listener->address);
    if (status != SOUK_OK) {
        close(wake_fd);
        mem_free(listener);
        return status;
    }
    int socket_fd = zsock_descriptor(listener->socket);
    listener->fds[0] = (struct pollfd){.fd = socket_fd, .events = POLLIN};
    listener->fds[1] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
    *listener_out = listener;
    return SOUK_OK;
}

static void listener_close(void *opaque)
{
    struct listener *listener = opaque;
    zsock_listen_close(listener->context, listener->socket, listener->address);
    close(listener->fds[1].fd);
    mem_free(listener);
}

static const char *listener_address(const void *listener)
{
    return ((const struct listener *)listener)->address;
}

// A wake may come late, after its mark was taken: emptying the descriptor costs a turn, no more.
static void empty_wake_descriptor(const struct listener *listener)
{
    uint64_t count;
    if (listener->fds[1].revents) (void)!read(listener->fds[1].fd, &count, sizeof(count));
}

static souk_status listener_receive(void *opaque, int timeout_ms, struct net_message *message_out)
{
    struct listener *listener = opaque;
    uint64_t deadline_ms = deadline_after(timeout_ms);
    for (;;) {
        if (atomic_load_explicit(&listener->is_woken, memory_order_relaxed) &&
            atomic_exchange(&listener->is_woken, false))
            return SOUK_ESTOPPED;
        souk_status status = zsock_receive(listener->socket, true, message_out);
        if (status == SOUK_EPROTO) {
            atomic_fetch_add_explicit(&listener->num_dropped, 1, memory_order_relaxed);
            if (clock_now_ms() >= deadline_ms) return SOUK_ETIMEOUT; // a flood must not keep us
            continue;
        }
        if (status != SOUK_EAGAIN) return status;
        status = wait_for_news(listener->fds, 2, deadline_ms);
        if (status != SOUK_OK) return status;
        empty_wake_descriptor(listener);
    }
}

static souk_status listener_send(void *opaque, uint64_t peer, struct frame *header,
                                 struct frame *body)
{
    return zsock_send(((struct listener *)opaque)->socket, &peer, header, body);
}

static void listener_wake(void *opaque)
{
    struct listener *listener = opaque;
    uint64_t one = 1;
    atomic_store(&listener->is_woken, true);
    // It fails only where so many wakes wait that the descriptor is readable anyway.
    (void)!write(listener->fds[1].fd, &one, sizeof(one));
}

static uint64_t listener_num_dropped(const void *opaque)
{
    const struct listener *listener = opaque;
    return atomic_load_explicit(&listener->num_dropped, memory_order_relaxed);
}

/* ---- dialer ---- */

static souk_status dialer_create(void *context, void **dialer_out)
{
    struct dialer *dialer = mem_calloc(1, sizeof(*dialer), "ZeroMQ dialer");
    dialer->context = context;
    *dialer_out = dialer;
    return SOUK_OK;
}

static void dialer_destroy(void *opaque)
{
    struct dialer *dialer = opaque;
    for (size_t i = 0; i < dialer->num_channels; i++)
        zsock_connect_close(dialer->channels[i].socket, dialer->channels[i].monitor);
    mem_free(dialer->channels);
    mem_free(dialer->fds);
    mem_free(dialer);
}

static souk_status dialer_connect(void *opaque, const char *address, uint32_t *channel_out)
{
    struct dialer *dialer = opaque;
    struct channel channel = {.may_have_input = true};
    souk_status status = zsock_connect(dialer->context, address, &channel.socket, &channel.monitor);
    if (status != SOUK_OK) return status;

    size_t n = dialer->num_channels++;
    mem_reserve(&dialer->channels, &dialer->channels_capacity, n + 1, sizeof(channel), "channels");
    mem_reserve(&dialer->fds, &dialer->fds_capacity, 2 * (n + 1), sizeof(struct pollfd),
                "channels");
    dialer->channels[n] = channel;
    int socket_fd = zsock_descriptor(channel.socket);
    int monitor_fd = zsock_descriptor(channel.monitor);
    dialer->fds[2 * n] = (struct pollfd){.fd = socket_fd, .events = POLLIN};
    dialer->fds[2 * n + 1] = (struct pollfd){.fd = monitor_fd, .events = POLLIN};
    *channel_out = (uint32_t)n;
    return SOUK_OK;
}

static souk_status dialer_send(void *opaque, uint32_t channel, struct frame *header,
                               struct frame *body)
{
    struct dialer *dialer = opaque;
    dialer->channels[channel].may_have_input = true; // sending may take in the news of it
    return zsock_send(dialer->channels[channel].socket, NULL, header, body);
}

static void take_events(struct channel *channel)
{
    for (enum zsock_event event; (event = zsock_next_event(channel->monitor)) != ZSOCK_NO_EVENT;) {
        if (channel->is_up && event == ZSOCK_DISCONNECTED) channel->num_losses++;
        channel->is_up = event == ZSOCK_CONNECTED;
    }
}

// SOUK_EAGAIN: the channel is empty, and its mark is gone.
static souk_status take_from_channel(struct channel *channel, struct net_message *message_out)
{
    souk_status status = SOUK_EAGAIN;
    while (channel->may_have_input) {
        status = zsock_receive(channel->socket, false, message_out);
        if (status == SOUK_EPROTO) continue; // no server of ours: its silence will be noticed
        if (status != SOUK_EAGAIN) break;
        channel->may_have_input = false;
    }
    return status;
}

static souk_status take_from_any(struct dialer *dialer, struct net_message *message_out)
{
    for (size_t n = 0; n < dialer->num_channels; n++) {
        size_t i = (dialer->first + n) % dialer->num_channels;
        souk_status status = take_from_channel(&dialer->channels[i], message_out);
        if (status == SOUK_EAGAIN) continue;
        if (status == SOUK_OK) message_out->peer = i;
        dialer->first = i + 1;
        return status;
    }
    return SOUK_EAGAIN;
}

static souk_status dialer_receive(void *opaque, int timeout_ms, struct net_message *message_out)
{
    struct dialer *dialer = opaque;
    uint64_t deadline_ms = deadline_after(timeout_ms);
    for (;;) {
        souk_status status = take_from_any(dialer, message_out);
        if (status != SOUK_EAGAIN) return status;
        status = wait_for_news(dialer->fds, 2 * dialer->num_channels, deadline_ms);
        if (status != SOUK_OK) return status;
        for (size_t i = 0; i < dialer->num_channels; i++) {
            if (dialer->fds[2 * i].revents) dialer->channels[i].may_have_input = true;
            if (dialer->fds[2 * i + 1].revents) take_events(&dialer->channels[i]);
        }
    }
}

static bool dialer_is_up(void *opaque, uint32_t channel)
{
    struct dialer *dialer = opaque;
    take_events(&dialer->channels[channel]);
    return dialer->channels[channel].is_up;
}

static uint32_t dialer_num_losses(void *opaque, uint32_t channel)
{
    struct dialer *dialer = opaque;
    take_events(&dialer->channels[channel]);
    return dialer->channels[channel].num_losses;
}

const struct transport_ops transport_zmq = {
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
