/* model_cluster.c - see model_cluster.h. */
#include "tests/support/model_cluster.h"

#include "tests/support/cmocka.h"

struct souk_client *model_cluster_client(struct model_cluster *cluster, uint32_t client_id)
{
    const char *addresses[MODEL_SERVERS_MAX];
    for (uint32_t i = 0; i < cluster->num_servers; i++)
        addresses[i] = server_address(cluster->servers[i]);
    struct souk_client_options options = {
        .servers = addresses, .num_servers = cluster->num_servers, .client_id = client_id};
    struct souk_client *client = NULL;
    assert_int_equal(client_create_on(cluster->net, &options, &client), SOUK_OK);
    return client;
}

void model_cluster_start(struct model_cluster *cluster, uint32_t num_servers, uint32_t num_threads)
{
    static const char *const names[MODEL_SERVERS_MAX] = {"inproc://a", "inproc://b", "inproc://c",
                                                         "inproc://d"};
    *cluster = (struct model_cluster){0};
    assert_int_equal(net_create(&cluster->net), SOUK_OK);
    for (uint32_t i = 0; i < num_servers; i++) {
        struct server_options options = {
            .net = cluster->net, .address = names[i], .num_threads = num_threads};
        assert_int_equal(server_start(&options, &cluster->servers[i]), SOUK_OK);
        cluster->num_servers++;
    }
    cluster->client = model_cluster_client(cluster, 0);
}

void model_cluster_stop(struct model_cluster *cluster)
{
    souk_client_destroy(cluster->client);
    for (uint32_t i = 0; i < cluster->num_servers; i++) server_stop(cluster->servers[i]);
    net_destroy(cluster->net);
    *cluster = (struct model_cluster){0};
}
