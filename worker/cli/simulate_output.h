/* simulate_output.h - what souk simulate prints and draws. Threads: one owner. */
#ifndef SOUK_WORKER_CLI_SIMULATE_OUTPUT_H
#define SOUK_WORKER_CLI_SIMULATE_OUTPUT_H

#include "worker/policy/sim_compare.h"

/* All borrowed. */
struct simulated {
    const char *env_type;
    struct env_shape shape;
    uint64_t seed;
    uint32_t num_policies;
    const char *const *names;         // (num_policies)
    const struct sim_result *results; // (num_policies)
    const struct sim_row *rows;       // (num_policies)
};

/* A table of means with their standard errors, one of differences, and what was traced. */
void simulate_text(const struct simulated *simulated, struct buf *out);
/* One JSON object. */
void simulate_json(const struct simulated *simulated, struct buf *out);
/* Means with 95 % intervals, a panel a figure. */
void simulate_svg(const struct simulated *simulated, struct buf *out);

#endif
