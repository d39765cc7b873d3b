/* click_groups.c - the figures of click_metrics.h that go by groups. In here the candidates of a
 * group are walked from the best score down; `above` are those before a run of equal scores. */
#include <math.h>

#include "worker/eval/click_ties.h"

// Of one value of k.
struct discounts {
    uint32_t k;
    double gains[CLICK_K_MAX];     // of a click at a position: 1 / log2(position + 2)
    double ideal[CLICK_K_MAX + 1]; // sum of the gains of so many clicks before all others
};

static void set_discounts(struct discounts *discounts, uint32_t k)
{
    discounts->k = k;
    discounts->ideal[0] = 0;
    for (uint32_t i = 0; i < k; i++) {
        discounts->gains[i] = 1 / log2(i + 2.0);
        discounts->ideal[i + 1] = discounts->ideal[i] + discounts->gains[i];
    }
}

/* Each place of the run holds a click with the same probability. */
static double gain_of(const struct discounts *discounts, const struct ties *ties, uint64_t above)
{
    uint64_t end = above + ties->num < discounts->k ? above + ties->num : discounts->k;
    double sum = 0;
    for (uint64_t i = above; i < end; i++) sum += discounts->gains[i];
    return sum * (double)ties->num_clicks / (double)ties->num;
}

/* Probability that one of the first num_places of a run with clicks is a click: 1 less that of
 * drawing none. */
static double hit_of(const struct ties *ties, uint64_t num_places)
{
    uint64_t others = ties->num - ties->num_clicks;
    if (num_places > others) return 1;
    double miss = 1;
    for (uint64_t i = 0; i < num_places; i++)
        miss *= (double)(others - i) / (double)(ties->num - i);
    return 1 - miss;
}

/* Mean of 1 / rank of the first click over the orders of a run with clicks. */
static double reciprocal_of(const struct ties *ties, uint64_t above)
{
    uint64_t others = ties->num - ties->num_clicks;
    double none_before = 1, sum = 0; // probability that no click stands before place i
    for (uint64_t i = 0; i <= others; i++) {
        double left = (double)(ties->num - i);
        sum += none_before * (double)ties->num_clicks / left / (double)(above + i + 1);
        none_before *= (double)(others - i) / left;
    }
    return sum;
}

/* Adds one group of both classes. */
static void add_ranking(const struct discounts *discounts, const struct click_sample *items,
                        size_t n, struct click_figures *figures)
{
    uint64_t above = 0, num_clicks = 0;
    double gain = 0;
    for (size_t at = n; at > 0;) {
        struct ties ties = ties_before(items, &at);
        if (num_clicks == 0 && ties.num_clicks > 0) {
            figures->mrr += reciprocal_of(&ties, above);
            if (above < discounts->k) figures->hit_rate += hit_of(&ties, discounts->k - above);
        }
        if (above < discounts->k) gain += gain_of(discounts, &ties, above);
        above += ties.num;
        num_clicks += ties.num_clicks;
    }
    uint64_t best = num_clicks < discounts->k ? num_clicks : discounts->k;
    figures->ndcg += gain / discounts->ideal[best];
    figures->num_groups_over_k += n > discounts->k;
}

void click_rank_groups(const struct click_samples *samples, struct click_figures *figures)
{
    struct discounts discounts;
    set_discounts(&discounts, figures->k);
    struct click_figures sums = {0};
    uint64_t num_samples = 0; // of groups of both classes
    for (size_t first = 0, end = 0; first < samples->num; first = end) {
        const struct click_sample *items = samples->items + first;
        while (end < samples->num && samples->items[end].group == items->group) end++;
        double auc = click_auc(items, end - first);
        sums.num_groups++;
        sums.num_groups_one_class += isnan(auc);
        if (isnan(auc)) continue;
        sums.gauc += auc * (double)(end - first);
        num_samples += end - first;
        add_ranking(&discounts, items, end - first, &sums);
    }
    figures->num_groups = sums.num_groups;
    figures->num_groups_one_class = sums.num_groups_one_class;
    figures->num_groups_over_k = sums.num_groups_over_k;
    double num_ranked = (double)(sums.num_groups - sums.num_groups_one_class);
    if (num_ranked == 0) return;
    figures->gauc = sums.gauc / (double)num_samples;
    figures->hit_rate = sums.hit_rate / num_ranked;
    figures->ndcg = sums.ndcg / num_ranked;
    figures->mrr = sums.mrr / num_ranked;
}
