/* env_interest_exploration.c - users of two hidden types, who like one topic or the other: what
 * one knows of them has to be found out by showing them both (RecSim's environment of this name).
 * Ie et al.: "RecSim", arXiv 1909.04847.
 *
 *   item       topic 0 or 1 with probabilities .2 and .8; quality f = exp(N(.8, quality_sd)) of
 *              topic 0, exp(N(.2, quality_sd)) of topic 1; both seen; new in every step
 *   user       type 0 or 1 with probabilities .3 and .7; affinity g to a topic
 *              exp(N(m[type][topic], affinity_sd)), m = .1 .7 / .7 .1; neither seen
 *   choice     logits g[topic] + f, and no_click_logit of nothing; odds are cut at e^80
 *   reward     1 for a choice; nothing changes, and only max_steps ends a stay
 *
 * Scores of the view are what one may believe who knows the types' shares: the mean of m in place
 * of g, .52 and .28. An oracle ranks by the true logits. Of a user agents see for each topic the
 * share of its items shown so far that were chosen, and n / (n + 10) of the n items shown.
 */
#include <assert.h>
#include <math.h>

#include "common/base/mem.h"
#include "worker/env/env_base.h"

enum { NUM_TOPICS = 2, NUM_TYPES = 2, ITEM_DIM = NUM_TOPICS + 1, USER_DIM = 2 * NUM_TOPICS };
static const double TYPE_SHARE = 0.3, TOPIC_SHARE = 0.2; // of type 0, of topic 0
static const double QUALITY_MEAN[NUM_TOPICS] = {0.8, 0.2};
static const double AFFINITY_MEAN[NUM_TYPES][NUM_TOPICS] = {{0.1, 0.7}, {0.7, 0.1}};
static const double SHOWN_SCALE = 10; // items shown that make half of "often"
static const double LOGIT_MAX = 80;   // above that of nothing: odds stay finite as floats

// What is drawn; counted up by candidate or topic.
enum { DRAW_EVENT = 0, DRAW_USER = 1 << 20, DRAW_TOPIC = 2 << 20, DRAW_QUALITY = 3 << 20 };

struct user {
    double affinity[NUM_TOPICS];
    uint32_t num_shown[NUM_TOPICS], num_chosen[NUM_TOPICS]; // items
};

struct env {
    struct env_base base;
    double no_click_logit, affinity_sd, quality_sd;
    bool shows_budget;   // the share of max_steps that is left
    struct user *people; // (N)
    float *users;        // (N, D)
    float *null_score;   // (N)
    float *items;        // (N, C, ITEM_DIM) topic one-hot, quality; NULL until a view is asked for
    float *scores;       // (N, C), likewise
};

static void destroy(struct env *env)
{
    if (!env) return;
    mem_free(env->people);
    mem_free(env->users);
    mem_free(env->null_score);
    mem_free(env->items);
    mem_free(env->scores);
    env_base_fini(&env->base);
    mem_free(env);
}

static souk_status create(const struct env_options *options, struct env **env_out)
{
    static const struct env_defaults defaults = {
        .slate_size = 2, .num_candidates = 10, .max_steps = 100};
    const struct config *config = options->config;
    struct env *env = mem_calloc(1, sizeof *env, "simulated users");
    souk_status status = env_base_init(&env->base, options, &defaults);
    if (status != SOUK_OK) goto fail;
    env->no_click_logit = config->env.no_click_logit;
    env->affinity_sd = config->env.affinity_sd;
    env->quality_sd = config->env.quality_sd;
    env->shows_budget = config->env.show_budget;
    struct env_shape *shape = &env->base.shape;
    shape->user_dim = USER_DIM + (env->shows_budget ? 1 : 0);
    shape->item_dim = ITEM_DIM;
    shape->click_reward = 1;
    env->people = mem_calloc(shape->num_users, sizeof *env->people, "simulated users");
    env->users = mem_calloc(shape->num_users, shape->user_dim * sizeof(float), "simulated users");
    env->null_score = mem_calloc(shape->num_users, sizeof(float), "scores");
    for (uint32_t n = 0; n < shape->num_users; n++) env->null_score[n] = 1;
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

static void show_user(struct env *env, uint32_t place)
{
    const struct user *person = &env->people[place];
    float *user = env->users + (size_t)place * env->base.shape.user_dim;
    for (uint32_t t = 0; t < NUM_TOPICS; t++) {
        double num_shown = person->num_shown[t];
        user[2 * t] = num_shown > 0 ? (float)(person->num_chosen[t] / num_shown) : 0;
        user[2 * t + 1] = (float)(num_shown / (num_shown + SHOWN_SCALE));
    }
    if (env->shows_budget)
        user[USER_DIM] = 1 - (float)env->base.places[place].step / (float)env->base.shape.max_steps;
}

static void reset(struct env *env, uint32_t place, uint64_t user)
{
    uint32_t words[4];
    env_base_sit(&env->base, place, user);
    const struct env_place *at = &env->base.places[place];
    struct user *person = &env->people[place];
    *person = (struct user){0};
    env_draw(&env->base, at, DRAW_USER, words);
    uint32_t type = env_uniform(words) < TYPE_SHARE ? 0 : 1;
    for (uint32_t t = 0; t < NUM_TOPICS; t++) {
        env_draw(&env->base, at, DRAW_USER + 1 + t, words);
        person->affinity[t] = exp(AFFINITY_MEAN[type][t] + env->affinity_sd * env_normal(words));
    }
    show_user(env, place);
}

static void empty(struct env *env, uint32_t place)
{
    env->base.places[place].is_taken = false;
}

/* ---- items ---- */

struct item {
    uint32_t topic;
    double quality;
};

static struct item find_item(const struct env *env, uint32_t place, uint32_t candidate)
{
    const struct env_place *at = &env->base.places[place];
    struct item item;
    uint32_t words[4];
    env_draw(&env->base, at, DRAW_TOPIC + candidate, words);
    item.topic = env_uniform(words) < TOPIC_SHARE ? 0 : 1;
    env_draw(&env->base, at, DRAW_QUALITY + candidate, words);
    item.quality = exp(QUALITY_MEAN[item.topic] + env->quality_sd * env_normal(words));
    return item;
}

static double find_logit(const struct env *env, uint32_t place, const struct item *item)
{
    return env->people[place].affinity[item->topic] + item->quality;
}

static double believe_logit(const struct item *item)
{
    double affinity = TYPE_SHARE * AFFINITY_MEAN[0][item->topic] +
                      (1 - TYPE_SHARE) * AFFINITY_MEAN[1][item->topic];
    return affinity + item->quality;
}

static double find_odds(const struct env *env, double logit)
{
    return exp(fmin(logit - env->no_click_logit, LOGIT_MAX));
}

static void view(struct env *env, struct env_view *view_out)
{
    const struct env_shape *shape = &env->base.shape;
    size_t num_candidates = (size_t)shape->num_users * shape->num_candidates;
    if (!env->items) {
        env->items = mem_calloc(num_candidates, ITEM_DIM * sizeof(float), "candidates");
        env->scores = mem_calloc(num_candidates, sizeof(float), "scores of candidates");
    }
    for (size_t i = 0; i < num_candidates; i++) {
        struct item item = find_item(env, (uint32_t)(i / shape->num_candidates),
                                     (uint32_t)(i % shape->num_candidates));
        float *features = env->items + i * ITEM_DIM;
        for (uint32_t t = 0; t < NUM_TOPICS; t++) features[t] = item.topic == t;
        features[NUM_TOPICS] = (float)item.quality;
        env->scores[i] = (float)find_odds(env, believe_logit(&item));
    }
    *view_out = (struct env_view){.users = env->users,
                                  .items = env->items,
                                  .scores = env->scores,
                                  .null_score = env->null_score};
}

static void find_qualities(struct env *env, float *qualities_out)
{
    const struct env_shape *shape = &env->base.shape;
    for (uint32_t n = 0; n < shape->num_users; n++)
        for (uint32_t c = 0; c < shape->num_candidates; c++) {
            struct item item = find_item(env, n, c);
            *qualities_out++ = (float)find_logit(env, n, &item);
        }
}

/* ---- a step ---- */

static int32_t choose(const struct env *env, uint32_t place, const struct item *items)
{
    const uint32_t slate_size = env->base.shape.slate_size;
    double sum = 1, weights[ENV_SLATE_MAX];
    uint32_t words[4];
    for (uint32_t k = 0; k < slate_size; k++) {
        weights[k] = find_odds(env, find_logit(env, place, &items[k]));
        sum += weights[k];
    }
    env_draw(&env->base, &env->base.places[place], DRAW_EVENT, words);
    double left = env_uniform(words) * sum;
    for (uint32_t k = 0; k < slate_size; k++) {
        left -= weights[k];
        if (left < 0) return (int32_t)k;
    }
    return -1;
}

static void step_place(struct env *env, uint32_t place, const uint32_t *slate,
                       struct env_outcome *outcome)
{
    struct user *person = &env->people[place];
    struct item items[ENV_SLATE_MAX];
    for (uint32_t k = 0; k < env->base.shape.slate_size; k++) {
        items[k] = find_item(env, place, slate[k]);
        person->num_shown[items[k].topic]++;
    }
    int32_t choice = choose(env, place, items);
    if (choice < 0) return;
    person->num_chosen[items[choice].topic]++;
    *outcome = (struct env_outcome){
        .choice = choice, .reward = 1, .quality = (float)items[choice].quality};
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
        env_base_finish_step(&env->base, n, false, &outcomes_out[n]);
        show_user(env, n);
    }
}

/* ---- for people ---- */

static void tell_item(const struct env *env, uint32_t place, uint32_t candidate, struct buf *out)
{
    struct item item = find_item(env, place, candidate);
    buf_printf(out, "t%u q%+.2f", item.topic, item.quality);
}

static void tell_user(const struct env *env, uint32_t place, struct buf *out)
{
    const double *affinity = env->people[place].affinity;
    buf_printf(out, "affinities %.2f %.2f", affinity[0], affinity[1]);
}

const struct env_ops env_interest_exploration_ops = {
    .name = "interest_exploration",
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
