/* ope_slates.c - see ope_slates.h. Rows sit in the places of an environment, many at once. */
#include "worker/policy/ope_slates.h"

#include <math.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "worker/agent/agent_dir.h"
#include "worker/model/model_config.h"
#include "worker/policy/choice_fit.h"

enum { PLACES_MAX = 256 };

struct judging {
    const char *dir; // of the agent
    struct config config;
    struct slate_turns turns;
    struct env_shape shape; // of N rows
    const struct agent_ops *ops;
    struct agent *agent;
    double epsilon;
    uint64_t *draws; // (N) zeros: nothing is drawn
    uint32_t *best;  // (N, K)
};

static souk_status read_turns(struct judging *judging, const struct number_table *log)
{
    struct slate_turns *turns = &judging->turns;
    double loss;
    souk_status status = slate_turns_make(log, turns);
    if (status) return status;
    if (!turns->has_propensities)
        return log_fail(SOUK_EDATA,
                        "%s has no column pscore, and how likely whole slates were cannot be "
                        "estimated; log it, as `souk simulate --log` does",
                        log->name);
    judging->shape = turns->shape;
    judging->shape.num_users =
        turns->num_turns < PLACES_MAX ? (uint32_t)turns->num_turns : PLACES_MAX;
    return turns->has_scores ? SOUK_OK : choice_fit(turns, &loss);
}

static souk_status find_epsilon(struct judging *judging, double given)
{
    const struct exploration own = exploration_at(&judging->config, INFINITY);
    judging->epsilon = isnan(given) ? own.epsilon : given;
    if (!isnan(given) || !own.is_softmax) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: explores by softmax, by which the probability of a slate that is given is "
                    "not computed; say how often it would show any slate instead: --epsilon E",
                    judging->dir);
}

/* That a row tells all that the agent decides by, before anything is loaded. */
static souk_status check_folder(const char *path)
{
    struct model_dir *dir = NULL;
    souk_status status = model_dir_open(path, &dir);
    if (status) return status;
    if (model_dir_num_tables(dir) > 0)
        status = log_fail(SOUK_EDATA,
                          "%s: has rows of users or items, which the log does not name; agents of "
                          "features alone can be judged by it",
                          path);
    else if (json_value_number(model_dir_state(dir), "memory", 0) > 0)
        status = log_fail(SOUK_EDATA,
                          "%s: remembers what users chose before, and rows are judged one by one; "
                          "learn it with policy.memory=0",
                          path);
    model_dir_close(dir);
    return status;
}

static souk_status load_agent(struct judging *judging, double epsilon)
{
    souk_status status = check_folder(judging->dir);
    if (!status) status = model_config_read(&judging->config, judging->dir);
    const struct agent_options options = {.config = &judging->config, .shape = judging->shape};
    if (!status)
        status = agent_dir_load(judging->dir, &options, &judging->ops, &judging->agent, NULL);
    if (status) return status;
    if (!judging->ops->watch)
        return log_fail(SOUK_EDATA,
                        "%s: is a policy of %s; those of slateq and dqn can be judged by a log of "
                        "slates",
                        judging->dir, judging->ops->name);
    return find_epsilon(judging, epsilon);
}

/* The N rows from `first` on. */
static souk_status weigh_rows(struct judging *judging, uint64_t first, double *out)
{
    const struct env_shape *shape = &judging->shape;
    const struct env_view view = slate_turns_view(&judging->turns, first);
    const struct agent_turn turn = {.view = &view, .draws = judging->draws};
    const struct agent_choice choice = {.slates = judging->best};
    uint32_t size = shape->slate_size;
    double likelihoods[ENV_SLATE_MAX];
    const struct exploration_slate slate = {shape->num_candidates, size, likelihoods, NULL};
    souk_status status = judging->ops->act(judging->agent, &turn, &choice);
    for (uint32_t n = 0; !status && n < shape->num_users; n++) {
        exploration_tell_epsilon(&slate, judging->epsilon, judging->best + (size_t)n * size,
                                 judging->turns.slates + (first + n) * size);
        out[first + n] = likelihoods[size - 1];
    }
    return status;
}

static souk_status weigh_all(struct judging *judging, double *out)
{
    uint32_t num_places = judging->shape.num_users;
    uint64_t num = judging->turns.num_turns;
    souk_status status = SOUK_OK;
    judging->draws = mem_calloc(num_places, sizeof *judging->draws, "places");
    judging->best =
        mem_calloc((size_t)num_places * judging->shape.slate_size, sizeof *judging->best, "places");
    // All places have to be taken: the last rows come with some before them.
    for (uint64_t i = 0; !status && i < num; i += num_places)
        status = weigh_rows(judging, i + num_places <= num ? i : num - num_places, out);
    return status;
}

static struct number_table *make_policy(const char *dir, uint64_t num)
{
    struct number_table *table = mem_calloc(1, sizeof *table, "policy");
    table->name = mem_strdup(dir);
    table->num_rows = num;
    table->num_columns = 1;
    table->values = mem_calloc(num, sizeof *table->values, "policy");
    table->line_numbers = mem_calloc(num, sizeof *table->line_numbers, "policy");
    table->faults = mem_calloc(1, sizeof *table->faults, "policy");
    table->faults[0].row = UINT64_MAX;
    for (uint64_t i = 0; i < num; i++) table->line_numbers[i] = i + 1;
    return table;
}

static void make_episodes(const struct slate_turns *turns, struct ope_slates *out)
{
    uint64_t num = turns->num_turns, user = 0;
    struct episode_log *log = &out->log;
    *log = (struct episode_log){.num_episodes = turns->num_users,
                                .num_steps = num,
                                .max_length = turns->shape.max_steps,
                                .num_actions = 1,
                                .has_propensities = true};
    log->first_step = mem_calloc(turns->num_users + 1, sizeof *log->first_step, "episodes");
    log->rows = mem_calloc(num, sizeof *log->rows, "episodes");
    log->states = mem_calloc(num, sizeof *log->states, "episodes");
    log->next_states = mem_calloc(num, sizeof *log->next_states, "episodes");
    log->actions = mem_calloc(num, sizeof *log->actions, "episodes");
    log->rewards = mem_calloc(num, sizeof *log->rewards, "episodes");
    log->propensities = mem_calloc(num, sizeof *log->propensities, "episodes");
    log->is_end = mem_calloc(num, sizeof *log->is_end, "episodes");
    for (uint64_t i = 0; i < num; i++) {
        const struct env_outcome *outcome = &turns->outcomes[i];
        log->rows[i] = i;
        log->next_states[i] = STATE_NONE;
        log->rewards[i] = (double)outcome->reward;
        log->propensities[i] = turns->propensities[i];
        log->is_end[i] = outcome->is_over && !outcome->is_cut;
        out->num_cut += outcome->is_cut;
        if (outcome->is_over) log->first_step[++user] = i + 1;
    }
}

static souk_status judge(struct judging *judging, const struct number_table *log, double epsilon,
                         struct ope_slates *out)
{
    souk_status status = read_turns(judging, log);
    if (!status) status = load_agent(judging, epsilon);
    if (status) return status;
    struct number_table *policy = make_policy(judging->dir, judging->turns.num_turns);
    status = weigh_all(judging, policy->values);
    if (status) {
        number_table_destroy(policy);
        return status;
    }
    *out = (struct ope_slates){.policy = policy,
                               .num_candidates = judging->shape.num_candidates,
                               .slate_size = judging->shape.slate_size,
                               .epsilon = judging->epsilon,
                               .has_fitted_scores = !judging->turns.has_scores};
    make_episodes(&judging->turns, out);
    return SOUK_OK;
}

souk_status ope_slates_compute(const char *dir, const struct number_table *log, double epsilon,
                               struct ope_slates *out)
{
    struct judging judging = {.dir = dir};
    config_init(&judging.config);
    souk_status status = judge(&judging, log, epsilon, out);
    if (judging.agent) judging.ops->destroy(judging.agent);
    config_fini(&judging.config);
    slate_turns_fini(&judging.turns);
    mem_free(judging.draws);
    mem_free(judging.best);
    return status;
}
