/* agent.h - who chooses what simulated users are shown, and may learn from what they do.
 *
 *   act       slates for all places of an environment, and how likely each was
 *   observe   what came of them
 *   learn     a few steps on what was observed, now and before
 *
 * An agent is one constant struct agent_ops in a file of its own and one line in agent.c. What it
 * draws comes from numbers that the caller gives, one a place: so its slates depend on the user and
 * the step and not on the place, the neighbours or the number of processes.
 *
 * A policy folder is a model folder (model_dir.h) of type "policy:<agent>": the agent's settings as
 * its state, dense.h's file as its weights, embeddings as its tables.
 *
 * Threads: one owner, that of the client.
 */
#ifndef SOUK_WORKER_AGENT_AGENT_H
#define SOUK_WORKER_AGENT_AGENT_H

#include "common/text/json.h"
#include "souk/client.h"
#include "worker/agent/exploration.h"
#include "worker/comm/comm.h"
#include "worker/env/env.h"

enum { AGENT_TABLES_MAX = 2 };

struct agent;

struct agent_options {
    const struct config *config; // borrowed for the agent's life, as all below
    struct env_shape shape;
    struct souk_client *client; // NULL: no tables, and nobody to learn with
    struct comm *comm;          // NULL: this process alone
    bool is_learning;           // else only act and observe are called
    // Of a folder; NULL: config says what the agent is.
    const void *state;                   // JSON object of save_state
    const struct souk_table_spec *specs; // of its tables
    uint32_t num_specs;
};

/* A turn of all places. */
struct agent_turn {
    const struct env_view *view; // NULL: only for agents that are blind
    const uint64_t *draws;       // (N) a random number for each place
    struct exploration exploration;
};
struct agent_choice {
    uint32_t *slates; // (N, K) candidates, distinct in a slate
    /* (N, K) how likely the first k + 1 positions were together, so that the last is the slate's;
     * NULL: nobody asks. */
    double *propensities;
    /* (N, K) how likely this item was at this position; NAN where that is not known; or NULL. */
    double *marginals;
};

/* What learning has come to since the last look. */
struct agent_news {
    double num_updates, loss; // loss summed over updates, each a mean
    double num_skipped;       // updates whose gradient was not finite
};

struct agent_ops {
    const char *name; // of policy.agent
    bool is_blind;    // act does not look at the view
    /* SOUK_ECONFIG, SOUK_EDATA (the state): logged. Collective where there is a comm. */
    souk_status (*create)(const struct agent_options *options, struct agent **agent_out);
    void (*destroy)(struct agent *agent); // NULL is fine
    souk_status (*act)(struct agent *agent, const struct agent_turn *turn,
                       const struct agent_choice *choice);
    /* (N) what came of the last act; those of empty places must be zeroed. Where the user has left,
     * another one sits at the next act. NULL: the past is nothing to this agent. */
    void (*observe)(struct agent *agent, const struct env_outcome *outcomes);

    /* As act, but others have chosen the slates (N, K), as those in a log. NULL: it cannot. */
    void (*watch)(struct agent *agent, const struct env_view *view, const uint32_t *slates);

    /* All below NULL: it does not learn. One call of learn for each act and observe; lr as of now.
     * settle, collective: weights become the same on all ranks. */
    souk_status (*learn)(struct agent *agent, float lr, struct agent_news *news);
    souk_status (*settle)(struct agent *agent);

    /* What makes up its folder; the last four NULL where there is nothing. pack: with_state adds
     * what learning needs to go on. unpack: SOUK_EDATA, logged with path. tables:
     * their descriptions and numbers of create's client (AGENT_TABLES_MAX); returns how many. */
    void (*save_state)(const struct agent *agent, struct json *json); // keys of an open object
    void (*pack)(const struct agent *agent, bool with_state, struct buf *out);
    souk_status (*unpack)(struct agent *agent, const void *bytes, size_t length, const char *path);
    uint32_t (*tables)(const struct agent *agent, struct souk_table_spec *specs_out,
                       uint32_t *tables_out);
    /* Once, behind create and whatever was unpacked and loaded into tables. Collective. */
    souk_status (*begin)(struct agent *agent);
};

/* ---- for agents ---- */

/* Of the folder's table of this name; NULL where config says what it is. */
const struct souk_table_spec *agent_spec(const struct agent_options *options, const char *name);
/* Place p of a choice. */
struct exploration_slate agent_slate(const struct env_shape *shape,
                                     const struct agent_choice *choice, uint32_t p);
/* The slate of place p: best (K), or what exploration makes of it; preferences (C) are those of
 * softmax. */
void agent_explore(const struct env_shape *shape, const struct agent_turn *turn,
                   const struct agent_choice *choice, uint32_t p, const uint32_t *best,
                   const double *preferences);
void agent_save_shape(const struct env_shape *shape, struct json *json);

/* ---- all of them ---- */

/* NULL for a name that is none. */
const struct agent_ops *agent_ops_get(const char *name);
/* The one of policy.agent. SOUK_ECONFIG, logged. */
SOUK_MUST_CHECK souk_status agent_ops_find(const struct config *config,
                                           const struct agent_ops **ops_out);

#endif
