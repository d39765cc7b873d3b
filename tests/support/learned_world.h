/* learned_world.h - learned users for tests: the model of click_rig, saved to a folder and loaded
 * on servers of its own. Threads: one owner. */
#ifndef SOUK_TESTS_SUPPORT_LEARNED_WORLD_H
#define SOUK_TESTS_SUPPORT_LEARNED_WORLD_H

#include "tests/support/click_rig.h"
#include "worker/env/env.h"
#include "worker/env/user_model.h"

enum { LEARNED_USERS = 64, LEARNED_CANDIDATES = 6, LEARNED_SLATE = 2 };

struct learned_world {
    struct click_rig *rig;
    struct config config; // env.type learned
    struct model_cluster cluster;
    struct user_model *model; // NULL until it is opened
    char folder[512];         // of the model
};

/* type: of the model. Failures end the test. */
void learned_world_start(struct learned_world *world, const char *type, bool has_profiles);
void learned_world_stop(struct learned_world *world);
void learned_world_set(struct learned_world *world, const char *key, const char *value);
souk_status learned_world_open(struct learned_world *world);
/* Users 0.. in their places. The caller destroys it. */
struct env *learned_world_env(struct learned_world *world, const struct env_ops **ops_out);

#endif
