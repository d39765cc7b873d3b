/* topology.h - on which hosts and cores the ranks of a job run: told, and warned about where they
 * are too few.
 *
 * More threads than cores is slow and not wrong: nobody here waits by spinning, and a laptop or a
 * container of one core should run what a cluster runs. So it is a warning. What cannot work
 * (another number of workers than wanted, a server that is not there) is refused by session.c.
 *
 * Threads: pure functions but for the log.
 */
#ifndef SOUK_WORKER_TRAIN_TOPOLOGY_H
#define SOUK_WORKER_TRAIN_TOPOLOGY_H

#include <sched.h>
#include <stdint.h>

/* What a rank tells about itself; padding is zero, so that two are compared by their bytes. */
struct topology_rank {
    char host[64];
    cpu_set_t cores; // that it may use
};

void topology_look(const char *host, struct topology_rank *rank_out);
/* One line for ranks in a row that are on one host and may use as many cores. */
void topology_print_ranks(const struct topology_rank *ranks, uint32_t num_ranks);
/* How many cores a thread of this process could get, however mpirun has bound it. */
uint32_t topology_machine_cores(void);
/* Warns of each host whose ranks and server threads are more than its cores, and of ranks that are
 * bound to one core. num_server_threads run on the host of rank 0 and may use machine_cores. */
void topology_warn(const struct topology_rank *ranks, uint32_t num_ranks,
                   uint32_t num_server_threads, uint32_t machine_cores);

#endif
