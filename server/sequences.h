/* sequences.h - how far each client's pushes have been applied, which makes a push that is sent
 * again harmless.
 *
 * A stream is (job epoch, client) at this shard; its pushes are numbered from 1 without a gap. The
 * shard knows one epoch at a time: a newer one forgets all streams, an older one is fenced off, so
 * that workers of a run that was replaced cannot change anything any more. Epochs begin at 0.
 *
 * Threads: owned by the shard loop.
 */
#ifndef SOUK_SERVER_SEQUENCES_H
#define SOUK_SERVER_SEQUENCES_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/status.h"

enum { SEQUENCES_CLIENTS_MAX = 65536 };

struct sequence_slot {
    uint64_t applied; // last push that was applied; 0: the slot is empty
    uint32_t client;
};

struct sequences {
    struct sequence_slot *slots; // (num_slots) open addressing, NULL before the first client
    uint32_t num_slots;          // a power of two
    uint32_t num_clients;        // <= SEQUENCES_CLIENTS_MAX, and at most half of num_slots
    uint64_t job_epoch;          // newest that was seen
};

/* A zeroed struct is a ready one. */
void sequences_fini(struct sequences *sequences);

/* Begins a newer epoch. SOUK_EDENIED: job_epoch is older than the newest. */
SOUK_MUST_CHECK souk_status sequences_enter(struct sequences *sequences, uint64_t job_epoch);

/* Last push of the client that was applied in this epoch; 0: none, or it is not the newest epoch.
 */
uint64_t sequences_applied(const struct sequences *sequences, uint64_t job_epoch, uint32_t client);

/* Whether sequences_set() can note this client. */
bool sequences_has_room(const struct sequences *sequences, uint32_t client);
/* Notes a push, >= 1, of the newest epoch. There is room for its client. */
void sequences_set(struct sequences *sequences, uint32_t client, uint64_t applied);

#endif
