/* gemm.c - see gemm.h. The only file that knows OpenBLAS. It picks kernels by the machine it runs
 * on, and takes products of a few rows without copying, so that it serves one sample's history as
 * well as a whole batch. */
#include "worker/nn/gemm.h"

#include <cblas.h>
#include <string.h>

// A rank has one core: the threads that OpenBLAS would start get into each other's way.
__attribute__((constructor)) static void use_one_thread(void)
{
    openblas_set_num_threads(1);
}

static void zero_rows(const struct gemm *g)
{
    for (uint32_t i = 0; i < g->m; i++)
        memset(g->c + (uint64_t)i * g->ldc, 0, g->n * sizeof(float));
}

void nn_gemm(const struct gemm *g)
{
    if (g->m == 0 || g->n == 0) return;
    if (g->k == 0) {
        if (g->beta == 0) zero_rows(g);
        return;
    }
    cblas_sgemm(CblasRowMajor, g->a_t ? CblasTrans : CblasNoTrans,
                g->b_t ? CblasTrans : CblasNoTrans, (blasint)g->m, (blasint)g->n, (blasint)g->k,
                1.0f, g->a, (blasint)g->lda, g->b, (blasint)g->ldb, g->beta, g->c, (blasint)g->ldc);
}
