/* net.h - messages of two frames between clients and listeners, over ZeroMQ or within a process.
 *
 * A listener is a shard's end: it takes requests of many peers and answers them. A dialer is a
 * client's end: it holds one channel a shard and receives from all of them. Sends never block; a
 * full queue is SOUK_EAGAIN, and whoever sends decides what to do then. Messages of a channel
 * arrive in order or not at all; a broken connection may lose some, so clients keep what is not
 * answered.
 *
 *   address                what
 *   tcp://host:port        ZeroMQ; port "*" is chosen by the system
 *   ipc:///path            ZeroMQ over a Unix socket
 *   inproc://name          within this process; both ends share the struct net
 *
 * A host is a name, which is looked up as IPv4, an IPv4 address, or an IPv6 address in brackets; a
 * listener may say "*" for all. A dialer's channels are all of one transport.
 *
 * Threads: a net may be used by any thread; a listener and a dialer each belong to one.
 */
#ifndef SOUK_COMMON_NET_NET_H
#define SOUK_COMMON_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/net/frame.h"
#include "souk/status.h"

enum {
    NET_HEADER_MAX = 4096,                  // bytes of a header frame
    NET_BODY_MAX = (64 << 20) + (64 << 10), // bytes of a body frame; peers that send more are cut
    NET_HOST_MAX = 255,                     // bytes of a host's name, as in DNS
    NET_QUEUE_MESSAGES = 128,               // that wait in each direction of a connection
};

struct net; // context: one a process is enough
struct net_listener;
struct net_dialer;

/* A message in hand. Both frames are the receiver's: net_message_fini() gives them back. */
struct net_message {
    uint64_t peer; // listener: whom an answer goes to; dialer: channel number
    struct frame *header;
    struct frame *body; // never NULL; may be empty
};
void net_message_fini(struct net_message *message); // a zeroed one is fine

/* The transport is chosen by the first word of each address. On SOUK_OK the caller owns *net_out;
 * listeners and dialers are closed before it is destroyed. */
SOUK_MUST_CHECK souk_status net_create(struct net **net_out);
void net_destroy(struct net *net); // NULL is fine

/* Whether a listener there could be reached from other hosts ("tcp://0.0.0.0:1", a public address,
 * a name). */
bool net_address_is_exposed(const char *address);
/* SOUK_EINVAL with a static reason in *why_out for text that is no address. */
SOUK_MUST_CHECK souk_status net_address_check(const char *address, const char **why_out);
/* Looks the host of a tcp address up, which connecting does too, but in the background and without
 * a word. SOUK_ENOTFOUND: it has no address; host is its name, *why_out a static reason. May wait
 * for a name server. Nothing is logged. */
SOUK_MUST_CHECK souk_status net_address_resolve(const char *address, char host[NET_HOST_MAX + 1],
                                                const char **why_out);

/* SOUK_EINVAL for a bad address, SOUK_EEXIST when it is taken; both are logged. */
SOUK_MUST_CHECK souk_status net_listen(struct net *net, const char *address,
                                       struct net_listener **listener_out);
void net_listener_close(struct net_listener *listener); // NULL is fine
/* Where it listens, with the port that the system chose. Borrowed. */
const char *net_listener_address(const struct net_listener *listener);
/* Waits up to timeout_ms (< 0: for ever) for a message of two frames; others are dropped and
 * counted. SOUK_ETIMEOUT; SOUK_ESTOPPED after net_listener_wake(). */
SOUK_MUST_CHECK souk_status net_listener_receive(struct net_listener *listener, int timeout_ms,
                                                 struct net_message *message_out);
/* Takes one reference of each frame, also on failure. SOUK_EAGAIN: the peer's queue is full.
 * SOUK_EPEER: the peer is gone. SOUK_EINVAL, logged: a frame is longer than the limits above. */
SOUK_MUST_CHECK souk_status net_listener_send(struct net_listener *listener, uint64_t peer,
                                              struct frame *header, struct frame *body);
/* Ends the current or next wait of the listener's thread. Threads: any; async-signal-unsafe. */
void net_listener_wake(struct net_listener *listener);
uint64_t net_listener_num_dropped(const struct net_listener *listener); // messages of wrong shape

SOUK_MUST_CHECK souk_status net_dialer_create(struct net *net, struct net_dialer **dialer_out);
void net_dialer_destroy(struct net_dialer *dialer); // NULL is fine; drops what is not sent
/* Connects in the background, and again whenever the connection is lost. Channels count from 0.
 * SOUK_EINVAL, logged: a bad address, or one of another transport than the channels before. */
SOUK_MUST_CHECK souk_status net_dialer_connect(struct net_dialer *dialer, const char *address,
                                               uint32_t *channel_out);
/* Takes one reference of each frame, also on failure. SOUK_EAGAIN: queue full or not connected.
 * SOUK_EINVAL, logged: a frame is longer than the limits above. */
SOUK_MUST_CHECK souk_status net_dialer_send(struct net_dialer *dialer, uint32_t channel,
                                            struct frame *header, struct frame *body);
/* The next message of any channel (message_out->peer). SOUK_ETIMEOUT. */
SOUK_MUST_CHECK souk_status net_dialer_receive(struct net_dialer *dialer, int timeout_ms,
                                               struct net_message *message_out);
/* Whether the channel has a connection right now, as far as the transport knows. */
bool net_dialer_is_up(struct net_dialer *dialer, uint32_t channel);
/* How often a connection of this channel was lost. */
uint32_t net_dialer_num_losses(struct net_dialer *dialer, uint32_t channel);

#endif
