/* agent.c - all agents, and what they share. See agent.h. */
#include "worker/agent/agent.h"

#include <string.h>

extern const struct agent_ops agent_random, agent_greedy, agent_slateq, agent_dqn, agent_tabular;

static const struct agent_ops *const agents[] = {&agent_random, &agent_greedy, &agent_slateq,
                                                 &agent_dqn, &agent_tabular};

const struct agent_ops *agent_ops_get(const char *name)
{
    for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++)
        if (strcmp(agents[i]->name, name) == 0) return agents[i];
    return NULL;
}

souk_status agent_ops_find(const struct config *config, const struct agent_ops **ops_out)
{
    const struct agent_ops *ops = agent_ops_get(config->policy.agent);
    if (!ops)
        return config_fail_at(config, "policy.agent", "there is no agent \"%s\"",
                              config->policy.agent);
    *ops_out = ops;
    return SOUK_OK;
}

struct exploration_slate agent_slate(const struct env_shape *shape,
                                     const struct agent_choice *choice, uint32_t p)
{
    size_t at = (size_t)p * shape->slate_size;
    return (struct exploration_slate){
        .num_candidates = shape->num_candidates,
        .slate_size = shape->slate_size,
        .propensities = choice->propensities ? choice->propensities + at : NULL,
        .marginals = choice->marginals ? choice->marginals + at : NULL};
}

const struct souk_table_spec *agent_spec(const struct agent_options *options, const char *name)
{
    for (uint32_t i = 0; i < options->num_specs; i++)
        if (strcmp(options->specs[i].name, name) == 0) return &options->specs[i];
    return NULL;
}

void agent_explore(const struct env_shape *shape, const struct agent_turn *turn,
                   const struct agent_choice *choice, uint32_t p, const uint32_t *best,
                   const double *preferences)
{
    const struct exploration *exploration = &turn->exploration;
    struct exploration_slate slate = agent_slate(shape, choice, p);
    uint32_t *slate_out = choice->slates + (size_t)p * shape->slate_size;
    struct rng rng;
    rng_init(&rng, turn->draws[p], 0);
    if (exploration->is_softmax)
        exploration_draw_softmax(&slate, exploration->temperature, preferences, &rng, slate_out);
    else
        exploration_draw_epsilon(&slate, exploration->epsilon, best, &rng, slate_out);
}

static void put(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_uint(json, value);
}

void agent_save_shape(const struct env_shape *shape, struct json *json)
{
    put(json, "num_candidates", shape->num_candidates);
    put(json, "slate_size", shape->slate_size);
    put(json, "user_dim", shape->user_dim);
    put(json, "item_dim", shape->item_dim);
    put(json, "num_items", shape->num_items);
}
