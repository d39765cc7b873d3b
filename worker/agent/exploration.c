/* exploration.c - see exploration.h. */
#include "worker/agent/exploration.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "worker/env/env.h"

struct exploration exploration_at(const struct config *config, double num_steps)
{
    double span = (double)config->policy.epsilon_steps;
    double share = span > 0 && num_steps < span ? num_steps / span : 1;
    double first = config->policy.epsilon, last = config->policy.epsilon_end;
    return (struct exploration){.is_softmax = config->policy.exploration == CONFIG_EXPLORE_SOFTMAX,
                                .epsilon = first + (last - first) * share,
                                .temperature = config->policy.temperature};
}

/* A number below n; the bias is below n / 2^32. */
static uint32_t draw_below(struct rng *rng, uint32_t n)
{
    return (uint32_t)((uint64_t)rng_next_u32(rng) * n >> 32);
}

/* The candidate at `rank` among those that the first k of slate, sorted in taken, leave over. */
static uint32_t pick_rank(uint32_t rank, const uint32_t *taken, uint32_t k)
{
    for (uint32_t i = 0; i < k && taken[i] <= rank; i++) rank++;
    return rank;
}

static void insert(uint32_t *taken, uint32_t k, uint32_t item)
{
    uint32_t at = k;
    for (; at > 0 && taken[at - 1] > item; at--) taken[at] = taken[at - 1];
    taken[at] = item;
}

static void draw_slate(uint32_t num_candidates, uint32_t slate_size, struct rng *rng,
                       uint32_t *slate_out)
{
    uint32_t taken[ENV_SLATE_MAX];
    assert(slate_size <= num_candidates && slate_size <= ENV_SLATE_MAX);
    for (uint32_t k = 0; k < slate_size; k++) {
        slate_out[k] = pick_rank(draw_below(rng, num_candidates - k), taken, k);
        insert(taken, k, slate_out[k]);
    }
}

/* (1 - epsilon) where it is the best one, plus a share of epsilon. */
void exploration_tell_epsilon(const struct exploration_slate *slate, double epsilon,
                              const uint32_t *best, const uint32_t *shown)
{
    uint32_t num_candidates = slate->num_candidates;
    bool is_best = best != NULL;
    double random = epsilon;
    for (uint32_t k = 0; k < slate->slate_size; k++) {
        bool is_same = best && best[k] == shown[k];
        is_best = is_best && is_same;
        random /= num_candidates - k;
        if (slate->propensities) slate->propensities[k] = random + (is_best ? 1 - epsilon : 0);
        if (slate->marginals)
            slate->marginals[k] = epsilon / num_candidates + (is_same ? 1 - epsilon : 0);
    }
}

void exploration_draw_any(const struct exploration_slate *slate, struct rng *rng,
                          uint32_t *slate_out)
{
    draw_slate(slate->num_candidates, slate->slate_size, rng, slate_out);
    exploration_tell_epsilon(slate, 1, NULL, slate_out);
}

void exploration_draw_epsilon(const struct exploration_slate *slate, double epsilon,
                              const uint32_t *best, struct rng *rng, uint32_t *slate_out)
{
    uint32_t kept[ENV_SLATE_MAX];
    memcpy(kept, best, slate->slate_size * sizeof *kept);
    if (epsilon > 0 && rng_uniform_double(rng) < epsilon)
        draw_slate(slate->num_candidates, slate->slate_size, rng, slate_out);
    else
        memcpy(slate_out, kept, slate->slate_size * sizeof *kept);
    exploration_tell_epsilon(slate, epsilon, kept, slate_out);
}

/* ---- softmax ---- */

static bool is_among(const uint32_t *slate, uint32_t k, uint32_t item)
{
    for (uint32_t i = 0; i < k; i++)
        if (slate[i] == item) return true;
    return false;
}

/* The next item and how likely it was. Two walks instead of an array of weights: nothing allocates,
 * and candidates may be many. */
static uint32_t draw_weighted(const double *preferences, double temperature,
                              uint32_t num_candidates, struct rng *rng, const uint32_t *taken,
                              uint32_t num_taken, double *likelihood_out)
{
    double largest = -INFINITY, sum = 0;
    for (uint32_t c = 0; c < num_candidates; c++)
        if (preferences[c] > largest && !is_among(taken, num_taken, c)) largest = preferences[c];
    for (uint32_t c = 0; c < num_candidates; c++)
        if (!is_among(taken, num_taken, c)) sum += exp((preferences[c] - largest) / temperature);

    double left = rng_uniform_double(rng) * sum, weight = 0;
    uint32_t drawn = 0;
    for (uint32_t c = 0; c < num_candidates; c++) {
        if (is_among(taken, num_taken, c)) continue;
        drawn = c; // rounding may leave a rest: the last one has it
        weight = exp((preferences[c] - largest) / temperature);
        left -= weight;
        if (left < 0) break;
    }
    *likelihood_out = weight / sum;
    return drawn;
}

void exploration_draw_softmax(const struct exploration_slate *slate, double temperature,
                              const double *preferences, struct rng *rng, uint32_t *slate_out)
{
    double together = 1;
    for (uint32_t k = 0; k < slate->slate_size; k++) {
        double likelihood;
        slate_out[k] = draw_weighted(preferences, temperature, slate->num_candidates, rng,
                                     slate_out, k, &likelihood);
        together *= likelihood;
        if (slate->propensities) slate->propensities[k] = together;
        if (slate->marginals) slate->marginals[k] = k == 0 ? likelihood : (double)NAN;
    }
}
