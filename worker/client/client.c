/* client.c - see souk/client.h and state.h. */
#include "worker/client/client.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/client/state.h"

enum {
    DEFAULT_TIMEOUT_MS = 10000,
    DEFAULT_RETRY_MS = 1000,
    DEFAULT_WINDOW = 64,
    WINDOW_MAX = NET_QUEUE_MESSAGES, // a shard keeps no more replies for one client
};

static souk_status check_options(const struct souk_client_options *options)
{
    if (options->num_servers == 0 || !options->servers)
        return log_fail(SOUK_EINVAL, "a client needs the address of one server at least");
    if (options->window > WINDOW_MAX)
        return log_fail(SOUK_EINVAL, "a window of %u requests is too large: the most is %d",
                        options->window, WINDOW_MAX);
    for (uint32_t i = 0; i < options->num_servers; i++) {
        const char *why;
        souk_status status = net_address_check(options->servers[i], &why);
        if (status != SOUK_OK)
            return log_fail(status, "server address \"%s\": %s", options->servers[i], why);
    }
    return SOUK_OK;
}

static void apply_options(struct souk_client *client, const struct souk_client_options *options)
{
    uint32_t timeout_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    uint32_t retry_ms = options->retry_ms ? options->retry_ms : DEFAULT_RETRY_MS;
    client->job_epoch = options->job_epoch;
    client->client_id = options->client_id;
    client->timeout_ns = (uint64_t)timeout_ms * 1000000;
    client->retry_ns = (uint64_t)retry_ms * 1000000;
    client->window = options->window ? options->window : DEFAULT_WINDOW;
    client->seed = options->seed;
    client->last_turn_ns = clock_now_ns();
}

static souk_status create(struct net *net, struct net *own_net,
                          const struct souk_client_options *options,
                          struct souk_client **client_out)
{
    struct souk_client *client = mem_calloc(1, sizeof(*client), "client");
    client->net = net;
    client->own_net = own_net;
    apply_options(client, options);
    souk_status status = net_dialer_create(net, &client->dialer);
    if (status != SOUK_OK) goto fail;
    status = client_connect(client, options->servers, options->num_servers);
    if (status != SOUK_OK) goto fail;
    route_init(&client->route, client->num_streams);
    *client_out = client;
    return SOUK_OK;
fail:
    souk_client_destroy(client);
    return status;
}

souk_status client_create_on(struct net *net, const struct souk_client_options *options,
                             struct souk_client **client_out)
{
    souk_status status = check_options(options);
    return status == SOUK_OK ? create(net, NULL, options, client_out) : status;
}

souk_status souk_client_create(const struct souk_client_options *options,
                               struct souk_client **client_out)
{
    souk_status status = check_options(options);
    if (status != SOUK_OK) return status;
    struct net *net;
    status = net_create(&net);
    return status == SOUK_OK ? create(net, net, options, client_out) : status;
}

void souk_client_destroy(struct souk_client *client)
{
    if (!client) return;
    for (uint32_t s = 0; s < client->num_streams; s++) stream_destroy(client->streams[s]);
    for (uint32_t i = 0; i < client->num_servers; i++) mem_free(client->servers[i].address);
    mem_free(client->streams);
    mem_free(client->servers);
    mem_free(client->positions);
    mem_free(client->rows);
    ticket_pool_fini(&client->tickets);
    route_fini(&client->route);
    codec_scratch_fini(&client->scratch);
    net_dialer_destroy(client->dialer);
    net_destroy(client->own_net);
    mem_free(client);
}

souk_status client_check_keys(const struct souk_client *client, const char *what, uint32_t table,
                              const uint64_t *keys, uint32_t num_keys, uint32_t *tables_seen)
{
    if (table >= client->num_tables)
        return log_fail(SOUK_EINVAL, "%s of table %u: it is not open", what, table);
    const char *name = client->tables[table].spec.name;
    if (*tables_seen & 1u << table)
        return log_fail(SOUK_EINVAL, "%s of table \"%s\": it is in the call twice", what, name);
    *tables_seen |= 1u << table;
    uint32_t bad;
    if (route_keys_ascend(keys, num_keys, &bad)) return SOUK_OK;
    return log_fail(
        SOUK_EINVAL, "%s of table \"%s\": key %u is %llu after %llu; keys must ascend, each once",
        what, name, bad, (unsigned long long)keys[bad], (unsigned long long)keys[bad - 1]);
}

souk_status souk_client_wait(struct souk_client *client, souk_ticket ticket)
{
    souk_status status = client->status;
    while (status == SOUK_OK && ticket_find(&client->tickets, ticket))
        status = client_turn(client, CLIENT_TURN_MS);
    return status;
}

souk_status souk_client_flush(struct souk_client *client)
{
    souk_status status = client->status;
    while (status == SOUK_OK && ticket_num_open(&client->tickets) > 0)
        status = client_turn(client, CLIENT_TURN_MS);
    return status;
}

souk_status souk_client_progress(struct souk_client *client)
{
    return client_turn(client, 0);
}

void souk_client_get_stats(const struct souk_client *client, struct souk_client_stats *stats_out)
{
    *stats_out = client->stats;
}

uint32_t souk_client_num_servers(const struct souk_client *client)
{
    return client->num_servers;
}

uint32_t souk_client_num_shards(const struct souk_client *client)
{
    return client->num_streams;
}

const char *souk_client_error(const struct souk_client *client)
{
    return client->error;
}
