/* test_trainer.c - training in one process over inproc://: it learns, is the same every time, keeps
 * the best epoch, and says what is wrong. test_trainer_resume.c stops and goes on. */
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "tests/support/train_run.h"
#include "worker/train/summary.h"

static void training_lowers_the_loss_and_beats_the_mean(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "train.epochs", "30");
    struct train_outcome outcome = train_run(fixture);
    assert_int_equal(outcome.status, SOUK_OK);
    assert_int_equal(outcome.result.num_points, 30);
    assert_true(outcome.result.points[29].loss < 0.3 * outcome.result.points[0].loss);
    assert_true(train_rmse(&outcome.result.test) < 0.45); // the deviation of the ratings is 0.8
    assert_int_equal(outcome.result.test.num_samples, 400);
    assert_true(outcome.result.num_samples == 30 * 1605);
    train_result_fini(&outcome.result);
}

static void runs_with_one_seed_are_the_same(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_outcome a = train_run(fixture), b = train_run(fixture);
    assert_int_equal(a.status, SOUK_OK);
    assert_true(a.tables == b.tables);
    assert_true(train_rmse(&a.result.test) == train_rmse(&b.result.test));
    train_set(fixture, "run.seed", "2");
    struct train_outcome c = train_run(fixture);
    assert_true(a.tables != c.tables);
    train_result_fini(&a.result);
    train_result_fini(&b.result);
    train_result_fini(&c.result);
}

static void a_run_does_not_depend_on_the_number_of_servers(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_outcome a = train_run(fixture);
    train_set(fixture, "cluster.servers", "1");
    struct train_outcome b = train_run(fixture);
    assert_true(a.status == SOUK_OK && b.status == SOUK_OK && a.tables == b.tables);
    train_result_fini(&a.result);
    train_result_fini(&b.result);
}

static void validation_keeps_the_best_epoch(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "data.valid_share", "0.2");
    train_set(fixture, "model.k", "4");
    train_set(fixture, "model.l2_user", "0");
    train_set(fixture, "model.l2_item", "0");
    train_set(fixture, "train.lr", "0.12"); // soon it learns the noise by heart
    train_set(fixture, "train.epochs", "200");
    train_set(fixture, "train.patience", "3");
    struct train_outcome outcome = train_run(fixture);
    const struct train_result *result = &outcome.result;
    assert_int_equal(outcome.status, SOUK_OK);
    assert_true(result->num_epochs < 200 && result->is_early);
    assert_int_equal(result->num_epochs, result->best_epoch + 3);
    double best = result->points[result->best_epoch - 1].validation;
    assert_true(train_rmse(&result->validation) == best);
    for (uint32_t i = 0; i < result->num_points; i++)
        assert_true(result->points[i].validation >= best - 1e-4);
    assert_true(result->validation.num_samples > 200 && result->validation.num_samples < 450);

    // The servers and the folder hold that epoch, not the last: a run of just so many is the same.
    char epochs[16];
    snprintf(epochs, sizeof epochs, "%u", result->best_epoch);
    train_set(fixture, "train.epochs", epochs);
    train_set(fixture, "train.patience", "0");
    struct train_outcome short_run = train_run(fixture);
    assert_true(short_run.tables == outcome.tables && !short_run.result.is_early);
    assert_true(train_rmse(&short_run.result.test) == train_rmse(&result->test));
    train_result_fini(&short_run.result);
    train_result_fini(&outcome.result);
}

static void a_wrong_path_of_the_test_is_said_before_training(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "data.test", temp_path(fixture->dir, "nowhere.csv"));
    assert_true(train_run(fixture).status < 0);
    assert_non_null(strstr(capture_log_text(), "nowhere.csv"));
    assert_false(file_exists(train_in_run(fixture, "events.jsonl")));
}

static void numbers_that_are_not_finite_end_the_run(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "train.lr", "50");
    souk_status status = train_run(fixture).status;
    assert_int_equal(status, SOUK_EDIVERGED);
    assert_int_equal(souk_status_exit_code(status), 4);
    assert_non_null(strstr(capture_log_text(), "lower train.lr"));
}

static void unknown_users_and_items_are_counted(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "data.test",
              temp_file(fixture->dir, "cold.csv",
                        "user,item,rating\n1,2,3\n999,2,3\n1,888,3\n77,88,3\n"));
    struct train_outcome outcome = train_run(fixture);
    const struct evaluation *test = &outcome.result.test;
    assert_int_equal(test->num_samples, 4);
    assert_string_equal(test->metrics[2].name, "cold_users");
    assert_true(test->metrics[2].value == 2);
    assert_string_equal(test->metrics[3].name, "cold_items");
    assert_true(test->metrics[3].value == 2);
    train_result_fini(&outcome.result);
}

static void bad_rows_are_skipped_and_counted(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "data.train",
              temp_file(fixture->dir, "bad.csv",
                        "user,item,rating\n1,2,3\n1,x,4\n2,2,nan\n2,3,1\n3,2,4\n3\n"));
    train_set(fixture, "data.item_id", "integer");
    assert_int_equal(train_run(fixture).status, SOUK_EDATA);
    train_set(fixture, "data.max_bad_rows", "3");
    struct train_outcome outcome = train_run(fixture);
    assert_int_equal(outcome.status, SOUK_OK);
    assert_int_equal(outcome.result.num_rows_bad, 3);
    train_result_fini(&outcome.result);
}

static void a_file_without_ratings_is_an_error_of_the_data(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "data.valid_share", "0.9"); // also where all are held out
    train_set(fixture, "data.train", temp_file(fixture->dir, "one.csv", "1,1,3\n1,1,3\n"));
    assert_int_equal(souk_status_exit_code(train_run(fixture).status), 3);
    train_set(fixture, "data.train", temp_file(fixture->dir, "empty.csv", "user,item,rating\n"));
    souk_status status = train_run(fixture).status;
    assert_int_equal(souk_status_exit_code(status), 3);
}

static void adagrad_learns_too(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "train.optimizer", "adagrad");
    train_set(fixture, "train.lr", "0.1");
    train_set(fixture, "train.epochs", "20");
    struct train_outcome outcome = train_run(fixture);
    assert_int_equal(outcome.status, SOUK_OK);
    assert_true(train_rmse(&outcome.result.test) < 0.45);
    train_result_fini(&outcome.result);
}

static void events_and_result_are_json(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_outcome outcome = train_run(fixture);
    struct summary summary = {
        .config = &fixture->config, .result = &outcome.result, .topology = "1 worker"};
    assert_int_equal(summary_write_files(&summary), SOUK_OK);
    char *text, *rest;
    size_t length;
    void *json;
    assert_int_equal(file_read(train_in_run(fixture, "result.json"), 1 << 20, &text, &length),
                     SOUK_OK);
    assert_int_equal(json_value_parse(text, length, "result.json", &json), SOUK_OK);
    const void *test = json_value_get(json, "test");
    assert_true(json_value_number(test, "rmse", 0) == train_rmse(&outcome.result.test));
    json_value_destroy(json);
    mem_free(text);

    assert_int_equal(file_read(train_in_run(fixture, "events.jsonl"), 1 << 20, &text, &length),
                     SOUK_OK);
    char seen[512] = "";
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        assert_int_equal(json_value_parse(line, strlen(line), "events.jsonl", &json), SOUK_OK);
        strncat(seen, json_value_text(json, "event", "?"), 20);
        strcat(seen, " ");
        json_value_destroy(json);
    }
    assert_string_equal(seen, "start checkpoint progress eval end ");
    mem_free(text);
    assert_true(file_exists(train_in_run(fixture, "curve.svg")));
    train_result_fini(&outcome.result);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, train_set_up, train_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(training_lowers_the_loss_and_beats_the_mean),
        TEST(runs_with_one_seed_are_the_same),
        TEST(a_run_does_not_depend_on_the_number_of_servers),
        TEST(validation_keeps_the_best_epoch),
        TEST(a_wrong_path_of_the_test_is_said_before_training),
        TEST(numbers_that_are_not_finite_end_the_run),
        TEST(unknown_users_and_items_are_counted),
        TEST(bad_rows_are_skipped_and_counted),
        TEST(a_file_without_ratings_is_an_error_of_the_data),
        TEST(adagrad_learns_too),
        TEST(events_and_result_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
