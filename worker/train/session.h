/* session.h - the servers that a verb works with, whichever way they run, and a client to them.
 *
 *   addresses given      they run already; connect
 *   under MPI            rank 0 starts cluster.servers souk-server processes on its host
 *   else                 cluster.servers servers as threads of this process, over inproc://
 *
 * Servers that a session started end with it. Creating one is collective.
 *
 * Threads: owned by the thread that created it.
 */
#ifndef SOUK_WORKER_TRAIN_SESSION_H
#define SOUK_WORKER_TRAIN_SESSION_H

#include "common/net/net.h"
#include "common/text/config.h"
#include "souk/client.h"
#include "worker/comm/comm.h"

/* Servers as threads. Given by main.c, so that the worker's code does not know the server's. */
struct local_server_ops {
    souk_status (*start)(struct net *net, const char *address, uint32_t num_threads,
                         void **server_out);
    void (*stop)(void *server);
};

struct session_options {
    const struct config *config;
    struct comm *comm;
    const struct local_server_ops *local;
    const char *server_program; // path of souk-server
    bool is_quiet;              // no topology on standard error (verbs other than train)
};

struct session;

/* Starts or finds servers, connects, prints the topology (rank 0), warns where it is slow (fewer
 * cores than threads, see topology.h) and refuses what cannot work (SOUK_ETOPOLOGY). SOUK_EPEER: a
 * server does not answer. On SOUK_OK the caller owns *session_out. */
SOUK_MUST_CHECK souk_status session_create(const struct session_options *options,
                                           struct session **session_out);
void session_destroy(struct session *session); // NULL is fine
struct souk_client *session_client(struct session *session);
/* "1 worker, 2 in-process servers, 2 shards", for results. Borrowed. */
const char *session_topology(const struct session *session);

#endif
