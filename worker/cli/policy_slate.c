/* policy_slate.c - see policy_slate.h. The person is seated among learned users (env_learned.h), so
 * that the policy sees what it saw when it learnt. */
#include "worker/cli/policy_slate.h"

#include <math.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/agent/agent_dir.h"
#include "worker/env/user_model.h"
#include "worker/model/model_config.h"

struct policy_slate {
    struct loaded *loaded;               // borrowed
    const char *path;                    // of the policy's folder, borrowed
    struct config config;                // of the policy, with the model that is here
    uint32_t num_candidates, slate_size; // that the policy learnt with
    struct user_model *users;
    const struct env_ops *env_ops;
    struct env *env; // of one place; NULL: not made yet
    struct env_shape shape;
    const struct agent_ops *ops;
    struct agent *agent;
    uint32_t *candidates; // (C) in the catalogue
    struct policy_choice choices[ENV_SLATE_MAX];
};

static souk_status read_config(struct policy_slate *slate, const struct args *args)
{
    struct config *config = &slate->config;
    bool has_rows;
    config_init(config);
    souk_status status = agent_dir_has_rows(args->policy, &has_rows); // that it is a folder of one
    if (status == SOUK_OK) status = model_config_read(config, args->policy);
    for (uint32_t i = 0; i < args->settings.num_items && status == SOUK_OK; i++)
        status = config_set(config, args->settings.items[i]);
    if (status != SOUK_OK) return status;
    if (!env_has_user_model(config))
        return log_fail(
            SOUK_EDATA,
            "%s: was learnt on users of type %s, who are no people; for recommendations "
            "learn one with env.type=learned, env.model=%s",
            args->policy, config->env.type, args->model_dir);
    mem_free(config->env.model);
    config->env.model = mem_strdup(args->model_dir);
    config->env.num_profiles = 1; // simulated people are not asked for
    uint32_t num_candidates = config->env.num_candidates, slate_size = config->env.slate_size;
    slate->num_candidates = num_candidates > 0 ? num_candidates : ENV_LEARNED_CANDIDATES;
    slate->slate_size = slate_size > 0 ? slate_size : ENV_LEARNED_SLATE;
    return SOUK_OK;
}

static void close_agent(struct policy_slate *slate)
{
    if (slate->agent) slate->ops->destroy(slate->agent);
    if (slate->env) slate->env_ops->destroy(slate->env);
    slate->agent = NULL;
    slate->env = NULL;
}

/* For so many candidates, of which there may be fewer than the policy learnt with. */
static souk_status open_agent(struct policy_slate *slate, uint32_t num_candidates)
{
    if (slate->env && slate->shape.num_candidates == num_candidates) return SOUK_OK;
    struct config *config = &slate->config;
    const struct env_options options = {
        .config = config, .num_users = 1, .seed = 1, .user_model = slate->users};
    close_agent(slate);
    config->env.num_candidates = num_candidates;
    config->env.slate_size =
        slate->slate_size < num_candidates ? slate->slate_size : num_candidates;
    souk_status status = env_create(&options, &slate->env_ops, &slate->env);
    if (status != SOUK_OK) return status;
    slate->env_ops->shape(slate->env, &slate->shape);
    slate->candidates =
        mem_realloc(slate->candidates, num_candidates * sizeof *slate->candidates, "candidates");
    const struct agent_options agent_options = {
        .config = config, .shape = slate->shape, .client = slate->loaded->client};
    return agent_dir_load(slate->path, &agent_options, &slate->ops, &slate->agent, NULL);
}

souk_status policy_slate_open(struct loaded *loaded, const struct args *args,
                              struct policy_slate **slate_out)
{
    struct policy_slate *slate = mem_calloc(1, sizeof *slate, "policy");
    slate->loaded = loaded;
    slate->path = args->policy;
    souk_status status = read_config(slate, args);
    struct user_model_options options = {
        .config = &slate->config, .client = loaded->client, .comm = loaded->comm};
    if (status == SOUK_OK) status = user_model_open(&options, &slate->users);
    if (status == SOUK_OK) status = open_agent(slate, slate->num_candidates);
    if (status != SOUK_OK) {
        policy_slate_close(slate);
        return status;
    }
    *slate_out = slate;
    return SOUK_OK;
}

void policy_slate_close(struct policy_slate *slate)
{
    if (!slate) return;
    close_agent(slate);
    user_model_close(slate->users);
    config_fini(&slate->config);
    mem_free(slate->candidates);
    mem_free(slate);
}

uint32_t policy_slate_num_candidates(const struct policy_slate *slate)
{
    return slate->num_candidates;
}

const char *policy_slate_path(const struct policy_slate *slate)
{
    return slate->path;
}

/* The number of what is drawn for a user: the same for the same seed. */
static uint64_t draw_for(const struct policy_slate *slate, uint64_t user)
{
    return hash_key(hash_key(user + 1) ^ slate->config.run.seed);
}

static souk_status act(struct policy_slate *slate, uint64_t user, struct env_view *view,
                       const struct agent_choice *choice)
{
    uint64_t draw = draw_for(slate, user);
    slate->env_ops->view(slate->env, view);
    souk_status status = slate->env_ops->status ? slate->env_ops->status(slate->env) : SOUK_OK;
    const struct agent_turn turn = {
        .view = view, .draws = &draw, .exploration = exploration_at(&slate->config, INFINITY)};
    return status == SOUK_OK ? slate->ops->act(slate->agent, &turn, choice) : status;
}

souk_status policy_slate_choose(struct policy_slate *slate, uint64_t user,
                                const struct sample_batch *profiles, uint32_t sample,
                                const struct top_list *candidates,
                                const struct policy_choice **choices_out, uint32_t *num_out)
{
    uint32_t num = candidates->num_entries, shown[ENV_SLATE_MAX];
    double propensities[ENV_SLATE_MAX], marginals[ENV_SLATE_MAX];
    const struct agent_choice choice = {shown, propensities, marginals};
    struct env_view view;
    *choices_out = slate->choices;
    *num_out = 0;
    if (num == 0) return SOUK_OK;
    souk_status status = open_agent(slate, num);
    if (status != SOUK_OK) return status;
    for (uint32_t c = 0; c < num; c++)
        slate->candidates[c] = user_model_find_item(slate->users, candidates->entries[c].key);
    const struct env_learned_guest guest = {profiles, sample, slate->candidates};
    env_learned_invite(slate->env, 0, &guest);
    status = act(slate, user, &view, &choice);
    for (uint32_t k = 0; k < slate->shape.slate_size && status == SOUK_OK; k++) {
        double odds = (double)view.scores[shown[k]];
        slate->choices[k] = (struct policy_choice){.item = candidates->entries[shown[k]].key,
                                                   .probability = odds / (1 + odds),
                                                   .propensity = propensities[k],
                                                   .marginal = marginals[k]};
    }
    if (status == SOUK_OK) *num_out = slate->shape.slate_size;
    return status;
}
