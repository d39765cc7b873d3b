/* key_index.h - numbers keys 0, 1, 2 ... in the order of their first appearance.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_KEY_INDEX_H
#define SOUK_WORKER_DATA_KEY_INDEX_H

#include <stdint.h>

struct key_index;

struct key_index *key_index_create(void);
void key_index_destroy(struct key_index *index); // NULL is fine
/* The number of a key, the next one when it is new. At most 2^32 - 2 keys. */
uint32_t key_index_add(struct key_index *index, uint64_t key);
uint32_t key_index_count(const struct key_index *index);
uint64_t key_index_key(const struct key_index *index, uint32_t number);

#endif
