/* launcher.h - server processes that rank 0 starts on its own host, and stops.
 *
 * A server tells where it listens by an endpoint file in a temporary folder. It ends when this
 * process does, however that ends. Threads: one owner, the main thread.
 */
#ifndef SOUK_WORKER_TRAIN_LAUNCHER_H
#define SOUK_WORKER_TRAIN_LAUNCHER_H

#include "common/text/config.h"

struct launcher;

/* Starts cluster.servers processes of `program` and waits until they listen, at most
 * cluster.start_timeout_s. On SOUK_OK the caller owns *launcher_out. SOUK_ETOPOLOGY, SOUK_ESYS:
 * logged, nothing runs any more. */
SOUK_MUST_CHECK souk_status launcher_start(const struct config *config, const char *program,
                                           struct launcher **launcher_out);
/* SIGTERM to all, then waits; SIGKILL to one that takes more than ten seconds. NULL is fine. */
void launcher_stop(struct launcher *launcher);
const char *launcher_address(const struct launcher *launcher, uint32_t idx); // borrowed

#endif
