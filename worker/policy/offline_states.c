/* offline_states.c - see offline_states.h. */
#include "worker/policy/offline_states.h"

#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"

// Features that the log itself gives.
static uint32_t own_width(const struct episode_log *log)
{
    if (log->num_features > 0) return log->num_features;
    return log->num_states > 1 ? log->num_states : 0;
}

souk_status offline_states_width(const struct episode_log *log, float memory, uint32_t *width_out)
{
    if (log->num_states > OFFLINE_STATES_MAX)
        return log_fail(SOUK_EDATA,
                        "%u numbered states are more than the %d that a network takes; leave out "
                        "--memory, so that they are learnt as a table",
                        log->num_states, OFFLINE_STATES_MAX);
    uint64_t width = own_width(log) + (memory > 0 ? 2 * (uint64_t)log->num_actions : 0);
    if (width > OFFLINE_FEATURES_MAX)
        return log_fail(SOUK_EDATA, "states of %llu features are more than the %d that are learnt",
                        (unsigned long long)width, OFFLINE_FEATURES_MAX);
    *width_out = (uint32_t)width;
    return SOUK_OK;
}

static void put_own(const struct episode_log *log, uint64_t step, float *out)
{
    uint32_t width = own_width(log);
    if (log->num_features > 0)
        memcpy(out, log->features + step * width, width * sizeof(*out));
    else if (width > 0)
        out[log->states[step]] = 1;
}

void offline_states_make(const struct episode_log *log, float memory, float *states_out)
{
    uint32_t own = own_width(log), num_actions = log->num_actions;
    uint32_t past = memory > 0 ? 2 * num_actions : 0, width = own + past;
    memset(states_out, 0, log->num_steps * width * sizeof(*states_out));
    for (uint64_t e = 0; e < log->num_episodes; e++)
        for (uint64_t i = log->first_step[e]; i < log->first_step[e + 1]; i++) {
            float *state = states_out + i * width;
            put_own(log, i, state);
            if (past == 0 || i == log->first_step[e]) continue;
            const float *before = state - width + own;
            for (uint32_t k = 0; k < past; k++) state[own + k] = memory * before[k];
            state[own + log->actions[i - 1]] += memory;
            state[own + num_actions + log->actions[i - 1]] += memory * (float)log->rewards[i - 1];
        }
}

void offline_states_measure(const float *states, uint64_t num, uint32_t width, float *shift_out,
                            float *scale_out)
{
    double *sums = mem_calloc((size_t)width * 2 + 1, sizeof(*sums), "features"),
           *squares = sums + width;
    for (uint64_t i = 0; i < num * width; i++) sums[i % width] += (double)states[i];
    for (uint64_t i = 0; i < num * width; i++) {
        double gap = (double)states[i] - sums[i % width] / (double)num;
        squares[i % width] += gap * gap;
    }
    for (uint32_t d = 0; d < width; d++) {
        double deviation = sqrt(squares[d] / (double)num);
        shift_out[d] = (float)(sums[d] / (double)num);
        scale_out[d] = deviation > 1e-6 ? (float)(1 / deviation) : 1;
    }
    mem_free(sums);
}

void offline_states_scale(float *states, uint64_t num, uint32_t width, const float *shift,
                          const float *scale)
{
    for (uint64_t i = 0; i < num; i++)
        for (uint32_t d = 0; d < width; d++)
            states[i * width + d] = (states[i * width + d] - shift[d]) * scale[d];
}
