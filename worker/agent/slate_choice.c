/* slate_choice.c - see slate_choice.h. Slates are short, so membership and insertion are loops over
 * the slate; both are reached only by the few candidates that beat what is there. */
#include "worker/agent/slate_choice.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "worker/env/env.h"

static void check(const struct slate_choice *choice)
{
    (void)choice;
    assert(choice->slate_size >= 1 && choice->slate_size <= ENV_SLATE_MAX);
    assert(choice->slate_size <= choice->num_candidates);
}

double slate_choice_value(const struct slate_choice *choice, const uint32_t *slate)
{
    double worth = choice->null_score * choice->null_value, total = choice->null_score;
    for (uint32_t k = 0; k < choice->slate_size; k++) {
        double score = choice->scores[slate[k]];
        worth += score * choice->values[slate[k]];
        total += score;
    }
    return worth / total;
}

// The K largest v_i (q_i - price), largest first.
static void pick_above(const struct slate_choice *choice, double price, uint32_t *slate)
{
    double gains[ENV_SLATE_MAX];
    uint32_t size = 0;
    for (uint32_t i = 0; i < choice->num_candidates; i++) {
        double gain = choice->scores[i] * (choice->values[i] - price);
        if (size == choice->slate_size && !(gain > gains[size - 1])) continue;
        uint32_t place = size < choice->slate_size ? size++ : size - 1;
        for (; place > 0 && gain > gains[place - 1]; place--) {
            gains[place] = gains[place - 1];
            slate[place] = slate[place - 1];
        }
        gains[place] = gain;
        slate[place] = i;
    }
}

void slate_choice_top(const struct slate_choice *choice, uint32_t *slate_out)
{
    check(choice);
    pick_above(choice, 0, slate_out);
}

static bool is_in(const uint32_t *slate, uint32_t size, uint32_t candidate)
{
    for (uint32_t k = 0; k < size; k++)
        if (slate[k] == candidate) return true;
    return false;
}

// The candidate that makes (worth + v q) / (total + v) largest. Fractions are compared without
// division, which would cost more than all the rest.
static uint32_t pick_next(const struct slate_choice *choice, double worth, double total,
                          const uint32_t *slate, uint32_t size)
{
    uint32_t best = 0;
    while (is_in(slate, size, best)) best++;
    double best_worth = worth + choice->scores[best] * choice->values[best];
    double best_total = total + choice->scores[best];
    for (uint32_t i = best + 1; i < choice->num_candidates; i++) {
        double with_worth = worth + choice->scores[i] * choice->values[i];
        double with_total = total + choice->scores[i];
        if (!(with_worth * best_total > best_worth * with_total) || is_in(slate, size, i)) continue;
        best = i;
        best_worth = with_worth;
        best_total = with_total;
    }
    return best;
}

void slate_choice_greedy(const struct slate_choice *choice, uint32_t *slate_out)
{
    check(choice);
    double worth = choice->null_score * choice->null_value, total = choice->null_score;
    for (uint32_t k = 0; k < choice->slate_size; k++) {
        uint32_t next = pick_next(choice, worth, total, slate_out, k);
        slate_out[k] = next;
        worth += choice->scores[next] * choice->values[next];
        total += choice->scores[next];
    }
}

void slate_choice_exact(const struct slate_choice *choice, uint32_t *slate_out)
{
    // The slate that is best when each unit of score costs `value` has a larger value, unless there
    // is none. Values grow strictly, so this ends.
    slate_choice_greedy(choice, slate_out);
    double value = slate_choice_value(choice, slate_out);
    for (;;) {
        uint32_t slate[ENV_SLATE_MAX];
        pick_above(choice, value, slate);
        double next = slate_choice_value(choice, slate);
        if (!(next > value)) return;
        memcpy(slate_out, slate, choice->slate_size * sizeof(*slate));
        value = next;
    }
}
