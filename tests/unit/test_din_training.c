/* test_din_training.c - click models trained in one process over inproc://: they learn what is
 * planted, stop and go on bit by bit, and a saved one scores as the trained one did. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "tests/support/train_run.h"
#include "worker/data/catalogue.h"
#include "worker/data/profiles.h"
#include "worker/data/sample_reader.h"
#include "worker/model/din.h"
#include "worker/model/exchange.h"
#include "worker/model/model_dir.h"
#include "worker/train/trainer.h"

enum { USERS = 30, ITEMS = 60, CATEGORIES = 6 };

static souk_status run(struct train_fixture *fixture, bool is_resuming, bool stops,
                       struct train_result *result)
{
    fixture->is_resuming = is_resuming;
    fixture->stop = stops;
    return train_once(fixture, result);
}

static double metric(const struct evaluation *evaluation, const char *name)
{
    for (uint32_t i = 0; i < evaluation->num_metrics; i++)
        if (strcmp(evaluation->metrics[i].name, name) == 0) return evaluation->metrics[i].value;
    fail_msg("there is no figure %s", name);
    return NAN;
}

/* ---- data: a click when the candidate's category occurs in the history ---- */

static const char *write_clicks(struct train_fixture *fixture, const char *name, uint32_t n)
{
    struct buf text = {0}, items = {0}, categories = {0};
    struct rng rng;
    rng_init(&rng, n, 1);
    buf_add_text(&text, "label\tuser\titem\tcategory\thist_item\thist_category\n");
    for (uint32_t t = 0; t < n; t++) {
        uint32_t item = (uint32_t)rng_below(&rng, ITEMS), length = (uint32_t)rng_below(&rng, 5);
        bool is_click = false;
        buf_clear(&items);
        buf_clear(&categories);
        for (uint32_t j = 0; j < length; j++) {
            uint32_t other = (uint32_t)rng_below(&rng, ITEMS);
            is_click |= other % CATEGORIES == item % CATEGORIES;
            buf_printf(&items, "%s%u", j ? "," : "", other);
            buf_printf(&categories, "%s%u", j ? "," : "", other % CATEGORIES);
        }
        buf_printf(&text, "%d\t%u\t%u\t%u\t%s\t%s\n", is_click, (unsigned)rng_below(&rng, USERS),
                   item, item % CATEGORIES, buf_text(&items), buf_text(&categories));
    }
    const char *path = temp_file(fixture->dir, name, buf_text(&text));
    buf_fini(&text);
    buf_fini(&items);
    buf_fini(&categories);
    return path;
}

static int set_up(void **state)
{
    struct train_fixture *fixture = mem_calloc(1, sizeof *fixture, "fixture");
    fixture->dir = temp_dir_create();
    config_init(&fixture->config);
    train_set(fixture, "data.train", write_clicks(fixture, "train.tsv", 3000));
    train_set(fixture, "data.test", write_clicks(fixture, "test.tsv", 1000));
    train_set(fixture, "run.dir", temp_path(fixture->dir, "run"));
    train_set(fixture, "model.type", "din");
    train_set(fixture, "model.dim", "4");
    train_set(fixture, "model.attention", "12,6");
    train_set(fixture, "model.hidden", "16,8");
    train_set(fixture, "train.lr", "0.01");
    train_set(fixture, "train.batch_size", "50");
    train_set(fixture, "train.epochs", "6");
    train_set(fixture, "cluster.servers", "2");
    capture_log_begin();
    *state = fixture;
    return 0;
}

/* ---- tests ---- */

static double auc_of(struct train_fixture *fixture, const char *type)
{
    struct train_result result;
    train_set(fixture, "model.type", type);
    assert_int_equal(run(fixture, false, false, &result), SOUK_OK);
    assert_true(result.points[5].loss < result.points[0].loss);
    double auc = metric(&result.test, "auc");
    assert_int_equal(result.test.num_samples, 1000);
    train_result_fini(&result);
    return auc;
}

static void attention_learns_what_is_planted_and_more_than_no_history(void **state)
{
    struct train_fixture *fixture = *state;
    double din = auc_of(fixture, "din"), ncf = auc_of(fixture, "ncf");
    assert_true(din > 0.9);
    assert_true(ncf < 0.65);
    assert_true(auc_of(fixture, "base") > ncf);
}

static void the_loss_falls_with_every_option(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_result result;
    train_set(fixture, "model.softmax", "true");
    train_set(fixture, "model.batch_norm", "true");
    train_set(fixture, "model.dropout", "0.1");
    train_set(fixture, "model.activation", "prelu");
    train_set(fixture, "model.attention_activation", "dice");
    train_set(fixture, "model.l2", "0.001");
    train_set(fixture, "train.clip_norm", "5");
    train_set(fixture, "train.consistency", "bsp");
    train_set(fixture, "train.dense_optimizer", "sgd");
    train_set(fixture, "train.lr", "0.1");
    assert_int_equal(run(fixture, false, false, &result), SOUK_OK);
    assert_true(result.points[5].loss < 0.9 * result.points[0].loss);
    assert_true(result.staleness == 0);
    train_result_fini(&result);
}

/* Stopped at once, and after an epoch: the model is the same to the last bit. */
static void a_run_that_was_stopped_ends_as_one_that_was_not(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_result whole, parts;
    train_set(fixture, "model.dropout", "0.1");
    train_set(fixture, "model.l2", "0.001");
    train_set(fixture, "train.epochs", "3");
    assert_int_equal(run(fixture, false, false, &whole), SOUK_OK);
    train_set(fixture, "run.dir", temp_path(fixture->dir, "other"));
    assert_int_equal(run(fixture, false, true, &parts), SOUK_ESTOPPED);
    train_result_fini(&parts);
    assert_int_equal(run(fixture, true, false, &parts), SOUK_OK);
    assert_true(metric(&whole.test, "auc") == metric(&parts.test, "auc"));
    assert_true(metric(&whole.test, "log_loss") == metric(&parts.test, "log_loss"));
    train_result_fini(&whole);
    train_result_fini(&parts);
}

/* Patience ends with a model of an earlier epoch, which is loaded for the test: rows and dense
 * parameters of the same epoch. */
static void the_best_epoch_is_whole(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_result result, again;
    train_set(fixture, "data.valid", fixture->config.data.test.items[0]);
    train_set(fixture, "train.patience", "2");
    train_set(fixture, "train.epochs", "40");
    train_set(fixture, "train.lr", "0.03");
    assert_int_equal(run(fixture, false, false, &result), SOUK_OK);
    assert_true(result.best_epoch < result.num_epochs);
    assert_true(metric(&result.validation, "auc") == metric(&result.test, "auc"));
    train_set(fixture, "train.epochs", "41"); // nothing is left to train: patience has ended
    assert_int_equal(run(fixture, true, false, &again), SOUK_OK);
    assert_true(metric(&again.test, "auc") == metric(&result.test, "auc"));
    train_result_fini(&result);
    train_result_fini(&again);
}

/* What the training file says that users have chosen. */
static void read_chosen(struct train_fixture *fixture, bool chosen[USERS][ITEMS])
{
    struct sample_format format;
    struct sample_format_options resolving = {.config = &fixture->config,
                                              .path = fixture->config.data.train.items[0]};
    struct sample_reader_options options = {
        .files = &fixture->config.data.train, .format = &format, .num_parts = 1};
    struct sample_reader *reader;
    struct sample_batch batch;
    assert_int_equal(sample_format_resolve(&resolving, &format), SOUK_OK);
    assert_int_equal(sample_reader_open(&options, &reader), SOUK_OK);
    sample_format_init_batch(&format, &batch);
    assert_int_equal(sample_reader_next(reader, UINT32_MAX, &batch), SOUK_OK);
    memset(chosen, 0, USERS * sizeof *chosen);
    for (uint32_t b = 0; b < batch.num_samples; b++) {
        bool *of_user = chosen[batch.ids[format.user][b]];
        if (batch.labels[b] > 0) of_user[batch.ids[format.item][b]] = true;
        for (uint32_t r = batch.row_start[b]; r < batch.row_start[b + 1]; r++)
            of_user[batch.histories[0][r]] = true;
    }
    sample_batch_fini(&batch);
    sample_reader_close(reader);
}

static void check_catalogue(const char *path, const struct sample_format *format)
{
    struct catalogue catalogue;
    assert_int_equal(catalogue_read(&path, 1, format, &catalogue), SOUK_OK);
    assert_int_equal(catalogue.num_items, ITEMS);
    assert_int_equal(catalogue.num_fields, 2);
    for (uint32_t i = 0; i < ITEMS; i++) {
        assert_int_equal(catalogue.ids[i * 2], i);
        assert_int_equal(catalogue.ids[i * 2 + 1], i % CATEGORIES);
    }
    catalogue_fini(&catalogue);
}

static void check_profiles(const char *path, const struct sample_format *format,
                           bool chosen[USERS][ITEMS])
{
    uint64_t users[USERS + 1]; // one of them was never seen
    struct profiles profiles;
    for (uint32_t u = 0; u <= USERS; u++) users[u] = u;
    assert_int_equal(profiles_read(&path, 1, format, users, USERS + 1, &profiles), SOUK_OK);
    assert_int_equal(profiles.sample[USERS], UINT32_MAX);
    for (uint32_t u = 0; u < USERS; u++) {
        assert_int_not_equal(profiles.sample[u], UINT32_MAX);
        uint64_t next = profiles.seen_start[u];
        for (uint32_t i = 0; i < ITEMS; i++)
            if (chosen[u][i]) assert_int_equal(profiles.seen[next++], i);
        assert_int_equal(next, profiles.seen_start[u + 1]);
    }
    profiles_fini(&profiles);
}

/* The model of run.dir remembers what the training file says. */
static void assert_remembered(struct train_fixture *fixture)
{
    struct model_dir *dir;
    struct model *model;
    bool chosen[USERS][ITEMS];
    read_chosen(fixture, chosen);
    assert_int_equal(model_dir_open(fixture->config.run.dir, &dir), SOUK_OK);
    assert_int_equal(model_dir_num_observed(dir), 1);
    assert_int_equal(din_ops.load(&fixture->config, model_dir_state(dir), NULL, &model), SOUK_OK);
    check_catalogue(model_dir_observed(dir, 0), din_format(model));
    check_profiles(model_dir_observed(dir, 0), din_format(model), chosen);
    din_ops.destroy(model);
    model_dir_close(dir);
}

static void the_model_remembers_users_and_items(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_result result;
    train_set(fixture, "train.epochs", "2");
    assert_int_equal(run(fixture, false, false, &result), SOUK_OK);
    assert_remembered(fixture);
    train_result_fini(&result);

    train_set(fixture, "run.dir", temp_path(fixture->dir, "stopped"));
    train_set(fixture, "data.cache_rows", "500"); // stopped while most is still to be read
    train_set(fixture, "data.shuffle_rows", "1000");
    assert_int_equal(run(fixture, false, true, &result), SOUK_ESTOPPED);
    train_result_fini(&result);
    train_set(fixture, "train.epochs", "1");
    assert_int_equal(run(fixture, true, false, &result), SOUK_OK);
    assert_remembered(fixture);
    train_result_fini(&result);
    train_set(fixture, "train.epochs", "3"); // a later epoch leaves the files alone
    assert_int_equal(run(fixture, true, false, &result), SOUK_OK);
    assert_remembered(fixture);
    train_result_fini(&result);
    assert_false(file_exists(temp_path(fixture->dir, "stopped/observed.0.part")));
}

static void assert_name(struct model_dir *dir, const char *table, const char *text)
{
    const struct names *names;
    size_t length;
    assert_int_equal(model_dir_names(dir, table, &names), SOUK_OK);
    assert_non_null(names);
    const char *found = names_get(names, hash_bytes(text, strlen(text), 0), &length);
    assert_non_null(found);
    assert_int_equal(length, strlen(text));
}

static void names_of_all_tables_are_kept_and_go_on(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_result result;
    struct model_dir *dir;
    const struct names *none;
    train_set(
        fixture, "data.train",
        temp_file(fixture->dir, "texts.tsv",
                  "label\tuser\titem\tshop\tday\thist_item\thist_shop\n"
                  "1\tzoe\ttea\tmarket\t3\tcup,pot\tpotter,smith\n0\tyan\tpot\tsmith\t4\t\t\n"));
    train_set(fixture, "data.test", fixture->config.data.train.items[0]);
    train_set(fixture, "train.epochs", "2");
    assert_int_equal(run(fixture, false, true, &result), SOUK_ESTOPPED);
    train_result_fini(&result);
    assert_int_equal(run(fixture, true, false, &result), SOUK_OK);
    train_result_fini(&result);
    train_set(fixture, "train.epochs",
              "3"); // on other data: what a checkpoint knows is not forgotten
    train_set(
        fixture, "data.train",
        temp_file(
            fixture->dir, "more.tsv",
            "label\tuser\titem\tshop\tday\thist_item\thist_shop\n1\tbob\tjug\tkiln\t3\t\t\n"));
    assert_int_equal(run(fixture, true, false, &result), SOUK_OK);
    train_result_fini(&result);
    assert_int_equal(model_dir_open(fixture->config.run.dir, &dir), SOUK_OK);
    assert_name(dir, "user", "yan");
    assert_name(dir, "user", "bob");
    assert_name(dir, "item", "cup");
    assert_name(dir, "shop", "market");
    assert_name(dir, "shop", "potter");
    assert_int_equal(model_dir_names(dir, "day", &none), SOUK_OK);
    assert_null(none);
    assert_int_equal(model_dir_names(dir, "nothing", &none), SOUK_OK);
    assert_null(none);
    model_dir_close(dir);
}

static uint32_t num_kept(struct train_fixture *fixture)
{
    struct train_result result;
    struct model_dir *dir;
    train_set(fixture, "train.epochs", "1");
    assert_int_equal(run(fixture, false, false, &result), SOUK_OK);
    train_result_fini(&result);
    assert_int_equal(model_dir_open(fixture->config.run.dir, &dir), SOUK_OK);
    uint32_t num = model_dir_num_observed(dir);
    model_dir_close(dir);
    return num;
}

static void nothing_is_remembered_without_users_or_when_told_so(void **state)
{
    struct train_fixture *fixture = *state;
    assert_int_equal(num_kept(fixture), 1);
    train_set(fixture, "data.keep_observed", "false");
    assert_int_equal(num_kept(fixture), 0);
    train_set(fixture, "data.keep_observed", "true");
    train_set(fixture, "data.train",
              temp_file(fixture->dir, "nobody.tsv", "label\titem\thist_item\n1\t2\t3\n0\t1\t3\n"));
    train_set(fixture, "data.test", fixture->config.data.train.items[0]);
    assert_int_equal(num_kept(fixture), 0);
}

static void a_din_without_histories_is_refused_with_the_reason(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_result result;
    train_set(fixture, "data.train",
              temp_file(fixture->dir, "flat.tsv", "label\tuser\titem\n1\t2\t3\n"));
    assert_int_equal(run(fixture, false, false, &result), SOUK_ECONFIG);
    assert_non_null(strstr(capture_log_text(), "features.histories"));
}

/* They are no column of the model's batches. */
static void files_may_have_users_that_the_model_does_not_know(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_result result;
    train_set(fixture, "data.train",
              temp_file(fixture->dir, "no_users.tsv",
                        "label\titem\tcategory\thist_item\thist_category\n"
                        "1\t2\t1\t3,5\t1,2\n0\t3\t2\t2\t1\n1\t5\t2\t\t\n0\t2\t1\t5\t2\n"));
    train_set(fixture, "train.epochs", "1");
    assert_int_equal(run(fixture, false, false, &result), SOUK_OK);
    assert_int_equal(result.test.num_samples, 1000);
    assert_true(metric(&result.test, "groups") == 1);
    train_result_fini(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(attention_learns_what_is_planted_and_more_than_no_history,
                                        set_up, train_tear_down),
        cmocka_unit_test_setup_teardown(the_loss_falls_with_every_option, set_up, train_tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_was_stopped_ends_as_one_that_was_not, set_up,
                                        train_tear_down),
        cmocka_unit_test_setup_teardown(the_best_epoch_is_whole, set_up, train_tear_down),
        cmocka_unit_test_setup_teardown(the_model_remembers_users_and_items, set_up,
                                        train_tear_down),
        cmocka_unit_test_setup_teardown(names_of_all_tables_are_kept_and_go_on, set_up,
                                        train_tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_remembered_without_users_or_when_told_so, set_up,
                                        train_tear_down),
        cmocka_unit_test_setup_teardown(files_may_have_users_that_the_model_does_not_know, set_up,
                                        train_tear_down),
        cmocka_unit_test_setup_teardown(a_din_without_histories_is_refused_with_the_reason, set_up,
                                        train_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
