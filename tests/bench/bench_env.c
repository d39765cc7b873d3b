/* bench_env.c - user steps a second of one core in interest evolution (slate 3 of 10) under a
 * random policy: slates drawn, users moved, those who leave replaced. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "worker/env/env.h"

enum { NUM_USERS = 256, NUM_CANDIDATES = 10, SLATE_SIZE = 3 };
static const double SECONDS = 1;

static void draw_slates(struct rng *rng, uint32_t *slates)
{
    for (uint32_t n = 0; n < NUM_USERS; n++) {
        uint32_t order[NUM_CANDIDATES];
        for (uint32_t c = 0; c < NUM_CANDIDATES; c++) order[c] = c;
        for (uint32_t k = 0; k < SLATE_SIZE; k++) {
            uint32_t other =
                k + (uint32_t)((uint64_t)rng_next_u32(rng) * (NUM_CANDIDATES - k) >> 32);
            slates[n * SLATE_SIZE + k] = order[other];
            order[other] = order[k];
        }
    }
}

int main(void)
{
    static uint32_t slates[NUM_USERS * SLATE_SIZE];
    static struct env_outcome outcomes[NUM_USERS];
    struct config config;
    struct rng rng;
    const struct env_ops *ops;
    struct env *env;
    struct env_options options = {.config = &config, .num_users = NUM_USERS, .seed = 1};
    config_init(&config);
    rng_init(&rng, 1, 1);
    if (env_create(&options, &ops, &env) != SOUK_OK) return 1;
    uint64_t num_users = 0, num_steps = 0, start = clock_now_ns();
    for (uint32_t n = 0; n < NUM_USERS; n++) ops->reset(env, n, num_users++);
    double seconds = 0;
    for (; seconds < SECONDS; num_steps += NUM_USERS) {
        draw_slates(&rng, slates);
        ops->step(env, slates, outcomes);
        for (uint32_t n = 0; n < NUM_USERS; n++)
            if (outcomes[n].is_over) ops->reset(env, n, num_users++);
        seconds = (double)(clock_now_ns() - start) / 1e9;
    }
    printf("BENCH random_steps_per_s %.0f\n", (double)num_steps / seconds);
    ops->destroy(env);
    config_fini(&config);
    return 0;
}
