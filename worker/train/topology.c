/* topology.c - see topology.h. Hosts are few and this runs once: every look at the ranks is a scan
 * of all of them. */
#include "worker/train/topology.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

static uint32_t count_cores(const struct topology_rank *rank)
{
    return (uint32_t)CPU_COUNT(&rank->cores);
}

static bool is_same_host(const struct topology_rank *a, const struct topology_rank *b)
{
    return strcmp(a->host, b->host) == 0;
}

void topology_look(const char *host, struct topology_rank *rank_out)
{
    memset(rank_out, 0, sizeof *rank_out);
    snprintf(rank_out->host, sizeof rank_out->host, "%s", host);
    // Fails where there are more cores than a cpu_set_t holds: nothing to warn about then.
    if (sched_getaffinity(0, sizeof rank_out->cores, &rank_out->cores) != 0)
        memset(&rank_out->cores, 0xFF, sizeof rank_out->cores);
}

uint32_t topology_machine_cores(void)
{
    cpu_set_t before, all;
    memset(&all, 0xFF, sizeof all); // the kernel leaves out what is not there or not allowed
    if (sched_getaffinity(0, sizeof before, &before) != 0) return CPU_SETSIZE;
    if (sched_setaffinity(0, sizeof all, &all) != 0) return (uint32_t)CPU_COUNT(&before);
    if (sched_getaffinity(0, sizeof all, &all) != 0) all = before;
    (void)!sched_setaffinity(0, sizeof before, &before);
    return (uint32_t)CPU_COUNT(&all);
}

void topology_print_ranks(const struct topology_rank *ranks, uint32_t num_ranks)
{
    for (uint32_t first = 0, next; first < num_ranks; first = next) {
        uint32_t num_cores = count_cores(&ranks[first]);
        next = first + 1;
        while (next < num_ranks && is_same_host(&ranks[first], &ranks[next]) &&
               count_cores(&ranks[next]) == num_cores)
            next++;
        char text[40];
        snprintf(text, sizeof text, next - first > 1 ? "ranks %u-%u" : "rank %u", first, next - 1);
        log_info("topology: %s on %s, %u core%s allowed%s", text, ranks[first].host, num_cores,
                 plural(num_cores), next - first > 1 ? " each" : "");
    }
}

/* The host of ranks[first], the first one there. */
static void warn_of_host(const struct topology_rank *ranks, uint32_t num_ranks, uint32_t first,
                         uint32_t num_server_threads, uint32_t server_cores)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    uint32_t num_workers = 0;
    for (uint32_t i = first; i < num_ranks; i++) {
        if (!is_same_host(&ranks[first], &ranks[i])) continue;
        CPU_OR(&cores, &cores, &ranks[i].cores);
        num_workers++;
    }
    uint32_t num_cores = (uint32_t)CPU_COUNT(&cores);
    // Servers are not bound with the ranks and go where there is room.
    if (num_workers <= num_cores && server_cores > num_cores) num_cores = server_cores;
    if (num_workers + num_server_threads <= num_cores) return;
    char servers[40] = "";
    if (num_server_threads > 0)
        snprintf(servers, sizeof servers, " and %u server thread%s", num_server_threads,
                 plural(num_server_threads));
    log_warning("%s: %u worker%s%s take turns on %u core%s: nothing goes wrong, but it is slower "
                "than a core for each",
                ranks[first].host, num_workers, plural(num_workers), servers, num_cores,
                plural(num_cores));
}

static bool is_first_of_host(const struct topology_rank *ranks, uint32_t idx)
{
    uint32_t i = 0;
    while (!is_same_host(&ranks[i], &ranks[idx])) i++;
    return i == idx;
}

void topology_warn(const struct topology_rank *ranks, uint32_t num_ranks,
                   uint32_t num_server_threads, uint32_t machine_cores)
{
    if (num_ranks > 1 && count_cores(&ranks[0]) == 1 && machine_cores > 1)
        log_warning("rank 0 may use one core for its two threads; mpirun --bind-to none (or "
                    "--map-by slot:pe=2) gives it more");
    warn_of_host(ranks, num_ranks, 0, num_server_threads,
                 num_server_threads > 0 ? machine_cores : 0);
    for (uint32_t i = 1; i < num_ranks; i++)
        if (is_first_of_host(ranks, i)) warn_of_host(ranks, num_ranks, i, 0, 0);
}
