/* test_trainer_resume.c - training in one process that stops and goes on, bit by bit, and what runs
 * leave in their folder. */
#include <dirent.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "server/server.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "tests/support/train_run.h"
#include "worker/model/model_dir.h"

/* Stops at every edge there is, and goes on from its checkpoint, until the run is done. */
static struct train_outcome run_in_pieces(struct train_fixture *fixture, unsigned *num_pieces_out)
{
    struct train_outcome outcome;
    fixture->stop = 1;
    for (*num_pieces_out = 1;; ++*num_pieces_out) {
        outcome = train_run(fixture);
        if (outcome.status != SOUK_ESTOPPED || *num_pieces_out > 100) return outcome;
        assert_true(file_exists(train_in_run(fixture, "checkpoint/manifest.json")));
        train_result_fini(&outcome.result);
        fixture->is_resuming = true;
    }
}

static void a_run_in_pieces_ends_with_the_same_bits(void **state)
{
    struct train_fixture *fixture = *state;
    struct train_outcome whole = train_run(fixture);
    unsigned num_pieces;
    struct train_outcome pieces = run_in_pieces(fixture, &num_pieces);
    assert_int_equal(pieces.status, SOUK_OK);
    assert_true(num_pieces > 6); // 161 batches an epoch, an edge every 64, three epochs
    assert_true(whole.tables == pieces.tables);
    assert_true(train_rmse(&whole.result.test) == train_rmse(&pieces.result.test));
    // The loss of the last epoch is that of all its pieces.
    assert_true(whole.result.points[2].loss ==
                pieces.result.points[pieces.result.num_points - 1].loss);
    train_result_fini(&whole.result);
    train_result_fini(&pieces.result);
}

static void patience_goes_on_where_it_was(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "data.valid_share", "0.2");
    train_set(fixture, "train.lr", "0.12");
    train_set(fixture, "train.epochs", "60");
    train_set(fixture, "train.patience", "2");
    train_set(fixture, "model.l2_user", "0");
    train_set(fixture, "model.l2_item", "0");
    struct train_outcome whole = train_run(fixture);
    unsigned num_pieces;
    struct train_outcome pieces = run_in_pieces(fixture, &num_pieces);
    assert_true(whole.status == SOUK_OK && pieces.status == SOUK_OK);
    assert_int_equal(whole.result.best_epoch, pieces.result.best_epoch);
    assert_int_equal(whole.result.num_epochs, pieces.result.num_epochs);
    assert_true(whole.tables == pieces.tables);
    train_result_fini(&whole.result);
    train_result_fini(&pieces.result);
}

static void a_finished_run_can_be_given_more_epochs(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "train.epochs", "5");
    struct train_outcome whole = train_run(fixture);
    train_set(fixture, "train.epochs", "2");
    struct train_outcome first = train_run(fixture);
    train_set(fixture, "train.epochs", "5");
    fixture->is_resuming = true;
    struct train_outcome second = train_run(fixture);
    assert_true(whole.status == SOUK_OK && first.status == SOUK_OK && second.status == SOUK_OK);
    assert_true(whole.tables == second.tables && whole.tables != first.tables);
    struct train_outcome third = train_run(fixture); // nothing is left to do
    assert_true(third.status == SOUK_OK && third.tables == whole.tables);
    assert_int_equal(third.result.num_points, 0);
    assert_true(train_rmse(&third.result.test) == train_rmse(&whole.result.test));
    train_result_fini(&whole.result);
    train_result_fini(&first.result);
    train_result_fini(&second.result);
    train_result_fini(&third.result);
}

static void going_on_without_a_checkpoint_is_an_error(void **state)
{
    struct train_fixture *fixture = *state;
    fixture->is_resuming = true;
    assert_int_equal(train_run(fixture).status, SOUK_ENOTFOUND);
    assert_non_null(strstr(capture_log_text(), "start without --resume"));
    assert_false(file_exists(train_in_run(fixture, "config.yaml")));
}

static void going_on_with_another_model_is_an_error(void **state)
{
    struct train_fixture *fixture = *state;
    fixture->stop = 1;
    struct train_outcome outcome = train_run(fixture);
    assert_int_equal(outcome.status, SOUK_ESTOPPED);
    train_result_fini(&outcome.result);
    fixture->is_resuming = true;
    train_set(fixture, "model.k", "5");
    assert_int_equal(train_run(fixture).status, SOUK_ECONFIG);
    assert_non_null(strstr(capture_log_text(), "model.*"));
}

static void stop_at_once(struct train_fixture *fixture)
{
    fixture->stop = 1;
    struct train_outcome outcome = train_run(fixture);
    assert_int_equal(outcome.status, SOUK_ESTOPPED);
    train_result_fini(&outcome.result);
    fixture->stop = 0;
}

static int num_files(const char *path)
{
    int n = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

static void a_new_run_drops_the_checkpoint_of_an_older_one(void **state)
{
    struct train_fixture *fixture = *state;
    stop_at_once(fixture);
    train_set(fixture, "train.lr", "50");
    assert_true(num_files(train_in_run(fixture, "checkpoint")) > 1);
    assert_int_equal(train_run(fixture).status, SOUK_EDIVERGED);
    assert_int_equal(num_files(train_in_run(fixture, "checkpoint")), 0);
}

static void a_run_that_cannot_save_its_model_leaves_no_parts(void **state)
{
    struct train_fixture *fixture = *state;
    assert_int_equal(file_make_dirs(train_in_run(fixture, "model/manifest.json.tmp")), SOUK_OK);
    assert_int_equal(train_run(fixture).status, SOUK_EIO);
    assert_int_equal(num_files(train_in_run(fixture, "model")), 1);
    assert_false(file_exists(train_in_run(fixture, "observed.0.part")));
}

static void a_run_that_cannot_begin_leaves_the_older_one_alone(void **state)
{
    struct train_fixture *fixture = *state;
    stop_at_once(fixture);
    char *was, *is;
    size_t length;
    assert_int_equal(file_read(train_in_run(fixture, "config.yaml"), 99999, &was, &length),
                     SOUK_OK);
    train_set(fixture, "data.train", temp_path(fixture->dir, "nowhere.csv"));
    assert_true(train_run(fixture).status < 0);
    assert_true(file_exists(train_in_run(fixture, "checkpoint/manifest.json")));
    assert_int_equal(file_read(train_in_run(fixture, "config.yaml"), 99999, &is, &length), SOUK_OK);
    assert_string_equal(is, was);
    mem_free(was);
    mem_free(is);
}

static void going_on_with_rows_of_later_training_is_refused(void **state)
{
    struct train_fixture *fixture = *state;
    stop_at_once(fixture);
    struct net *net;
    void *server = NULL;
    assert_int_equal(net_create(&net), SOUK_OK);
    assert_int_equal(train_local_servers.start(net, "tcp://127.0.0.1:*", 1, &server), SOUK_OK);
    train_set(fixture, "cluster.addresses", server_address(server));
    train_set(fixture, "run.dir", temp_path(fixture->dir, "other"));
    train_set(fixture, "data.train", train_write_ratings(fixture, "others.csv", 300, "9"));
    struct train_outcome outcome = train_run(fixture);
    assert_int_equal(outcome.status, SOUK_OK);
    train_result_fini(&outcome.result);

    train_set(fixture, "run.dir", temp_path(fixture->dir, "run"));
    train_set(fixture, "data.train", temp_path(fixture->dir, "train.csv"));
    fixture->is_resuming = true;
    assert_int_equal(train_run(fixture).status, SOUK_ETOPOLOGY);
    assert_non_null(strstr(capture_log_text(), "rows that the checkpoint has not"));
    train_local_servers.stop(server);
    net_destroy(net);
}

static void going_on_with_other_tables_is_an_error(void **state)
{
    struct train_fixture *fixture = *state;
    stop_at_once(fixture);
    fixture->is_resuming = true;
    train_set(fixture, "tables.user.push",
              "bf16"); // the checkpoint's tables would win, without a word
    assert_int_equal(train_run(fixture).status, SOUK_ECONFIG);
    assert_non_null(strstr(capture_log_text(), "tables.*"));
}

static void a_folder_that_another_run_writes_to_is_refused(void **state)
{
    struct train_fixture *fixture = *state;
    stop_at_once(fixture);
    int fd;
    assert_int_equal(file_lock_dir(temp_path(fixture->dir, "run"), false, &fd), SOUK_OK);
    for (int i = 0; i < 2; i++) {
        fixture->is_resuming = i == 1;
        assert_int_equal(train_run(fixture).status, SOUK_EAGAIN);
    }
    assert_non_null(strstr(capture_log_text(), "another run writes to this folder"));
    assert_true(file_exists(train_in_run(fixture, "checkpoint/manifest.json")));
    close(fd);
    struct train_outcome outcome = train_run(fixture);
    assert_int_equal(outcome.status, SOUK_OK);
    train_result_fini(&outcome.result);
}

static void a_stream_larger_than_memory_is_learnt_in_pieces_too(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "data.cache_rows", "100");
    train_set(fixture, "data.shuffle_rows", "200");
    struct train_outcome whole = train_run(fixture);
    unsigned num_pieces;
    struct train_outcome pieces = run_in_pieces(fixture, &num_pieces);
    assert_true(whole.status == SOUK_OK && pieces.status == SOUK_OK);
    assert_true(whole.tables == pieces.tables);
    train_result_fini(&whole.result);
    train_result_fini(&pieces.result);
}

static uint32_t num_names(struct model_dir *dir, const char *which)
{
    const struct names *names;
    assert_int_equal(model_dir_names(dir, which, &names), SOUK_OK);
    return names ? (uint32_t)names_count(names) : 0;
}

static void the_model_remembers_names_and_who_rated_what(void **state)
{
    struct train_fixture *fixture = *state;
    train_set(fixture, "data.train", train_write_ratings(fixture, "texts.csv", 1605, "n"));
    train_set(fixture, "data.test", train_write_ratings(fixture, "text_test.csv", 50, "n"));
    unsigned num_pieces;
    struct train_outcome outcome = run_in_pieces(fixture, &num_pieces);
    assert_int_equal(outcome.status, SOUK_OK);
    assert_true(outcome.result.test.metrics[2].value == 0);
    train_result_fini(&outcome.result);
    struct model_dir *dir;
    assert_int_equal(model_dir_open(temp_path(fixture->dir, "run"), &dir), SOUK_OK);
    assert_int_equal(num_names(dir, "user"), 40);
    assert_int_equal(num_names(dir, "item"), 30);
    assert_int_equal(model_dir_num_observed(dir), 1);
    model_dir_close(dir);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, train_set_up, train_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_run_in_pieces_ends_with_the_same_bits),
        TEST(patience_goes_on_where_it_was),
        TEST(a_finished_run_can_be_given_more_epochs),
        TEST(going_on_without_a_checkpoint_is_an_error),
        TEST(going_on_with_another_model_is_an_error),
        TEST(a_new_run_drops_the_checkpoint_of_an_older_one),
        TEST(a_run_that_cannot_save_its_model_leaves_no_parts),
        TEST(a_run_that_cannot_begin_leaves_the_older_one_alone),
        TEST(going_on_with_rows_of_later_training_is_refused),
        TEST(going_on_with_other_tables_is_an_error),
        TEST(a_folder_that_another_run_writes_to_is_refused),
        TEST(a_stream_larger_than_memory_is_learnt_in_pieces_too),
        TEST(the_model_remembers_names_and_who_rated_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
