/* loop.h - help for the compiler with loops over floats.
 *
 * LOOP_INDEPENDENT in front of a loop promises that no iteration needs another's result, even where
 * arrays are the same one: without it, work in place would not be vectorised. loop_vec is for the
 * few loops that have to keep sums in registers; it is the compiler's own type, so one source
 * serves SSE, AVX2 and others. */
#ifndef SOUK_WORKER_NN_LOOP_H
#define SOUK_WORKER_NN_LOOP_H

#if defined(__clang__)
#define LOOP_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define LOOP_INDEPENDENT _Pragma("GCC ivdep")
#else
#define LOOP_INDEPENDENT
#endif

enum { LOOP_LANES = 8 };

// Of any alignment.
typedef float loop_vec
    __attribute__((vector_size(LOOP_LANES * sizeof(float)), aligned(4), may_alias));

#define LOOP_VEC(at) (*(const loop_vec *)(at))

#endif
