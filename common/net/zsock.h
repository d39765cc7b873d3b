/* zsock.h - libzmq's sockets in our terms: made, set up, and two frames in and out. Private to
 * common/net.
 *
 * Threads: a context may be used by any thread; a socket belongs to one.
 */
#ifndef SOUK_COMMON_NET_ZSOCK_H
#define SOUK_COMMON_NET_ZSOCK_H

#include "common/net/net.h"

struct zsock_context;

SOUK_MUST_CHECK souk_status zsock_context_create(struct zsock_context **context_out);
void zsock_context_destroy(struct zsock_context *context); // its sockets are closed before

/* A ROUTER that listens. On SOUK_OK the caller owns *socket_out. The address with the port that the
 * system chose is written to bound_out. SOUK_EEXIST, SOUK_EINVAL, SOUK_ESYS: logged. */
enum { ZSOCK_ADDRESS_MAX = 320 };
SOUK_MUST_CHECK souk_status zsock_listen(struct zsock_context *context, const char *address,
                                         void **socket_out, char bound_out[ZSOCK_ADDRESS_MAX]);
/* Returns when the address is free again. */
void zsock_listen_close(struct zsock_context *context, void *socket, const char *bound);

/* A DEALER that connects in the background, and a socket that reports about it. On SOUK_OK the
 * caller owns both. SOUK_EINVAL, SOUK_ESYS: logged. */
SOUK_MUST_CHECK souk_status zsock_connect(struct zsock_context *context, const char *address,
                                          void **socket_out, void **monitor_out);
void zsock_connect_close(void *socket, void *monitor);

enum zsock_event { ZSOCK_NO_EVENT, ZSOCK_CONNECTED, ZSOCK_DISCONNECTED };
/* The next report, without waiting. */
enum zsock_event zsock_next_event(void *monitor);

/* Becomes readable when something has changed: then receive until SOUK_EAGAIN, or until
 * ZSOCK_NO_EVENT, before waiting for it again. A send may take in the change too. */
int zsock_descriptor(void *socket);

/* The next message, without waiting. peer is set where has_id (a ROUTER's). SOUK_EAGAIN: there is
 * none. SOUK_EPROTO: one of a wrong shape was dropped. */
SOUK_MUST_CHECK souk_status zsock_receive(void *socket, bool has_id,
                                          struct net_message *message_out);
/* peer NULL: a DEALER's. Takes one reference of each frame, also on failure. SOUK_EAGAIN: the queue
 * is full or nobody is connected. SOUK_EPEER: that peer is gone. */
SOUK_MUST_CHECK souk_status zsock_send(void *socket, const uint64_t *peer, struct frame *header,
                                       struct frame *body);

#endif
