/* newton.c - see newton.h. */
#include "worker/ope/newton.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/base/mem.h"

enum { STEPS_MAX = 200, HALVINGS_MAX = 60 };
static const double is_close = 1e-9; // relative size of a step

bool solve_positive(double *a, double *b, uint32_t n)
{
    for (uint64_t j = 0; j < n; j++) {
        for (uint64_t i = j; i < n; i++) {
            double sum = a[i * n + j];
            for (uint64_t k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
            if (i == j && !(sum > 0)) return false;
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
        }
    }
    for (uint64_t i = 0; i < n; i++) {
        for (uint64_t k = 0; k < i; k++) b[i] -= a[i * n + k] * b[k];
        b[i] /= a[i * n + i];
    }
    for (uint64_t i = n; i-- > 0;) {
        for (uint64_t k = i + 1; k < n; k++) b[i] -= a[k * n + i] * b[k];
        b[i] /= a[i * n + i];
    }
    return true;
}

struct search {
    const struct newton *newton;
    double *at;        // (n)
    double *next;      // (n)
    double *step;      // (n) the gradient, then the step
    double *curvature; // (n, n)
};

// Goes along the step, or a part of it. Returns how far, relative to where it stands.
static double go(struct search *search)
{
    const struct newton *newton = search->newton;
    double before = newton->objective(newton->ctx, search->at), part = 1;
    for (int h = 0; h < HALVINGS_MAX; h++, part /= 2) {
        double moved = 0;
        for (uint32_t d = 0; d < newton->size; d++) {
            double step = part * search->step[d];
            search->next[d] = search->at[d] - step;
            moved = fmax(moved, fabs(step) / (1 + fabs(search->at[d])));
        }
        // Near the minimum the objective cannot tell steps apart any more.
        double rounding = 1e-14 * fabs(before);
        if (moved > is_close && newton->objective(newton->ctx, search->next) > before + rounding)
            continue;
        memcpy(search->at, search->next, newton->size * sizeof(double));
        return moved;
    }
    return 0;
}

static bool find_minimum(struct search *search)
{
    const struct newton *newton = search->newton;
    size_t n = newton->size;
    double before = INFINITY;
    for (int s = 0; s < STEPS_MAX; s++) {
        memset(search->step, 0, n * sizeof(double));
        memset(search->curvature, 0, n * n * sizeof(double));
        newton->differentiate(newton->ctx, search->at, search->step, search->curvature);
        if (!solve_positive(search->curvature, search->step, newton->size)) return false;
        double moved = go(search);
        if (isnan(moved)) return false;
        // Steps shrink quadratically at the end; those that do not any more are rounding.
        if (moved < 1e-13 || (moved < is_close && moved > before / 2)) return true;
        before = moved;
    }
    return false;
}

bool newton_minimise(const struct newton *newton, double *at)
{
    size_t n = newton->size;
    assert(n <= NEWTON_UNKNOWNS_MAX);
    struct search search = {.newton = newton, .at = at};
    search.next = mem_alloc(n * sizeof(double), "step");
    search.step = mem_alloc(n * sizeof(double), "step");
    search.curvature = mem_alloc(n * n * sizeof(double), "curvature");
    bool is_settled = find_minimum(&search);
    mem_free(search.next);
    mem_free(search.step);
    mem_free(search.curvature);
    return is_settled;
}
