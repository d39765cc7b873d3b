/* choices.c - see choices.h. */
#include "worker/ope/choices.h"

#include "common/base/mem.h"

// Which actions the log has at each position: (K, A).
static uint8_t *mark_logged(const struct bandit_log *log, uint32_t num_actions)
{
    uint8_t *is_logged = mem_calloc(log->num_positions, num_actions, "logged actions");
    for (uint64_t i = 0; i < log->num_rounds; i++)
        is_logged[(uint64_t)log->positions[i] * num_actions + log->actions[i]] = 1;
    return is_logged;
}

void choices_init(struct choices *choices, const struct bandit_log *log, const double *propensities,
                  const struct choice_values *policy)
{
    uint64_t num = log->num_rounds;
    uint32_t num_actions = policy->num_actions;
    double covered = 0, all = 0;
    double *row = mem_alloc(num_actions * sizeof(*row), "probabilities");
    uint8_t *is_logged = mark_logged(log, num_actions);
    *choices = (struct choices){.num = num, .rewards = log->rewards, .propensities = propensities};
    choices->chosen = mem_alloc(num * sizeof(double), "choices");
    choices->weights = mem_alloc(num * sizeof(double), "choices");
    choices->predicted = mem_calloc(num, sizeof(double), "choices");
    choices->expected = mem_calloc(num, sizeof(double), "choices");
    for (uint64_t i = 0; i < num; i++) {
        const uint8_t *seen = is_logged + (uint64_t)log->positions[i] * num_actions;
        choice_values_row(policy, log, i, row);
        for (uint32_t a = 0; a < num_actions; a++) {
            all += row[a];
            if (seen[a]) covered += row[a];
        }
        choices->chosen[i] = row[log->actions[i]];
        choices->weights[i] = choices->chosen[i] / propensities[i];
        choices->has_support |= choices->weights[i] > 0;
    }
    choices->coverage = covered / all;
    mem_free(row);
    mem_free(is_logged);
}

void choices_set_rewards(struct choices *choices, const struct bandit_log *log,
                         const struct choice_values *policy, const struct reward_model *model)
{
    uint32_t num_actions = policy->num_actions;
    double *shares = mem_alloc(num_actions * sizeof(*shares), "probabilities");
    double *rewards = mem_alloc(num_actions * sizeof(*rewards), "expected rewards");
    for (uint64_t i = 0; i < choices->num; i++) {
        double sum = 0, share = 0;
        choice_values_row(policy, log, i, shares);
        reward_model_row(model, i, rewards);
        for (uint32_t a = 0; a < num_actions; a++) {
            sum += shares[a] * rewards[a];
            share += shares[a];
        }
        choices->expected[i] = sum / share;
        choices->predicted[i] = rewards[log->actions[i]];
    }
    mem_free(shares);
    mem_free(rewards);
}

void choices_fini(struct choices *choices)
{
    mem_free(choices->chosen);
    mem_free(choices->weights);
    mem_free(choices->predicted);
    mem_free(choices->expected);
    *choices = (struct choices){0};
}
