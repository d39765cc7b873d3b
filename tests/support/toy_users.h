/* toy_users.h - a Markov decision process of a few states and items, and agents led through it, for
 * tests whose Q values are known.
 *
 * States are shown as one-hot features, and so are the items, unless they have keys: then the key
 * is all that is seen of an item. All items are candidates, candidate c is item c.
 */
#ifndef SOUK_TESTS_SUPPORT_TOY_USERS_H
#define SOUK_TESTS_SUPPORT_TOY_USERS_H

#include "worker/agent/agent.h"

enum { TOY_USERS = 32, TOY_STATES_MAX = 4, TOY_ITEMS_MAX = 8 };

struct toy_step {
    float reward;
    int32_t next; // state; -1: the stay is over, and another user begins in state 0
};

struct toy {
    uint32_t num_states, num_items, slate_size;
    bool has_keys, hides_states;             // hides: all look like state 0
    bool has_user_keys;                      // who is in a state is the same person each time
    float scores[TOY_ITEMS_MAX], null_score; // of the choice
    float click_reward;                      // as agents are told; 0: nothing
    struct toy_step steps[TOY_STATES_MAX][TOY_ITEMS_MAX];
    struct toy_step nothing[TOY_STATES_MAX]; // where nothing is chosen
    // Of the run.
    const struct agent_ops *ops;
    struct agent *agent;
    int32_t states[TOY_USERS];
    uint32_t slates[TOY_USERS * TOY_ITEMS_MAX];
    double propensities[TOY_USERS * TOY_ITEMS_MAX];
    struct rng rng;
};

void toy_shape(const struct toy *toy, struct env_shape *shape_out);
/* The agent of policy.agent, learning. client may be NULL. */
void toy_start(struct toy *toy, const struct config *config, struct souk_client *client);
void toy_stop(struct toy *toy);
/* So many steps of all users with random slates, learning. */
void toy_learn(struct toy *toy, uint32_t num_steps, float lr);
/* The same until learning fails; its status. */
souk_status toy_try(struct toy *toy, uint32_t num_steps);
/* Mean reward of a stay over so many steps of all users, without exploration or learning; stays
 * begin anew. */
double toy_return(struct toy *toy, uint32_t num_steps);
/* One turn where every user is in this state, without learning from it; slates and propensities
 * are those of the first user. */
void toy_act(struct toy *toy, uint32_t state, const struct exploration *exploration);
/* What softmax at temperature 1 says the preferences of items a and b differ by. Slates of 1. */
double toy_difference(struct toy *toy, uint32_t state, uint32_t a, uint32_t b);

#endif
