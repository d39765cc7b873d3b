/* test_q_net.c - Q networks beside sums in double precision, gradients by finite differences. */
#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "worker/agent/q_net.h"

enum { S = 3, G = 4, D = 5, E = 3, ROWS = S * G };

struct rig {
    struct dense dense;
    struct q_net *net;
    float states[S * D], items[ROWS * E], weights[ROWS]; // the loss is weights . q
    struct q_batch batch;
};

static void fill(float *out, uint32_t n, struct rng *rng)
{
    for (uint32_t i = 0; i < n; i++) out[i] = 2 * rng_uniform(rng) - 1;
}

static void start(struct rig *rig, bool is_dueling, uint32_t num_layers)
{
    struct q_net_options options = {.num_state = D,
                                    .num_item = E,
                                    .num_layers = num_layers,
                                    .widths = {7, 6, 5},
                                    .is_dueling = is_dueling};
    struct rng rng;
    rng_init(&rng, 5, num_layers + 10 * is_dueling);
    *rig = (struct rig){0};
    rig->net = q_net_create(&options, &rig->dense);
    dense_allocate(&rig->dense);
    fill(rig->dense.values, rig->dense.num_values, &rng);
    fill(rig->states, S * D, &rng);
    fill(rig->items, ROWS * E, &rng);
    fill(rig->weights, ROWS, &rng);
    rig->batch = (struct q_batch){
        .states = rig->states, .items = rig->items, .num_states = S, .num_items = G};
}

static void stop(struct rig *rig)
{
    q_net_destroy(rig->net);
    dense_fini(&rig->dense);
}

static double loss_of(struct rig *rig)
{
    float q[ROWS];
    double loss = 0;
    q_net_forward(rig->net, rig->dense.values, &rig->batch, q);
    for (uint32_t r = 0; r < ROWS; r++) loss += (double)rig->weights[r] * q[r];
    return loss;
}

/* The slope of the loss at *value; where relu has an edge nearby it is NAN. */
static double slope(struct rig *rig, float *value)
{
    float before = *value;
    const float h = 2e-3f;
    double f[3];
    for (int i = -1; i <= 1; i++) {
        *value = before + (float)i * h;
        f[i + 1] = loss_of(rig);
    }
    *value = before;
    double left = (f[1] - f[0]) / h, right = (f[2] - f[1]) / h;
    return fabs(left - right) > 2e-3 ? (double)NAN : (left + right) / 2;
}

/* Returns how many slopes there were to compare. */
static uint32_t check(struct rig *rig, float *values, const float *grads, uint32_t n)
{
    uint32_t num = 0;
    for (uint32_t i = 0; i < n; i++) {
        double expected = slope(rig, &values[i]);
        if (isnan(expected)) continue;
        assert_float_equal(grads[i], expected, 2e-3);
        num++;
    }
    return num;
}

static void check_gradients(bool is_dueling, uint32_t num_layers)
{
    struct rig rig;
    float items_grad[ROWS * E], states_grad[S * D];
    start(&rig, is_dueling, num_layers);
    loss_of(&rig);
    dense_clear_grads(&rig.dense);
    q_net_backward(rig.net, &rig.batch, rig.weights, items_grad, states_grad);
    uint32_t n = rig.dense.num_values;
    assert_true(check(&rig, rig.dense.values, rig.dense.grads, n) > n * 8 / 10);
    // A state moves all of its rows, so that there are more kinks.
    assert_true(check(&rig, rig.states, states_grad, S * D) > S * D * 7 / 10);
    assert_true(check(&rig, rig.items, items_grad, ROWS * E) > ROWS * E * 8 / 10);
    stop(&rig);
}

static void gradients_are_slopes(void **state)
{
    (void)state;
    for (uint32_t num_layers = 1; num_layers <= 3; num_layers++) check_gradients(false, num_layers);
}

static void gradients_of_a_dueling_network_are_slopes(void **state)
{
    (void)state;
    for (uint32_t num_layers = 1; num_layers <= 3; num_layers++) check_gradients(true, num_layers);
}

/* The part of this name. */
static const float *part(const struct rig *rig, const char *name)
{
    for (uint32_t p = 0; p < rig->dense.num_parts; p++)
        if (strcmp(rig->dense.parts[p].name, name) == 0)
            return rig->dense.values + rig->dense.parts[p].offset;
    fail_msg("no part %s", name);
    return NULL;
}

/* One hidden layer of 7, written out. prefix: of the stack; item NULL: states alone. */
static double naive(const struct rig *rig, char prefix, const float *state, const float *item)
{
    char name[32] = "?.0.weight";
    name[0] = prefix;
    const float *weight = part(rig, name);
    const float *bias = part(rig, prefix == 'q' ? "q.0.bias" : "v.0.bias");
    const float *out = part(rig, prefix == 'q' ? "q.1.weight" : "v.1.weight");
    double q = part(rig, prefix == 'q' ? "q.1.bias" : "v.1.bias")[0];
    for (uint32_t m = 0; m < 7; m++) {
        double sum = bias[m];
        for (uint32_t d = 0; d < D; d++) sum += (double)weight[m * D + d] * state[d];
        for (uint32_t e = 0; item && e < E; e++)
            sum += (double)part(rig, "q.0.item")[m * E + e] * item[e];
        if (sum > 0) q += out[m] * sum;
    }
    return q;
}

static void values_are_those_of_the_formula(void **state)
{
    (void)state;
    struct rig rig;
    float q[ROWS];
    start(&rig, false, 1);
    q_net_forward(rig.net, rig.dense.values, &rig.batch, q);
    for (uint32_t r = 0; r < ROWS; r++)
        assert_float_equal(q[r], naive(&rig, 'q', rig.states + r / G * D, rig.items + r * E), 1e-5);
    stop(&rig);
}

static void dueling_takes_the_mean_advantage_away(void **state)
{
    (void)state;
    struct rig rig;
    float q[ROWS];
    start(&rig, true, 1);
    q_net_forward(rig.net, rig.dense.values, &rig.batch, q);
    for (uint32_t s = 0; s < S; s++) {
        const float *user = rig.states + s * D;
        double mean = 0, advantages[G];
        for (uint32_t g = 0; g < G; g++) {
            advantages[g] = naive(&rig, 'q', user, rig.items + (s * G + g) * E);
            mean += advantages[g] / G;
        }
        for (uint32_t g = 0; g < G; g++)
            assert_float_equal(q[s * G + g], naive(&rig, 'v', user, NULL) + advantages[g] - mean,
                               1e-5);
    }
    stop(&rig);
}

static void pieces_give_what_the_whole_gives(void **state)
{
    (void)state;
    enum { MANY = 500 };
    struct rig rig;
    struct rng rng;
    start(&rig, false, 2);
    rng_init(&rng, 9, 0);
    float *states = mem_alloc(MANY * D * sizeof(float), "test");
    float *items = mem_alloc(MANY * G * E * sizeof(float), "test");
    float *whole = mem_alloc(MANY * G * sizeof(float), "test");
    float *pieces = mem_alloc(MANY * G * sizeof(float), "test");
    fill(states, MANY * D, &rng);
    fill(items, MANY * G * E, &rng);
    struct q_batch batch = {.states = states, .items = items, .num_states = MANY, .num_items = G};
    q_net_forward(rig.net, rig.dense.values, &batch, whole);
    q_net_score(rig.net, rig.dense.values, &batch, pieces);
    for (uint32_t i = 0; i < MANY * G; i++) assert_float_equal(whole[i], pieces[i], 1e-5);
    mem_free(states);
    mem_free(items);
    mem_free(whole);
    mem_free(pieces);
    stop(&rig);
}

static void nothing_need_be_known_of_states(void **state)
{
    (void)state;
    struct dense dense = {0};
    struct q_net_options options = {.num_item = 1, .num_layers = 1, .widths = {4}};
    struct q_net *net = q_net_create(&options, &dense);
    float items[2] = {1, -1}, q[2], grads[2] = {1, 1};
    struct q_batch batch = {.items = items, .num_states = 2, .num_items = 1};
    dense_allocate(&dense);
    dense_initialise(&dense, 1);
    q_net_forward(net, dense.values, &batch, q);
    q_net_backward(net, &batch, grads, NULL, NULL);
    assert_true(isfinite(q[0]) && q[0] != q[1]);
    q_net_destroy(net);
    dense_fini(&dense);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_slopes),
        cmocka_unit_test(gradients_of_a_dueling_network_are_slopes),
        cmocka_unit_test(values_are_those_of_the_formula),
        cmocka_unit_test(dueling_takes_the_mean_advantage_away),
        cmocka_unit_test(pieces_give_what_the_whole_gives),
        cmocka_unit_test(nothing_need_be_known_of_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
