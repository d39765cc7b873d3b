/* test_env_learned.c - users whose mind is a click model: where they begin, by what they choose,
 * what becomes of their history, when they leave. The model is that of click_rig, saved to a folder
 * and loaded on servers of its own; its scores are asked for once more, sample by sample. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/env_runner.h"
#include "tests/support/learned_world.h"
#include "tests/support/temp.h"
#include "worker/data/profile_census.h"
#include "worker/env/user_model.h"

enum { NUM_USERS = LEARNED_USERS, CANDIDATES = LEARNED_CANDIDATES, SLATE = LEARNED_SLATE };

/* ---- what they are made of ---- */

static void the_census_counts_users_and_items(void **state)
{
    (void)state;
    struct learned_world world;
    learned_world_start(&world, "din", true);
    const char *path = temp_path(world.rig->dir, "again");
    struct profile_writer *writer;
    assert_int_equal(profile_writer_open(path, &world.rig->format, &writer), SOUK_OK);
    assert_int_equal(profile_writer_add(writer, &world.rig->samples), SOUK_OK);
    assert_int_equal(profile_writer_close(writer), SOUK_OK);
    struct catalogue items;
    struct profile_census all, some;
    const char *paths[] = {path, path}; // every user twice
    assert_int_equal(catalogue_read(paths, 1, &world.rig->format, &items), SOUK_OK);
    struct profile_census_options options = {.paths = paths,
                                             .num_paths = 1,
                                             .format = &world.rig->format,
                                             .catalogue = &items,
                                             .max_users = 1000};
    assert_int_equal(profile_census_read(&options, &all), SOUK_OK);
    options.num_paths = 2;
    options.max_users = 7;
    assert_int_equal(profile_census_read(&options, &some), SOUK_OK);
    assert_int_equal(all.num_users, CLICK_RIG_IDS); // all ids of the rig's samples
    assert_int_equal(some.num_users, 7);
    for (uint32_t u = 1; u < 7; u++) assert_true(some.users[u - 1] < some.users[u]);

    struct profiles profiles; // the same by the long way round
    assert_int_equal(
        profiles_read(paths, 1, &world.rig->format, all.users, all.num_users, &profiles), SOUK_OK);
    for (uint64_t i = 0; i < items.num_items; i++) {
        uint64_t count = 0;
        for (uint64_t s = 0; s < profiles.seen_start[all.num_users]; s++)
            count += profiles.seen[s] == items.items[i];
        assert_int_equal(all.counts[i], count);
        assert_int_equal(some.counts[i], 2 * count);
    }
    profiles_fini(&profiles);
    profile_census_fini(&all);
    profile_census_fini(&some);
    catalogue_fini(&items);
    learned_world_stop(&world);
}

static void vectors_are_the_embeddings_of_the_model(void **state)
{
    (void)state;
    struct learned_world world;
    learned_world_start(&world, "din", true);
    assert_int_equal(learned_world_open(&world), SOUK_OK);
    const struct user_model *model = world.model;
    assert_int_equal(model->items.num_fields, 2); // item and category
    assert_int_equal(model->vector_dim, 8);
    uint32_t num_known = 0;
    for (uint64_t i = 0; i < model->items.num_items; i++) {
        for (uint32_t f = 0; f < 2; f++) {
            uint64_t key = model->items.ids[i * 2 + f];
            uint32_t table = model->format->ids[model->items.fields[f]].table;
            float expected[4] = {0}; // of what was never trained on
            if (key < CLICK_RIG_KNOWN) rng_fill_normal(table, key, 0.7f, expected, 4);
            assert_memory_equal(model->vectors + i * 8 + (size_t)f * 4, expected, sizeof expected);
            num_known += key < CLICK_RIG_KNOWN;
        }
        assert_int_equal(user_model_find_item(model, model->items.items[i]), i);
    }
    assert_true(num_known > 20);
    assert_int_equal(user_model_find_item(model, 12345), UINT32_MAX);
    learned_world_stop(&world);
}

/* ---- what they do ---- */

// The user's own sample with an item: all that the model looks at.
static double score(struct learned_world *world, const struct sample_batch *person, uint64_t item)
{
    struct user_model *model = world->model;
    struct sample_batch sample;
    struct click_scores scores;
    uint32_t i = user_model_find_item(model, item);
    sample_batch_init(&sample, person->num_ids, person->num_histories);
    sample_batch_append(&sample, person, 0);
    for (uint32_t f = 0; f < model->items.num_fields; f++)
        sample.ids[model->items.fields[f]][0] =
            model->items.ids[(size_t)i * model->items.num_fields + f];
    assert_int_equal(user_model_score(model, &sample, &scores), SOUK_OK);
    double logit = (double)scores.logits[0];
    sample_batch_fini(&sample);
    return logit;
}

// Whether this profile makes the scores of a place.
static bool is_profile(struct learned_world *world, const struct env_view *view, uint32_t place,
                       uint32_t profile)
{
    const struct sample_batch *profiles = &world->model->profiles.samples;
    struct sample_batch person;
    bool is_same = true;
    sample_batch_init(&person, profiles->num_ids, profiles->num_histories);
    sample_batch_append(&person, profiles, profile);
    for (uint32_t c = 0; c < CANDIDATES && is_same; c++) {
        size_t at = (size_t)place * CANDIDATES + c;
        double odds = exp(score(world, &person, view->keys[at]));
        is_same = fabs((double)view->scores[at] / odds - 1) < 1e-4;
    }
    sample_batch_fini(&person);
    return is_same;
}

// One that does; its number, or UINT32_MAX.
static uint32_t find_profile(struct learned_world *world, const struct env_view *view,
                             uint32_t place)
{
    for (uint32_t b = 0; b < world->model->profiles.samples.num_samples; b++)
        if (is_profile(world, view, place, b)) return b;
    return UINT32_MAX;
}

static uint32_t find_user(const struct learned_world *world, uint64_t key)
{
    const struct sample_batch *profiles = &world->model->profiles.samples;
    const uint64_t *users = profiles->ids[world->model->format->user];
    uint32_t b = 0;
    while (b < profiles->num_samples && users[b] != key) b++;
    assert_true(b < profiles->num_samples);
    return b;
}

static void users_begin_with_profiles_and_are_scored_by_the_model(void **state)
{
    (void)state;
    static const char *const types[] = {"din", "base", "ncf"};
    for (int t = 0; t < 3; t++) {
        struct learned_world world;
        const struct env_ops *ops;
        struct env_view view;
        uint32_t num_different = 0;
        learned_world_start(&world, types[t], true);
        assert_int_equal(learned_world_open(&world), SOUK_OK);
        struct env *env = learned_world_env(&world, &ops);
        ops->view(env, &view);
        uint32_t first = find_profile(&world, &view, 0);
        for (uint32_t n = 0; n < 8; n++) {
            uint32_t profile = find_profile(&world, &view, n);
            assert_int_not_equal(profile, UINT32_MAX);
            num_different += profile != first;
            assert_true(is_profile(&world, &view, n, find_user(&world, view.user_keys[n])));
            assert_true(view.null_score[n] == 1);
        }
        assert_true(num_different > 2);
        ops->destroy(env);
        learned_world_stop(&world);
    }
}

static uint32_t tell_behaviours(const struct env_ops *ops, const struct env *env, uint32_t place)
{
    struct buf text = {0};
    unsigned behaviours = 0;
    ops->tell_user(env, place, &text);
    assert_int_equal(sscanf(buf_text(&text), "%u behaviours", &behaviours), 1);
    buf_fini(&text);
    return behaviours;
}

// Of a user with some behaviours: the mean of the vectors of their items.
static void assert_mean_is_seen(const struct learned_world *world, const struct env_view *view,
                                const struct sample_batch *person)
{
    const struct user_model *model = world->model;
    const uint32_t dim = model->vector_dim;
    double mean[16] = {0};
    assert_int_equal(model->format->targets[0], model->format->item);
    for (uint32_t r = 0; r < person->num_rows; r++) {
        uint32_t item = user_model_find_item(model, person->histories[0][r]);
        for (uint32_t i = 0; i < dim; i++)
            mean[i] += (double)model->vectors[item * dim + i] / person->num_rows;
    }
    for (uint32_t i = 0; i < dim; i++) assert_true(fabs((double)view->users[i] - mean[i]) < 1e-5);
}

static void what_is_consumed_becomes_the_newest_behaviour(void **state)
{
    (void)state;
    struct learned_world world;
    const struct env_ops *ops;
    struct env_view view;
    learned_world_start(&world, "din", true);
    learned_world_set(&world, "env.leave", "0");
    learned_world_set(&world, "env.leave_bored", "0");
    assert_int_equal(learned_world_open(&world), SOUK_OK);
    struct env *env = learned_world_env(&world, &ops);
    ops->view(env, &view);
    struct sample_batch person;
    const struct sample_batch *profiles = &world.model->profiles.samples;
    sample_batch_init(&person, profiles->num_ids, profiles->num_histories);
    sample_batch_append(&person, profiles, find_profile(&world, &view, 0));
    uint32_t num_clicks = 0, slates[NUM_USERS * SLATE], max = world.model->format->max_history;
    for (uint32_t s = 0; s < 40; s++) {
        ops->view(env, &view);
        for (uint32_t c = 0; c < CANDIDATES; c++) {
            double odds = exp(score(&world, &person, view.keys[c]));
            assert_true(fabs((double)view.scores[c] / odds - 1) < 1e-4);
        }
        if (person.num_rows > 0) assert_mean_is_seen(&world, &view, &person);
        for (uint32_t i = 0; i < NUM_USERS * SLATE; i++) slates[i] = (i + s) % CANDIDATES;
        slates[1] = (slates[0] + 1) % CANDIDATES;
        for (uint32_t n = 1; n < NUM_USERS; n++)
            slates[n * SLATE + 1] = (slates[n * SLATE] + 1) % CANDIDATES;
        struct env_outcome outcomes[NUM_USERS];
        uint64_t shown[SLATE] = {view.keys[slates[0]], view.keys[slates[1]]};
        ops->step(env, slates, outcomes);
        assert_int_equal(ops->status(env), SOUK_OK);
        assert_false(outcomes[0].is_over);
        assert_true(outcomes[0].reward == (outcomes[0].choice < 0 ? 0 : 1));
        if (outcomes[0].choice < 0) continue;
        // The same by hand: item and category behind the histories.
        uint32_t item = user_model_find_item(world.model, shown[outcomes[0].choice]);
        sample_batch_reserve(&person, 0, 1);
        assert_true(person.num_rows < max);
        for (uint32_t h = 0; h < 2; h++) {
            uint32_t field =
                world.model->items.fields[0] == (uint32_t)world.model->format->targets[h] ? 0 : 1;
            person.histories[h][person.num_rows] = world.model->items.ids[item * 2 + field];
        }
        person.row_start[1] = ++person.num_rows;
        num_clicks++;
        assert_int_equal(tell_behaviours(ops, env, 0), person.num_rows);
    }
    assert_in_range(num_clicks, 5, 40);
    sample_batch_fini(&person);
    ops->destroy(env);
    learned_world_stop(&world);
}

static void choices_follow_the_predicted_odds(void **state)
{
    (void)state;
    struct learned_world world;
    const struct env_ops *ops;
    struct env_view view;
    double residual = 0, variance = 0, left = 0, left_variance = 0, any = 0, any_variance = 0;
    uint32_t num_idle[NUM_USERS] = {0};
    learned_world_start(&world, "din", true);
    learned_world_set(&world, "env.leave", "0.1");
    learned_world_set(&world, "env.leave_bored", "0.2");
    assert_int_equal(learned_world_open(&world), SOUK_OK);
    struct env *env = learned_world_env(&world, &ops);
    for (uint32_t s = 0; s < 200; s++) {
        uint32_t slates[NUM_USERS * SLATE];
        struct env_outcome outcomes[NUM_USERS];
        double first[NUM_USERS], either[NUM_USERS]; // probabilities
        ops->view(env, &view);
        for (uint32_t n = 0; n < NUM_USERS; n++) {
            uint32_t *slate = slates + n * SLATE;
            slate[0] = (n + s) % CANDIDATES;
            slate[1] = (n + s + 2) % CANDIDATES;
            double v0 = (double)view.scores[n * CANDIDATES + slate[0]];
            double v1 = (double)view.scores[n * CANDIDATES + slate[1]];
            first[n] = v0 / (1 + v0 + v1);
            either[n] = (v0 + v1) / (1 + v0 + v1);
        }
        ops->step(env, slates, outcomes);
        for (uint32_t n = 0; n < NUM_USERS; n++) {
            residual += (outcomes[n].choice == 0) - first[n];
            variance += first[n] * (1 - first[n]);
            any += (outcomes[n].choice >= 0) - either[n];
            any_variance += either[n] * (1 - either[n]);
            num_idle[n] = outcomes[n].choice < 0 ? num_idle[n] + 1 : 0;
            double hazard = fmin(0.1 + 0.2 * num_idle[n], 1);
            left += outcomes[n].is_over - hazard;
            left_variance += hazard * (1 - hazard);
            if (!outcomes[n].is_over) continue;
            ops->reset(env, n, 1000 * (s + 1) + n);
            num_idle[n] = 0;
        }
    }
    assert_true(variance > 50 && fabs(residual) < 4 * sqrt(variance));
    assert_true(any_variance > 50 && fabs(any) < 4 * sqrt(any_variance));
    assert_true(left_variance > 50 && fabs(left) < 4 * sqrt(left_variance));
    ops->destroy(env);
    learned_world_stop(&world);
}

static void looking_changes_nothing(void **state)
{
    (void)state;
    struct learned_world world;
    struct env_outcome seen[20], unseen[20];
    learned_world_start(&world, "din", true);
    assert_int_equal(learned_world_open(&world), SOUK_OK);
    for (int looks = 0; looks < 2; looks++) {
        const struct env_ops *ops;
        struct env *env = learned_world_env(&world, &ops);
        struct env_view view;
        struct env_shape shape;
        ops->shape(env, &shape);
        for (uint32_t s = 0; s < 20; s++) {
            uint32_t slates[NUM_USERS * SLATE];
            struct env_outcome outcomes[NUM_USERS];
            for (uint32_t n = 0; n < NUM_USERS; n++)
                run_random_slate(n, s, &shape, slates + n * SLATE);
            if (looks) ops->view(env, &view);
            ops->step(env, slates, outcomes);
            (looks ? seen : unseen)[s] = outcomes[5];
        }
        ops->destroy(env);
    }
    for (int s = 0; s < 20; s++) {
        assert_int_equal(seen[s].choice, unseen[s].choice);
        assert_int_equal(seen[s].is_over, unseen[s].is_over);
    }
    learned_world_stop(&world);
}

static void a_history_that_is_full_loses_its_oldest(void **state)
{
    (void)state;
    struct learned_world world;
    const struct env_ops *ops;
    struct env_view view;
    learned_world_start(&world, "base", true);
    learned_world_set(&world, "env.leave", "0");
    learned_world_set(&world, "env.leave_bored", "0");
    learned_world_set(&world, "env.max_steps", "400");
    assert_int_equal(learned_world_open(&world), SOUK_OK);
    struct env *env = learned_world_env(&world, &ops);
    uint32_t max = world.model->format->max_history, slates[NUM_USERS * SLATE];
    struct env_outcome outcomes[NUM_USERS];
    for (uint32_t s = 0; s < 300; s++) {
        for (uint32_t i = 0; i < NUM_USERS * SLATE; i++) slates[i] = i % SLATE;
        ops->step(env, slates, outcomes);
        for (uint32_t n = 0; n < NUM_USERS; n++) assert_true(tell_behaviours(ops, env, n) <= max);
    }
    uint32_t num_full = 0;
    for (uint32_t n = 0; n < NUM_USERS; n++) num_full += tell_behaviours(ops, env, n) == max;
    assert_true(num_full > 0);
    ops->view(env, &view);
    for (uint32_t i = 0; i < NUM_USERS * CANDIDATES; i++) assert_true(isfinite(view.scores[i]));
    ops->destroy(env);
    learned_world_stop(&world);
}

/* ---- what cannot be ---- */

static void assert_refused(struct learned_world *world, souk_status expected, const char *message)
{
    capture_log_begin();
    souk_status status = learned_world_open(world);
    if (status != expected || !strstr(capture_log_text(), message))
        fail_msg("%s: %s", souk_status_name(status), capture_log_text());
    capture_log_end();
}

static void models_that_are_no_users_are_refused(void **state)
{
    (void)state;
    struct learned_world world;
    learned_world_start(&world, "din", false);
    assert_refused(&world, SOUK_EDATA, "does not remember its users and items");
    learned_world_set(&world, "env.model", "");
    assert_refused(&world, SOUK_ECONFIG, "need the run.dir of a model of clicks");
    learned_world_set(&world, "env.model", "/nowhere");
    assert_refused(&world, SOUK_ENOTFOUND, "/nowhere");
    learned_world_stop(&world);

    const struct env_ops *ops;
    struct env *env;
    learned_world_start(&world, "din", true);
    assert_int_equal(learned_world_open(&world), SOUK_OK);
    learned_world_set(&world, "env.num_candidates", "1000");
    const struct env_options options = {
        .config = &world.config, .num_users = 1, .user_model = world.model};
    capture_log_begin();
    assert_int_equal(env_create(&options, &ops, &env), SOUK_ECONFIG);
    assert_non_null(strstr(capture_log_text(), "1000 candidates cannot be drawn from"));
    capture_log_end();
    learned_world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_census_counts_users_and_items),
        cmocka_unit_test(vectors_are_the_embeddings_of_the_model),
        cmocka_unit_test(users_begin_with_profiles_and_are_scored_by_the_model),
        cmocka_unit_test(what_is_consumed_becomes_the_newest_behaviour),
        cmocka_unit_test(choices_follow_the_predicted_odds),
        cmocka_unit_test(looking_changes_nothing),
        cmocka_unit_test(a_history_that_is_full_loses_its_oldest),
        cmocka_unit_test(models_that_are_no_users_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
