/* cpu.c - see cpu.h. */
#include "common/base/cpu.h"

#include <stddef.h>

const char *cpu_missing_instructions(void)
{
#if defined(__x86_64__) && defined(__AVX512F__)
    if (!__builtin_cpu_supports("avx512f")) return "AVX-512F";
#endif
#if defined(__x86_64__) && defined(__AVX2__)
    if (!__builtin_cpu_supports("avx2")) return "AVX2";
#endif
#if defined(__x86_64__) && defined(__FMA__)
    if (!__builtin_cpu_supports("fma")) return "FMA";
#endif
    return NULL;
}
