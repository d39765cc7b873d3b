/* cpu.h - whether this processor can run what the compiler was allowed to use. Threads: any. */
#ifndef SOUK_COMMON_BASE_CPU_H
#define SOUK_COMMON_BASE_CPU_H

/* An instruction set that it lacks, such as "AVX2", or NULL. Programs ask before anything else, so
 * that the user reads a message and not "Illegal instruction". */
const char *cpu_missing_instructions(void);

#endif
