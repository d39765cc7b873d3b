/* mem.h - memory that does not fail: the process ends, naming size and purpose.
 *
 * Tables that grow with the data use mem_try_map() instead and return SOUK_ENOMEM.
 * Threads: any.
 */
#ifndef SOUK_COMMON_BASE_MEM_H
#define SOUK_COMMON_BASE_MEM_H

#include <stddef.h>

/* At least one byte, aligned for any type. `what` is named when memory ends, such as "batch". */
void *mem_alloc(size_t bytes, const char *what) __attribute__((malloc, returns_nonnull));
/* The same, zeroed; count * size is checked for overflow. */
void *mem_calloc(size_t count, size_t size, const char *what)
    __attribute__((malloc, returns_nonnull));
/* Grows or shrinks; NULL is fine. */
void *mem_realloc(void *ptr, size_t bytes, const char *what) __attribute__((returns_nonnull));
/* Aligned to 64 bytes, freed with mem_free. For arrays that kernels walk. */
void *mem_alloc_aligned(size_t bytes, const char *what) __attribute__((malloc, returns_nonnull));
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
void mem_free(void *ptr); // NULL is fine

/* Makes room for `count` elements in *array, which holds *capacity of `size` bytes each; grows by
 * half, so that appending is O(1) on average. */
void mem_reserve(void *array, size_t *capacity, size_t count, size_t size, const char *what);

/* Zeroed pages from the system, huge ones where it has them. NULL when there are none left. */
void *mem_try_map(size_t bytes);
void mem_unmap(void *ptr, size_t bytes); // NULL is fine

/* For the start of a program that sends large messages: what is freed stays with the process, so
 * that a buffer of a few hundred KiB does not cost its page faults again with every message. */
void mem_keep_freed(void);

#endif
