/* names.h - the text of string ids, by key: results print what the user wrote, not hashes.
 *
 * Two texts with one key would share a row; learning the second one is reported as SOUK_EDATA.
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_NAMES_H
#define SOUK_WORKER_DATA_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "souk/status.h"

struct names;

struct names *names_create(void);
void names_destroy(struct names *names); // NULL is fine
SOUK_MUST_CHECK souk_status names_learn(struct names *names, uint64_t key, const char *text,
                                        size_t length);
/* NULL for a key that is not known. Borrowed until the next names_learn. */
const char *names_get(const struct names *names, uint64_t key, size_t *length_out);
uint64_t names_count(const struct names *names);

/* All names as one block of bytes (heap, the caller's): u64 key, u32 length, bytes, by ascending
 * key; and back. For files and for gathering from ranks: several blocks one behind the other are a
 * block too. SOUK_EDATA for bytes that are no such block; logged. */
void names_pack(const struct names *names, void **bytes_out, size_t *length_out);
SOUK_MUST_CHECK souk_status names_unpack(struct names *names, const void *bytes, size_t length);

#endif
