/* q_learner.c - the parts of q_learner.h that acting needs: states, items, Q of a turn, the
 * memory of users' pasts. Updates are in q_update.c. */
#include "worker/agent/q_learner.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/rng.h"

enum {
    MEMORY_EXTRA = 2,    // of the memory, beside features of items: reward, whether one was chosen
    INPUTS_MAX = 1 << 30 // of the network at once: twice as many are counted in 32 bits
};

/* ---- life ---- */

static void add_sizes(struct q_learner *learner, const struct q_learner_options *options)
{
    const struct env_shape *shape = &learner->shape;
    const struct q_settings *settings = &learner->settings;
    bool has_position = options->has_position && shape->slate_size > 1;
    learner->has_null = options->has_null;
    learner->values_shown = options->values_shown;
    learner->memory_dim = settings->memory > 0 ? shape->item_dim + MEMORY_EXTRA : 0;
    learner->state_dim = shape->user_dim + learner->memory_dim;
    learner->num_repeats = has_position ? shape->slate_size : 1;
    learner->item_dim = shape->item_dim + settings->embedding + options->has_null;
    learner->group = shape->num_candidates + options->has_null;
}

static souk_status check_inputs(const struct q_learner *learner, const char *name, uint32_t num)
{
    uint64_t num_states = (uint64_t)num * learner->num_repeats;
    if (num_states * learner->group <= INPUTS_MAX) return SOUK_OK;
    return config_fail_at(learner->config, name,
                          "%u, with slates of %u out of %u candidates, is more than %d inputs of "
                          "the network at once; lower one of them",
                          num, learner->shape.slate_size, learner->shape.num_candidates,
                          INPUTS_MAX);
}

static souk_status check_sizes(const struct q_learner *learner)
{
    if (learner->settings.user_embedding > 0 && !learner->shape.has_user_keys)
        return log_fail(SOUK_EDATA, "this policy knows users by their ids, and those of this "
                                    "environment have none; use the one that it was learnt in");
    if (learner->item_dim == 0)
        return log_fail(SOUK_ECONFIG, "nothing is known of items, neither features nor keys: there "
                                      "is nothing to learn from");
    souk_status status = check_inputs(learner, "policy.num_users", learner->shape.num_users);
    if (status != SOUK_OK || !learner->is_learning) return status;
    return check_inputs(learner, "policy.batch_size", learner->config->policy.batch_size);
}

static void make_net(struct q_learner *learner)
{
    const struct q_settings *settings = &learner->settings;
    uint32_t num_positions = learner->num_repeats > 1 ? learner->num_repeats : 0;
    uint32_t num_state = learner->state_dim + num_positions + settings->user_embedding;
    struct q_net_options options = {.num_state = num_state,
                                    .num_item = learner->item_dim,
                                    .num_layers = settings->num_hidden,
                                    // An update of slateq looks at one item of a state.
                                    .is_dueling = settings->is_dueling && learner->values_shown,
                                    .starts_at_zero = settings->first_value > 0};
    memcpy(options.widths, settings->hidden, sizeof options.widths);
    learner->net = q_net_create(&options, &learner->dense);
    dense_allocate(&learner->dense);
    dense_initialise(&learner->dense, learner->config->run.seed);
}

static souk_status describe_rows(const struct q_learner *learner, const char *name, uint32_t dim,
                                 struct souk_table_spec *spec)
{
    souk_table_spec_init(spec, name, dim);
    spec->seed = learner->config->run.seed;
    spec->optimizer = SOUK_OPT_ADAGRAD;
    spec->lr = 0.05f;
    spec->initial_accumulator = 0.1f;
    return config_apply_table(learner->config, spec);
}

static souk_status open_rows(struct q_learner *learner, const struct agent_options *agent,
                             const char *name, uint32_t dim, struct key_rows **rows_out)
{
    struct souk_table_spec spec;
    const struct souk_table_spec *saved = agent_spec(agent, name);
    if (dim == 0) return SOUK_OK;
    if (!learner->client)
        return log_fail(SOUK_EINVAL, "this policy has embeddings and needs servers");
    if (saved && saved->dim != dim)
        return log_fail(SOUK_EDATA,
                        "the policy's rows of %s have %u floats, its state says %u; copy the "
                        "policy again",
                        name, saved->dim, dim);
    souk_status status = saved ? SOUK_OK : describe_rows(learner, name, dim, &spec);
    if (status != SOUK_OK) return status;
    return key_rows_create(saved ? saved : &spec, learner->is_learning, learner->client, rows_out);
}

static souk_status open_all_rows(struct q_learner *learner, const struct agent_options *agent)
{
    const struct q_settings *settings = &learner->settings;
    souk_status status =
        open_rows(learner, agent, Q_LEARNER_TABLE, settings->embedding, &learner->rows);
    if (status != SOUK_OK) return status;
    status =
        open_rows(learner, agent, Q_LEARNER_USER_TABLE, settings->user_embedding, &learner->users);
    if (status != SOUK_OK) return status;
    bool is_lock_step = learner->is_learning && learner->num_workers > 1 && !learner->is_remote;
    if (is_lock_step && (learner->rows || learner->users))
        learner->merge = merge_create(learner->comm, false);
    return SOUK_OK;
}

static void make_room(struct q_learner *learner)
{
    const struct env_shape *shape = &learner->shape;
    size_t num_users = shape->num_users;
    learner->states = mem_calloc(num_users * learner->state_dim + 1, sizeof(float), "states");
    if (learner->memory_dim > 0) {
        learner->memory = mem_calloc(num_users * learner->memory_dim, sizeof(float), "memories");
        learner->shown = mem_calloc(num_users * shape->slate_size * shape->item_dim + 1,
                                    sizeof(float), "slates");
    }
}

static void make_replay(struct q_learner *learner)
{
    const struct config *config = learner->config;
    uint32_t batch = config->policy.batch_size, workers = learner->num_workers;
    bool is_lock_step = workers > 1 && config->train.consistency == CONFIG_BSP;
    struct replay_options options = {.shape = learner->shape,
                                     .state_dim = learner->state_dim,
                                     .capacity = config->policy.replay,
                                     .n_step = config->policy.n_step,
                                     .gamma = config->policy.gamma,
                                     .reward_scale = learner->settings.reward_scale};
    learner->replay = replay_create(&options);
    learner->is_remote = workers > 1 && !is_lock_step;
    learner->batch = is_lock_step ? (batch + workers - 1) / workers : batch;
    learner->transitions = mem_calloc(learner->batch, sizeof *learner->transitions, "transitions");
    learner->target =
        mem_alloc_aligned((learner->dense.num_values + 16) * sizeof(float), "target network");
    uint64_t rank = learner->comm ? comm_rank(learner->comm) : 0;
    rng_init(&learner->rng, config->run.seed, rng_stream("replay", rank, 0));
}

souk_status q_learner_init(struct q_learner *learner, const struct q_learner_options *options)
{
    const struct agent_options *agent = options->agent;
    *learner = (struct q_learner){.config = agent->config,
                                  .comm = agent->comm,
                                  .client = agent->client,
                                  .shape = agent->shape,
                                  .is_learning = agent->is_learning,
                                  .num_workers = agent->comm ? comm_size(agent->comm) : 1};
    souk_status status = agent->state
                             ? q_settings_load(agent->state, &learner->settings)
                             : q_settings_read(agent->config, &agent->shape, &learner->settings);
    if (status != SOUK_OK) return status;
    add_sizes(learner, options);
    status = check_sizes(learner);
    if (status != SOUK_OK) return status;
    make_net(learner);
    make_room(learner);
    if (learner->is_learning) make_replay(learner);
    return open_all_rows(learner, agent);
}

void q_learner_fini(struct q_learner *learner)
{
    q_net_destroy(learner->net);
    dense_fini(&learner->dense);
    dense_remote_fini(&learner->remote);
    key_rows_destroy(learner->rows);
    key_rows_destroy(learner->users);
    merge_destroy(learner->merge);
    replay_destroy(learner->replay);
    mem_free(learner->target);
    mem_free(learner->states);
    mem_free(learner->memory);
    mem_free(learner->shown);
    mem_free(learner->transitions);
    mem_free(learner->batch_states);
    mem_free(learner->batch_items);
    mem_free(learner->q);
    mem_free(learner->q_grad);
    mem_free(learner->items_grad);
    mem_free(learner->states_grad);
    mem_free(learner->keys);
    *learner = (struct q_learner){0};
}

/* ---- inputs ---- */

void q_learner_reserve(struct q_learner *learner, uint32_t num_states, uint32_t num_items)
{
    size_t width = learner->state_dim + learner->num_repeats + learner->settings.user_embedding;
    mem_reserve(&learner->batch_states, &learner->states_capacity, num_states * width,
                sizeof(float), "states");
    mem_reserve(&learner->batch_items, &learner->items_capacity,
                (size_t)num_items * learner->item_dim, sizeof(float), "items");
    mem_reserve(&learner->q, &learner->q_capacity, num_items, sizeof(float), "values");
    mem_reserve(&learner->q_grad, &learner->grads_capacity, num_items, sizeof(float), "gradients");
    if (learner->users)
        mem_reserve(&learner->states_grad, &learner->states_grad_capacity, num_states * width,
                    sizeof(float), "gradients");
    if (learner->rows)
        mem_reserve(&learner->items_grad, &learner->items_grad_capacity,
                    (size_t)num_items * learner->item_dim, sizeof(float), "gradients");
}

uint32_t q_learner_put_state(const struct q_learner *learner, const float *state, uint32_t position,
                             float *x_out)
{
    uint32_t dim = learner->state_dim, num = learner->num_repeats;
    if (dim > 0) memcpy(x_out, state, dim * sizeof *x_out);
    if (num == 1) return dim;
    for (uint32_t k = 0; k < num; k++) x_out[dim + k] = k == position;
    return dim + num;
}

uint32_t q_learner_put_user(const struct q_learner *learner, uint32_t i, bool is_target,
                            float *x_out)
{
    uint32_t dim = learner->settings.user_embedding;
    if (!learner->users) return 0;
    const float *row =
        is_target ? key_rows_target(learner->users, i) : key_rows_get(learner->users, i);
    memcpy(x_out, row, dim * sizeof *x_out);
    return dim;
}

void q_learner_put_item(const struct q_learner *learner, const struct replay_step *step,
                        uint32_t candidate, uint32_t i, bool is_target, float *x_out)
{
    uint32_t dim = learner->shape.item_dim, embedding = learner->settings.embedding;
    if (dim > 0) memcpy(x_out, step->items + (size_t)candidate * dim, dim * sizeof *x_out);
    if (learner->rows) {
        const float *row =
            is_target ? key_rows_target(learner->rows, i) : key_rows_get(learner->rows, i);
        memcpy(x_out + dim, row, embedding * sizeof *x_out);
    }
    if (learner->has_null) x_out[dim + embedding] = 0;
}

void q_learner_put_null(const struct q_learner *learner, float *x_out)
{
    memset(x_out, 0, learner->item_dim * sizeof *x_out);
    x_out[learner->item_dim - 1] = 1;
}

souk_status q_learner_pull(struct q_learner *learner, const uint64_t *keys, uint32_t num,
                           bool with_targets)
{
    if (!learner->rows) return SOUK_OK;
    return key_rows_pull(learner->rows, keys, num, with_targets);
}

void q_learner_add_prior(const struct q_learner *learner, const float *scores, float null_score,
                         uint32_t num, float *q)
{
    float value = learner->settings.first_value;
    for (uint32_t c = 0; c < num && value > 0; c++) {
        float total = null_score + scores[c];
        float share = learner->values_shown ? (total > 0 ? scores[c] / total : 0) : 1;
        q[c] += value * share;
    }
}

/* ---- a turn ---- */

static void put_states(struct q_learner *learner, const float *users)
{
    uint32_t user_dim = learner->shape.user_dim, memory_dim = learner->memory_dim;
    float *state = learner->states;
    for (uint32_t n = 0; n < learner->shape.num_users; n++, state += learner->state_dim) {
        if (user_dim > 0) memcpy(state, users + (size_t)n * user_dim, user_dim * sizeof *state);
        if (memory_dim > 0)
            memcpy(state + user_dim, learner->memory + (size_t)n * memory_dim,
                   memory_dim * sizeof *state);
    }
}

/* Inputs of all items of a place, for each position again. */
static void put_place(struct q_learner *learner, const struct env_view *view, uint32_t n, float *x)
{
    const struct env_shape *shape = &learner->shape;
    uint32_t num = shape->num_candidates, item_dim = learner->item_dim;
    const struct replay_step step = {
        .items = view->items ? view->items + (size_t)n * num * shape->item_dim : NULL};
    for (uint32_t c = 0; c < num; c++)
        q_learner_put_item(learner, &step, c, n * num + c, false, x + (size_t)c * item_dim);
    if (learner->has_null) q_learner_put_null(learner, x + (size_t)num * item_dim);
    size_t floats = (size_t)learner->group * item_dim;
    for (uint32_t k = 1; k < learner->num_repeats; k++)
        memcpy(x + k * floats, x, floats * sizeof *x);
}

souk_status q_learner_look(struct q_learner *learner, const struct env_view *view,
                           const float **q_out)
{
    const struct env_shape *shape = &learner->shape;
    uint32_t num_users = shape->num_users, num_repeats = learner->num_repeats;
    uint32_t num_states = num_users * num_repeats;
    souk_status status =
        q_learner_pull(learner, view->keys, num_users * shape->num_candidates, false);
    if (status == SOUK_OK && learner->users)
        status = key_rows_pull(learner->users, view->user_keys, num_users, false);
    if (status != SOUK_OK) return status;
    put_states(learner, view->users);
    q_learner_reserve(learner, num_states, num_states * learner->group);
    float *x = learner->batch_states;
    for (uint32_t n = 0; n < num_users; n++)
        for (uint32_t k = 0; k < num_repeats; k++) {
            x += q_learner_put_state(learner, learner->states + (size_t)n * learner->state_dim, k,
                                     x);
            x += q_learner_put_user(learner, n, false, x);
        }
    size_t floats = (size_t)num_repeats * learner->group * learner->item_dim;
    for (uint32_t n = 0; n < num_users; n++)
        put_place(learner, view, n, learner->batch_items + n * floats);
    const struct q_batch batch = {.states = learner->batch_states,
                                  .items = learner->batch_items,
                                  .num_states = num_states,
                                  .num_items = learner->group};
    q_net_score(learner->net, learner->dense.values, &batch, learner->q);
    for (uint32_t s = 0; s < num_states; s++) {
        uint32_t n = s / num_repeats;
        q_learner_add_prior(learner, view->scores + (size_t)n * shape->num_candidates,
                            view->null_score[n], shape->num_candidates,
                            learner->q + (size_t)s * learner->group);
    }
    *q_out = learner->q;
    return SOUK_OK;
}

/* ---- the memory ---- */

static void remember_shown(struct q_learner *learner, const struct env_view *view,
                           const uint32_t *slates)
{
    const struct env_shape *shape = &learner->shape;
    uint32_t dim = shape->item_dim;
    float *shown = learner->shown;
    for (uint32_t n = 0; n < shape->num_users; n++)
        for (uint32_t k = 0; k < shape->slate_size && dim > 0; k++, shown += dim) {
            size_t item = (size_t)n * shape->num_candidates + *slates++;
            memcpy(shown, view->items + item * dim, dim * sizeof *shown);
        }
}

void q_learner_show(struct q_learner *learner, const struct env_view *view, const uint32_t *slates)
{
    if (learner->memory_dim > 0) remember_shown(learner, view, slates);
    if (learner->is_learning) replay_begin(learner->replay, view, learner->states, slates);
}

void q_learner_watch(struct q_learner *learner, const struct env_view *view, const uint32_t *slates)
{
    put_states(learner, view->users);
    q_learner_show(learner, view, slates);
}

static void remember(struct q_learner *learner, uint32_t n, const struct env_outcome *outcome)
{
    uint32_t dim = learner->shape.item_dim, memory_dim = learner->memory_dim;
    float *memory = learner->memory + (size_t)n * memory_dim, keep = learner->settings.memory;
    if (outcome->is_over) {
        memset(memory, 0, memory_dim * sizeof *memory);
        return;
    }
    for (uint32_t i = 0; i < memory_dim; i++) memory[i] *= keep;
    memory[dim] += (1 - keep) * outcome->reward * learner->settings.reward_scale;
    if (outcome->choice < 0) return;
    memory[dim + 1] += 1 - keep;
    size_t position = (size_t)n * learner->shape.slate_size + (uint32_t)outcome->choice;
    for (uint32_t i = 0; i < dim; i++) memory[i] += (1 - keep) * learner->shown[position * dim + i];
}

void q_learner_observe(struct q_learner *learner, const struct env_outcome *outcomes)
{
    for (uint32_t n = 0; n < learner->shape.num_users && learner->memory_dim > 0; n++)
        remember(learner, n, &outcomes[n]);
    if (!learner->is_learning) return;
    replay_end(learner->replay, outcomes);
    learner->num_steps += learner->shape.num_users;
}

/* ---- folder ---- */

void q_learner_save_state(const struct q_learner *learner, struct json *json)
{
    agent_save_shape(&learner->shape, json);
    q_settings_save(&learner->settings, json);
}

uint32_t q_learner_tables(const struct q_learner *learner, struct souk_table_spec *specs_out,
                          uint32_t *tables_out)
{
    const struct key_rows *all[] = {learner->rows, learner->users};
    uint32_t num = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i]) continue;
        specs_out[num] = *key_rows_spec(all[i]);
        tables_out[num++] = key_rows_table(all[i]);
    }
    return num;
}
