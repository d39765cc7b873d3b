/* env_interest_evolution.c - users whose interests move towards or away from what they watch, on a
 * budget of time that good items stretch (RecSim's environment of the SlateQ paper, in its default
 * form). Ie et al.: "SlateQ", IJCAI 2019; "RecSim", arXiv 1909.04847.
 *
 *   item       one of 20 topics t, evenly; quality q ~ N(mu_t, quality_sd), hidden, where mu runs
 *              evenly from -3 to 0 over the first 14 topics and from 0 to 3 over the other 6;
 *              all candidates are new in every step
 *   user       interests I ~ U(-1, 1)^20, seen; budget b
 *   choice     v_i = I_t + 1, v_0 = 1 + no_click_mass: the scores of the view are exact
 *   nothing    b -= step_penalty
 *   item i     reward w = min(b, document_length); with probability (I_t + 1) / 2 I_t += D, else
 *              I_t -= D, where D = 0.3 (1 - |I_t|) (1 - I_t), within [-1, 1];
 *              b += -w + 0.9 / 3.4 w q_i
 *   end        b <= 0
 *
 * Topics and qualities are drawn when they are asked for. A step asks for the topics of its slate
 * and the quality of what was chosen, so that a random policy, which looks at nothing, is fast.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/env/env_base.h"

enum { NUM_TOPICS = 20, NUM_BAD_TOPICS = 14 };
// Quality is worth so much of the time that an item costs.
static const double QUALITY_GAIN = 0.9 / 3.4;

// What is drawn; counted up by candidate or topic.
enum { DRAW_EVENT = 0, DRAW_INTEREST = 1 << 20, DRAW_TOPIC = 2 << 20, DRAW_QUALITY = 3 << 20 };

struct env {
    struct env_base base;
    double no_click_mass, step_penalty, document_length, quality_sd;
    bool shows_budget;
    double quality_mean[NUM_TOPICS];
    double *budgets;   // (N)
    float *users;      // (N, D) interests, and the share of the budget that is left
    float *null_score; // (N)
    float *items;      // (N, C, NUM_TOPICS) one-hot; NULL until a view is asked for
    float *scores;     // (N, C), likewise
};

static void destroy(struct env *env)
{
    if (!env) return;
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
    env->no_click_mass = config->env.no_click_mass;
    env->step_penalty = config->env.step_penalty;
    env->document_length = config->env.document_length;
    env->quality_sd = config->env.quality_sd;
    env->shows_budget = config->env.show_budget;
    for (int t = 0; t < NUM_TOPICS; t++)
        env->quality_mean[t] = t < NUM_BAD_TOPICS
                                   ? -3.0 + 3.0 * t / (NUM_BAD_TOPICS - 1)
                                   : 3.0 * (t - NUM_BAD_TOPICS) / (NUM_TOPICS - NUM_BAD_TOPICS - 1);
}

static souk_status create(const struct env_options *options, struct env **env_out)
{
    static const struct env_defaults defaults = {
        .slate_size = 3, .num_candidates = 10, .max_steps = 10000, .budget = 200};
    struct env *env = mem_calloc(1, sizeof *env, "simulated users");
    read_config(env, options->config);
    souk_status status = env_base_init(&env->base, options, &defaults);
    if (status != SOUK_OK) goto fail;
    struct env_shape *shape = &env->base.shape;
    uint32_t num_users = shape->num_users;
    shape->user_dim = NUM_TOPICS + (env->shows_budget ? 1 : 0);
    shape->item_dim = NUM_TOPICS;
    env->budgets = mem_calloc(num_users, sizeof(double), "budgets");
    env->users = mem_calloc(num_users, shape->user_dim * sizeof(float), "interests");
    env->null_score = mem_calloc(num_users, sizeof(float), "scores");
    for (uint32_t n = 0; n < num_users; n++) env->null_score[n] = (float)(1.0 + env->no_click_mass);
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

static void show_budget(struct env *env, uint32_t place, float *user)
{
    if (env->shows_budget)
        user[NUM_TOPICS] = (float)(fmax(env->budgets[place], 0) / env->base.budget);
}

static void reset(struct env *env, uint32_t place, uint64_t user)
{
    env_base_sit(&env->base, place, user);
    float *interests = env->users + (size_t)place * env->base.shape.user_dim;
    for (uint32_t t = 0; t < NUM_TOPICS; t += 4) {
        uint32_t words[4];
        env_draw(&env->base, &env->base.places[place], DRAW_INTEREST + t / 4, words);
        for (uint32_t i = 0; i < 4; i++) interests[t + i] = (float)(words[i] >> 8) * 0x1p-23f - 1;
    }
    env->budgets[place] = env->base.budget;
    show_budget(env, place, interests);
}

static void empty(struct env *env, uint32_t place)
{
    env->base.places[place].is_taken = false;
}

/* ---- items ---- */

// Four candidates share a draw.
struct topics {
    uint32_t words[4];
    uint32_t draw; // UINT32_MAX: none yet
};

static uint32_t find_topic(const struct env *env, const struct env_place *place, uint32_t candidate,
                           struct topics *topics)
{
    if (topics->draw != candidate / 4) {
        topics->draw = candidate / 4;
        env_draw(&env->base, place, DRAW_TOPIC + topics->draw, topics->words);
    }
    return (uint32_t)((uint64_t)topics->words[candidate % 4] * NUM_TOPICS >> 32);
}

static double find_quality(const struct env *env, const struct env_place *place, uint32_t candidate,
                           uint32_t topic)
{
    uint32_t words[4];
    env_draw(&env->base, place, DRAW_QUALITY + candidate, words);
    return env->quality_mean[topic] + env->quality_sd * env_normal(words);
}

static void show_candidates(struct env *env, uint32_t place)
{
    const struct env_shape *shape = &env->base.shape;
    const float *interests = env->users + (size_t)place * shape->user_dim;
    size_t first = (size_t)place * shape->num_candidates;
    struct topics topics = {.draw = UINT32_MAX};
    memset(env->items + first * NUM_TOPICS, 0,
           (size_t)shape->num_candidates * NUM_TOPICS * sizeof(float));
    for (uint32_t c = 0; c < shape->num_candidates; c++) {
        uint32_t topic = find_topic(env, &env->base.places[place], c, &topics);
        env->items[(first + c) * NUM_TOPICS + topic] = 1;
        env->scores[first + c] = interests[topic] + 1;
    }
}

static void view(struct env *env, struct env_view *view_out)
{
    const struct env_shape *shape = &env->base.shape;
    size_t num_candidates = (size_t)shape->num_users * shape->num_candidates;
    if (!env->items) {
        env->items = mem_calloc(num_candidates, NUM_TOPICS * sizeof(float), "candidates");
        env->scores = mem_calloc(num_candidates, sizeof(float), "scores of candidates");
    }
    for (uint32_t n = 0; n < shape->num_users; n++) show_candidates(env, n);
    *view_out = (struct env_view){.users = env->users,
                                  .items = env->items,
                                  .scores = env->scores,
                                  .null_score = env->null_score};
}

static void find_qualities(struct env *env, float *qualities_out)
{
    const struct env_shape *shape = &env->base.shape;
    for (uint32_t n = 0; n < shape->num_users; n++) {
        struct topics topics = {.draw = UINT32_MAX};
        const struct env_place *place = &env->base.places[n];
        for (uint32_t c = 0; c < shape->num_candidates; c++)
            *qualities_out++ =
                (float)find_quality(env, place, c, find_topic(env, place, c, &topics));
    }
}

/* ---- a step ---- */

// The position in the slate that was chosen, or -1; `at` in [0, 1) says where the die fell.
static int32_t choose(const struct env *env, const float *interests, const uint32_t *slate_topics,
                      double at)
{
    const uint32_t slate_size = env->base.shape.slate_size;
    double sum = 1.0 + env->no_click_mass;
    for (uint32_t k = 0; k < slate_size; k++) sum += (double)interests[slate_topics[k]] + 1.0;
    double left = at * sum;
    for (uint32_t k = 0; k < slate_size; k++) {
        left -= (double)interests[slate_topics[k]] + 1.0;
        if (left < 0) return (int32_t)k;
    }
    return -1;
}

static void move_interest(float *interest, double at)
{
    double old = (double)*interest;
    double change = 0.3 * (1.0 - fabs(old)) * (1.0 - old);
    double moved = at < (old + 1.0) / 2.0 ? old + change : old - change;
    *interest = (float)fmin(fmax(moved, -1.0), 1.0);
}

static void step_place(struct env *env, uint32_t place, const uint32_t *slate,
                       struct env_outcome *outcome)
{
    const struct env_place *at = &env->base.places[place];
    float *interests = env->users + (size_t)place * env->base.shape.user_dim;
    double *budget = &env->budgets[place];
    struct topics topics = {.draw = UINT32_MAX};
    uint32_t slate_topics[ENV_SLATE_MAX], event[4];
    for (uint32_t k = 0; k < env->base.shape.slate_size; k++)
        slate_topics[k] = find_topic(env, at, slate[k], &topics);
    env_draw(&env->base, at, DRAW_EVENT, event);
    int32_t choice = choose(env, interests, slate_topics, env_uniform(event));
    *outcome = env_nothing_happened;
    if (choice < 0) {
        *budget -= env->step_penalty;
        return;
    }
    uint32_t topic = slate_topics[choice];
    double quality = find_quality(env, at, slate[choice], topic);
    double watched = fmin(*budget, env->document_length);
    move_interest(&interests[topic], env_uniform(event + 2));
    *budget += -watched + QUALITY_GAIN * watched * quality;
    *outcome =
        (struct env_outcome){.choice = choice, .reward = (float)watched, .quality = (float)quality};
}

static void step(struct env *env, const uint32_t *slates, struct env_outcome *outcomes_out)
{
    const struct env_shape *shape = &env->base.shape;
    for (uint32_t n = 0; n < shape->num_users; n++) {
        outcomes_out[n] = env_nothing_happened;
        if (!env->base.places[n].is_taken) continue;
        const uint32_t *slate = slates + (size_t)n * shape->slate_size;
        assert(env_base_is_slate(&env->base, slate));
        step_place(env, n, slate, &outcomes_out[n]);
        env_base_finish_step(&env->base, n, env->budgets[n] <= 0, &outcomes_out[n]);
        show_budget(env, n, env->users + (size_t)n * shape->user_dim);
    }
}

/* ---- for people ---- */

static void tell_item(const struct env *env, uint32_t place, uint32_t candidate, struct buf *out)
{
    const struct env_place *at = &env->base.places[place];
    struct topics topics = {.draw = UINT32_MAX};
    uint32_t topic = find_topic(env, at, candidate, &topics);
    buf_printf(out, "t%u q%+.2f", topic, find_quality(env, at, candidate, topic));
}

static void tell_user(const struct env *env, uint32_t place, struct buf *out)
{
    buf_printf(out, "budget %.2f", env->budgets[place]);
}

const struct env_ops env_interest_evolution_ops = {
    .name = "interest_evolution",
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
