/* client.h - the parts of the client that the worker shares with souk/client.h.
 *
 * Threads: as souk/client.h.
 */
#ifndef SOUK_WORKER_CLIENT_CLIENT_H
#define SOUK_WORKER_CLIENT_CLIENT_H

#include "common/net/net.h"
#include "souk/client.h"

/* Like souk_client_create, over a net of the caller's (borrowed), which "inproc://" needs. */
SOUK_MUST_CHECK souk_status client_create_on(struct net *net,
                                             const struct souk_client_options *options,
                                             struct souk_client **client_out);

#endif
