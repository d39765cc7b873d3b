/* sequences.c - see sequences.h. */
#include "server/sequences.h"

#include <assert.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"

enum { FIRST_SLOTS = 64 };

void sequences_fini(struct sequences *sequences)
{
    mem_free(sequences->slots);
    *sequences = (struct sequences){0};
}

souk_status sequences_enter(struct sequences *sequences, uint64_t job_epoch)
{
    if (job_epoch < sequences->job_epoch) return SOUK_EDENIED;
    if (job_epoch == sequences->job_epoch) return SOUK_OK;
    sequences_fini(sequences);
    sequences->job_epoch = job_epoch;
    return SOUK_OK;
}

// The slot of the client, or the empty one where it would be.
static struct sequence_slot *find(const struct sequences *sequences, uint32_t client)
{
    uint32_t mask = sequences->num_slots - 1;
    uint32_t i = (uint32_t)hash_key(client) & mask;
    while (sequences->slots[i].applied && sequences->slots[i].client != client) i = (i + 1) & mask;
    return &sequences->slots[i];
}

uint64_t sequences_applied(const struct sequences *sequences, uint64_t job_epoch, uint32_t client)
{
    if (job_epoch != sequences->job_epoch || !sequences->slots) return 0;
    return find(sequences, client)->applied;
}

bool sequences_has_room(const struct sequences *sequences, uint32_t client)
{
    return sequences->num_clients < SEQUENCES_CLIENTS_MAX ||
           sequences_applied(sequences, sequences->job_epoch, client) != 0;
}

static void grow(struct sequences *sequences)
{
    struct sequences old = *sequences;
    sequences->num_slots = old.num_slots ? 2 * old.num_slots : FIRST_SLOTS;
    sequences->slots =
        mem_calloc(sequences->num_slots, sizeof(*sequences->slots), "push sequences");
    for (uint32_t i = 0; i < old.num_slots; i++)
        if (old.slots[i].applied) *find(sequences, old.slots[i].client) = old.slots[i];
    mem_free(old.slots);
}

void sequences_set(struct sequences *sequences, uint32_t client, uint64_t applied)
{
    assert(applied > 0 && sequences_has_room(sequences, client));
    if (2 * (sequences->num_clients + 1) > sequences->num_slots) grow(sequences);
    struct sequence_slot *slot = find(sequences, client);
    if (!slot->applied) sequences->num_clients++;
    *slot = (struct sequence_slot){applied, client};
}
