/* key_count.h - how many different keys there were, and how often each: exactly up to a bound, then
 * as an estimate (HyperLogLog: Flajolet et al. 2007), so that memory stays bounded.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_KEY_COUNT_H
#define SOUK_WORKER_DATA_KEY_COUNT_H

#include <stdbool.h>
#include <stdint.h>

struct key_count;

struct key_frequency {
    uint64_t key, count;
};

/* max_exact: different keys that are counted exactly, 24 to 48 bytes each. */
struct key_count *key_count_create(uint64_t max_exact);
void key_count_destroy(struct key_count *keys); // NULL is fine
/* Returns how often the key has come, this time included; 0 when that is not known any more. */
uint64_t key_count_add(struct key_count *keys, uint64_t key);
/* Different keys; *is_exact_out false: an estimate, within 3 % nearly always. */
uint64_t key_count_distinct(const struct key_count *keys, bool *is_exact_out);
/* The n most frequent ones, most frequent first, smaller keys first among equals; returns how many
 * there are, 0 when it is not known any more. */
uint32_t key_count_top(const struct key_count *keys, struct key_frequency *out, uint32_t n);

#endif
