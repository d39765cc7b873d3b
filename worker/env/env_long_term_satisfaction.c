/* env_long_term_satisfaction.c - users whom clickbait engages today and tires over time (RecSim's
 * environment of this name, "choc and kale"). Ie et al.: "RecSim", arXiv 1909.04847.
 *
 *   item       clickbait c ~ U[0, 1], seen; new in every step
 *   user       exposure e, hidden, at first (U - .5) / (1 - memory); satisfaction
 *              s = 1 / (1 + exp(-sensitivity e)); budget
 *   choice     always of the one item of the slate, which is all a slate holds here
 *   reward     engagement exp(N((clickbait_mean c + kale_mean (1 - c)) s, 1))
 *   then       e = memory e - 2 (c - .5) + N(0, noise); budget -= 1; the user leaves at 0
 *
 * All scores of the view are 1, and nothing is chosen with score 0. Of a user agents see the last
 * engagement, cut at 100, divided by 100, and the clickbait of the item that gave it; 0 and .5 at
 * first. Quality is 1 - c.
 */
#include <assert.h>
#include <math.h>

#include "common/base/mem.h"
#include "worker/env/env_base.h"

enum { USER_DIM = 2, ENGAGEMENT_SEEN_MAX = 100 };
static const double ENGAGEMENT_SD = 1; // of the logarithm, whatever the clickbait

// What is drawn; items counted up by four candidates.
enum { DRAW_USER = 0, DRAW_ENGAGEMENT = 1, DRAW_NOISE = 2, DRAW_CLICKBAIT = 1 << 20 };

struct env {
    struct env_base base;
    double sensitivity, memory, noise, clickbait_mean, kale_mean;
    bool shows_budget;
    double *exposures; // (N)
    double *budgets;   // (N)
    float *users;      // (N, D)
    float *null_score; // (N) zeros
    float *items;      // (N, C, 1) clickbait; NULL until a view is asked for
    float *scores;     // (N, C) ones, likewise
};

static void destroy(struct env *env)
{
    if (!env) return;
    mem_free(env->exposures);
    mem_free(env->budgets);
    mem_free(env->users);
    mem_free(env->null_score);
    mem_free(env->items);
    mem_free(env->scores);
    env_base_fini(&env->base);
    mem_free(env);
}

static void read_config(struct env *env, const struct config *config)
{
    env->sensitivity = config->env.sensitivity;
    env->memory = config->env.memory;
    env->noise = config->env.noise;
    env->clickbait_mean = config->env.clickbait_mean;
    env->kale_mean = config->env.kale_mean;
    env->shows_budget = config->env.show_budget;
}

static souk_status create(const struct env_options *options, struct env **env_out)
{
    static const struct env_defaults defaults = {
        .slate_size = 1, .num_candidates = 5, .max_steps = 10000, .budget = 60};
    struct env *env = mem_calloc(1, sizeof *env, "simulated users");
    read_config(env, options->config);
    souk_status status = env_base_init(&env->base, options, &defaults);
    struct env_shape *shape = &env->base.shape;
    if (status == SOUK_OK && shape->slate_size != 1)
        status = config_fail_at(options->config, "env.slate_size",
                                "must be 1 (or 0) for long_term_satisfaction: its users always "
                                "choose the first item");
    if (status != SOUK_OK) goto fail;
    shape->user_dim = USER_DIM + (env->shows_budget ? 1 : 0);
    shape->item_dim = 1;
    env->exposures = mem_calloc(shape->num_users, sizeof(double), "simulated users");
    env->budgets = mem_calloc(shape->num_users, sizeof(double), "simulated users");
    env->users = mem_calloc(shape->num_users, shape->user_dim * sizeof(float), "simulated users");
    env->null_score = mem_calloc(shape->num_users, sizeof(float), "scores");
    *env_out = env;
    return SOUK_OK;
fail:
    destroy(env);
    return status;
}

static void tell_shape(const struct env *env, struct env_shape *shape_out)
{
    *shape_out = env->base.shape;
}

static void show_user(struct env *env, uint32_t place, double engagement, double clickbait)
{
    float *user = env->users + (size_t)place * env->base.shape.user_dim;
    user[0] = (float)(fmin(engagement, ENGAGEMENT_SEEN_MAX) / ENGAGEMENT_SEEN_MAX);
    user[1] = (float)clickbait;
    if (env->shows_budget)
        user[USER_DIM] = (float)(fmax(env->budgets[place], 0) / env->base.budget);
}

static void reset(struct env *env, uint32_t place, uint64_t user)
{
    uint32_t words[4];
    env_base_sit(&env->base, place, user);
    env_draw(&env->base, &env->base.places[place], DRAW_USER, words);
    env->exposures[place] = (env_uniform(words) - 0.5) / (1.0 - env->memory);
    env->budgets[place] = env->base.budget;
    show_user(env, place, 0, 0.5);
}

static void empty(struct env *env, uint32_t place)
{
    env->base.places[place].is_taken = false;
}

static double find_clickbait(const struct env *env, uint32_t place, uint32_t candidate)
{
    uint32_t words[4];
    env_draw(&env->base, &env->base.places[place], DRAW_CLICKBAIT + candidate / 4, words);
    return (double)words[candidate % 4] * 0x1p-32;
}

static void view(struct env *env, struct env_view *view_out)
{
    const struct env_shape *shape = &env->base.shape;
    size_t num_candidates = (size_t)shape->num_users * shape->num_candidates;
    if (!env->items) {
        env->items = mem_calloc(num_candidates, sizeof(float), "candidates");
        env->scores = mem_calloc(num_candidates, sizeof(float), "scores of candidates");
        for (size_t i = 0; i < num_candidates; i++) env->scores[i] = 1;
    }
    for (size_t i = 0; i < num_candidates; i++)
        env->items[i] = (float)find_clickbait(env, (uint32_t)(i / shape->num_candidates),
                                              (uint32_t)(i % shape->num_candidates));
    *view_out = (struct env_view){.users = env->users,
                                  .items = env->items,
                                  .scores = env->scores,
                                  .null_score = env->null_score};
}

static void find_qualities(struct env *env, float *qualities_out)
{
    const struct env_shape *shape = &env->base.shape;
    for (uint32_t n = 0; n < shape->num_users; n++)
        for (uint32_t c = 0; c < shape->num_candidates; c++)
            *qualities_out++ = (float)(1.0 - find_clickbait(env, n, c));
}

static double draw_normal(const struct env *env, uint32_t place, uint32_t what)
{
    uint32_t words[4];
    env_draw(&env->base, &env->base.places[place], what, words);
    return env_normal(words);
}

static double find_satisfaction(const struct env *env, uint32_t place)
{
    return 1.0 / (1.0 + exp(-env->sensitivity * env->exposures[place]));
}

static void step_place(struct env *env, uint32_t place, uint32_t candidate,
                       struct env_outcome *outcome)
{
    double clickbait = find_clickbait(env, place, candidate), *exposure = &env->exposures[place];
    double satisfaction = find_satisfaction(env, place);
    double mean = (env->clickbait_mean * clickbait + env->kale_mean * (1.0 - clickbait));
    double normal = draw_normal(env, place, DRAW_ENGAGEMENT);
    double engagement = exp(mean * satisfaction + ENGAGEMENT_SD * normal);
    *exposure = env->memory * *exposure - 2.0 * (clickbait - 0.5) +
                env->noise * draw_normal(env, place, DRAW_NOISE);
    env->budgets[place] -= 1;
    show_user(env, place, engagement, clickbait);
    *outcome = (struct env_outcome){.reward = (float)engagement, .quality = (float)(1 - clickbait)};
}

static void step(struct env *env, const uint32_t *slates, struct env_outcome *outcomes_out)
{
    for (uint32_t n = 0; n < env->base.shape.num_users; n++) {
        outcomes_out[n] = env_nothing_happened;
        if (!env->base.places[n].is_taken) continue;
        assert(env_base_is_slate(&env->base, &slates[n]));
        step_place(env, n, slates[n], &outcomes_out[n]);
        env_base_finish_step(&env->base, n, env->budgets[n] <= 0, &outcomes_out[n]);
    }
}

/* ---- for people ---- */

static void tell_item(const struct env *env, uint32_t place, uint32_t candidate, struct buf *out)
{
    buf_printf(out, "clickbait %.2f", find_clickbait(env, place, candidate));
}

static void tell_user(const struct env *env, uint32_t place, struct buf *out)
{
    buf_printf(out, "satisfaction %.3f budget %g", find_satisfaction(env, place),
               env->budgets[place]);
}

const struct env_ops env_long_term_satisfaction_ops = {
    .name = "long_term_satisfaction",
    .create = create,
    .destroy = destroy,
    .shape = tell_shape,
    .reset = reset,
    .empty = empty,
    .view = view,
    .step = step,
    .qualities = find_qualities,
    .tell_item = tell_item,
    .tell_user = tell_user,
};
