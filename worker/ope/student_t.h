/* student_t.h - quantiles of the normal and of Student's distribution. Threads: pure functions. */
#ifndef SOUK_WORKER_OPE_STUDENT_T_H
#define SOUK_WORKER_OPE_STUDENT_T_H

/* Where the lower tail is p, 0 < p < 1. Relative errors are about 1e-12, here and below. */
double normal_quantile(double p);
/* The same with `freedom` > 0 degrees of freedom, for 1e-9 <= p <= 1 - 1e-9. */
double student_t_quantile(double p, double freedom);

#endif
