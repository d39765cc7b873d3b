/* agent_greedy.c - the items that are most likely to be clicked, for the next click's sake. See
 * agent.h. */
#include "common/base/mem.h"
#include "worker/agent/agent.h"
#include "worker/agent/slate_choice.h"

struct agent {
    struct env_shape shape;
    double *scores, *ones; // (C)
};

static souk_status greedy_create(const struct agent_options *options, struct agent **agent_out)
{
    struct agent *agent = mem_calloc(1, sizeof *agent, "agent");
    uint32_t num_candidates = options->shape.num_candidates;
    agent->shape = options->shape;
    agent->scores = mem_calloc(num_candidates, sizeof *agent->scores, "agent");
    agent->ones = mem_calloc(num_candidates, sizeof *agent->ones, "agent");
    for (uint32_t c = 0; c < num_candidates; c++) agent->ones[c] = 1;
    *agent_out = agent;
    return SOUK_OK;
}

static void greedy_destroy(struct agent *agent)
{
    if (!agent) return;
    mem_free(agent->scores);
    mem_free(agent->ones);
    mem_free(agent);
}

static souk_status greedy_act(struct agent *agent, const struct agent_turn *turn,
                              const struct agent_choice *choice)
{
    const struct env_shape *shape = &agent->shape;
    uint32_t num_candidates = shape->num_candidates;
    for (uint32_t p = 0; p < shape->num_users; p++) {
        const float *scores = turn->view->scores + (size_t)p * num_candidates;
        for (uint32_t c = 0; c < num_candidates; c++) agent->scores[c] = (double)scores[c];
        const struct slate_choice sight = {.scores = agent->scores,
                                           .values = agent->ones,
                                           .num_candidates = num_candidates,
                                           .slate_size = shape->slate_size};
        uint32_t best[ENV_SLATE_MAX];
        slate_choice_top(&sight, best);
        agent_explore(shape, turn, choice, p, best, agent->scores);
    }
    return SOUK_OK;
}

static void greedy_save_state(const struct agent *agent, struct json *json)
{
    agent_save_shape(&agent->shape, json);
}

const struct agent_ops agent_greedy = {
    .name = "greedy",
    .create = greedy_create,
    .destroy = greedy_destroy,
    .act = greedy_act,
    .save_state = greedy_save_state,
};
