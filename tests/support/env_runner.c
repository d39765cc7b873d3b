/* env_runner.c - see env_runner.h. */
#include "tests/support/env_runner.h"

#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/rng.h"

struct runner {
    const struct env_ops *ops;
    struct env *env;
    struct env_shape shape;
    uint64_t first_user;
    uint32_t *slates;             // (N, K)
    float *values;                // (N, C) what slates are ranked by
    struct env_outcome *outcomes; // (N)
    bool *is_gone;                // (N)
    double *rewards, *qualities;  // (N) sums
    uint32_t *clicks, *steps;     // (N)
};

void run_random_slate(uint64_t user, uint32_t step, const struct env_shape *shape,
                      uint32_t *slate_out)
{
    struct rng rng;
    uint32_t *order = mem_alloc(shape->num_candidates * sizeof *order, "order");
    rng_init(&rng, 77, rng_stream("slates", user, step));
    for (uint32_t c = 0; c < shape->num_candidates; c++) order[c] = c;
    rng_shuffle(&rng, order, shape->num_candidates, sizeof *order);
    for (uint32_t k = 0; k < shape->slate_size; k++) slate_out[k] = order[k];
    mem_free(order);
}

static void rank(const float *values, const struct env_shape *shape, uint32_t *slate_out)
{
    bool *is_used = mem_calloc(shape->num_candidates, sizeof *is_used, "marks");
    for (uint32_t k = 0; k < shape->slate_size; k++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t c = 0; c < shape->num_candidates; c++)
            if (!is_used[c] && (best == UINT32_MAX || values[c] > values[best])) best = c;
        is_used[best] = true;
        slate_out[k] = best;
    }
    mem_free(is_used);
}

static void find_values(struct runner *runner, enum run_rule rule)
{
    const struct env_shape *shape = &runner->shape;
    size_t count = (size_t)shape->num_users * shape->num_candidates;
    struct env_view view;
    if (rule == RUN_GREEDY || rule == RUN_LAST_FIELD) runner->ops->view(runner->env, &view);
    if (rule == RUN_ORACLE || rule == RUN_ANTI) runner->ops->qualities(runner->env, runner->values);
    for (size_t i = 0; i < count; i++) {
        if (rule == RUN_GREEDY) runner->values[i] = view.scores[i];
        if (rule == RUN_LAST_FIELD) runner->values[i] = view.items[(i + 1) * shape->item_dim - 1];
        if (rule == RUN_ANTI) runner->values[i] = -runner->values[i];
    }
}

static void find_slates(struct runner *runner, enum run_rule rule)
{
    const struct env_shape *shape = &runner->shape;
    if (rule != RUN_RANDOM) find_values(runner, rule);
    for (uint32_t n = 0; n < shape->num_users; n++) {
        uint32_t *slate = runner->slates + (size_t)n * shape->slate_size;
        if (rule == RUN_RANDOM)
            run_random_slate(runner->first_user + n, runner->steps[n], shape, slate);
        else
            rank(runner->values + (size_t)n * shape->num_candidates, shape, slate);
    }
}

// How many users are left.
static uint32_t add_outcomes(struct runner *runner)
{
    uint32_t num_left = 0;
    for (uint32_t n = 0; n < runner->shape.num_users; n++) {
        const struct env_outcome *outcome = &runner->outcomes[n];
        if (runner->is_gone[n]) continue;
        runner->steps[n]++;
        runner->rewards[n] += (double)outcome->reward;
        if (outcome->choice >= 0) {
            runner->clicks[n]++;
            runner->qualities[n] += (double)outcome->quality;
        }
        runner->is_gone[n] = outcome->is_over;
        num_left += !outcome->is_over;
    }
    return num_left;
}

static void find_means(const struct runner *runner, struct run_means *means)
{
    const uint32_t num_users = runner->shape.num_users;
    double squares = 0;
    *means = (struct run_means){0};
    for (uint32_t n = 0; n < num_users; n++) {
        means->reward += runner->rewards[n] / num_users;
        means->steps += (double)runner->steps[n] / num_users;
        means->clicks += (double)runner->clicks[n] / num_users;
        if (runner->clicks[n])
            means->quality += runner->qualities[n] / runner->clicks[n] / num_users;
    }
    for (uint32_t n = 0; n < num_users; n++) squares += pow(runner->rewards[n] - means->reward, 2);
    means->reward_stderr = sqrt(squares / (num_users - 1) / num_users);
}

static void start(struct runner *runner)
{
    struct env_shape *shape = &runner->shape;
    runner->ops->shape(runner->env, shape);
    const uint32_t num_users = shape->num_users;
    runner->slates = mem_calloc((size_t)num_users * shape->slate_size, sizeof(uint32_t), "test");
    runner->values = mem_calloc((size_t)num_users * shape->num_candidates, sizeof(float), "test");
    runner->outcomes = mem_calloc(num_users, sizeof *runner->outcomes, "test");
    runner->is_gone = mem_calloc(num_users, sizeof(bool), "test");
    runner->rewards = mem_calloc(num_users, sizeof(double), "test");
    runner->qualities = mem_calloc(num_users, sizeof(double), "test");
    runner->clicks = mem_calloc(num_users, sizeof(uint32_t), "test");
    runner->steps = mem_calloc(num_users, sizeof(uint32_t), "test");
    for (uint32_t n = 0; n < num_users; n++)
        runner->ops->reset(runner->env, n, runner->first_user + n);
}

static void finish(struct runner *runner)
{
    mem_free(runner->slates);
    mem_free(runner->values);
    mem_free(runner->outcomes);
    mem_free(runner->is_gone);
    mem_free(runner->rewards);
    mem_free(runner->qualities);
    mem_free(runner->clicks);
    mem_free(runner->steps);
}

void run_users(const struct env_ops *ops, struct env *env, enum run_rule rule, uint64_t first_user,
               struct run_means *means_out)
{
    struct runner runner = {.ops = ops, .env = env, .first_user = first_user};
    start(&runner);
    do {
        find_slates(&runner, rule);
        ops->step(env, runner.slates, runner.outcomes);
    } while (add_outcomes(&runner) > 0);
    find_means(&runner, means_out);
    finish(&runner);
}
