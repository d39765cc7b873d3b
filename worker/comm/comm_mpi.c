/* comm_mpi.c - see comm.h; the only file that knows MPI. Without it a comm is one rank, and every
 * collective is nothing. comm_sum() gathers and adds in rank order, so that a result does not
 * depend on the algorithm that MPI picks for a message size. */
#include <mpi.h>

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/comm/comm.h"

enum { TAG_GATHER = 1, CHUNK_BYTES = 1 << 30 };

struct comm {
    bool is_mpi;
    int rank, size;
    uint64_t timeout_ms; // of a collective
    char host[256];

    MPI_Comm step;         // of lock step
    uint64_t step_wait_ns; // spent waiting there
    void *step_room;       // of the sums there
    size_t step_room_bytes;

    MPI_Request sum; // comm_sum_start's, MPI_REQUEST_NULL: none
    bool is_summing;
    uint32_t num_sum;                // values under way
    double sum_values[COMM_SUM_MAX]; // what this rank gave
    double sum_totals[COMM_SUM_MAX]; // what comes out
};

/* ---- waiting ---- */

static void sleep_us(long us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* Waits for a request with sleeps that grow from 20 us to 1 ms. */
static void wait_for(struct comm *comm, MPI_Request *request, const char *what)
{
    uint64_t start_ms = clock_now_ms();
    for (long us = 20;; us = us < 1000 ? us * 3 / 2 : 1000) {
        int is_done = 0;
        MPI_Test(request, &is_done, MPI_STATUS_IGNORE);
        if (is_done) return;
        if (clock_now_ms() - start_ms > comm->timeout_ms) {
            log_error("rank %d on %s: %s did not complete within %llu s; a rank or the network "
                      "is lost, so the job ends",
                      comm->rank, comm->host, what, (unsigned long long)comm->timeout_ms / 1000);
            MPI_Abort(MPI_COMM_WORLD, 1);
        }
        sleep_us(us);
    }
}

/* ---- life ---- */

static souk_status start_mpi(struct comm *comm, const struct comm_launch *launch)
{
    int provided;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    comm->is_mpi = true;
    MPI_Comm_rank(MPI_COMM_WORLD, &comm->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &comm->size);
    MPI_Comm_dup(MPI_COMM_WORLD, &comm->step);
    if (provided < MPI_THREAD_FUNNELED)
        return log_fail(
            SOUK_ETOPOLOGY,
            "this MPI was built without threads, and a worker has two; use another one");
    if (launch->expected_size == 0 || launch->expected_size == comm->size) return SOUK_OK;
    return log_fail(SOUK_ETOPOLOGY,
                    "%s says %d ranks, but MPI_COMM_WORLD has %d; start with the mpirun of the MPI "
                    "that this program is linked with (or srun --mpi=pmix)",
                    launch->variable, launch->expected_size, comm->size);
}

souk_status comm_create(const struct comm_launch *launch, struct comm **comm_out)
{
    struct comm *comm = mem_calloc(1, sizeof *comm, "communicator");
    comm->size = 1;
    comm->sum = MPI_REQUEST_NULL;
    comm->timeout_ms = launch->timeout_s > 0 ? (uint64_t)(launch->timeout_s * 1000) : 600000;
    if (gethostname(comm->host, sizeof comm->host - 1) != 0) strcpy(comm->host, "localhost");

    souk_status status = SOUK_OK;
    if (launch->is_mpi)
        status = start_mpi(comm, launch);
    else if (launch->expected_size > 1)
        status = log_fail(SOUK_ETOPOLOGY,
                          "%s says %d ranks, but nothing of MPI was set for this process; start it "
                          "with mpirun or srun --mpi=pmix",
                          launch->variable, launch->expected_size);
    if (status != SOUK_OK) {
        comm_destroy(comm);
        return status;
    }
    *comm_out = comm;
    return SOUK_OK;
}

static void wait_for_all(struct comm *comm)
{
    if (comm->size == 1) return;
    MPI_Request request;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    wait_for(comm, &request, "the end of all ranks");
}

void comm_destroy(struct comm *comm)
{
    if (!comm) return;
    if (comm->is_mpi) {
        if (comm->is_summing) wait_for(comm, &comm->sum, "the last sum");
        wait_for_all(comm);
        MPI_Comm_free(&comm->step);
        MPI_Finalize();
        // mpirun kills the others as soon as one rank ends with a code: they go first.
        if (comm->rank == 0 && comm->size > 1) clock_sleep_ms(50);
    }
    mem_free(comm->step_room);
    mem_free(comm);
}

void comm_abort(struct comm *comm, int exit_code)
{
    if (comm && comm->is_mpi) MPI_Abort(MPI_COMM_WORLD, exit_code);
}

uint32_t comm_rank(const struct comm *comm)
{
    return (uint32_t)comm->rank;
}

uint32_t comm_size(const struct comm *comm)
{
    return (uint32_t)comm->size;
}

const char *comm_host(const struct comm *comm)
{
    return comm->host;
}

/* ---- collectives ---- */

void comm_broadcast(struct comm *comm, void *bytes, size_t length)
{
    if (comm->size == 1) return;
    for (size_t sent = 0; sent < length;) {
        int n = length - sent < CHUNK_BYTES ? (int)(length - sent) : CHUNK_BYTES;
        MPI_Request request;
        MPI_Ibcast((char *)bytes + sent, n, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
        wait_for(comm, &request, "a broadcast");
        sent += (size_t)n;
    }
}

void comm_broadcast_text(struct comm *comm, char **text)
{
    if (comm->size == 1) return;
    uint64_t length = comm->rank == 0 ? strlen(*text) : 0;
    comm_broadcast(comm, &length, sizeof length);
    if (comm->rank != 0) {
        mem_free(*text);
        *text = mem_calloc(length + 1, 1, "text of rank 0");
    }
    comm_broadcast(comm, *text, length);
}

void comm_sum(struct comm *comm, double *values, uint32_t n)
{
    if (comm->size == 1) return;
    double *all = mem_calloc((size_t)comm->size * n, sizeof *all, "sum over ranks");
    MPI_Request request;
    MPI_Iallgather(values, (int)n, MPI_DOUBLE, all, (int)n, MPI_DOUBLE, MPI_COMM_WORLD, &request);
    wait_for(comm, &request, "a sum");
    for (uint32_t i = 0; i < n; i++) {
        values[i] = 0;
        for (int r = 0; r < comm->size; r++) values[i] += all[(size_t)r * n + i];
    }
    mem_free(all);
}

void comm_max(struct comm *comm, double *values, uint32_t n)
{
    if (comm->size == 1) return;
    double *maxima = mem_calloc(n, sizeof *maxima, "maximum over ranks");
    MPI_Request request;
    MPI_Iallreduce(values, maxima, (int)n, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD, &request);
    wait_for(comm, &request, "a maximum");
    memcpy(values, maxima, n * sizeof *values);
    mem_free(maxima);
}

souk_status comm_agree(struct comm *comm, souk_status status)
{
    if (comm->size == 1) return status;
    int mine = (int)status;
    int *all = mem_calloc((size_t)comm->size, sizeof *all, "statuses of ranks");
    MPI_Request request;
    MPI_Iallgather(&mine, 1, MPI_INT, all, 1, MPI_INT, MPI_COMM_WORLD, &request);
    wait_for(comm, &request, "an agreement");
    for (int r = comm->size - 1; r >= 0; r--)
        if (all[r] != SOUK_OK) status = (souk_status)all[r];
    mem_free(all);
    return status;
}

/* ---- sums that arrive while ranks compute ---- */

void comm_sum_start(struct comm *comm, const double *values, uint32_t n)
{
    assert(!comm->is_summing && n <= COMM_SUM_MAX);
    comm->is_summing = true;
    comm->num_sum = n;
    memcpy(comm->sum_values, values, n * sizeof *values);
    if (comm->size > 1)
        MPI_Iallreduce(comm->sum_values, comm->sum_totals, (int)n, MPI_DOUBLE, MPI_SUM,
                       MPI_COMM_WORLD, &comm->sum);
    else
        memcpy(comm->sum_totals, values, n * sizeof *values);
}

bool comm_sum_ready(struct comm *comm, double *values_out)
{
    if (!comm->is_summing) return false;
    int is_done = 1;
    if (comm->size > 1) MPI_Test(&comm->sum, &is_done, MPI_STATUS_IGNORE);
    if (!is_done) return false;
    comm->is_summing = false;
    memcpy(values_out, comm->sum_totals, comm->num_sum * sizeof *values_out);
    return true;
}

/* ---- sums of lock step ---- */

static void *step_room(struct comm *comm, size_t bytes)
{
    if (bytes > comm->step_room_bytes) {
        mem_free(comm->step_room);
        comm->step_room = mem_alloc_aligned(bytes, "sums of lock step");
        comm->step_room_bytes = bytes;
    }
    return comm->step_room;
}

static void wait_in_step(struct comm *comm, MPI_Request *request, const char *what)
{
    uint64_t start_ns = clock_now_ns();
    wait_for(comm, request, what);
    comm->step_wait_ns += clock_now_ns() - start_ns;
}

void comm_step_sum(struct comm *comm, double *values, uint32_t n)
{
    if (comm->size == 1) return;
    double *all = step_room(comm, (size_t)comm->size * n * sizeof *all);
    MPI_Request request;
    MPI_Iallgather(values, (int)n, MPI_DOUBLE, all, (int)n, MPI_DOUBLE, comm->step, &request);
    wait_in_step(comm, &request, "a sum of a step");
    for (uint32_t i = 0; i < n; i++) {
        values[i] = 0;
        for (int r = 0; r < comm->size; r++) values[i] += all[(size_t)r * n + i];
    }
}

/* Each rank adds up one part of the array for all, in rank order, then all collect the parts: as
 * many bytes as a ring sends, and the same digits whatever MPI does. Arrays are cut into equal
 * parts, so the last one may reach beyond n: room has zeros there. */
void comm_step_sum_floats(struct comm *comm, float *values, uint32_t n)
{
    if (comm->size == 1) return;
    size_t size = (size_t)comm->size, part = (n + size - 1) / size, total = part * size;
    float *padded = step_room(comm, 2 * total * sizeof *padded), *received = padded + total;
    memcpy(padded, values, n * sizeof *values);
    memset(padded + n, 0, (total - n) * sizeof *padded);
    MPI_Request request;
    MPI_Ialltoall(padded, (int)part, MPI_FLOAT, received, (int)part, MPI_FLOAT, comm->step,
                  &request);
    wait_in_step(comm, &request, "a sum of gradients");
    for (size_t r = 1; r < size; r++)
        for (size_t i = 0; i < part; i++) received[i] += received[r * part + i];
    MPI_Iallgather(received, (int)part, MPI_FLOAT, padded, (int)part, MPI_FLOAT, comm->step,
                   &request);
    wait_in_step(comm, &request, "a sum of gradients");
    memcpy(values, padded, n * sizeof *values);
}

void comm_step_sizes(struct comm *comm, const size_t *out_sizes, size_t *in_sizes)
{
    int width = (int)sizeof *out_sizes;
    if (comm->size == 1) {
        in_sizes[0] = out_sizes[0];
        return;
    }
    MPI_Request request;
    MPI_Ialltoall(out_sizes, width, MPI_BYTE, in_sizes, width, MPI_BYTE, comm->step, &request);
    wait_in_step(comm, &request, "a swap of sizes");
}

static void lay_out(const size_t *sizes, int num, int *counts, int *starts)
{
    size_t at = 0;
    for (int r = 0; r < num; r++) {
        counts[r] = (int)sizes[r];
        starts[r] = (int)at;
        at += sizes[r];
    }
    assert(at <= INT_MAX);
}

void comm_step_swap(struct comm *comm, const void *out, const size_t *out_sizes, void *in,
                    const size_t *in_sizes)
{
    if (comm->size == 1) {
        memcpy(in, out, out_sizes[0]);
        return;
    }
    size_t size = (size_t)comm->size;
    int *layout = step_room(comm, 4 * size * sizeof *layout);
    lay_out(out_sizes, comm->size, layout, layout + size);
    lay_out(in_sizes, comm->size, layout + 2 * size, layout + 3 * size);
    MPI_Request request;
    MPI_Ialltoallv(out, layout, layout + size, MPI_BYTE, in, layout + 2 * size, layout + 3 * size,
                   MPI_BYTE, comm->step, &request);
    wait_in_step(comm, &request, "a swap of rows");
}

double comm_step_wait_s(const struct comm *comm)
{
    return (double)comm->step_wait_ns * 1e-9;
}

/* ---- gathering ---- */

/* Sends or receives any number of bytes between rank 0 and one other. */
static void move_bytes(struct comm *comm, char *bytes, size_t length, int other)
{
    for (size_t moved = 0; moved < length;) {
        int n = length - moved < CHUNK_BYTES ? (int)(length - moved) : CHUNK_BYTES;
        MPI_Request request;
        if (comm->rank == 0)
            MPI_Irecv(bytes + moved, n, MPI_BYTE, other, TAG_GATHER, MPI_COMM_WORLD, &request);
        else
            MPI_Isend(bytes + moved, n, MPI_BYTE, other, TAG_GATHER, MPI_COMM_WORLD, &request);
        wait_for(comm, &request, "a gathering");
        moved += (size_t)n;
    }
}

void comm_gather(struct comm *comm, const void *bytes, size_t length, void **all_out,
                 size_t *all_length_out)
{
    uint64_t mine = length, total = 0;
    uint64_t *lengths = mem_calloc((size_t)comm->size, sizeof *lengths, "lengths of ranks");
    lengths[0] = mine;
    if (comm->size > 1) {
        MPI_Request request;
        MPI_Iallgather(&mine, 1, MPI_UINT64_T, lengths, 1, MPI_UINT64_T, MPI_COMM_WORLD, &request);
        wait_for(comm, &request, "a gathering");
    }
    for (int r = 0; r < comm->size; r++) total += lengths[r];
    char *all = NULL;
    if (comm->rank == 0) {
        all = mem_alloc(total, "bytes of ranks");
        memcpy(all, bytes ? bytes : "", length);
        for (size_t r = 1, at = length; r < (size_t)comm->size; at += lengths[r++])
            move_bytes(comm, all + at, lengths[r], (int)r);
    } else if (length > 0) {
        char *copy = mem_alloc(length, "bytes for rank 0");
        memcpy(copy, bytes, length);
        move_bytes(comm, copy, length, 0);
        mem_free(copy);
    }
    mem_free(lengths);
    *all_out = all;
    *all_length_out = comm->rank == 0 ? (size_t)total : 0;
}
