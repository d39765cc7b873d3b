/* slope.c - see slope.h. */
#include "worker/ope/slope.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#include "worker/ope/interval.h"

struct slope_candidate slope_candidate_of(const double *x, uint64_t num)
{
    struct moments moments = moments_of(x, num);
    double lower, upper;
    interval_of_moments(&moments, INTERVAL_STUDENT_T, 0.8, &lower, &upper);
    return (struct slope_candidate){moments.mean, num < 2 ? 0 : moments.mean - lower};
}

// By falling width; of equal ones the larger parameter first. There are a handful.
static void order(const struct slope_candidate *candidates, uint32_t num, uint32_t *sorted)
{
    for (uint32_t i = 0; i < num; i++) {
        uint32_t at = i;
        for (; at > 0 && candidates[sorted[at - 1]].width <= candidates[i].width; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = i;
    }
}

static bool agrees(const struct slope_candidate *candidates, const uint32_t *sorted, uint32_t at)
{
    const struct slope_candidate *c = &candidates[sorted[at]];
    for (uint32_t j = 0; j < at; j++) {
        const struct slope_candidate *earlier = &candidates[sorted[j]];
        if (fabs(c->value - earlier->value) > c->width + (sqrt(6) - 1) * earlier->width)
            return false;
    }
    return true;
}

uint32_t slope_choose(const struct slope_candidate *candidates, uint32_t num)
{
    assert(num > 0 && num <= SLOPE_CANDIDATES_MAX);
    uint32_t sorted[SLOPE_CANDIDATES_MAX], at = 1;
    order(candidates, num, sorted);
    while (at < num && agrees(candidates, sorted, at)) at++;
    return sorted[at - 1];
}
