/* ope_world.c - see ope_world.h. */
#include "tests/support/ope_world.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/base/rng.h"
#include "tests/support/cmocka.h"

static void set_softmax(const double *scores, double sharpness, double *shares_out)
{
    double sum = 0;
    for (int a = 0; a < WORLD_ACTIONS; a++) sum += exp(sharpness * scores[a]);
    for (int a = 0; a < WORLD_ACTIONS; a++) shares_out[a] = exp(sharpness * scores[a]) / sum;
}

// A mixture of the better and the worse policy: its value is linear in the share of either.
static void set_just_worse(struct ope_world *world)
{
    double better = ope_world_value(world, WORLD_BETTER),
           worse = ope_world_value(world, WORLD_WORSE);
    double share = (ope_world_value(world, WORLD_LOGGING) - 0.002 - worse) / (better - worse);
    assert_true(share > 0 && share < 1);
    for (int u = 0; u < WORLD_USERS; u++)
        for (int a = 0; a < WORLD_ACTIONS; a++)
            world->policies[WORLD_JUST_WORSE][u][a] =
                share * world->policies[WORLD_BETTER][u][a] +
                (1 - share) * world->policies[WORLD_WORSE][u][a];
}

void ope_world_init(struct ope_world *world, uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed, rng_stream("world", 0, 0));
    for (int u = 0; u < WORLD_USERS; u++) {
        double habits[WORLD_ACTIONS];
        for (int f = 0; f < WORLD_FEATURES; f++) world->features[u][f] = rng_normal(&rng);
        for (int a = 0; a < WORLD_ACTIONS; a++) {
            world->rewards[u][a] = 1 / (1 + exp(0.5 - rng_normal(&rng)));
            habits[a] = rng_normal(&rng);
        }
        set_softmax(habits, 0.5, world->policies[WORLD_LOGGING][u]);
        set_softmax(world->rewards[u], 3, world->policies[WORLD_BETTER][u]);
        set_softmax(world->rewards[u], -3, world->policies[WORLD_WORSE][u]);
    }
    set_just_worse(world);
}

double ope_world_value(const struct ope_world *world, enum world_policy policy)
{
    double sum = 0;
    for (int u = 0; u < WORLD_USERS; u++)
        for (int a = 0; a < WORLD_ACTIONS; a++)
            sum += world->policies[policy][u][a] * world->rewards[u][a];
    return sum / WORLD_USERS;
}

static int draw_action(const double *shares, double random)
{
    int a = 0;
    while (a + 1 < WORLD_ACTIONS && random >= shares[a]) random -= shares[a++];
    return a;
}

static void write_round(const struct ope_world *world, enum world_policy policy, struct rng *rng,
                        FILE *log, FILE *probabilities)
{
    int u = (int)rng_below(rng, WORLD_USERS);
    const double *shares = world->policies[WORLD_LOGGING][u];
    int a = draw_action(shares, rng_uniform_double(rng));
    bool is_rewarded = rng_uniform_double(rng) < world->rewards[u][a];
    fprintf(log, "%d,%d,%.17g", a, is_rewarded, shares[a]);
    for (int f = 0; f < WORLD_FEATURES; f++) fprintf(log, ",%.6f", world->features[u][f]);
    fputc('\n', log);
    for (int i = 0; i < WORLD_ACTIONS; i++)
        fprintf(probabilities, "%.17g%c", world->policies[policy][u][i],
                i + 1 < WORLD_ACTIONS ? ',' : '\n');
}

void ope_world_write(const struct ope_world *world, enum world_policy policy, uint32_t num_rounds,
                     uint64_t seed, const char *log_path, const char *policy_path)
{
    FILE *log = fopen(log_path, "w"), *probabilities = fopen(policy_path, "w");
    struct rng rng;
    assert_true(log && probabilities);
    rng_init(&rng, seed, rng_stream("log", 0, 0));
    fprintf(log, "action,reward,pscore,x0,x1,x2\n");
    for (uint32_t i = 0; i < num_rounds; i++) write_round(world, policy, &rng, log, probabilities);
    assert_int_equal(fclose(log), 0);
    assert_int_equal(fclose(probabilities), 0);
}
