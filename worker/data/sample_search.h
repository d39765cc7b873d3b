/* sample_search.h - what samples say of one user and one item: the user's newest sample, and the
 * item's fields. Newest is what comes last.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_SAMPLE_SEARCH_H
#define SOUK_WORKER_DATA_SAMPLE_SEARCH_H

#include "worker/data/sample_format.h"

struct sample_search {
    const struct sample_format *format; // of the samples; borrowed
    uint64_t user, item;                // looked for
    struct sample_batch newest;         // the user's newest sample; none: there is no row of it
    bool is_candidate;                  // the item was one
    uint64_t candidate[SAMPLE_IDS_MAX]; // (num_ids) of the newest sample with it
    bool is_behaviour;                  // the item was in a history
    uint64_t behaviour[SAMPLE_HISTORIES_MAX]; // (num_histories) what stood beside it there
};

/* The format must know user and item. */
void sample_search_init(struct sample_search *search, const struct sample_format *format,
                        uint64_t user, uint64_t item);
void sample_search_add(struct sample_search *search, const struct sample_batch *samples);
/* A field of the item, such as its category: of the newest candidate, else of a behaviour. False
 * when the samples do not tell. */
bool sample_search_field(const struct sample_search *search, uint32_t field, uint64_t *id_out);
void sample_search_fini(struct sample_search *search); // a zeroed one is fine

#endif
