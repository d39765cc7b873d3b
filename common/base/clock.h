/* clock.h - monotonic time. Never wall time for deadlines: that one jumps. Threads: any. */
#ifndef SOUK_COMMON_BASE_CLOCK_H
#define SOUK_COMMON_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_now_ns(void);
uint64_t clock_now_ms(void);
void clock_sleep_ms(uint32_t ms);

#endif
