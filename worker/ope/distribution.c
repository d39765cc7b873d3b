/* distribution.c - see distribution.h. */
#include "worker/ope/distribution.h"

#include <math.h>

static const double exact = 1e-6; // what is nearer to 1 stays as it is

bool distribution_settle(double *values, uint32_t num, size_t stride, double *error,
                         double *sum_out)
{
    double sum = 0;
    for (uint32_t a = 0; a < num; a++) sum += values[a * stride];
    double off = fabs(sum - 1);
    *sum_out = sum;
    if (!(off <= DISTRIBUTION_TOLERANCE)) return false;
    if (off <= exact) return true;
    for (uint32_t a = 0; a < num; a++) values[a * stride] /= sum;
    if (off > *error) *error = off;
    return true;
}
