/* supervisor.h - keeps a serving process alive.
 *
 * The supervisor forks a child that serves, and starts it again when it dies by a signal or with a
 * failure: after 100 ms, then twice as long each time up to 10 s; a child that has served for a
 * minute begins anew with 100 ms. A child that fails before it has ever served (its address is
 * taken, say) is not started again: nothing would change. The new child gets the ports of the old
 * one, so that clients find it.
 *
 * SIGTERM and SIGINT stop the child in order (SIGKILL after 10 s), and then the supervisor. A
 * supervisor that is killed takes its child with it.
 *
 * Threads: a process of its own with one thread; it forks before anything of ZeroMQ exists.
 */
#ifndef SOUK_SERVER_SUPERVISOR_H
#define SOUK_SERVER_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/wire.h"

/* What a child tells once it serves. */
struct supervisor_report {
    uint16_t ports[WIRE_SHARDS_MAX]; // for the next child
};

struct supervisor_job {
    /* Serves until SIGTERM, which is blocked and waited for by sigwait(). before is the report of
     * an earlier child, or NULL; calls supervisor_tell(report_fd) once it serves. Returns the exit
     * code of the child. */
    int (*serve)(void *ctx, const struct supervisor_report *before, int report_fd);
    void *ctx;
    bool ignores_interrupt; // SIGINT is for others: only SIGTERM stops
};

/* Returns the exit code of this process: the supervisor's or, with *is_child_out, the child's. */
int supervisor_run(const struct supervisor_job *job, bool *is_child_out);

/* report_fd < 0: nobody listens. */
void supervisor_tell(int report_fd, const struct supervisor_report *report);

#endif
