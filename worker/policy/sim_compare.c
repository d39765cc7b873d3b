/* sim_compare.c - see sim_compare.h. Sums run in the order of users, and means are subtracted
 * before squares are summed. */
#include "worker/policy/sim_compare.h"

#include <assert.h>
#include <math.h>

// Of a user; less that of the first policy when there is one.
static double find_value(const struct sim_result *result, const struct sim_result *first,
                         uint64_t user, uint32_t figure)
{
    double value = result->users[user].figures[figure];
    return first ? value - first->users[user].figures[figure] : value;
}

static struct sim_mean find_mean(const struct sim_result *result, const struct sim_result *first,
                                 uint32_t figure)
{
    struct sim_mean mean = {.mean = NAN, .std_error = NAN};
    double sum = 0, squares = 0;
    for (uint64_t u = 0; u < result->num_users; u++) {
        double value = find_value(result, first, u, figure);
        if (isnan(value)) continue;
        sum += value;
        mean.num_users++;
    }
    if (mean.num_users == 0) return mean;
    double n = (double)mean.num_users;
    mean.mean = sum / n;
    for (uint64_t u = 0; u < result->num_users; u++) {
        double deviation = find_value(result, first, u, figure) - mean.mean;
        if (!isnan(deviation)) squares += deviation * deviation;
    }
    if (mean.num_users > 1) mean.std_error = sqrt(squares / (n - 1) / n);
    return mean;
}

void sim_compare(const struct sim_result *results, uint32_t num_results, struct sim_row *rows_out)
{
    for (uint32_t r = 0; r < num_results; r++) {
        struct sim_row *row = &rows_out[r];
        assert(results[r].num_users == results[0].num_users);
        for (uint32_t f = 0; f < SIM_NUM_FIGURES; f++) {
            row->figures[f] = find_mean(&results[r], NULL, f);
            row->differences[f] = find_mean(&results[r], &results[0], f);
        }
        row->num_cut = 0;
        for (uint64_t u = 0; u < results[r].num_users; u++)
            row->num_cut += results[r].users[u].is_cut;
    }
}
