/* fuzz_decision_logs.c - any bytes as a log that policies are judged by, or learnt from: choices,
 * slates, episodes, slates with their candidates. The first byte picks a policy, the rest is the
 * log. What comes out is a value, or undefined with a reason. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/log.h"
#include "worker/ope/ope.h"
#include "worker/policy/choice_fit.h"
#include "worker/policy/offline_states.h"
#include "worker/policy/offline_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { STATES_MAX = 3, ACTIONS_MAX = 2 };

static void ignore_message(void *ctx, enum log_level level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
}

static void write_file(const char *name, const void *bytes, size_t length, char path[40])
{
    int fd = memfd_create(name, 0);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length) abort();
    snprintf(path, 40, "/proc/self/fd/%d", fd);
}

static void close_file(const char *path)
{
    close(atoi(strrchr(path, '/') + 1));
}

static void judge(const char *log, const char *policy)
{
    struct ope_options options;
    struct ope_result result;
    ope_options_init(&options);
    options.log = log;
    options.policy = policy;
    options.discount = 0.9;
    options.interval.kind = INTERVAL_STUDENT_T;
    if (ope_run(&options, &result)) return;
    for (uint32_t f = 0; f < result.num_figures; f++) {
        const struct estimate *estimate = &result.figures[f].estimate;
        if (isnan(estimate->value) != (estimate->undefined != NULL)) abort();
    }
    ope_result_fini(&result);
}

static void learn(const struct episode_log *log)
{
    double q[STATES_MAX * ACTIONS_MAX];
    struct tabular tabular;
    uint32_t num_rounds;
    for (int alpha = 0; alpha < 2; alpha++) {
        const struct offline_table_options options = {0.9, alpha, 100, 1e-3};
        tabular_init(&tabular, log);
        if (!offline_table_learn(&tabular, &options, q, &num_rounds) && num_rounds > 100) abort();
        tabular_fini(&tabular);
    }
}

static void read_episodes(const char *path)
{
    struct number_table *table;
    struct episode_log log;
    float *states;
    uint32_t width;
    if (number_table_read(path, "log", &table)) return;
    souk_status status =
        episode_log_make(table, &(struct episode_log_options){STATES_MAX, ACTIONS_MAX}, &log);
    if (!status && log.num_features == 0) learn(&log);
    if (!status && !offline_states_width(&log, 0.5f, &width)) {
        states = calloc(log.num_steps * width, sizeof(*states));
        if (!states) abort();
        offline_states_make(&log, 0.5f, states);
        free(states);
    }
    episode_log_fini(&log);
    number_table_destroy(table);
}

// Slates with candidates: whatever is read has choices on the slate, and scores that are no less
// than 0 once they are fitted.
static void read_turns(const char *path)
{
    struct slate_turns turns;
    double loss;
    souk_status status = slate_turns_read(path, &turns);
    for (uint64_t i = 0; !status && i < turns.num_turns; i++)
        if (turns.outcomes[i].choice >= (int32_t)turns.shape.slate_size) abort();
    if (!status && !turns.has_scores && !choice_fit(&turns, &loss))
        for (uint64_t i = 0; i < turns.num_turns * turns.shape.num_candidates; i++)
            if (!(turns.scores[i] >= 0)) abort();
    slate_turns_fini(&turns);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const policies[] = {NULL, "0.5,0.5\n0.1,0.9\n1,0\n", "0.25\n0.75\n",
                                           "0.5,0.5\n"};
    char log[40], policy[40];
    if (length < 1) return 0;
    const char *text = policies[bytes[0] % 4];
    log_set_sink(ignore_message, NULL);
    write_file("log", bytes + 1, length - 1, log);
    if (text) write_file("policy", text, strlen(text), policy);
    judge(log, text ? policy : NULL);
    read_episodes(log);
    read_turns(log);
    close_file(log);
    if (text) close_file(policy);
    return 0;
}
