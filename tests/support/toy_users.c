/* toy_users.c - see toy_users.h. */
#include "tests/support/toy_users.h"

#include <math.h>
#include <string.h>

#include "tests/support/cmocka.h"

void toy_shape(const struct toy *toy, struct env_shape *shape_out)
{
    *shape_out = (struct env_shape){.num_users = TOY_USERS,
                                    .num_candidates = toy->num_items,
                                    .slate_size = toy->slate_size,
                                    .user_dim = toy->num_states,
                                    .item_dim = toy->has_keys ? 0 : toy->num_items,
                                    .num_items = toy->has_keys ? toy->num_items : 0,
                                    .max_steps = 1000000,
                                    .has_user_keys = toy->has_user_keys,
                                    .click_reward = toy->click_reward};
}

void toy_start(struct toy *toy, const struct config *config, struct souk_client *client)
{
    struct agent_options options = {.config = config, .client = client, .is_learning = true};
    toy_shape(toy, &options.shape);
    rng_init(&toy->rng, 7, 0);
    memset(toy->states, 0, sizeof toy->states);
    assert_int_equal(agent_ops_find(config, &toy->ops), SOUK_OK);
    assert_int_equal(toy->ops->create(&options, &toy->agent), SOUK_OK);
    if (toy->ops->begin) assert_int_equal(toy->ops->begin(toy->agent), SOUK_OK);
}

void toy_stop(struct toy *toy)
{
    toy->ops->destroy(toy->agent);
    toy->agent = NULL;
}

struct sight {
    float users[TOY_USERS * TOY_STATES_MAX];
    float items[TOY_USERS * TOY_ITEMS_MAX * TOY_ITEMS_MAX];
    uint64_t keys[TOY_USERS * TOY_ITEMS_MAX], user_keys[TOY_USERS], draws[TOY_USERS];
    float scores[TOY_USERS * TOY_ITEMS_MAX], null_scores[TOY_USERS];
    struct env_view view;
};

static void show(struct toy *toy, const int32_t *states, struct sight *sight)
{
    uint32_t num_items = toy->num_items;
    memset(sight, 0, sizeof *sight);
    for (uint32_t n = 0; n < TOY_USERS; n++) {
        sight->users[n * toy->num_states + (toy->hides_states ? 0 : (uint32_t)states[n])] = 1;
        sight->user_keys[n] = 500 + (uint64_t)states[n];
        sight->null_scores[n] = toy->null_score;
        sight->draws[n] = rng_next_u64(&toy->rng);
        for (uint32_t c = 0; c < num_items; c++) {
            size_t at = n * num_items + c;
            sight->items[at * num_items + c] = 1;
            sight->keys[at] = 1000 + 77 * c;
            sight->scores[at] = toy->scores[c];
        }
    }
    sight->view = (struct env_view){.users = sight->users,
                                    .user_keys = toy->has_user_keys ? sight->user_keys : NULL,
                                    .items = toy->has_keys ? NULL : sight->items,
                                    .keys = toy->has_keys ? sight->keys : NULL,
                                    .scores = sight->scores,
                                    .null_score = sight->null_scores};
}

static void act(struct toy *toy, const int32_t *states, const struct exploration *exploration)
{
    struct sight sight;
    show(toy, states, &sight);
    struct agent_turn turn = {
        .view = &sight.view, .draws = sight.draws, .exploration = *exploration};
    struct agent_choice choice = {.slates = toy->slates, .propensities = toy->propensities};
    assert_int_equal(toy->ops->act(toy->agent, &turn, &choice), SOUK_OK);
}

static int32_t choose(struct toy *toy, const uint32_t *slate)
{
    float sum = toy->null_score;
    for (uint32_t k = 0; k < toy->slate_size; k++) sum += toy->scores[slate[k]];
    float left = rng_uniform(&toy->rng) * sum;
    for (uint32_t k = 0; k < toy->slate_size; k++)
        if ((left -= toy->scores[slate[k]]) < 0) return (int32_t)k;
    return -1;
}

static void step(struct toy *toy, struct env_outcome *outcomes)
{
    for (uint32_t n = 0; n < TOY_USERS; n++) {
        const uint32_t *slate = toy->slates + (size_t)n * toy->slate_size;
        uint32_t state = (uint32_t)toy->states[n];
        int32_t choice = choose(toy, slate);
        const struct toy_step *taken =
            choice < 0 ? &toy->nothing[state] : &toy->steps[state][slate[choice]];
        outcomes[n] = (struct env_outcome){
            .choice = choice, .reward = taken->reward, .quality = NAN, .is_over = taken->next < 0};
        toy->states[n] = taken->next < 0 ? 0 : taken->next;
    }
}

static souk_status take_step(struct toy *toy, float lr, struct agent_news *news)
{
    const struct exploration random = {.epsilon = 1};
    struct env_outcome outcomes[TOY_USERS];
    act(toy, toy->states, &random);
    step(toy, outcomes);
    toy->ops->observe(toy->agent, outcomes);
    return toy->ops->learn(toy->agent, lr, news);
}

void toy_learn(struct toy *toy, uint32_t num_steps, float lr)
{
    struct agent_news news = {0};
    for (uint32_t i = 0; i < num_steps; i++) assert_int_equal(take_step(toy, lr, &news), SOUK_OK);
    assert_true(news.num_updates > 0 && isfinite(news.loss));
}

souk_status toy_try(struct toy *toy, uint32_t num_steps)
{
    struct agent_news news = {0};
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; i < num_steps && status == SOUK_OK; i++)
        status = take_step(toy, 0.01f, &news);
    return status;
}

/* The turn is answered by "nothing, and the stay is over", which ends it for agents that keep
 * steps; the users' own states stay as they are. */
void toy_act(struct toy *toy, uint32_t state, const struct exploration *exploration)
{
    int32_t states[TOY_USERS];
    struct env_outcome outcomes[TOY_USERS];
    for (uint32_t n = 0; n < TOY_USERS; n++) {
        states[n] = (int32_t)state;
        outcomes[n] =
            (struct env_outcome){.choice = -1, .quality = NAN, .is_over = true, .is_cut = true};
    }
    act(toy, states, exploration);
    toy->ops->observe(toy->agent, outcomes);
}

double toy_return(struct toy *toy, uint32_t num_steps)
{
    const struct exploration none = {0};
    struct env_outcome outcomes[TOY_USERS];
    double rewards = 0, stays = 0;
    toy_act(toy, 0, &none); // what agents remember ends here
    memset(toy->states, 0, sizeof toy->states);
    for (uint32_t i = 0; i < num_steps; i++) {
        act(toy, toy->states, &none);
        step(toy, outcomes);
        toy->ops->observe(toy->agent, outcomes);
        for (uint32_t n = 0; n < TOY_USERS; n++) {
            rewards += (double)outcomes[n].reward;
            stays += outcomes[n].is_over;
        }
    }
    return rewards / stays;
}

double toy_difference(struct toy *toy, uint32_t state, uint32_t a, uint32_t b)
{
    const struct exploration softmax = {.is_softmax = true, .temperature = 1};
    double of_a = 0, of_b = 0;
    for (int i = 0; i < 10000 && (of_a == 0 || of_b == 0); i++) {
        toy_act(toy, state, &softmax);
        for (uint32_t n = 0; n < TOY_USERS; n++) {
            if (toy->slates[n] == a) of_a = toy->propensities[n];
            if (toy->slates[n] == b) of_b = toy->propensities[n];
        }
    }
    assert_true(of_a > 0 && of_b > 0);
    return log(of_a / of_b);
}
