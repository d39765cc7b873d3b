/* model_cluster.h - real servers within the test process and a client to them, for tests that save
 * and load models. Threads: one owner. */
#ifndef SOUK_TESTS_SUPPORT_MODEL_CLUSTER_H
#define SOUK_TESTS_SUPPORT_MODEL_CLUSTER_H

#include "common/net/net.h"
#include "server/server.h"
#include "worker/client/client.h"

enum { MODEL_SERVERS_MAX = 4 };

struct model_cluster {
    struct net *net;
    struct server *servers[MODEL_SERVERS_MAX];
    uint32_t num_servers;
    struct souk_client *client;
};

/* Servers of num_threads shards each; failures end the test. */
void model_cluster_start(struct model_cluster *cluster, uint32_t num_servers, uint32_t num_threads);
void model_cluster_stop(struct model_cluster *cluster); // a zeroed one is fine
/* One more client, destroyed by the caller. */
struct souk_client *model_cluster_client(struct model_cluster *cluster, uint32_t client_id);

#endif
