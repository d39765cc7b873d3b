/* train_run.h - training within the test process, over inproc://, and for factorisations ratings
 * with a plain structure. Failures end the test. Threads: one owner. */
#ifndef SOUK_TESTS_SUPPORT_TRAIN_RUN_H
#define SOUK_TESTS_SUPPORT_TRAIN_RUN_H

#include "worker/train/trainer.h"

// One test's folder, and what its runs are set to.
struct train_fixture {
    char *dir;
    struct config config;
    int stop; // as if a signal had come before training began
    bool is_resuming;
};

// What is left of a run.
struct train_outcome {
    souk_status status;
    struct train_result result;
    uint64_t tables; // of the bytes of all rows, in any order
};

extern const struct local_server_ops train_local_servers; // threads of this process

/* Of each test: *state is a fixture with data and small settings, and the log is captured. */
int train_set_up(void **state);
int train_tear_down(void **state);

void train_set(struct train_fixture *fixture, const char *key, const char *value);
struct train_outcome train_run(struct train_fixture *fixture);
/* Of any model; train_result_fini(result_out) always. */
souk_status train_once(struct train_fixture *fixture, struct train_result *result_out);
double train_rmse(const struct evaluation *evaluation);
/* n ratings whose ids begin with prefix; returns the path. */
const char *train_write_ratings(struct train_fixture *fixture, const char *name, uint32_t n,
                                const char *prefix);
/* The path of a file of the run. */
const char *train_in_run(struct train_fixture *fixture, const char *name);

#endif
