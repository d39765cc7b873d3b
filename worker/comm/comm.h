/* comm.h - what workers tell each other: MPI when the process was launched by it, else nothing.
 *
 * Waits are MPI_I* + MPI_Test + short sleeps with a deadline (timeout_s, then a message that names
 * the call, and MPI_Abort), never a blocking collective: a rank that waits leaves its core to
 * others, and a lost rank ends the job instead of hanging it.
 *
 * Threads: owned by the thread that created it.
 */
#ifndef SOUK_WORKER_COMM_COMM_H
#define SOUK_WORKER_COMM_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/status.h"

enum { COMM_SUM_MAX = 64 };

struct comm;

/* What the launcher's environment says; read by main.c. */
struct comm_launch {
    int expected_size;    // ranks that the environment promises, 0: none mentioned
    const char *variable; // that said so, for the message
    int is_mpi;           // launched by mpirun or srun with a PMI: MPI_Init is called
    double timeout_s;     // of a collective; 0: 600
};

/* SOUK_ETOPOLOGY when MPI gives another size than the environment promised. On SOUK_OK the caller
 * owns *comm_out. */
SOUK_MUST_CHECK souk_status comm_create(const struct comm_launch *launch, struct comm **comm_out);
/* Leaves MPI: rank 0 last, so that its exit code is the job's. NULL is fine. */
void comm_destroy(struct comm *comm);
/* Ends the whole job at once with this exit code: for a rank that cannot go on. Does not return
 * under MPI; returns without it. */
void comm_abort(struct comm *comm, int exit_code);

uint32_t comm_rank(const struct comm *comm);
uint32_t comm_size(const struct comm *comm);
const char *comm_host(const struct comm *comm);

/* Collective calls: every rank makes the same one. */
void comm_broadcast(struct comm *comm, void *bytes, size_t length); // from rank 0
/* Text of rank 0 to all; *text (heap) is replaced on the others. */
void comm_broadcast_text(struct comm *comm, char **text);
void comm_sum(struct comm *comm, double *values, uint32_t n); // in place, in rank order
void comm_max(struct comm *comm, double *values, uint32_t n);
/* The status of the lowest rank that has failed, the same on every rank; SOUK_OK if none has. */
souk_status comm_agree(struct comm *comm, souk_status status);

/* A sum that arrives while its ranks compute; one is under way at a time. values are copied.
 * The order of adding is MPI's, so these sums are for people and for votes, not for training.
 * comm_sum_ready: false while a rank has not come to its comm_sum_start yet; then true once, with
 * the sums. Both cost a microsecond. */
void comm_sum_start(struct comm *comm, const double *values, uint32_t n); // n <= COMM_SUM_MAX
bool comm_sum_ready(struct comm *comm, double *values_out);

/* Sums of training in lock step, in place and in rank order; on a channel of their own, so that
 * they need not be ordered among the calls above. The room that they need is kept. */
void comm_step_sum(struct comm *comm, double *values, uint32_t n);
void comm_step_sum_floats(struct comm *comm, float *values, uint32_t n);
/* Bytes from each rank to each: first all tell how many (size elements each), then they are
 * swapped, those of rank 0 first. At most 2 GiB together. */
void comm_step_sizes(struct comm *comm, const size_t *out_sizes, size_t *in_sizes);
void comm_step_swap(struct comm *comm, const void *out, const size_t *out_sizes, void *in,
                    const size_t *in_sizes);
/* Seconds that this rank has waited for others in them. */
double comm_step_wait_s(const struct comm *comm);

/* All ranks' bytes one behind the other, on rank 0 only: *all_out (heap) and its length; NULL and 0
 * on the others. Lengths may differ. */
void comm_gather(struct comm *comm, const void *bytes, size_t length, void **all_out,
                 size_t *all_length_out);

#endif
