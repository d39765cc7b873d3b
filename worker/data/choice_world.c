/* choice_world.c - see choice_world.h. */
#include "worker/data/choice_world.h"

#include <math.h>

#include "common/base/log.h"
#include "common/base/mem.h"

struct choice_world {
    uint32_t num_kinds, num_actions;
    double *features;                // (num_kinds, CHOICE_FEATURES)
    double *rewards;                 // (num_kinds, num_actions) probabilities
    double *shares[CHOICE_POLICIES]; // (num_kinds, num_actions) by policy
};

const char *choice_policy_name(enum choice_policy policy)
{
    static const char *const names[] = {"logging", "better", "just_worse", "worse"};
    return names[policy];
}

static void set_softmax(const double *scores, double sharpness, uint32_t num, double *shares_out)
{
    double sum = 0;
    for (uint32_t a = 0; a < num; a++) sum += exp(sharpness * scores[a]);
    for (uint32_t a = 0; a < num; a++) shares_out[a] = exp(sharpness * scores[a]) / sum;
}

static void draw_kind(struct choice_world *world, uint32_t kind, struct rng *rng, double *habits)
{
    const uint32_t num = world->num_actions;
    const size_t first = (size_t)kind * num;
    double *rewards = world->rewards + first;
    for (uint32_t f = 0; f < CHOICE_FEATURES; f++)
        world->features[(size_t)kind * CHOICE_FEATURES + f] = rng_normal(rng);
    for (uint32_t a = 0; a < num; a++) {
        rewards[a] = 1 / (1 + exp(0.5 - rng_normal(rng)));
        habits[a] = rng_normal(rng);
    }
    set_softmax(habits, 0.5, num, world->shares[CHOICE_LOGGING] + first);
    set_softmax(rewards, 3, num, world->shares[CHOICE_BETTER] + first);
    set_softmax(rewards, -3, num, world->shares[CHOICE_WORSE] + first);
}

// The value of a mixture is linear in the shares of what is mixed.
static souk_status mix_just_worse(struct choice_world *world)
{
    double better = choice_world_value(world, CHOICE_BETTER),
           worse = choice_world_value(world, CHOICE_WORSE),
           logging = choice_world_value(world, CHOICE_LOGGING);
    double share = (logging - CHOICE_GAP - worse) / (better - worse);
    if (!(share > 0) || !(better > logging))
        return log_fail(SOUK_EINVAL,
                        "generated log: with this seed the policy that logs earns %.4f, which is "
                        "not %g above a worse one (%.4f) and below a better one (%.4f); take "
                        "another seed, or more kinds of users",
                        logging, CHOICE_GAP, worse, better);
    for (size_t i = 0; i < (size_t)world->num_kinds * world->num_actions; i++)
        world->shares[CHOICE_JUST_WORSE][i] =
            share * world->shares[CHOICE_BETTER][i] + (1 - share) * world->shares[CHOICE_WORSE][i];
    return SOUK_OK;
}

souk_status choice_world_create(uint32_t num_kinds, uint32_t num_actions, uint64_t seed,
                                struct choice_world **world_out)
{
    if (num_kinds < 1 || num_kinds > CHOICE_KINDS_MAX)
        return log_fail(SOUK_EINVAL, "generated log: kinds must be 1..%d", CHOICE_KINDS_MAX);
    if (num_actions < 2 || num_actions > CHOICE_ACTIONS_MAX)
        return log_fail(SOUK_EINVAL, "generated log: actions must be 2..%d", CHOICE_ACTIONS_MAX);
    const size_t count = (size_t)num_kinds * num_actions;
    struct choice_world *world = mem_calloc(1, sizeof *world, "world of choices");
    struct rng rng;
    world->num_kinds = num_kinds;
    world->num_actions = num_actions;
    world->features = mem_calloc((size_t)num_kinds * CHOICE_FEATURES, sizeof(double), "features");
    world->rewards = mem_calloc(count, sizeof(double), "probabilities of rewards");
    for (int p = 0; p < CHOICE_POLICIES; p++)
        world->shares[p] = mem_calloc(count, sizeof(double), "probabilities of actions");
    rng_init(&rng, seed, rng_stream("world", 0, 0));
    double *habits = mem_calloc(num_actions, sizeof(double), "habits");
    for (uint32_t k = 0; k < num_kinds; k++) draw_kind(world, k, &rng, habits);
    mem_free(habits);
    souk_status status = mix_just_worse(world);
    if (status == SOUK_OK)
        *world_out = world;
    else
        choice_world_destroy(world);
    return status;
}

void choice_world_destroy(struct choice_world *world)
{
    if (!world) return;
    for (int p = 0; p < CHOICE_POLICIES; p++) mem_free(world->shares[p]);
    mem_free(world->rewards);
    mem_free(world->features);
    mem_free(world);
}

double choice_world_value(const struct choice_world *world, enum choice_policy policy)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)world->num_kinds * world->num_actions; i++)
        sum += world->shares[policy][i] * world->rewards[i];
    return sum / world->num_kinds;
}

const double *choice_world_shares(const struct choice_world *world, enum choice_policy policy,
                                  uint32_t kind)
{
    return world->shares[policy] + (size_t)kind * world->num_actions;
}

const double *choice_world_features(const struct choice_world *world, uint32_t kind)
{
    return world->features + (size_t)kind * CHOICE_FEATURES;
}

static uint32_t draw_action(const double *shares, uint32_t num, double random)
{
    uint32_t a = 0;
    while (a + 1 < num && random >= shares[a]) random -= shares[a++];
    return a;
}

struct choice choice_world_draw(const struct choice_world *world, struct rng *rng)
{
    struct choice choice = {.kind = (uint32_t)rng_below(rng, world->num_kinds)};
    const double *shares = choice_world_shares(world, CHOICE_LOGGING, choice.kind);
    choice.action = draw_action(shares, world->num_actions, rng_uniform_double(rng));
    choice.propensity = shares[choice.action];
    choice.is_rewarded = rng_uniform_double(rng) <
                         world->rewards[(size_t)choice.kind * world->num_actions + choice.action];
    return choice;
}
