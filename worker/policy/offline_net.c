/* offline_net.c - see offline_net.h. */
#include "worker/policy/offline_net.h"

#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/rng.h"

enum { BAD_UPDATES_MAX = 100 };

struct offline_net {
    struct offline_net_options options;
    struct dense dense;
    struct q_net *q_net;
    uint32_t scaling;             // offset in dense.stats
    float *target;                // (num_values) of dense
    float *items;                 // (B A, A) each state's actions, a 1 at their place
    float *states, *next_states;  // (B, D)
    float *q, *next_q, *target_q; // (B, A)
    float *q_grad;                // (B, A)
};

static float *room(size_t num, const char *what)
{
    float *array = mem_alloc_aligned((num + 1) * sizeof(*array), what);
    memset(array, 0, num * sizeof(*array));
    return array;
}

struct offline_net *offline_net_create(const struct offline_net_options *options)
{
    struct offline_net *net = mem_calloc(1, sizeof(*net), "Q network");
    uint32_t num_actions = options->num_actions;
    size_t num = options->batch_size, num_pairs = num * num_actions;
    struct q_net_options q_options = {.num_state = options->num_features,
                                      .num_item = num_actions,
                                      .num_layers = options->num_layers};
    memcpy(q_options.widths, options->widths, sizeof(q_options.widths));
    net->options = *options;
    net->q_net = q_net_create(&q_options, &net->dense);
    net->scaling = dense_add_stats(&net->dense, "states", "scaling", options->num_features);
    dense_allocate(&net->dense);
    dense_initialise(&net->dense, options->seed);
    net->target = room(net->dense.num_values, "target network");
    net->items = room(num_pairs * num_actions, "actions");
    net->states = room(num * options->num_features, "states");
    net->next_states = room(num * options->num_features, "states");
    net->q = room(num_pairs, "values");
    net->next_q = room(num_pairs, "values");
    net->target_q = room(num_pairs, "values");
    net->q_grad = room(num_pairs, "values");
    for (size_t i = 0; i < num_pairs; i++) net->items[i * num_actions + i % num_actions] = 1;
    return net;
}

void offline_net_destroy(struct offline_net *net)
{
    if (!net) return;
    q_net_destroy(net->q_net);
    dense_fini(&net->dense);
    mem_free(net->target);
    mem_free(net->items);
    mem_free(net->states);
    mem_free(net->next_states);
    mem_free(net->q);
    mem_free(net->next_q);
    mem_free(net->target_q);
    mem_free(net->q_grad);
    mem_free(net);
}

/* ---- an update ---- */

struct drawn {
    uint64_t step;
    bool has_next; // the step behind it is its next state
};

struct learning {
    struct offline_net *net;
    const struct episode_log *log;
    const float *states; // (num_steps, D)
    uint64_t *usable;    // steps that one can learn from
    uint64_t num_usable;
    struct drawn *drawn; // (B)
    struct rng rng;
};

static bool has_next(const struct episode_log *log, uint64_t step)
{
    return !log->is_end[step] && log->next_states[step] != STATE_NONE;
}

// Steps whose next state the log does not have tell nothing of what follows.
static bool is_usable(const struct learning *l, uint64_t episode, uint64_t step)
{
    const uint8_t *is_left_out = l->net->options.is_left_out;
    if (is_left_out && is_left_out[step]) return false;
    return l->log->is_end[step] || step + 1 < l->log->first_step[episode + 1];
}

static void find_usable(struct learning *l)
{
    const struct episode_log *log = l->log;
    l->usable = mem_calloc(log->num_steps, sizeof(*l->usable), "steps");
    for (uint64_t e = 0; e < log->num_episodes; e++)
        for (uint64_t i = log->first_step[e]; i < log->first_step[e + 1]; i++)
            if (is_usable(l, e, i)) l->usable[l->num_usable++] = i;
}

static void draw(struct learning *l)
{
    struct offline_net *net = l->net;
    uint32_t width = net->options.num_features;
    for (uint32_t b = 0; b < net->options.batch_size; b++) {
        uint64_t step = l->usable[rng_below(&l->rng, l->num_usable)];
        l->drawn[b] = (struct drawn){step, has_next(l->log, step)};
        memcpy(net->states + (size_t)b * width, l->states + step * width, width * sizeof(float));
        // An end has no next state; its own is as good as any, and is not looked at.
        memcpy(net->next_states + (size_t)b * width,
               l->states + (step + l->drawn[b].has_next) * width, width * sizeof(float));
    }
}

static double best_of_next(const struct offline_net *net, uint32_t b)
{
    uint32_t num_actions = net->options.num_actions, best = 0;
    const float *next = net->next_q + (size_t)b * num_actions;
    for (uint32_t a = 1; a < num_actions; a++)
        if (next[a] > next[best]) best = a;
    return (double)net->target_q[(size_t)b * num_actions + best];
}

static double mean_of_next(const struct offline_net *net, uint32_t b, uint64_t step)
{
    uint32_t num_actions = net->options.num_actions;
    const double *policy = net->options.policy + step * num_actions;
    double sum = 0;
    for (uint32_t a = 0; a < num_actions; a++)
        sum += policy[a] * (double)net->target_q[(size_t)b * num_actions + a];
    return sum;
}

static float target_of(const struct learning *l, uint32_t b)
{
    const struct offline_net *net = l->net;
    double reward = l->log->rewards[l->drawn[b].step];
    if (!l->drawn[b].has_next) return (float)reward;
    double value =
        net->options.policy ? mean_of_next(net, b, l->drawn[b].step + 1) : best_of_next(net, b);
    return (float)(reward + net->options.discount * value);
}

static double add_error(float huber, float error, float *grad)
{
    double size = fabs((double)error), limit = (double)huber;
    *grad += size > limit ? copysignf(huber, error) : error;
    return size > limit ? limit * (size - limit / 2) : size * size / 2;
}

// alpha (log sum exp Q - Q(a)), and its gradient.
static double add_conservatism(float alpha, const float *q, uint32_t num_actions, uint32_t action,
                               float *grad)
{
    double largest = (double)q[0], sum = 0;
    for (uint32_t a = 1; a < num_actions; a++) largest = fmax(largest, (double)q[a]);
    for (uint32_t a = 0; a < num_actions; a++) sum += exp((double)q[a] - largest);
    for (uint32_t a = 0; a < num_actions; a++)
        grad[a] += alpha * (float)(exp((double)q[a] - largest) / sum);
    grad[action] -= alpha;
    return (double)alpha * (largest + log(sum) - (double)q[action]);
}

static double find_gradients(const struct learning *l)
{
    struct offline_net *net = l->net;
    const struct offline_net_options *options = &net->options;
    uint32_t num_actions = options->num_actions;
    double loss = 0;
    memset(net->q_grad, 0, (size_t)options->batch_size * num_actions * sizeof(*net->q_grad));
    for (uint32_t b = 0; b < options->batch_size; b++) {
        const float *q = net->q + (size_t)b * num_actions;
        float *grad = net->q_grad + (size_t)b * num_actions;
        uint32_t action = l->log->actions[l->drawn[b].step];
        loss += add_error(options->huber, q[action] - target_of(l, b), &grad[action]);
        if (options->conservatism > 0)
            loss += add_conservatism(options->conservatism, q, num_actions, action, grad);
    }
    return loss / options->batch_size;
}

static double update(struct learning *l, float lr, bool *is_good_out)
{
    struct offline_net *net = l->net;
    uint32_t num = net->options.batch_size, num_actions = net->options.num_actions;
    const struct q_batch now = {net->states, net->items, num, num_actions};
    const struct q_batch next = {net->next_states, net->items, num, num_actions};
    draw(l);
    q_net_score(net->q_net, net->target, &next, net->target_q);
    if (!net->options.policy) q_net_score(net->q_net, net->dense.values, &next, net->next_q);
    q_net_forward(net->q_net, net->dense.values, &now, net->q);
    double loss = find_gradients(l);
    dense_clear_grads(&net->dense);
    q_net_backward(net->q_net, &now, net->q_grad, NULL, NULL);
    *is_good_out = isfinite(loss) && isfinite(dense_grad_square(&net->dense));
    if (*is_good_out) dense_step_adam(&net->dense, lr, 1 / (float)num);
    return loss;
}

static souk_status fail_diverged(void)
{
    return log_fail(SOUK_EDIVERGED, "learning diverged: gradients are not finite; lower --lr, or "
                                    "--discount, or scale the rewards");
}

static souk_status run_updates(struct learning *l, double *loss_out)
{
    struct offline_net *net = l->net;
    const struct offline_net_options *options = &net->options;
    uint64_t num = options->num_updates, late = num - num / 10 - 1, num_late = 0, num_bad = 0;
    double sum = 0;
    for (uint64_t i = 0; i < num; i++) {
        bool is_good;
        if (options->stop_signal && *options->stop_signal)
            return log_fail(SOUK_ESTOPPED, "stopped by a signal; nothing is written");
        if (i % options->target_sync == 0)
            memcpy(net->target, net->dense.values, net->dense.num_values * sizeof(*net->target));
        float lr = options->lr * (1 - 0.9f * (float)i / (float)num);
        double loss = update(l, lr, &is_good);
        num_bad += !is_good;
        if (num_bad > BAD_UPDATES_MAX) return fail_diverged();
        if (!is_good || i < late) continue;
        sum += loss;
        num_late++;
    }
    if (num_late == 0) return fail_diverged();
    *loss_out = sum / (double)num_late;
    return SOUK_OK;
}

souk_status offline_net_learn(struct offline_net *net, const struct episode_log *log,
                              const float *states, double *loss_out)
{
    struct learning l = {.net = net, .log = log, .states = states};
    souk_status status = SOUK_OK;
    find_usable(&l);
    l.drawn = mem_calloc(net->options.batch_size, sizeof(*l.drawn), "batch");
    rng_init(&l.rng, net->options.seed, rng_stream("offline", 0, 0));
    if (l.num_usable == 0)
        status = log_fail(SOUK_EDATA, "no step of the log tells what followed: mark where episodes "
                                      "end (done), or give longer ones");
    if (!status) status = run_updates(&l, loss_out);
    mem_free(l.usable);
    mem_free(l.drawn);
    return status;
}

static void score(struct offline_net *net, const float *values, const float *states, uint64_t num,
                  float *q_out)
{
    uint32_t width = net->options.num_features, num_actions = net->options.num_actions;
    for (uint64_t i = 0; i < num; i += net->options.batch_size) {
        uint64_t left = num - i;
        uint32_t piece = left < net->options.batch_size ? (uint32_t)left : net->options.batch_size;
        const struct q_batch batch = {states + i * width, net->items, piece, num_actions};
        q_net_score(net->q_net, values, &batch, q_out + i * num_actions);
    }
}

void offline_net_score(struct offline_net *net, const float *states, uint64_t num, float *q_out)
{
    score(net, net->dense.values, states, num, q_out);
}

void offline_net_score_target(struct offline_net *net, const float *states, uint64_t num,
                              float *q_out)
{
    score(net, net->target, states, num, q_out);
}

float *offline_net_scaling(struct offline_net *net)
{
    return net->dense.stats + net->scaling;
}

void offline_net_pack(const struct offline_net *net, struct buf *out)
{
    dense_pack(&net->dense, false, out);
}

souk_status offline_net_unpack(struct offline_net *net, const void *bytes, size_t length,
                               const char *path)
{
    return dense_unpack(&net->dense, bytes, length, path);
}
