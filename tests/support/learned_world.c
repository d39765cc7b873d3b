/* learned_world.c - see learned_world.h. */
#include "tests/support/learned_world.h"

#include <stdio.h>

#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

static const char *write_profiles(struct click_rig *rig)
{
    struct profile_writer *writer;
    const char *path = temp_path(rig->dir, "profiles");
    assert_int_equal(profile_writer_open(path, &rig->format, &writer), SOUK_OK);
    assert_int_equal(profile_writer_add(writer, &rig->samples), SOUK_OK);
    assert_int_equal(profile_writer_close(writer), SOUK_OK);
    return path;
}

static void save(struct learned_world *world, bool has_profiles)
{
    struct click_rig *rig = world->rig;
    struct buf state = {0}, weights = {0};
    struct json json;
    const char *profiles = has_profiles ? write_profiles(rig) : NULL;
    json_init(&json, &state);
    json_open(&json, '{');
    rig->ops->save_state(rig->model, &json);
    json_close(&json);
    rig->ops->pack(rig->model, false, &weights);
    snprintf(world->folder, sizeof world->folder, "%s", temp_path(rig->dir, "model"));
    const struct model_dir_save saving = {.dir = world->folder,
                                          .client = rig->cluster.client,
                                          .specs = rig->tables.specs,
                                          .tables = rig->tables.ids,
                                          .num_tables = rig->tables.num_tables,
                                          .type = rig->ops->name,
                                          .state_json = buf_text(&state),
                                          .weights = weights.text,
                                          .weights_bytes = weights.length,
                                          .observed = has_profiles ? &profiles : NULL,
                                          .num_observed = has_profiles};
    assert_int_equal(model_dir_save(&saving), SOUK_OK);
    buf_fini(&state);
    buf_fini(&weights);
}

void learned_world_set(struct learned_world *world, const char *key, const char *value)
{
    char assignment[600];
    snprintf(assignment, sizeof assignment, "%s=%s", key, value);
    assert_int_equal(config_set(&world->config, assignment), SOUK_OK);
}

souk_status learned_world_open(struct learned_world *world)
{
    const struct user_model_options options = {
        .config = &world->config, .client = world->cluster.client, .comm = world->rig->comm};
    return user_model_open(&options, &world->model);
}

void learned_world_start(struct learned_world *world, const char *type, bool has_profiles)
{
    *world = (struct learned_world){.rig = click_rig_start(type, "50")};
    config_init(&world->config);
    model_cluster_start(&world->cluster, 1, 2);
    save(world, has_profiles);
    learned_world_set(world, "env.type", "learned");
    learned_world_set(world, "env.model", world->folder);
    learned_world_set(world, "env.num_candidates", "6");
    learned_world_set(world, "env.slate_size", "2");
}

void learned_world_stop(struct learned_world *world)
{
    user_model_close(world->model);
    model_cluster_stop(&world->cluster);
    config_fini(&world->config);
    click_rig_stop(world->rig);
}

struct env *learned_world_env(struct learned_world *world, const struct env_ops **ops_out)
{
    const struct env_options options = {.config = &world->config,
                                        .num_users = LEARNED_USERS,
                                        .seed = 3,
                                        .user_model = world->model};
    struct env *env = NULL;
    assert_int_equal(env_create(&options, ops_out, &env), SOUK_OK);
    for (uint32_t n = 0; n < LEARNED_USERS; n++) (*ops_out)->reset(env, n, n);
    return env;
}
