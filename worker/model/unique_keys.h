/* unique_keys.h - the distinct keys of a batch in ascending order, and where each sample's is.
 *
 * A pull wants every key once, ascending; a step wants the row of every sample. One radix sort
 * gives both. Threads: one owner.
 */
#ifndef SOUK_WORKER_MODEL_UNIQUE_KEYS_H
#define SOUK_WORKER_MODEL_UNIQUE_KEYS_H

#include "worker/model/model.h"

struct unique_keys; // room to sort in, which grows

struct unique_keys *unique_keys_create(void);
void unique_keys_destroy(struct unique_keys *unique); // NULL is fine

/* Fills part->keys and num_keys with the distinct ones of keys, (n), and reserves the part's
 * arrays for them (dim must be set). idxs_out (n): keys[t] == part->keys[idxs_out[t]]. */
void unique_keys_find(struct unique_keys *unique, const uint64_t *keys, uint32_t n,
                      struct batch_part *part, uint32_t *idxs_out);

#endif
