/* learn.c - the loop of learn.h. */
#include "worker/policy/learn.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "worker/policy/learn_private.h"
#include "worker/train/resume.h"
#include "worker/train/run_dir.h"

enum { SYNC_STEPS = 16 }; // steps of all places between two looks at the other ranks

/* ---- set-up ---- */

static double steps_of(const struct learning *run, uint64_t iterations)
{
    return (double)iterations * run->shape.num_users * comm_size(run->comm);
}

static void seat(struct learning *run, uint32_t place)
{
    run->users[place] = run->next_user;
    run->next_user += comm_size(run->comm);
    run->user_steps[place] = 0;
    run->returns[place] = 0;
    run->env_ops->reset(run->env, place, run->users[place]);
}

static void make_room(struct learning *run)
{
    size_t n = run->shape.num_users;
    run->users = mem_calloc(n, sizeof *run->users, "learning");
    run->user_steps = mem_calloc(n, sizeof *run->user_steps, "learning");
    run->returns = mem_calloc(n, sizeof *run->returns, "learning");
    run->draws = mem_calloc(n, sizeof *run->draws, "learning");
    run->slates = mem_calloc(n * run->shape.slate_size, sizeof *run->slates, "learning");
    run->outcomes = mem_calloc(n, sizeof *run->outcomes, "learning");
    run->next_user = LEARN_FIRST_USER + comm_rank(run->comm);
    for (uint32_t p = 0; p < n; p++) seat(run, p);
    uint64_t per_iteration = (uint64_t)n * comm_size(run->comm);
    run->num_iterations = (run->config->policy.steps + per_iteration - 1) / per_iteration;
}

static souk_status make_env(struct learning *run)
{
    const struct user_model_options model_options = {
        .config = run->config, .client = session_client(run->options->session), .comm = run->comm};
    souk_status status = SOUK_OK;
    if (env_has_user_model(run->config)) status = user_model_open(&model_options, &run->user_model);
    if (status != SOUK_OK) return status;
    struct env_options options = {.config = run->config,
                                  .num_users = run->config->policy.num_users,
                                  .seed = run->config->run.seed,
                                  .user_model = run->user_model};
    status = comm_agree(run->comm, env_create(&options, &run->env_ops, &run->env));
    if (status == SOUK_OK) run->env_ops->shape(run->env, &run->shape);
    return status;
}

static souk_status make_agent(struct learning *run)
{
    souk_status status = agent_ops_find(run->config, &run->ops);
    if (status != SOUK_OK) return status;
    if (!run->ops->learn)
        return config_fail_at(run->config, "policy.agent",
                              "%s learns nothing; `souk simulate` shows what it does",
                              run->ops->name);
    struct agent_options options = {.config = run->config,
                                    .shape = run->shape,
                                    .client = session_client(run->options->session),
                                    .comm = run->comm,
                                    .is_learning = true};
    if (run->options->is_resuming) return learn_resume(run, &options);
    status = comm_agree(run->comm, run->ops->create(&options, &run->agent));
    return status == SOUK_OK && run->ops->begin ? run->ops->begin(run->agent) : status;
}

static void fini(struct learning *run)
{
    if (run->agent) run->ops->destroy(run->agent);
    if (run->env) run->env_ops->destroy(run->env);
    user_model_close(run->user_model);
    learn_log_close(run->log);
    mem_free(run->users);
    mem_free(run->user_steps);
    mem_free(run->returns);
    mem_free(run->draws);
    mem_free(run->slates);
    mem_free(run->outcomes);
}

/* ---- a step of all places ---- */

static float lr_at(const struct learning *run)
{
    float share = (float)run->iteration / (float)run->num_iterations;
    float first = run->config->policy.lr, last = run->config->policy.lr_end;
    return first + (last - first) * share;
}

static void take_outcomes(struct learning *run)
{
    for (uint32_t p = 0; p < run->shape.num_users; p++) {
        const struct env_outcome *outcome = &run->outcomes[p];
        run->returns[p] += (double)outcome->reward;
        run->user_steps[p]++;
        if (!outcome->is_over) continue;
        run->mine.returns += run->returns[p];
        run->mine.stays++;
        seat(run, p);
    }
}

/* Acting and what comes of it. */
static souk_status take_turn(struct learning *run)
{
    struct env_view view;
    run->env_ops->view(run->env, &view);
    for (uint32_t p = 0; p < run->shape.num_users; p++)
        run->draws[p] =
            hash_key(hash_key(run->users[p] ^ run->config->run.seed << 48) + run->user_steps[p]);
    struct agent_turn turn = {.view = &view,
                              .draws = run->draws,
                              .exploration =
                                  exploration_at(run->config, steps_of(run, run->iteration))};
    struct agent_choice choice = {.slates = run->slates};
    souk_status status = run->ops->act(run->agent, &turn, &choice);
    if (status != SOUK_OK) return status;
    run->env_ops->step(run->env, run->slates, run->outcomes);
    status = env_status(run->env_ops, run->env);
    if (status != SOUK_OK) return status;
    if (run->ops->observe) run->ops->observe(run->agent, run->outcomes);
    take_outcomes(run);
    return SOUK_OK;
}

static souk_status step(struct learning *run)
{
    souk_status status = take_turn(run);
    // In lock step a rank that cannot go on must not leave the others waiting in an update.
    if (run->is_in_lock_step) status = comm_agree(run->comm, status);
    run->is_agreed = status != SOUK_OK && run->is_in_lock_step;
    if (status != SOUK_OK) return status;
    struct agent_news news = {0};
    status = run->ops->learn(run->agent, lr_at(run), &news);
    run->mine.loss += news.loss;
    run->mine.updates += news.num_updates;
    run->mine.skipped += news.num_skipped;
    run->iteration++;
    return status;
}

/* ---- between steps ---- */

static double seconds_since(uint64_t start_ns)
{
    return (double)(clock_now_ns() - start_ns) * 1e-9;
}

static struct learn_point *add_point(struct learning *run)
{
    struct learn_result *result = &run->result;
    size_t bytes = (result->num_points + 1) * sizeof *result->points;
    result->points = mem_realloc(result->points, bytes, "curve");
    struct learn_point *point = &result->points[result->num_points++];
    *point = (struct learn_point){.steps = steps_of(run, run->iteration),
                                  .training = run->returns_since / run->stays_since,
                                  .validation = NAN,
                                  .stderror = NAN};
    run->returns_since = run->stays_since = 0;
    return point;
}

/* A point of the curve. */
static souk_status look(struct learning *run)
{
    uint64_t start_ns = clock_now_ns();
    struct learn_figure figures[SIM_NUM_FIGURES];
    souk_status status = run->ops->settle(run->agent);
    if (status == SOUK_OK) status = learn_look(run, run->config->policy.valid_users, figures);
    if (status != SOUK_OK) return status;
    struct learn_point *point = add_point(run);
    point->validation = figures[SIM_RETURN].mean;
    point->stderror = figures[SIM_RETURN].stderror;
    if (run->log) learn_log_point(run->log, point);
    run->looking_ns += clock_now_ns() - start_ns;
    return SOUK_OK;
}

static bool is_told_to_stop(const struct learning *run)
{
    double limit = run->config->train.max_seconds;
    volatile sig_atomic_t *signal = run->options->stop_signal;
    return (signal && *signal) || (limit > 0 && seconds_since(run->start_ns) > limit);
}

/* What all ranks have come to. SOUK_ESTOPPED: one of them was told to stop. */
static souk_status meet(struct learning *run)
{
    run->mine.wants_stop = is_told_to_stop(run);
    run->mine.wants_save = run->config->train.checkpoint_s > 0 &&
                           seconds_since(run->saved_ns) > run->config->train.checkpoint_s;
    double words[sizeof(struct tally) / sizeof(double)];
    memcpy(words, &run->mine, sizeof words);
    comm_sum(run->comm, words, sizeof words / sizeof *words);
    memset(&run->mine, 0, sizeof run->mine);
    struct tally all;
    memcpy(&all, words, sizeof all);
    run->returns_since += all.returns;
    run->stays_since += all.stays;
    run->result.num_stays += all.stays;
    run->result.num_updates += all.updates;
    if (run->log) {
        struct learn_state state = {
            .steps = steps_of(run, run->iteration),
            .total = steps_of(run, run->num_iterations),
            .epsilon = exploration_at(run->config, steps_of(run, run->iteration)).epsilon,
            .lr = (double)lr_at(run)};
        learn_log_take(run->log, &all, &state);
    }
    if (all.wants_stop > 0) return SOUK_ESTOPPED;
    if (all.wants_save == 0) return SOUK_OK;
    run->saved_ns = clock_now_ns();
    return learn_save_checkpoint(run);
}

/* Whether the step before was the last one of a stretch that long, in user steps. */
static bool is_edge(const struct learning *run, uint64_t stretch)
{
    double before = steps_of(run, run->iteration - 1), now = steps_of(run, run->iteration);
    return stretch > 0 && floor(before / (double)stretch) < floor(now / (double)stretch);
}

static souk_status loop(struct learning *run)
{
    souk_status status = SOUK_OK;
    while (status == SOUK_OK && run->iteration < run->num_iterations) {
        status = step(run);
        bool is_last = run->iteration == run->num_iterations;
        bool is_point = is_last || is_edge(run, run->config->policy.valid_steps);
        if (run->is_agreed) return status;
        // A rank that has failed meets the others where they come to next.
        if (status == SOUK_OK && !is_point && run->iteration % SYNC_STEPS != 0) continue;
        status = comm_agree(run->comm, status);
        if (status == SOUK_OK) status = meet(run);
        if (status == SOUK_OK && is_point && run->config->policy.valid_steps > 0)
            status = look(run);
    }
    return status;
}

/* ---- a run ---- */

static souk_status finish(struct learning *run, souk_status status)
{
    if (status != SOUK_OK && status != SOUK_ESTOPPED) return status;
    souk_status settled = run->ops->settle(run->agent);
    run->result.num_steps = steps_of(run, run->iteration - run->first_iteration);
    run->result.learn_seconds = seconds_since(run->start_ns) - (double)run->looking_ns * 1e-9;
    if (settled == SOUK_OK) settled = learn_save_policy(run);
    if (settled == SOUK_OK) settled = learn_save_checkpoint(run);
    if (settled == SOUK_OK && status == SOUK_OK) {
        run->result.num_test = run->config->policy.test_users;
        settled = learn_look(run, run->result.num_test, run->result.test);
    }
    run->result.seconds = seconds_since(run->start_ns);
    return settled == SOUK_OK ? status : settled;
}

static souk_status begin(struct learning *run)
{
    souk_status status = make_env(run);
    if (status == SOUK_OK) status = make_agent(run);
    if (status != SOUK_OK) return status;
    make_room(run);
    run->is_in_lock_step = comm_size(run->comm) > 1 && run->config->train.consistency == CONFIG_BSP;
    run->first_iteration = run->iteration;
    status = run_dir_begin(run->config, run->comm, run->options->is_resuming);
    if (status == SOUK_OK && comm_rank(run->comm) == 0)
        status = learn_log_open(run->options, steps_of(run, run->iteration), &run->log);
    status = comm_agree(run->comm, status);
    run->start_ns = run->saved_ns = clock_now_ns();
    return status;
}

// Whether there is a checkpoint where one is to go on from.
static souk_status check_checkpoint(const struct learn_options *options)
{
    struct model_dir *dir = NULL;
    if (!options->is_resuming) return SOUK_OK;
    souk_status status = comm_agree(options->comm, resume_open(options->config, &dir));
    model_dir_close(dir);
    return status;
}

souk_status learn_run(const struct learn_options *options, struct learn_result *result_out)
{
    struct learning run = {.options = options, .config = options->config, .comm = options->comm};
    int lock;
    souk_status status = check_checkpoint(options);
    if (status == SOUK_OK)
        status = run_dir_prepare(options->config, options->comm, options->is_resuming, &lock);
    if (status != SOUK_OK) return status;
    status = begin(&run);
    if (status == SOUK_OK) status = finish(&run, loop(&run));
    if (run.log) learn_log_end(run.log, status, &run.result);
    fini(&run);
    if (lock >= 0) close(lock);
    if (status == SOUK_OK || status == SOUK_ESTOPPED)
        *result_out = run.result;
    else
        learn_result_fini(&run.result);
    return status;
}

void learn_result_fini(struct learn_result *result)
{
    mem_free(result->points);
    *result = (struct learn_result){0};
}
