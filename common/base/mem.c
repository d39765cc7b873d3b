/* mem.c - see mem.h. */
#include "common/base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/log.h"

static void *must(void *ptr, size_t bytes, const char *what)
{
    if (ptr) return ptr;
    log_error("out of memory: %zu bytes for %s", bytes, what);
    abort();
}

void *mem_alloc(size_t bytes, const char *what)
{
    return must(malloc(bytes ? bytes : 1), bytes, what);
}

void *mem_calloc(size_t count, size_t size, const char *what)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return must(NULL, SIZE_MAX, what);
    return must(calloc(1, bytes ? bytes : 1), bytes, what);
}

void *mem_realloc(void *ptr, size_t bytes, const char *what)
{
    return must(realloc(ptr, bytes ? bytes : 1), bytes, what);
}

void *mem_alloc_aligned(size_t bytes, const char *what)
{
    size_t rounded = (bytes + 63) & ~(size_t)63;
    return must(aligned_alloc(64, rounded ? rounded : 64), bytes, what);
}

char *mem_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(mem_alloc(bytes, "text"), text, bytes);
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_reserve(void *array, size_t *capacity, size_t count, size_t size, const char *what)
{
    if (count <= *capacity) return;
    size_t wanted = *capacity + *capacity / 2 + 16, bytes;
    if (wanted < count) wanted = count;
    if (__builtin_mul_overflow(wanted, size, &bytes)) must(NULL, SIZE_MAX, what);
    void *old;
    memcpy(&old, array, sizeof(old)); // array is a T **, of any T
    void *grown = mem_realloc(old, bytes, what);
    memcpy(array, &grown, sizeof(grown));
    *capacity = wanted;
}

void *mem_try_map(size_t bytes)
{
    void *ptr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ptr == MAP_FAILED) return NULL;
    madvise(ptr, bytes, MADV_HUGEPAGE); // a wish: without huge pages it is only slower
    return ptr;
}

void mem_unmap(void *ptr, size_t bytes)
{
    if (ptr) munmap(ptr, bytes);
}

void mem_keep_freed(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 20); // the largest that glibc takes
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
}
