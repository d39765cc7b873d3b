/* fake_cluster.c - see fake_cluster.h. */
#include "tests/support/fake_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/client/client.h"

static const char *const NAMES[FAKE_SERVERS_MAX] = {"inproc://fake0", "inproc://fake1",
                                                    "inproc://fake2", "inproc://fake3"};

void fake_cluster_init(struct fake_cluster *cluster, uint32_t num_servers)
{
    *cluster = (struct fake_cluster){.num_servers = num_servers};
    memcpy(cluster->addresses, NAMES, sizeof(NAMES));
    assert_int_equal(net_create(&cluster->net), SOUK_OK);
    cluster->client_options = (struct souk_client_options){
        .servers = cluster->addresses,
        .num_servers = num_servers,
        .job_epoch = 1,
        .client_id = 7,
        .timeout_ms = 5000,
        .retry_ms = 20,
    };
    cluster->shard_options = (struct fake_options){.net = cluster->net, .num_shards = 1};
}

void fake_cluster_start_one(struct fake_cluster *cluster, uint32_t idx, uint64_t incarnation)
{
    struct fake_options options = cluster->shard_options;
    options.address = cluster->addresses[idx];
    options.incarnation = incarnation;
    cluster->shards[idx] = fake_start(&options);
}

void fake_cluster_start(struct fake_cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->num_servers; i++) fake_cluster_start_one(cluster, i, 100 + i);
}

void fake_cluster_fini(struct fake_cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->num_servers; i++) fake_stop(cluster->shards[i]);
    net_destroy(cluster->net);
}

struct souk_client *fake_cluster_client(struct fake_cluster *cluster)
{
    struct souk_client *client = NULL;
    assert_int_equal(client_create_on(cluster->net, &cluster->client_options, &client), SOUK_OK);
    return client;
}

void must_pull(struct souk_client *client, const struct souk_pull *parts, uint32_t num_parts)
{
    souk_ticket ticket = 0;
    assert_int_equal(souk_client_pull(client, parts, num_parts, &ticket), SOUK_OK);
    assert_int_equal(souk_client_wait(client, ticket), SOUK_OK);
}

void must_push(struct souk_client *client, const struct souk_push *parts, uint32_t num_parts)
{
    souk_ticket ticket = 0;
    assert_int_equal(souk_client_push(client, parts, num_parts, &ticket), SOUK_OK);
    assert_int_equal(souk_client_wait(client, ticket), SOUK_OK);
}

uint32_t must_open(struct souk_client *client, const char *name, uint32_t dim)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, name, dim);
    uint32_t table = UINT32_MAX;
    assert_int_equal(souk_client_open_table(client, &spec, &table), SOUK_OK);
    return table;
}
