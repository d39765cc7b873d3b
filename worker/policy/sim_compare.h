/* sim_compare.h - what simulated stays say about policies: means, and differences user by user.
 *
 * All policies led the same users, so a difference is taken within each user first: what users
 * differ in by themselves drops out, and its standard error is smaller than that of two means.
 *
 * Threads: pure functions over their arguments.
 */
#ifndef SOUK_WORKER_POLICY_SIM_COMPARE_H
#define SOUK_WORKER_POLICY_SIM_COMPARE_H

#include "worker/policy/simulation.h"

struct sim_mean {
    double mean, std_error; // NAN: undefined, as the error of one user
    uint64_t num_users;     // that have the figure
};
struct sim_row {
    struct sim_mean figures[SIM_NUM_FIGURES];
    struct sim_mean differences[SIM_NUM_FIGURES]; // from the first policy, over users with both
    uint64_t num_cut;                             // users who stayed until max_steps
};

/* rows_out (num_results). Results are of the same users. */
void sim_compare(const struct sim_result *results, uint32_t num_results, struct sim_row *rows_out);

#endif
