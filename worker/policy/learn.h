/* learn.h - an agent learns from simulated users: acts, observes, learns, is looked at.
 *
 * Not the trainer's loop (worker/train/trainer.h): that one walks over the samples of files, epoch
 * by epoch, while a thread reads ahead; here samples come from acting with what was just learnt,
 * there is no epoch, and what is judged are stays of users and not predictions.
 *
 * Worker r of W leads users LEARN_FIRST_USER + r, + W, ..., policy.num_users at a time; validation
 * and test look at users 0, 1, ..., who are never learnt from. A run stops at a step by a signal or
 * by train.max_seconds: SOUK_ESTOPPED, with a checkpoint. A run that goes on from one has forgotten
 * its replay.
 *
 * Threads: owned by the thread of the session.
 */
#ifndef SOUK_WORKER_POLICY_LEARN_H
#define SOUK_WORKER_POLICY_LEARN_H

#include <signal.h>

#include "worker/policy/simulation.h"
#include "worker/train/session.h"

#define LEARN_FIRST_USER ((uint64_t)1 << 40)

struct learn_options {
    const struct config *config;
    struct comm *comm;
    struct session *session;
    volatile sig_atomic_t *stop_signal; // not 0: stop
    bool is_resuming;
    bool is_terminal; // progress is rewritten on standard error
    bool is_quiet;    // no progress at all
};

/* A point of the curve. */
struct learn_point {
    double steps;                // user steps of all workers so far
    double training;             // mean return of the stays that have ended since the point before
    double validation, stderror; // of policy.valid_users without exploration; NAN: not looked at
};

struct learn_figure {
    double mean, stderror; // over users; NAN: no user has it
};

struct learn_result {
    double num_steps, num_stays, num_updates; // of this process, by all workers
    double seconds, learn_seconds;            // in all, and without looking at held-out users
    struct learn_figure test[SIM_NUM_FIGURES];
    uint64_t num_test;          // users; 0: the run was stopped
    struct learn_point *points; // (num_points), also those before a checkpoint
    uint32_t num_points;
};

/* Collective. On SOUK_OK and SOUK_ESTOPPED *result_out is filled; learn_result_fini() it. */
SOUK_MUST_CHECK souk_status learn_run(const struct learn_options *options,
                                      struct learn_result *result_out);
void learn_result_fini(struct learn_result *result); // a zeroed one is fine

#endif
