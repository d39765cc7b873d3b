/* offline_table.c - see offline_table.h. */
#include "worker/policy/offline_table.h"

#include <math.h>

#include "common/base/log.h"
#include "common/base/mem.h"

enum { NEWTON_MAX = 100, HALVINGS_MAX = 40 };
#define NEWTON_TOLERANCE 1e-13

uint32_t offline_best_action(const double *q, uint32_t num_actions)
{
    uint32_t best = 0;
    for (uint32_t a = 1; a < num_actions; a++)
        if (q[a] > q[best]) best = a;
    return best;
}

/* ---- one state of CQL ----
 * Over the M actions that the log has there, with shares p and targets y, of
 *   f(Q) = sum p_a (Q_a - y_a)^2 / 2 + alpha (log sum exp Q_a - sum p_a Q_a)
 * which is strictly convex: gradient p (Q - y) + alpha (s - p) with s the softmax of Q, Hessian
 * diag(p + alpha s) - alpha s s^T, solved by Sherman and Morrison. */
struct conservative_state {
    uint32_t num; // M
    double alpha;
    double *shares, *targets;       // (M) p, y
    double *q, *softmax;            // (M)
    double *gradient, *step, *next; // (M)
};

// The softmax is that of q afterwards.
static double evaluate(const struct conservative_state *s, const double *q)
{
    double largest = q[0], sum = 0, value = 0;
    for (uint32_t a = 1; a < s->num; a++) largest = fmax(largest, q[a]);
    for (uint32_t a = 0; a < s->num; a++) sum += s->softmax[a] = exp(q[a] - largest);
    for (uint32_t a = 0; a < s->num; a++) {
        double error = q[a] - s->targets[a];
        s->softmax[a] /= sum;
        value += s->shares[a] * (error * error / 2 - s->alpha * q[a]);
    }
    return value + s->alpha * (largest + log(sum));
}

// Sets gradient and step; returns how much f falls by a small one, relative to it.
static double find_step(const struct conservative_state *s)
{
    double through = 0, bend = 0, slope = 0;
    for (uint32_t a = 0; a < s->num; a++) {
        double diagonal = s->shares[a] + s->alpha * s->softmax[a];
        s->gradient[a] =
            s->shares[a] * (s->q[a] - s->targets[a]) + s->alpha * (s->softmax[a] - s->shares[a]);
        s->step[a] = s->gradient[a] / diagonal;
        through += s->softmax[a] * s->step[a];
        bend += s->softmax[a] * s->softmax[a] / diagonal;
    }
    double factor = s->alpha * through / (1 - s->alpha * bend);
    for (uint32_t a = 0; a < s->num; a++) {
        double diagonal = s->shares[a] + s->alpha * s->softmax[a];
        s->step[a] = -(s->step[a] + factor * s->softmax[a] / diagonal);
        slope += s->gradient[a] * s->step[a];
    }
    return slope;
}

// Halves the step until f falls as it should; false when rounding leaves nothing to gain.
static bool walk(const struct conservative_state *s, double value, double slope)
{
    double length = 1;
    for (int i = 0; i < HALVINGS_MAX; i++, length /= 2) {
        for (uint32_t a = 0; a < s->num; a++) s->next[a] = s->q[a] + length * s->step[a];
        if (!(evaluate(s, s->next) <= value + 1e-4 * length * slope)) continue;
        for (uint32_t a = 0; a < s->num; a++) s->q[a] = s->next[a];
        return true;
    }
    return false;
}

static void minimise(const struct conservative_state *s)
{
    for (int i = 0; i < NEWTON_MAX; i++) {
        double value = evaluate(s, s->q), slope = find_step(s), largest = 1, move = 0;
        for (uint32_t a = 0; a < s->num; a++) {
            largest = fmax(largest, fabs(s->q[a]));
            move = fmax(move, fabs(s->step[a]));
        }
        if (move <= NEWTON_TOLERANCE * largest) break;
        // So near, f is flat to its last digit and tells nothing, but the full step is right.
        if (move <= 1e-6 * largest)
            for (uint32_t a = 0; a < s->num; a++) s->q[a] += s->step[a];
        else if (!walk(s, value, slope))
            break;
    }
}

// q (A) of one state are the targets, and become what minimises f; -inf for what was never done.
static void make_conservative(struct conservative_state *s, const uint64_t *visits,
                              uint32_t num_actions, double *q)
{
    double total = 0;
    s->num = 0;
    for (uint32_t a = 0; a < num_actions; a++) total += (double)visits[a];
    for (uint32_t a = 0; a < num_actions; a++) {
        if (visits[a] == 0) continue;
        s->shares[s->num] = (double)visits[a] / total;
        s->targets[s->num] = q[a];
        s->q[s->num++] = q[a];
    }
    if (s->num > 1) minimise(s);
    for (uint32_t a = 0, k = 0; a < num_actions; a++) q[a] = visits[a] ? s->q[k++] : -INFINITY;
}

/* ---- rounds ---- */

struct learning {
    const struct tabular *tabular;
    const struct offline_table_options *options;
    struct conservative_state state;
    double *values; // (S) max of Q
    double *q;      // (S A) of this round
    double *last;   // (S A) of the one before
};

// A state that the log never is in has nothing to be judged by: 0, as before all learning.
static void take_best(struct learning *l)
{
    uint32_t num_actions = l->tabular->num_actions;
    for (uint32_t s = 0; s < l->tabular->num_states; s++) {
        const double *q = l->q + (uint64_t)s * num_actions;
        l->values[s] = q[offline_best_action(q, num_actions)];
        if (isinf(l->values[s])) l->values[s] = 0;
    }
}

static void play_round(struct learning *l)
{
    const struct tabular *tabular = l->tabular;
    tabular_back_up(tabular, l->options->discount, l->values, l->q);
    for (uint32_t s = 0; l->options->conservatism > 0 && s < tabular->num_states; s++) {
        uint64_t first = (uint64_t)s * tabular->num_actions;
        make_conservative(&l->state, tabular->visits + first, tabular->num_actions, l->q + first);
    }
    take_best(l);
}

static bool has_settled(const struct learning *l)
{
    double change = 0, largest = 1;
    for (uint64_t pair = 0; pair < l->tabular->num_pairs; pair++) {
        if (isinf(l->q[pair]) && isinf(l->last[pair])) continue;
        change = fmax(change, fabs(l->q[pair] - l->last[pair]));
        largest = fmax(largest, fabs(l->q[pair]));
    }
    return change <= l->options->tolerance * largest;
}

static souk_status settle(struct learning *l, uint32_t *rounds_out)
{
    for (uint32_t round = 1; round <= l->options->max_rounds; round++) {
        for (uint64_t pair = 0; pair < l->tabular->num_pairs; pair++) l->last[pair] = l->q[pair];
        play_round(l);
        if (!has_settled(l)) continue;
        *rounds_out = round;
        return SOUK_OK;
    }
    return log_fail(SOUK_EDIVERGED,
                    "values still change after %u rounds: rewards add up without end; set a "
                    "discount further below 1, or mark where episodes end",
                    l->options->max_rounds);
}

souk_status offline_table_learn(const struct tabular *tabular,
                                const struct offline_table_options *options, double *q_out,
                                uint32_t *rounds_out)
{
    uint32_t num_actions = tabular->num_actions;
    double *room = mem_calloc((size_t)num_actions * 7, sizeof(*room), "values of a state");
    struct learning l = {
        .tabular = tabular,
        .options = options,
        .state = {0, options->conservatism, room, room + num_actions, room + 2 * num_actions,
                  room + 3 * num_actions, room + 4 * num_actions, room + 5 * num_actions,
                  room + 6 * num_actions},
        .values = mem_calloc(tabular->num_states, sizeof(double), "values"),
        .q = q_out,
        .last = mem_calloc(tabular->num_pairs, sizeof(double), "values of pairs"),
    };
    for (uint64_t pair = 0; pair < tabular->num_pairs; pair++) q_out[pair] = 0;
    souk_status status = settle(&l, rounds_out);
    mem_free(room);
    mem_free(l.values);
    mem_free(l.last);
    return status;
}
