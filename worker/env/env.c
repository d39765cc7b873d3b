/* env.c - see env.h: the list of environments, and what they share (env_base.h). */
#include "worker/env/env.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/text/buf.h"
#include "worker/env/env_base.h"

static const struct env_ops *const ENVS[] = {&env_interest_evolution_ops,
                                             &env_interest_exploration_ops,
                                             &env_long_term_satisfaction_ops, &env_learned_ops};
enum { NUM_ENVS = sizeof ENVS / sizeof *ENVS };
enum { CANDIDATES_MAX = 1 << 28 }; // of all places: agents count them in 32 bits

const struct env_outcome env_nothing_happened = {.choice = -1, .quality = NAN};

const struct env_ops *env_ops_get(const char *type)
{
    for (size_t i = 0; i < NUM_ENVS; i++)
        if (strcmp(ENVS[i]->name, type) == 0) return ENVS[i];
    return NULL;
}

souk_status env_status(const struct env_ops *ops, const struct env *env)
{
    return ops->status ? ops->status(env) : SOUK_OK;
}

bool env_has_user_model(const struct config *config)
{
    const struct env_ops *ops = env_ops_get(config->env.type);
    return ops && ops->has_user_model;
}

static souk_status fail_unknown(const struct config *config)
{
    const char *names[NUM_ENVS];
    struct buf list = {0};
    for (size_t i = 0; i < NUM_ENVS; i++) {
        names[i] = ENVS[i]->name;
        buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    const char *type = config->env.type, *nearest = text_nearest(type, names, NUM_ENVS);
    souk_status status;
    if (nearest)
        status = config_fail_at(config, "env.type", "\"%s\" is none; did you mean \"%s\"?", type,
                                nearest);
    else
        status = config_fail_at(config, "env.type", "\"%s\" is none of %s", type, list.text);
    buf_fini(&list);
    return status;
}

souk_status env_create(const struct env_options *options, const struct env_ops **ops_out,
                       struct env **env_out)
{
    const struct env_ops *ops = env_ops_get(options->config->env.type);
    if (!ops) return fail_unknown(options->config);
    souk_status status = ops->create(options, env_out);
    if (status == SOUK_OK) *ops_out = ops;
    return status;
}

/* ---- env_base ---- */

static uint32_t set_or(uint32_t value, uint32_t fallback)
{
    return value > 0 ? value : fallback;
}

souk_status env_base_init(struct env_base *base, const struct env_options *options,
                          const struct env_defaults *defaults)
{
    const struct config *config = options->config;
    struct env_shape shape = {
        .num_users = options->num_users,
        .num_candidates = set_or(config->env.num_candidates, defaults->num_candidates),
        .slate_size = set_or(config->env.slate_size, defaults->slate_size),
        .max_steps = set_or(config->env.max_steps, defaults->max_steps),
    };
    uint64_t key = rng_stream("simulated users", options->seed, 0);
    *base =
        (struct env_base){.shape = shape,
                          .key = {(uint32_t)key, (uint32_t)(key >> 32)},
                          .budget = config->env.budget > 0 ? config->env.budget : defaults->budget};
    if (shape.slate_size > shape.num_candidates)
        return config_fail_at(config, "env.slate_size",
                              "slates of %u cannot be made of %u candidates; lower it, or raise "
                              "env.num_candidates",
                              shape.slate_size, shape.num_candidates);
    if ((uint64_t)shape.num_users * shape.num_candidates > CANDIDATES_MAX)
        return config_fail_at(config, "env.num_candidates",
                              "%u candidates for each of %u users at once are more than %d in all; "
                              "lower it, or policy.num_users",
                              shape.num_candidates, shape.num_users, CANDIDATES_MAX);
    base->places = mem_calloc(shape.num_users, sizeof *base->places, "places of simulated users");
    return SOUK_OK;
}

void env_base_fini(struct env_base *base)
{
    mem_free(base->places);
    base->places = NULL;
}

void env_base_sit(struct env_base *base, uint32_t place, uint64_t user)
{
    assert(place < base->shape.num_users);
    base->places[place] = (struct env_place){.user = user, .is_taken = true};
}

void env_base_finish_step(struct env_base *base, uint32_t place, bool has_left,
                          struct env_outcome *outcome)
{
    struct env_place *at = &base->places[place];
    at->step++;
    outcome->is_cut = !has_left && at->step >= base->shape.max_steps;
    outcome->is_over = has_left || outcome->is_cut;
    at->is_taken = !outcome->is_over;
}

bool env_base_is_slate(const struct env_base *base, const uint32_t *slate)
{
    for (uint32_t k = 0; k < base->shape.slate_size; k++) {
        if (slate[k] >= base->shape.num_candidates) return false;
        for (uint32_t before = 0; before < k; before++)
            if (slate[before] == slate[k]) return false;
    }
    return true;
}

double env_normal(const uint32_t words[4])
{
    double u = 1.0 - env_uniform(words); // (0, 1], so that the logarithm is finite
    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * env_uniform(words + 2));
}
