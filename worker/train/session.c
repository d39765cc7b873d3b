/* session.c - see session.h. */
#include "worker/train/session.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "worker/client/client.h"
#include "worker/train/launcher.h"
#include "worker/train/topology.h"

struct session {
    struct comm *comm;           // borrowed
    const struct config *config; // borrowed
    const struct local_server_ops *local;
    struct net *net;
    void **local_servers; // (num_local) threads of this process
    uint32_t num_local;
    struct launcher *launcher;    // rank 0 under MPI
    struct config_list addresses; // of all servers, the same on every rank
    const char *kind;             // "given", "in-process", "local"
    struct souk_client *client;
    struct buf topology;
};

/* ---- servers ---- */

static void add_address(struct config_list *list, const char *address)
{
    list->items = mem_realloc(list->items, (list->num_items + 1) * sizeof *list->items, "servers");
    list->items[list->num_items++] = mem_strdup(address);
}

static souk_status start_threads(struct session *session)
{
    const struct config *config = session->config;
    session->kind = "in-process";
    session->local_servers = mem_calloc(config->cluster.servers, sizeof(void *), "servers");
    for (uint32_t i = 0; i < config->cluster.servers; i++) {
        char address[64];
        snprintf(address, sizeof address, "inproc://server%u", i);
        souk_status status = session->local->start(session->net, address, config->cluster.threads,
                                                   &session->local_servers[i]);
        if (status != SOUK_OK) return status;
        session->num_local++;
        add_address(&session->addresses, address);
    }
    return SOUK_OK;
}

/* Rank 0 starts processes and tells the others where they listen, one address a line. */
static souk_status start_processes(struct session *session, const char *program)
{
    session->kind = "local";
    souk_status status = SOUK_OK;
    if (comm_rank(session->comm) == 0)
        status = launcher_start(session->config, program, &session->launcher);
    status = comm_agree(session->comm, status);
    if (status != SOUK_OK) return status;
    struct buf lines = {0};
    if (session->launcher)
        for (uint32_t i = 0; i < session->config->cluster.servers; i++)
            buf_printf(&lines, "%s\n", launcher_address(session->launcher, i));
    char *text = mem_strdup(buf_text(&lines)), *rest;
    buf_fini(&lines);
    comm_broadcast_text(session->comm, &text);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        add_address(&session->addresses, line);
    mem_free(text);
    return SOUK_OK;
}

static souk_status find_servers(struct session *session, const char *program)
{
    const struct config_list *given = &session->config->cluster.addresses;
    if (given->num_items > 0) {
        session->kind = "given";
        for (uint32_t i = 0; i < given->num_items; i++)
            add_address(&session->addresses, given->items[i]);
        return SOUK_OK;
    }
    if (comm_size(session->comm) > 1) return start_processes(session, program);
    return start_threads(session);
}

/* ---- client ---- */

/* Milliseconds of the wall clock: a later job has a later epoch, so what a dead one still sends
 * is refused. */
static uint64_t choose_job_epoch(struct comm *comm)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t epoch = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    comm_broadcast(comm, &epoch, sizeof epoch);
    return epoch;
}

static souk_status connect_client(struct session *session)
{
    const struct config *config = session->config;
    uint32_t rank = comm_rank(session->comm);
    struct souk_client_options options = {
        .servers = (const char *const *)session->addresses.items,
        .num_servers = session->addresses.num_items,
        .job_epoch = choose_job_epoch(session->comm),
        .client_id = rank,
        .timeout_ms = (uint32_t)(config->cluster.timeout_s * 1000),
        .retry_ms = (uint32_t)(config->cluster.retry_s * 1000),
        .seed = config->run.seed ^ rng_stream("rounding", rank, 0)};
    return client_create_on(session->net, &options, &session->client);
}

/* ---- topology ---- */

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

static void describe(struct session *session)
{
    uint32_t num_servers = session->addresses.num_items;
    uint32_t num_shards = souk_client_num_shards(session->client);
    uint32_t num_workers = comm_size(session->comm);
    const char *kind = strcmp(session->kind, "in-process") == 0 ? "in-process " : "";
    buf_printf(&session->topology, "%u worker%s, %u %sserver%s, %u shard%s", num_workers,
               plural(num_workers), num_servers, kind, plural(num_servers), num_shards,
               plural(num_shards));
}

/* Server threads that share rank 0's host, as far as one can see: those that were started here,
 * and those behind addresses that no other host could use. */
static uint32_t count_neighbours(const struct session *session)
{
    const struct config_list *given = &session->config->cluster.addresses;
    for (uint32_t i = 0; i < given->num_items; i++)
        if (net_address_is_exposed(given->items[i])) return 0;
    return souk_client_num_shards(session->client);
}

static void print_topology(struct session *session)
{
    struct topology_rank mine;
    topology_look(comm_host(session->comm), &mine);
    void *all;
    size_t length;
    comm_gather(session->comm, &mine, sizeof mine, &all, &length);
    if (comm_rank(session->comm) == 0) {
        uint32_t num_ranks = comm_size(session->comm);
        log_info("topology: %s", buf_text(&session->topology));
        topology_print_ranks(all, num_ranks);
        for (uint32_t i = 0; i < session->addresses.num_items && session->num_local == 0; i++)
            log_info("topology: server %u at %s", i, session->addresses.items[i]);
        // Threads of this process have its cores, processes have what there is.
        topology_warn(all, num_ranks, count_neighbours(session),
                      session->num_local > 0 ? (uint32_t)CPU_COUNT(&mine.cores)
                                             : topology_machine_cores());
    }
    mem_free(all);
}

/* What can be seen before anything is started. */
static souk_status check_layout(const struct session_options *options)
{
    const struct config *config = options->config;
    uint32_t size = comm_size(options->comm), wanted = config->cluster.workers;
    if (wanted > 0 && wanted != size) {
        if (comm_rank(options->comm) == 0)
            log_error("cluster.workers is %u, but %u worker%s started; start with mpirun -n %u, or "
                      "set cluster.workers=0 to take any number",
                      wanted, size, size == 1 ? " was" : "s were", wanted);
        return SOUK_ETOPOLOGY;
    }
    for (uint32_t i = 0; i < config->cluster.addresses.num_items; i++) {
        const char *why;
        if (net_address_check(config->cluster.addresses.items[i], &why) != SOUK_OK)
            return log_fail(SOUK_ECONFIG, "server address \"%s\": %s; write tcp://host:port",
                            config->cluster.addresses.items[i], why);
    }
    return SOUK_OK;
}

/* ---- life ---- */

souk_status session_create(const struct session_options *options, struct session **session_out)
{
    struct session *session = mem_calloc(1, sizeof *session, "session");
    session->comm = options->comm;
    session->config = options->config;
    session->local = options->local;
    souk_status status = check_layout(options);
    if (status == SOUK_OK) status = net_create(&session->net);
    status = comm_agree(session->comm, status);
    if (status != SOUK_OK) goto fail;
    status = find_servers(session, options->server_program);
    if (status != SOUK_OK) goto fail;
    status = comm_agree(session->comm, connect_client(session));
    if (status != SOUK_OK) goto fail;
    describe(session);
    if (!options->is_quiet) print_topology(session);
    *session_out = session;
    return SOUK_OK;
fail:
    session_destroy(session);
    return status;
}

void session_destroy(struct session *session)
{
    if (!session) return;
    souk_client_destroy(session->client);
    for (uint32_t i = 0; i < session->num_local; i++)
        session->local->stop(session->local_servers[i]);
    mem_free(session->local_servers);
    launcher_stop(session->launcher);
    net_destroy(session->net);
    for (uint32_t i = 0; i < session->addresses.num_items; i++)
        mem_free(session->addresses.items[i]);
    mem_free(session->addresses.items);
    buf_fini(&session->topology);
    mem_free(session);
}

struct souk_client *session_client(struct session *session)
{
    return session->client;
}

const char *session_topology(const struct session *session)
{
    return buf_text(&session->topology);
}
