/* agent_dir.h - policies on disk: a model folder (model_dir.h) whose type is "policy:<agent>".
 *
 * Threads: one owner, that of the client.
 */
#ifndef SOUK_WORKER_AGENT_AGENT_DIR_H
#define SOUK_WORKER_AGENT_AGENT_DIR_H

#include "worker/agent/agent.h"
#include "worker/model/model_dir.h"

// Type of a folder that `learn-policy --log` has made: no agent, but a network over columns of a
// log.
#define OFFLINE_POLICY_TYPE "policy:offline"

struct agent_save {
    const char *dir;
    const struct agent_ops *ops;
    const struct agent *agent;  // settled
    struct souk_client *client; // NULL: it has no table
    bool with_state;            // what learning needs to go on
    const char *extra_json;     // an object, or NULL
};
/* By one rank. As model_dir_save. */
SOUK_MUST_CHECK souk_status agent_dir_save(const struct agent_save *save);

/* Whether the folder's agent needs a client, because it has rows of a table. As model_dir_open. */
SOUK_MUST_CHECK souk_status agent_dir_has_rows(const char *dir, bool *has_rows_out);
/* The agent of a folder, ready to act, or to learn if options say so; options' state and specs are
 * not looked at. Collective where there is a comm. On SOUK_OK the caller owns *agent_out, and
 * *dir_out if it asks for it. SOUK_EDATA: damaged, no policy, or one of users and items with other
 * features; logged. */
SOUK_MUST_CHECK souk_status agent_dir_load(const char *dir, const struct agent_options *options,
                                           const struct agent_ops **ops_out,
                                           struct agent **agent_out, struct model_dir **dir_out);

/* Another agent as this one, made for options, whose state and specs are not looked at; its tables
 * are the same. As agent_ops.create. */
SOUK_MUST_CHECK souk_status agent_copy(const struct agent_ops *ops, const struct agent *agent,
                                       const struct agent_options *options,
                                       struct agent **copy_out);

#endif
