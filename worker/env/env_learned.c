/* env_learned.c - users whose mind is a click model that Souk trained on a log: they begin as
 * people of the log, choose by predicted clicks, and what they consume becomes their history.
 *
 *   user       begins with the profile of a user of the model, evenly drawn
 *   item       of the model's catalogue; candidates are drawn anew in every step (retrieval.h),
 *              near the user's history by near_share, in groups of the first field of an item
 *              beside its id, such as the category
 *   choice     v_i = p_i / (1 - p_i), the odds of the click that the model predicts, and v_0 = 1: a
 *              slate of one is clicked with probability p_i, and the scores of the view are exact
 *   reward     1 for a click; the item becomes the newest behaviour of the history, of which the
 *              oldest goes when it is as long as the model's max_history
 *   leaving    after each step with probability leave + leave_bored n, at most 1, where n steps
 *              have passed since the last click
 *
 * Agents see of an item its embeddings, one field behind the other; of a user the mean of those of
 * the history, n / (n + 10) for those n, and how full the history is.
 *
 * Scores come from matrix products whose last bit depends on how many samples are scored at once:
 * a user is the same in another place unless a die falls within that of a border.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/env/env_base.h"
#include "worker/env/env_learned.h"
#include "worker/env/retrieval.h"
#include "worker/env/user_model.h"

enum {
    USER_EXTRA = 2,       // numbers of a user beside the mean of the history
    BOREDOM_SCALE = 10,   // steps without a click that make half of "long"
    PIECE_SAMPLES = 8192, // scored at once
    PIECE_ROWS = 1 << 20, // behaviours scored at once, unless one history is longer
    DRAW_EVENT = 0,       // what is drawn
    DRAW_PROFILE = 1,
    DRAW_CANDIDATES = 1 << 20
};
static const double LOGIT_MAX = 30; // either way: odds stay finite as floats

struct person {
    uint32_t num_behaviours;
    uint32_t num_idle; // steps since the last click
};

struct env {
    struct env_base base;
    struct user_model *model; // borrowed
    struct retrieval *retrieval;
    double leave, leave_bored;
    bool shows_budget;                            // the share of max_steps that is left
    uint32_t max_history;                         // L; 0: the model has no histories
    int32_t item_history;                         // that holds items; -1: none
    uint32_t target_fields[SAMPLE_HISTORIES_MAX]; // of the catalogue: what a click adds
    struct person *people;                        // (N)
    uint64_t *ids;                                // (N, num_ids) fields of the user
    uint64_t *histories;                          // (N, H, L) oldest first
    uint32_t *history_items;                      // (N, L) in the catalogue, or UINT32_MAX
    uint32_t *candidates;                         // (N, C) in the catalogue
    float *users;                                 // (N, D)
    uint64_t *user_keys;                          // (N); NULL: the model knows no users
    float *items;                                 // (N, C, E)
    uint64_t *keys;                               // (N, C)
    float *scores;                                // (N, C)
    float *null_score;                            // (N) ones
    float *slate_scores;                          // (N, K)
    bool has_scores;                              // those of all candidates, of this step
    struct sample_batch samples;                  // to be scored
    float **score_places; // (PIECE_SAMPLES) where the score of each sample goes
    souk_status status;   // of the first call to the model that failed
};

/* ---- set-up ---- */

static void destroy(struct env *env)
{
    if (!env) return;
    retrieval_destroy(env->retrieval);
    sample_batch_fini(&env->samples);
    mem_free(env->people);
    mem_free(env->ids);
    mem_free(env->histories);
    mem_free(env->history_items);
    mem_free(env->candidates);
    mem_free(env->users);
    mem_free(env->user_keys);
    mem_free(env->items);
    mem_free(env->keys);
    mem_free(env->scores);
    mem_free(env->null_score);
    mem_free(env->slate_scores);
    mem_free(env->score_places);
    env_base_fini(&env->base);
    mem_free(env);
}

static uint32_t find_field(const struct catalogue *items, int32_t id)
{
    uint32_t field = 0;
    while (field + 1 < items->num_fields && (int32_t)items->fields[field] != id) field++;
    return field;
}

static void learn_histories(struct env *env)
{
    const struct sample_format *format = env->model->format;
    env->max_history = format->num_histories > 0 ? format->max_history : 0;
    env->item_history = -1;
    for (uint32_t h = 0; h < format->num_histories; h++) {
        env->target_fields[h] = find_field(&env->model->items, format->targets[h]);
        if (format->targets[h] == format->item) env->item_history = (int32_t)h;
    }
}

static void make_retrieval(struct env *env, const struct config *config)
{
    const struct catalogue *items = &env->model->items;
    uint32_t item_field = find_field(items, env->model->format->item);
    uint32_t group = item_field == 0 ? 1 : 0; // the first field beside the id
    const struct retrieval_options options = {.num_items = (uint32_t)items->num_items,
                                              .groups =
                                                  items->num_fields > 1 ? items->ids + group : NULL,
                                              .groups_stride = items->num_fields,
                                              .popularity = env->model->popularity,
                                              .exponent = config->env.popularity_exponent,
                                              .near_share = config->env.near_share};
    env->retrieval = retrieval_create(&options);
}

static void make_room(struct env *env)
{
    const struct env_shape *shape = &env->base.shape;
    const struct sample_format *format = env->model->format;
    size_t n = shape->num_users, num_candidates = n * shape->num_candidates;
    const char *what = "simulated users";
    env->people = mem_calloc(n, sizeof *env->people, what);
    env->ids = mem_calloc(n * format->num_ids, sizeof *env->ids, what);
    env->histories =
        mem_calloc(n * format->num_histories * env->max_history, sizeof *env->histories, what);
    env->history_items = mem_calloc(n * env->max_history, sizeof *env->history_items, what);
    env->candidates = mem_calloc(num_candidates, sizeof *env->candidates, what);
    env->users = mem_calloc(n * shape->user_dim, sizeof *env->users, what);
    if (shape->has_user_keys) env->user_keys = mem_calloc(n, sizeof *env->user_keys, what);
    env->items = mem_calloc(num_candidates * shape->item_dim, sizeof *env->items, what);
    env->keys = mem_calloc(num_candidates, sizeof *env->keys, what);
    env->scores = mem_calloc(num_candidates, sizeof *env->scores, what);
    env->null_score = mem_calloc(n, sizeof *env->null_score, what);
    env->slate_scores = mem_calloc(n * shape->slate_size, sizeof *env->slate_scores, what);
    env->score_places = mem_calloc(PIECE_SAMPLES, sizeof *env->score_places, what);
    for (size_t i = 0; i < n; i++) env->null_score[i] = 1;
    sample_batch_init(&env->samples, format->num_ids, format->num_histories);
}

static souk_status create(const struct env_options *options, struct env **env_out)
{
    static const struct env_defaults defaults = {.slate_size = ENV_LEARNED_SLATE,
                                                 .num_candidates = ENV_LEARNED_CANDIDATES,
                                                 .max_steps = 1000};
    const struct config *config = options->config;
    assert(options->user_model);
    struct env *env = mem_calloc(1, sizeof *env, "simulated users");
    env->model = options->user_model;
    souk_status status = env_base_init(&env->base, options, &defaults);
    struct env_shape *shape = &env->base.shape;
    uint64_t num_items = env->model->items.num_items;
    if (status == SOUK_OK && num_items < shape->num_candidates)
        status = config_fail_at(
            config, "env.num_candidates", "%u candidates cannot be drawn from the %llu items of %s",
            shape->num_candidates, (unsigned long long)num_items, env->model->path);
    if (status != SOUK_OK) goto fail;
    env->leave = config->env.leave;
    env->leave_bored = config->env.leave_bored;
    env->shows_budget = config->env.show_budget;
    shape->item_dim = env->model->vector_dim;
    shape->user_dim = shape->item_dim + USER_EXTRA + (env->shows_budget ? 1 : 0);
    shape->num_items = num_items;
    shape->click_reward = 1;
    shape->has_user_keys = env->model->format->user >= 0;
    learn_histories(env);
    make_retrieval(env, config);
    make_room(env);
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

/* ---- users ---- */

static uint64_t *history_of(const struct env *env, uint32_t place, uint32_t history)
{
    uint32_t num_histories = env->model->format->num_histories;
    return env->histories + ((size_t)place * num_histories + history) * env->max_history;
}

static void draw_candidates(struct env *env, uint32_t place)
{
    const uint32_t num_candidates = env->base.shape.num_candidates;
    const struct retrieval_user user = {.base = &env->base,
                                        .place = &env->base.places[place],
                                        .history =
                                            env->history_items + (size_t)place * env->max_history,
                                        .num_behaviours = env->people[place].num_behaviours,
                                        .what = DRAW_CANDIDATES};
    retrieval_draw(env->retrieval, &user, num_candidates,
                   env->candidates + (size_t)place * num_candidates);
}

// The latest behaviours of sample b.
static void copy_history(struct env *env, uint32_t place, const struct sample_batch *profiles,
                         uint32_t b)
{
    uint32_t first = profiles->row_start[b], num_rows = profiles->row_start[b + 1] - first;
    uint32_t num_kept = num_rows < env->max_history ? num_rows : env->max_history;
    first += num_rows - num_kept;
    for (uint32_t h = 0; h < profiles->num_histories && num_kept > 0; h++)
        memcpy(history_of(env, place, h), profiles->histories[h] + first,
               num_kept * sizeof(uint64_t));
    uint32_t *items = env->history_items + (size_t)place * env->max_history;
    for (uint32_t r = 0; r < num_kept; r++)
        items[r] = env->item_history < 0
                       ? UINT32_MAX
                       : user_model_find_item(
                             env->model, history_of(env, place, (uint32_t)env->item_history)[r]);
    env->people[place] = (struct person){.num_behaviours = num_kept};
}

// Sample b sits in the place from now on.
static void become(struct env *env, uint32_t place, const struct sample_batch *profiles, uint32_t b)
{
    for (uint32_t i = 0; i < profiles->num_ids; i++)
        env->ids[(size_t)place * profiles->num_ids + i] = profiles->ids[i][b];
    if (env->user_keys) env->user_keys[place] = profiles->ids[env->model->format->user][b];
    copy_history(env, place, profiles, b);
    env->has_scores = false;
}

static void reset(struct env *env, uint32_t place, uint64_t user)
{
    const struct sample_batch *profiles = &env->model->profiles.samples;
    uint32_t words[4];
    env_base_sit(&env->base, place, user);
    env_draw(&env->base, &env->base.places[place], DRAW_PROFILE, words);
    uint32_t b = (uint32_t)((uint64_t)words[0] * profiles->num_samples >> 32);
    become(env, place, profiles, b);
    draw_candidates(env, place);
}

void env_learned_invite(struct env *env, uint32_t place, const struct env_learned_guest *guest)
{
    const uint32_t num_candidates = env->base.shape.num_candidates;
    env_base_sit(&env->base, place, 0);
    become(env, place, guest->profiles, guest->sample);
    memcpy(env->candidates + (size_t)place * num_candidates, guest->candidates,
           num_candidates * sizeof *env->candidates);
}

static void empty(struct env *env, uint32_t place)
{
    env->base.places[place].is_taken = false;
}

// Makes an item the newest behaviour.
static void consume(struct env *env, uint32_t place, uint32_t item)
{
    const struct catalogue *items = &env->model->items;
    struct person *person = &env->people[place];
    uint32_t *history_items = env->history_items + (size_t)place * env->max_history;
    if (env->max_history == 0) return;
    bool is_full = person->num_behaviours == env->max_history;
    uint32_t at = is_full ? env->max_history - 1 : person->num_behaviours++;
    for (uint32_t h = 0; h < env->model->format->num_histories; h++) {
        uint64_t *history = history_of(env, place, h);
        if (is_full) memmove(history, history + 1, at * sizeof *history);
        history[at] = items->ids[(size_t)item * items->num_fields + env->target_fields[h]];
    }
    if (is_full) memmove(history_items, history_items + 1, at * sizeof *history_items);
    history_items[at] = item;
}

/* ---- scores ---- */

static souk_status score_samples(struct env *env)
{
    struct click_scores scores;
    struct sample_batch *samples = &env->samples;
    if (samples->num_samples == 0) return SOUK_OK;
    souk_status status = user_model_score(env->model, samples, &scores);
    for (uint32_t b = 0; status == SOUK_OK && b < samples->num_samples; b++) {
        double logit = fmin(fmax((double)scores.logits[b], -LOGIT_MAX), LOGIT_MAX);
        *env->score_places[b] = (float)exp(logit);
    }
    sample_batch_clear(samples);
    return status;
}

static void add_sample(struct env *env, uint32_t place, uint32_t item, float *score_out)
{
    const struct catalogue *items = &env->model->items;
    struct sample_batch *samples = &env->samples;
    uint32_t b = samples->num_samples, num_rows = env->people[place].num_behaviours;
    sample_batch_reserve(samples, 1, num_rows);
    samples->labels[b] = 0;
    for (uint32_t i = 0; i < samples->num_ids; i++)
        samples->ids[i][b] = env->ids[(size_t)place * samples->num_ids + i];
    for (uint32_t f = 0; f < items->num_fields; f++)
        samples->ids[items->fields[f]][b] = items->ids[(size_t)item * items->num_fields + f];
    for (uint32_t h = 0; h < samples->num_histories && num_rows > 0; h++)
        memcpy(samples->histories[h] + samples->num_rows, history_of(env, place, h),
               num_rows * sizeof(uint64_t));
    samples->num_rows += num_rows;
    samples->row_start[b + 1] = samples->num_rows;
    samples->num_samples++;
    env->score_places[b] = score_out;
}

// Scores `num` items of each taken place: those that `choices` names among its candidates, or the
// first ones.
static souk_status score_all(struct env *env, const uint32_t *choices, uint32_t num,
                             float *scores_out)
{
    const struct env_shape *shape = &env->base.shape;
    souk_status status = SOUK_OK;
    sample_batch_clear(&env->samples);
    for (uint32_t n = 0; n < shape->num_users; n++) {
        const uint32_t *candidates = env->candidates + (size_t)n * shape->num_candidates;
        for (uint32_t i = 0; env->base.places[n].is_taken && i < num; i++) {
            size_t at = (size_t)n * num + i;
            bool is_full = env->samples.num_samples == PIECE_SAMPLES ||
                           env->samples.num_rows + env->max_history > PIECE_ROWS;
            if (is_full) status = score_samples(env);
            if (status != SOUK_OK) return status;
            add_sample(env, n, candidates[choices ? choices[at] : i], &scores_out[at]);
        }
    }
    return score_samples(env);
}

/* ---- what is seen ---- */

static void show_user(struct env *env, uint32_t place)
{
    const struct env_shape *shape = &env->base.shape;
    const struct person *person = &env->people[place];
    const uint32_t *history = env->history_items + (size_t)place * env->max_history;
    const uint32_t dim = shape->item_dim;
    float *user = env->users + (size_t)place * shape->user_dim;
    uint32_t num_known = 0;
    memset(user, 0, shape->user_dim * sizeof *user);
    for (uint32_t r = 0; r < person->num_behaviours; r++) {
        if (history[r] == UINT32_MAX) continue;
        const float *vector = env->model->vectors + (size_t)history[r] * dim;
        for (uint32_t i = 0; i < dim; i++) user[i] += vector[i];
        num_known++;
    }
    for (uint32_t i = 0; num_known > 0 && i < dim; i++) user[i] /= (float)num_known;
    user[dim] = (float)person->num_idle / (float)(person->num_idle + BOREDOM_SCALE);
    if (env->max_history > 0)
        user[dim + 1] = (float)person->num_behaviours / (float)env->max_history;
    if (env->shows_budget)
        user[dim + USER_EXTRA] = 1 - (float)env->base.places[place].step / (float)shape->max_steps;
}

static void show_items(struct env *env)
{
    const struct env_shape *shape = &env->base.shape;
    const size_t dim = shape->item_dim, num = (size_t)shape->num_users * shape->num_candidates;
    for (size_t i = 0; i < num; i++) {
        uint32_t item = env->candidates[i];
        memcpy(env->items + i * dim, env->model->vectors + item * dim, dim * sizeof(float));
        env->keys[i] = env->model->items.items[item];
    }
}

static void view(struct env *env, struct env_view *view_out)
{
    for (uint32_t n = 0; n < env->base.shape.num_users; n++) show_user(env, n);
    show_items(env);
    if (!env->has_scores && env->status == SOUK_OK) {
        env->status = score_all(env, NULL, env->base.shape.num_candidates, env->scores);
        env->has_scores = env->status == SOUK_OK;
    }
    *view_out = (struct env_view){.users = env->users,
                                  .user_keys = env->user_keys,
                                  .items = env->items,
                                  .keys = env->keys,
                                  .scores = env->scores,
                                  .null_score = env->null_score};
}

/* ---- a step ---- */

static int32_t choose(const float *odds, uint32_t slate_size, double at)
{
    double sum = 1;
    for (uint32_t k = 0; k < slate_size; k++) sum += (double)odds[k];
    double left = at * sum;
    for (uint32_t k = 0; k < slate_size; k++) {
        left -= (double)odds[k];
        if (left < 0) return (int32_t)k;
    }
    return -1;
}

static void step_place(struct env *env, uint32_t place, const uint32_t *slate,
                       struct env_outcome *outcome)
{
    const struct env_shape *shape = &env->base.shape;
    struct person *person = &env->people[place];
    uint32_t event[4];
    env_draw(&env->base, &env->base.places[place], DRAW_EVENT, event);
    int32_t choice = choose(env->slate_scores + (size_t)place * shape->slate_size,
                            shape->slate_size, env_uniform(event));
    person->num_idle = choice < 0 ? person->num_idle + 1 : 0;
    if (choice >= 0) {
        *outcome = (struct env_outcome){.choice = choice, .reward = 1, .quality = NAN};
        consume(env, place, env->candidates[(size_t)place * shape->num_candidates + slate[choice]]);
    }
    bool has_left = env_uniform(event + 2) < env->leave + env->leave_bored * person->num_idle;
    env_base_finish_step(&env->base, place, has_left, outcome);
    draw_candidates(env, place);
}

// Into slate_scores.
static souk_status score_slates(struct env *env, const uint32_t *slates)
{
    const struct env_shape *shape = &env->base.shape;
    if (!env->has_scores) return score_all(env, slates, shape->slate_size, env->slate_scores);
    size_t num = (size_t)shape->num_users * shape->slate_size;
    for (size_t i = 0; i < num; i++) {
        size_t place = i / shape->slate_size;
        if (env->base.places[place].is_taken)
            env->slate_scores[i] = env->scores[place * shape->num_candidates + slates[i]];
    }
    return SOUK_OK;
}

static void step(struct env *env, const uint32_t *slates, struct env_outcome *outcomes_out)
{
    const struct env_shape *shape = &env->base.shape;
    for (uint32_t n = 0; n < shape->num_users; n++) {
        outcomes_out[n] = env_nothing_happened;
        assert(!env->base.places[n].is_taken ||
               env_base_is_slate(&env->base, slates + (size_t)n * shape->slate_size));
    }
    if (env->status == SOUK_OK) env->status = score_slates(env, slates);
    if (env->status != SOUK_OK) return;
    for (uint32_t n = 0; n < shape->num_users; n++)
        if (env->base.places[n].is_taken)
            step_place(env, n, slates + (size_t)n * shape->slate_size, &outcomes_out[n]);
    env->has_scores = false;
}

static souk_status tell_status(const struct env *env)
{
    return env->status;
}

/* ---- for people ---- */

static void tell_item(const struct env *env, uint32_t place, uint32_t candidate, struct buf *out)
{
    size_t at = (size_t)place * env->base.shape.num_candidates + candidate;
    user_model_tell_item(env->model, env->candidates[at], out);
    if (!env->has_scores) return;
    double odds = (double)env->scores[at];
    buf_printf(out, " p%.3f", odds / (1 + odds));
}

static void tell_user(const struct env *env, uint32_t place, struct buf *out)
{
    const struct person *person = &env->people[place];
    buf_printf(out, "%u behaviours, %u idle", person->num_behaviours, person->num_idle);
}

const struct env_ops env_learned_ops = {
    .name = "learned",
    .has_user_model = true,
    .create = create,
    .destroy = destroy,
    .shape = tell_shape,
    .reset = reset,
    .empty = empty,
    .view = view,
    .step = step,
    .status = tell_status,
    .tell_item = tell_item,
    .tell_user = tell_user,
};
