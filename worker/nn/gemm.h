/* gemm.h - products of matrices, on the calling thread. See worker/nn/README.md.
 *
 * Threads: pure function over its arguments.
 */
#ifndef SOUK_WORKER_NN_GEMM_H
#define SOUK_WORKER_NN_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* c (m, n) = beta * c + a (m, k) * b (k, n), where a_t / b_t say that the array holds the
 * transpose. Leading dimensions are the distances between rows of the arrays in floats. */
struct gemm {
    uint32_t m, n, k;
    bool a_t, b_t;
    const float *a, *b;
    float *c;
    uint32_t lda, ldb, ldc;
    float beta; // 0: c is written only, whatever it held; 1: added to
};
void nn_gemm(const struct gemm *gemm);

#endif
