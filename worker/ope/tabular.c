/* tabular.c - see tabular.h. */
#include "worker/ope/tabular.h"

#include <stdlib.h>

#include "common/base/mem.h"

// Steps of the log sorted by pair, then by next state: STATE_NONE is last.
struct arrow {
    uint64_t pair;
    uint32_t next_state;
};

static int by_pair(const void *a, const void *b)
{
    const struct arrow *x = a, *y = b;
    if (x->pair != y->pair) return x->pair < y->pair ? -1 : 1;
    return (x->next_state > y->next_state) - (x->next_state < y->next_state);
}

static bool is_known(const struct episode_log *log, uint64_t step)
{
    return log->is_end[step] || log->next_states[step] != STATE_NONE;
}

static struct arrow *sort_arrows(const struct episode_log *log, uint64_t *num_out)
{
    struct arrow *arrows = mem_calloc(log->num_steps, sizeof(*arrows), "transitions");
    uint64_t num = 0;
    for (uint64_t i = 0; i < log->num_steps; i++) {
        if (!is_known(log, i)) continue;
        arrows[num].pair = (uint64_t)log->states[i] * log->num_actions + log->actions[i];
        arrows[num++].next_state = log->is_end[i] ? STATE_NONE : log->next_states[i];
    }
    qsort(arrows, num, sizeof(*arrows), by_pair);
    *num_out = num;
    return arrows;
}

// Where one pair led to: arrows [begin, end) are its own. Returns how many states were written.
static uint64_t share_out(const struct arrow *arrows, uint64_t begin, uint64_t end,
                          struct tabular *tabular, uint64_t place)
{
    uint64_t first = place;
    for (uint64_t i = begin; i < end && arrows[i].next_state != STATE_NONE; place++) {
        uint64_t same = i;
        while (same < end && arrows[same].next_state == arrows[i].next_state) same++;
        tabular->next_states[place] = arrows[i].next_state;
        tabular->next_shares[place] = (double)(same - i) / (double)(end - begin);
        i = same;
    }
    return place - first;
}

static void count_transitions(struct tabular *tabular, const struct episode_log *log)
{
    uint64_t num = 0, place = 0, i = 0;
    struct arrow *arrows = sort_arrows(log, &num);
    tabular->next_start = mem_calloc(tabular->num_pairs + 1, sizeof(uint64_t), "transitions");
    tabular->next_states = mem_calloc(num, sizeof(*tabular->next_states), "transitions");
    tabular->next_shares = mem_calloc(num, sizeof(*tabular->next_shares), "transitions");
    for (uint64_t pair = 0; pair < tabular->num_pairs; pair++) {
        uint64_t begin = i;
        while (i < num && arrows[i].pair == pair) i++;
        place += share_out(arrows, begin, i, tabular, place);
        tabular->next_start[pair + 1] = place;
    }
    mem_free(arrows);
}

void tabular_init(struct tabular *tabular, const struct episode_log *log)
{
    uint64_t num_pairs = (uint64_t)log->num_states * log->num_actions;
    *tabular = (struct tabular){.num_states = log->num_states,
                                .num_actions = log->num_actions,
                                .num_pairs = num_pairs,
                                .visits = mem_calloc(num_pairs, sizeof(uint64_t), "visits"),
                                .rewards = mem_calloc(num_pairs, sizeof(double), "rewards")};
    for (uint64_t i = 0; i < log->num_steps; i++) {
        uint64_t pair = (uint64_t)log->states[i] * log->num_actions + log->actions[i];
        tabular->num_seen += tabular->visits[pair]++ == 0;
        tabular->rewards[pair] += log->rewards[i];
    }
    for (uint64_t pair = 0; pair < num_pairs; pair++)
        if (tabular->visits[pair] > 0) tabular->rewards[pair] /= (double)tabular->visits[pair];
    count_transitions(tabular, log);
}

void tabular_fini(struct tabular *tabular)
{
    mem_free(tabular->visits);
    mem_free(tabular->rewards);
    mem_free(tabular->next_start);
    mem_free(tabular->next_states);
    mem_free(tabular->next_shares);
    *tabular = (struct tabular){.num_states = 0};
}

void tabular_back_up(const struct tabular *tabular, double discount, const double *next_values,
                     double *q_out)
{
    for (uint64_t pair = 0; pair < tabular->num_pairs; pair++) {
        if (tabular->visits[pair] == 0) continue;
        double next = 0;
        for (uint64_t i = tabular->next_start[pair]; i < tabular->next_start[pair + 1]; i++)
            next += tabular->next_shares[i] * next_values[tabular->next_states[i]];
        q_out[pair] = tabular->rewards[pair] + discount * next;
    }
}

// Pairs that nobody has seen: the mean of what was, by visits.
static void fill_unseen(const struct tabular *tabular, double *q)
{
    double sum = 0, num = 0;
    if (tabular->num_seen == tabular->num_pairs) return;
    for (uint64_t pair = 0; pair < tabular->num_pairs; pair++) {
        if (tabular->visits[pair] == 0) continue;
        sum += (double)tabular->visits[pair] * q[pair];
        num += (double)tabular->visits[pair];
    }
    for (uint64_t pair = 0; pair < tabular->num_pairs; pair++)
        if (tabular->visits[pair] == 0) q[pair] = sum / num;
}

void tabular_evaluate_step(const struct tabular *tabular, const double *policy, double discount,
                           double *values, double *q_out)
{
    tabular_back_up(tabular, discount, values, q_out);
    fill_unseen(tabular, q_out);
    for (uint32_t s = 0; s < tabular->num_states; s++) {
        uint64_t first = (uint64_t)s * tabular->num_actions;
        values[s] = 0;
        for (uint32_t a = 0; a < tabular->num_actions; a++)
            values[s] += policy[first + a] * q_out[first + a];
    }
}
