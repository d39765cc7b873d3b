/* fake_cluster.h - fake servers of one shard each and a client, over inproc, for tests.
 *
 * Threads: owned by the test.
 */
#ifndef SOUK_TESTS_SUPPORT_FAKE_CLUSTER_H
#define SOUK_TESTS_SUPPORT_FAKE_CLUSTER_H

#include "souk/client.h"
#include "tests/support/fake_shard.h"

enum { FAKE_SERVERS_MAX = 4 };

struct fake_cluster {
    struct net *net;
    struct fake_shard *shards[FAKE_SERVERS_MAX];
    const char *addresses[FAKE_SERVERS_MAX];
    uint32_t num_servers;
    struct souk_client_options client_options; // of fake_cluster_client(); a test may change them
    struct fake_options shard_options;
};

/* Sets up names and options only: nothing runs yet. Retries after 20 ms, gives up after 5 s. */
void fake_cluster_init(struct fake_cluster *cluster, uint32_t num_servers);
void fake_cluster_start(struct fake_cluster *cluster);
void fake_cluster_start_one(struct fake_cluster *cluster, uint32_t idx, uint64_t incarnation);
void fake_cluster_fini(struct fake_cluster *cluster); // clients are destroyed before

/* A client of all servers; the test fails when it cannot be made. */
struct souk_client *fake_cluster_client(struct fake_cluster *cluster);

/* Waits for a call: the test fails unless it and the ticket end well. */
void must_pull(struct souk_client *client, const struct souk_pull *parts, uint32_t num_parts);
void must_push(struct souk_client *client, const struct souk_push *parts, uint32_t num_parts);
uint32_t must_open(struct souk_client *client, const char *name, uint32_t dim);

#endif
