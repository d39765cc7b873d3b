/* record.h - what training writes to events.jsonl; see events.h for the keys.
 *
 * Ranks other than 0 have no events: NULL is fine everywhere. Threads: one owner.
 */
#ifndef SOUK_WORKER_TRAIN_RECORD_H
#define SOUK_WORKER_TRAIN_RECORD_H

#include "worker/eval/evaluate.h"
#include "worker/train/events.h"
#include "worker/train/progress.h"

struct record_start {
    const struct config *config;
    bool is_resuming;
    uint32_t num_workers, num_servers;
    const char *topology; // session_topology()
};

void record_start(struct events *events, const struct record_start *start);
void record_progress(struct events *events, const struct progress_row *row);
/* source: "valid" or "test"; epoch from 1. */
void record_evaluation(struct events *events, const char *source, uint32_t epoch,
                       const struct evaluation *evaluation);
void record_checkpoint(struct events *events, const struct train_position *position);
void record_end(struct events *events, souk_status status, uint32_t num_epochs, double seconds);

#endif
