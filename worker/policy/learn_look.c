/* learn_look.c - held-out users meet the policy as it is, led by an agent of its own that does not
 * learn: places and memories of the one that learns stay as they are. */
#include "worker/agent/agent_dir.h"
#include "worker/policy/learn_private.h"
#include "worker/policy/sim_compare.h"

static souk_status copy_agent(struct learning *run, const struct env_shape *shape,
                              struct agent **agent_out)
{
    struct agent_options options = {.config = run->config,
                                    .shape = *shape,
                                    .client = session_client(run->options->session),
                                    .comm = run->comm};
    return agent_copy(run->ops, run->agent, &options, agent_out);
}

/* Of rank 0, for all. */
static void find_figures(struct learning *run, const struct sim_result *result,
                         struct learn_figure figures_out[SIM_NUM_FIGURES])
{
    struct sim_row row;
    if (comm_rank(run->comm) == 0) {
        sim_compare(result, 1, &row);
        for (int f = 0; f < SIM_NUM_FIGURES; f++)
            figures_out[f] = (struct learn_figure){.mean = row.figures[f].mean,
                                                   .stderror = row.figures[f].std_error};
    }
    comm_broadcast(run->comm, figures_out, SIM_NUM_FIGURES * sizeof *figures_out);
}

souk_status learn_look(struct learning *run, uint64_t num_users,
                       struct learn_figure figures_out[SIM_NUM_FIGURES])
{
    struct env_options env_options = {.config = run->config,
                                      .num_users = sim_places(num_users, run->comm),
                                      .seed = run->config->run.seed,
                                      .user_model = run->user_model};
    struct sim_policy policy = {.ops = run->ops};
    struct sim_options options = {.comm = run->comm, .num_users = num_users};
    struct sim_result result = {0};
    struct env_shape shape;
    souk_status status = env_create(&env_options, &options.env_ops, &options.env);
    status = comm_agree(run->comm, status);
    if (status != SOUK_OK) return status;
    options.env_ops->shape(options.env, &shape);
    status = comm_agree(run->comm, copy_agent(run, &shape, &policy.agent));
    if (status == SOUK_OK) status = sim_run(&options, &policy, &result);
    if (status == SOUK_OK) find_figures(run, &result, figures_out);
    sim_result_fini(&result);
    if (policy.agent) run->ops->destroy(policy.agent);
    options.env_ops->destroy(options.env);
    return status;
}
