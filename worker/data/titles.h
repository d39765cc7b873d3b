/* titles.h - made-up titles for generated items. Threads: pure functions. */
#ifndef SOUK_WORKER_DATA_TITLES_H
#define SOUK_WORKER_DATA_TITLES_H

#include <stddef.h>
#include <stdint.h>

/* "The Silent Harbour (1987)": a function of seed and item. At most 63 bytes fit. */
void title_make(uint64_t seed, uint64_t item, char *out, size_t size);

#endif
