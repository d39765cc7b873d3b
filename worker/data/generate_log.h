/* generate_log.h - logs of choices with planted values, for demonstrations, tests and measurements
 * of souk ope: what each of the new policies earns is known exactly (choice_world.h).
 *
 *     log.csv          action, reward (0 or 1), pscore (the probability of the logged action),
 *                      x0, x1, x2 (what was known of the user before the choice)
 *     logging.csv, better.csv, just_worse.csv, worse.csv
 *                      a policy's probabilities: a row a round, a column an action
 *     truth.json       the value of each policy
 *
 * Everything is a function of the options. Memory grows with kinds and actions, not with rounds.
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_GENERATE_LOG_H
#define SOUK_WORKER_DATA_GENERATE_LOG_H

#include "worker/data/choice_world.h"

struct log_options {
    const char *dir;       // made when it is not there; files in it are replaced
    uint64_t num_rounds;   // >= 1
    uint32_t num_kinds;    // of users, 1..CHOICE_KINDS_MAX
    uint32_t num_actions;  // 2..CHOICE_ACTIONS_MAX
    uint64_t seed;         // of the world
    uint64_t round_seed;   // of the rounds: many logs of one world
    unsigned policies;     // 1 << enum choice_policy: which ones get a file; 0: all
    bool has_propensities; // column pscore
};

struct log_result {
    double values[CHOICE_POLICIES]; // mean rewards, by enum choice_policy
    double logged_mean;             // of the rounds as they came
};

void log_options_init(struct log_options *options);

/* SOUK_EINVAL for options that contradict each other, SOUK_EIO, SOUK_ENOSPC: logged. */
SOUK_MUST_CHECK souk_status generate_log(const struct log_options *options,
                                         struct log_result *result_out);

#endif
