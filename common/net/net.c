/* net.c - see net.h. Picks the transport and checks what both of them rely on. */
#include "common/net/net.h"

#include <assert.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/transport.h"

static const struct transport_ops *const transports[] = {&transport_zmq, &transport_inproc};
enum { NUM_TRANSPORTS = sizeof(transports) / sizeof(transports[0]) };

struct net {
    void *contexts[NUM_TRANSPORTS]; // one a transport
};

struct net_listener {
    const struct transport_ops *ops;
    void *impl; // the transport's
};

struct net_dialer {
    struct net *net;
    const struct transport_ops *ops; // of the first channel; NULL before it
    void *impl;                      // the transport's; NULL before the first channel
};

void net_message_fini(struct net_message *message)
{
    frame_unref(message->header);
    frame_unref(message->body);
    *message = (struct net_message){0};
}

souk_status net_create(struct net **net_out)
{
    struct net *net = mem_calloc(1, sizeof(*net), "network");
    for (int t = 0; t < NUM_TRANSPORTS; t++) {
        souk_status status = transports[t]->context_create(&net->contexts[t]);
        if (status != SOUK_OK) {
            net_destroy(net);
            return status;
        }
    }
    *net_out = net;
    return SOUK_OK;
}

void net_destroy(struct net *net)
{
    if (!net) return;
    for (int t = 0; t < NUM_TRANSPORTS; t++)
        if (net->contexts[t]) transports[t]->context_destroy(net->contexts[t]);
    mem_free(net);
    frame_trim();
}

// Index of the transport, or -1 for what is no address.
static int pick_transport(const char *address)
{
    const char *why;
    if (net_address_check(address, &why) != SOUK_OK) {
        log_error("address \"%s\" %s", address, why);
        return -1;
    }
    return strncmp(address, "inproc:", 7) == 0;
}

// A frame over the limits would make the other end cut the connection, without a word.
static souk_status check_lengths(const struct frame *header, const struct frame *body)
{
    if (header->length <= NET_HEADER_MAX && body->length <= NET_BODY_MAX) return SOUK_OK;
    return log_fail(SOUK_EINVAL, "message of %zu + %zu bytes is not sent: at most %d + %d fit",
                    header->length, body->length, NET_HEADER_MAX, NET_BODY_MAX);
}

souk_status net_listen(struct net *net, const char *address, struct net_listener **listener_out)
{
    int t = pick_transport(address);
    if (t < 0) return SOUK_EINVAL;
    struct net_listener *listener = mem_calloc(1, sizeof(*listener), "listener");
    listener->ops = transports[t];
    souk_status status = listener->ops->listen(net->contexts[t], address, &listener->impl);
    if (status != SOUK_OK) {
        mem_free(listener);
        return status;
    }
    *listener_out = listener;
    return SOUK_OK;
}

void net_listener_close(struct net_listener *listener)
{
    if (!listener) return;
    listener->ops->listener_close(listener->impl);
    mem_free(listener);
}

const char *net_listener_address(const struct net_listener *listener)
{
    return listener->ops->listener_address(listener->impl);
}

souk_status net_listener_receive(struct net_listener *listener, int timeout_ms,
                                 struct net_message *message_out)
{
    return listener->ops->listener_receive(listener->impl, timeout_ms, message_out);
}

souk_status net_listener_send(struct net_listener *listener, uint64_t peer, struct frame *header,
                              struct frame *body)
{
    souk_status status = check_lengths(header, body);
    if (status == SOUK_OK) return listener->ops->listener_send(listener->impl, peer, header, body);
    frame_unref(header);
    frame_unref(body);
    return status;
}

void net_listener_wake(struct net_listener *listener)
{
    listener->ops->listener_wake(listener->impl);
}

uint64_t net_listener_num_dropped(const struct net_listener *listener)
{
    return listener->ops->listener_num_dropped(listener->impl);
}

souk_status net_dialer_create(struct net *net, struct net_dialer **dialer_out)
{
    struct net_dialer *dialer = mem_calloc(1, sizeof(*dialer), "dialer");
    dialer->net = net;
    *dialer_out = dialer;
    return SOUK_OK;
}

void net_dialer_destroy(struct net_dialer *dialer)
{
    if (!dialer) return;
    if (dialer->impl) dialer->ops->dialer_destroy(dialer->impl);
    mem_free(dialer);
}

souk_status net_dialer_connect(struct net_dialer *dialer, const char *address,
                               uint32_t *channel_out)
{
    int t = pick_transport(address);
    if (t < 0) return SOUK_EINVAL;
    if (strncmp(address, "tcp://*", 7) == 0 || address[strlen(address) - 1] == '*')
        return log_fail(SOUK_EINVAL, "address \"%s\" is for listening; name a host and a port",
                        address);
    if (dialer->ops && dialer->ops != transports[t])
        return log_fail(SOUK_EINVAL, "%s: inproc:// does not go with other servers of one client",
                        address);
    if (!dialer->impl) {
        souk_status status = transports[t]->dialer_create(dialer->net->contexts[t], &dialer->impl);
        if (status != SOUK_OK) return status;
        dialer->ops = transports[t];
    }
    return dialer->ops->dialer_connect(dialer->impl, address, channel_out);
}

souk_status net_dialer_send(struct net_dialer *dialer, uint32_t channel, struct frame *header,
                            struct frame *body)
{
    assert(dialer->impl);
    souk_status status = check_lengths(header, body);
    if (status == SOUK_OK) return dialer->ops->dialer_send(dialer->impl, channel, header, body);
    frame_unref(header);
    frame_unref(body);
    return status;
}

souk_status net_dialer_receive(struct net_dialer *dialer, int timeout_ms,
                               struct net_message *message_out)
{
    assert(dialer->impl);
    return dialer->ops->dialer_receive(dialer->impl, timeout_ms, message_out);
}

bool net_dialer_is_up(struct net_dialer *dialer, uint32_t channel)
{
    assert(dialer->impl);
    return dialer->ops->dialer_is_up(dialer->impl, channel);
}

uint32_t net_dialer_num_losses(struct net_dialer *dialer, uint32_t channel)
{
    assert(dialer->impl);
    return dialer->ops->dialer_num_losses(dialer->impl, channel);
}
