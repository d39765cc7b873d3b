/* events.h - run.dir/events.jsonl: what happened in a run, one JSON object a line.
 *
 * Every object has "event" and "time" (UTC, ISO 8601). The rest by event:
 *   start        version, resumed, workers, servers, topology, model, train (files)
 *   progress     epoch, samples, loss, since, lr, samples_per_s, wait_percent, staleness,
 *                mb_per_s, eta_s
 *   eval         epoch, source ("valid" or "test"), samples, and every metric by its name
 *   checkpoint   epoch (how many are complete), samples (of the one under way, rank 0)
 *   end          status ("done", "stopped", or the name of an error), epochs, seconds
 * A run that goes on adds to the file. A figure that is not finite, or not known, is null.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_TRAIN_EVENTS_H
#define SOUK_WORKER_TRAIN_EVENTS_H

#include "common/text/json.h"
#include "souk/status.h"

struct events;

/* On SOUK_OK the caller owns *events_out. */
SOUK_MUST_CHECK souk_status events_open(const char *path, bool is_appending,
                                        struct events **events_out);
void events_close(struct events *events); // NULL is fine

/* Begins an object; the caller adds keys to the json, then ends it. */
struct json *events_begin(struct events *events, const char *event);
/* Writes the line. A file that cannot be written to is reported once, and training goes on. */
void events_end(struct events *events);

#endif
