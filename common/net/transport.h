/* transport.h - what a transport gives to net.c. Private to common/net.
 *
 * All functions are required; their contracts are those of net.h. net.c picks the transport by the
 * scheme of an address and hides that a dialer can hold channels of one transport only.
 */
#ifndef SOUK_COMMON_NET_TRANSPORT_H
#define SOUK_COMMON_NET_TRANSPORT_H

#include "common/net/net.h"

struct transport_ops {
    souk_status (*context_create)(void **context_out);
    void (*context_destroy)(void *context);

    souk_status (*listen)(void *context, const char *address, void **listener_out);
    void (*listener_close)(void *listener);
    const char *(*listener_address)(const void *listener);
    souk_status (*listener_receive)(void *listener, int timeout_ms,
                                    struct net_message *message_out);
    souk_status (*listener_send)(void *listener, uint64_t peer, struct frame *header,
                                 struct frame *body);
    void (*listener_wake)(void *listener);
    uint64_t (*listener_num_dropped)(const void *listener);

    souk_status (*dialer_create)(void *context, void **dialer_out);
    void (*dialer_destroy)(void *dialer);
    souk_status (*dialer_connect)(void *dialer, const char *address, uint32_t *channel_out);
    souk_status (*dialer_send)(void *dialer, uint32_t channel, struct frame *header,
                               struct frame *body);
    souk_status (*dialer_receive)(void *dialer, int timeout_ms, struct net_message *message_out);
    bool (*dialer_is_up)(void *dialer, uint32_t channel);
    uint32_t (*dialer_num_losses)(void *dialer, uint32_t channel);
};

extern const struct transport_ops transport_zmq;
extern const struct transport_ops transport_inproc;

#endif
