/* server.c - see server.h. */
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/wire.h"
#include "server/shard.h"

enum { ADDRESS_MAX = 512 };

struct server {
    uint32_t num_shards;
    struct shard *shards[WIRE_SHARDS_MAX];
    uint16_t ports[WIRE_SHARDS_MAX]; // by shard; 0 where the transport has none
};

static bool has_ports(const char *address)
{
    return strncmp(address, "tcp://", 6) == 0;
}

// Address of a shard, with the port that it had before where there is one.
static void shard_place(const struct server_options *options, uint32_t shard_idx,
                        char out[ADDRESS_MAX])
{
    const char *address = options->address;
    uint16_t port = options->ports ? options->ports[shard_idx] : 0;
    if (!has_ports(address)) {
        if (shard_idx == 0)
            snprintf(out, ADDRESS_MAX, "%s", address);
        else
            snprintf(out, ADDRESS_MAX, "%s/%u", address, shard_idx);
        return;
    }
    int host_length = (int)(strrchr(address, ':') - address);
    if (port)
        snprintf(out, ADDRESS_MAX, "%.*s:%u", host_length, address, port);
    else if (shard_idx == 0)
        snprintf(out, ADDRESS_MAX, "%s", address);
    else
        snprintf(out, ADDRESS_MAX, "%.*s:*", host_length, address);
}

static uint16_t port_of(const char *address)
{
    return has_ports(address) ? (uint16_t)atoi(strrchr(address, ':') + 1) : 0;
}

static souk_status check_options(const struct server_options *options)
{
    const char *why, *address = options->address;
    if (net_address_check(address, &why) != SOUK_OK)
        return log_fail(SOUK_EINVAL, "address \"%s\" %s", address, why);
    if (strlen(address) >= ADDRESS_MAX - 16)
        return log_fail(SOUK_EINVAL, "address \"%s\" is too long", address);
    if (options->num_threads < 1 || options->num_threads > WIRE_SHARDS_MAX)
        return log_fail(SOUK_EINVAL, "%s: a server has 1..%d shard threads, not %u", address,
                        WIRE_SHARDS_MAX, options->num_threads);
    if (strncmp(address, "ipc://", 6) == 0 && options->num_threads > 1)
        return log_fail(SOUK_EINVAL, "%s serves one shard thread; use tcp:// for more", address);
    if (net_address_is_exposed(address) && !options->allow_exposed)
        return log_fail(SOUK_EDENIED,
                        "%s can be reached from other hosts, and whoever reaches it may read and "
                        "change every parameter; listen on tcp://127.0.0.1:*, or, in a network "
                        "that you trust, allow it with --insecure",
                        address);
    return SOUK_OK;
}

static souk_status draw_incarnation(uint64_t *incarnation_out)
{
    uint64_t incarnation = 0;
    while (incarnation == 0) { // 0 means "none yet" in messages
        ssize_t n = getrandom(&incarnation, sizeof(incarnation), 0);
        if (n == sizeof(incarnation) || errno == EINTR) continue;
        return log_fail_errno(errno, "getrandom: no random number for this server");
    }
    *incarnation_out = incarnation;
    return SOUK_OK;
}

static souk_status create_shards(struct server *server, const struct server_options *options,
                                 uint64_t incarnation)
{
    for (uint32_t i = 0; i < options->num_threads; i++) {
        char address[ADDRESS_MAX];
        shard_place(options, i, address);
        struct shard_options shard_options = {
            .net = options->net,
            .address = address,
            .incarnation = incarnation,
            .shard_idx = (uint16_t)i,
            // Keys are dealt out by hash, so that shards fill alike.
            .max_memory_bytes = options->max_memory_bytes / options->num_threads,
        };
        souk_status status = shard_create(&shard_options, &server->shards[i]);
        if (status != SOUK_OK) return status;
        server->num_shards++;
        server->ports[i] = port_of(shard_address(server->shards[i]));
    }
    return SOUK_OK;
}

souk_status server_start(const struct server_options *options, struct server **server_out)
{
    uint64_t incarnation = 0;
    souk_status status = check_options(options);
    if (status == SOUK_OK) status = draw_incarnation(&incarnation);
    if (status != SOUK_OK) return status;

    struct server *server = mem_calloc(1, sizeof(*server), "server");
    status = create_shards(server, options, incarnation);
    for (uint32_t i = 0; status == SOUK_OK && i < server->num_shards; i++)
        status = shard_start(server->shards[i], (uint16_t)server->num_shards, server->ports);
    if (status != SOUK_OK) {
        server_stop(server);
        return status;
    }
    *server_out = server;
    return SOUK_OK;
}

const char *server_address(const struct server *server)
{
    return shard_address(server->shards[0]);
}

uint32_t server_num_shards(const struct server *server)
{
    return server->num_shards;
}
const uint16_t *server_ports(const struct server *server)
{
    return server->ports;
}

void server_stop(struct server *server)
{
    if (!server) return;
    for (uint32_t i = 0; i < server->num_shards; i++) shard_stop(server->shards[i]);
    for (uint32_t i = 0; i < server->num_shards; i++) shard_destroy(server->shards[i]);
    mem_free(server);
}
