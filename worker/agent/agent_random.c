/* agent_random.c - any slate, each as likely. See agent.h. */
#include "common/base/mem.h"
#include "worker/agent/agent.h"

struct agent {
    struct env_shape shape;
};

static souk_status random_create(const struct agent_options *options, struct agent **agent_out)
{
    struct agent *agent = mem_calloc(1, sizeof *agent, "agent");
    agent->shape = options->shape;
    *agent_out = agent;
    return SOUK_OK;
}

static void random_destroy(struct agent *agent)
{
    mem_free(agent);
}

static souk_status random_act(struct agent *agent, const struct agent_turn *turn,
                              const struct agent_choice *choice)
{
    const struct env_shape *shape = &agent->shape;
    for (uint32_t p = 0; p < shape->num_users; p++) {
        size_t at = (size_t)p * shape->slate_size;
        struct exploration_slate slate = agent_slate(shape, choice, p);
        struct rng rng;
        rng_init(&rng, turn->draws[p], 0);
        exploration_draw_any(&slate, &rng, choice->slates + at);
    }
    return SOUK_OK;
}

static void random_save_state(const struct agent *agent, struct json *json)
{
    agent_save_shape(&agent->shape, json);
}

const struct agent_ops agent_random = {
    .name = "random",
    .is_blind = true,
    .create = random_create,
    .destroy = random_destroy,
    .act = random_act,
    .save_state = random_save_state,
};
