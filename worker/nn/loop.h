/* loop.h - a promise to the compiler in front of a loop: no iteration needs another's result, even
 * where arrays are the same one. Without it, work in place would not be vectorised. */
#ifndef SOUK_WORKER_NN_LOOP_H
#define SOUK_WORKER_NN_LOOP_H

#if defined(__clang__)
#define LOOP_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define LOOP_INDEPENDENT _Pragma("GCC ivdep")
#else
#define LOOP_INDEPENDENT
#endif

#endif
