/* q_settings.h - what makes a learnt policy what it is: read from the configuration to learn it,
 * from its folder to use it.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_AGENT_Q_SETTINGS_H
#define SOUK_WORKER_AGENT_Q_SETTINGS_H

#include "common/text/config.h"
#include "common/text/json.h"
#include "worker/agent/q_net.h"
#include "worker/env/env.h"

struct q_settings {
    float memory;       // decay of the memory of a user's past; 0: none
    float reward_scale; // of the rewards in the memory
    uint32_t num_hidden;
    uint32_t hidden[Q_NET_LAYERS_MAX];
    bool is_dueling;
    uint32_t embedding; // floats of an item's; 0: none
    uint32_t user_embedding;
    enum config_policy_slate slate;
    bool learns_null;
    float first_value; // of a click before anything was learnt; 0: any, as networks begin
    uint32_t bins;     // of a feature
    float bins_low, bins_high;
};

/* SOUK_ECONFIG, logged. */
SOUK_MUST_CHECK souk_status q_settings_read(const struct config *config,
                                            const struct env_shape *shape,
                                            struct q_settings *settings_out);
/* Keys of an open object, and back from it. SOUK_EDATA, logged. */
void q_settings_save(const struct q_settings *settings, struct json *json);
SOUK_MUST_CHECK souk_status q_settings_load(const void *json, struct q_settings *settings_out);

#endif
