/* student_t.c - see student_t.h. A start and steps of Newton's and Halley's methods on the
 * distribution function: the incomplete beta function by its continued fraction (Lentz). With many
 * degrees of freedom, where lgamma() loses digits and the fraction grows long, the expansion
 * around the normal quantile (Abramowitz and Stegun 26.7.5) is exact enough. */
#include "worker/ope/student_t.h"

#include <assert.h>
#include <math.h>

enum { FRACTION_MAX = 10000, STEPS_MAX = 100, EXPANSION_FROM = 1000 };

// Rational approximation of the lower half (Abramowitz and Stegun 26.2.23, within 5e-4), to start.
static double start_normal(double p)
{
    double t = sqrt(-2 * log(p));
    return (2.515517 + t * (0.802853 + t * 0.010328)) /
               (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) -
           t;
}

double normal_quantile(double p)
{
    assert(p > 0 && p < 1);
    if (p == 0.5) return 0;
    if (p > 0.5) return -normal_quantile(1 - p);
    double z = start_normal(p);
    for (int i = 0; i < 4; i++) {
        double error = 0.5 * erfc(-z * M_SQRT1_2) - p;
        double step = error * sqrt(2 * M_PI) * exp(z * z / 2);
        z -= step / (1 + z * step / 2); // Halley: the density's slope is -z times itself
    }
    return z;
}

static double away_from_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

// The continued fraction of the incomplete beta function, for x < (a + 1) / (a + b + 2).
static double beta_fraction(double x, double a, double b)
{
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
    for (int m = 1; m <= FRACTION_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        value *= c * d;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        value *= c * d;
        if (fabs(c * d - 1) < 1e-16) break;
    }
    return value;
}

// x and y = 1 - x are given both, so that neither is lost by cancellation.
static double incomplete_beta(double x, double y, double a, double b)
{
    if (x <= 0) return 0;
    if (y <= 0) return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(y, b, a) / b;
}

// Of -t, for t > 0.
static double tail(double t, double freedom)
{
    double square = t * t, sum = freedom + square;
    return 0.5 * incomplete_beta(freedom / sum, square / sum, freedom / 2, 0.5);
}

static double density(double t, double freedom)
{
    return exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2) -
               (freedom + 1) / 2 * log1p(t * t / freedom)) /
           sqrt(freedom * M_PI);
}

static double expand(double z, double v)
{
    double z2 = z * z;
    double g1 = z * (z2 + 1) / 4;
    double g2 = z * ((5 * z2 + 16) * z2 + 3) / 96;
    double g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    double g4 = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
    return z + (g1 + (g2 + (g3 + g4 / v) / v) / v) / v;
}

// Newton's method between bounds that close in, for the upper half.
static double solve(double q, double freedom)
{
    double low = 0, high = 1;
    while (tail(high, freedom) > q) low = high, high *= 2;
    double t = (low + high) / 2;
    for (int i = 0; i < STEPS_MAX; i++) {
        double error = tail(t, freedom) - q;
        if (error > 0)
            low = t;
        else
            high = t;
        double next = t + error / density(t, freedom);
        if (!(next > low && next < high)) next = (low + high) / 2;
        double moved = fabs(next - t);
        t = next;
        if (moved <= 1e-15 * t) break;
    }
    return t;
}

double student_t_quantile(double p, double freedom)
{
    assert(p > 0 && p < 1 && freedom > 0);
    if (p == 0.5) return 0;
    if (freedom >= EXPANSION_FROM) return expand(normal_quantile(p), freedom);
    return p < 0.5 ? -solve(p, freedom) : solve(1 - p, freedom);
}
