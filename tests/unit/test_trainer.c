/* test_trainer.c - training in one process over inproc://: it learns, is the same every time, stops
 * and goes on bit by bit, keeps the best epoch, and says what is wrong. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "common/text/json_value.h"
#include "server/server.h"
#include "tests/support/temp.h"
#include "worker/model/model_dir.h"
#include "worker/train/summary.h"
#include "worker/train/trainer.h"

/* ---- a run in this process ---- */

static souk_status start_server(struct net *net, const char *address, uint32_t num_threads,
                                void **server_out)
{
    struct server_options options = {.net = net, .address = address, .num_threads = num_threads};
    struct server *server;
    souk_status status = server_start(&options, &server);
    if (status == SOUK_OK) *server_out = server;
    return status;
}

static void stop_server(void *server)
{
    server_stop(server);
}

static const struct local_server_ops LOCAL = {start_server, stop_server};

// One test's folder, and what its runs are set to.
struct fixture {
    char *dir;
    struct config config;
    int stop; // as if a signal had come before training began
    bool is_resuming;
};

static void set(struct fixture *fixture, const char *key, const char *value)
{
    char assignment[512];
    snprintf(assignment, sizeof assignment, "%s=%s", key, value);
    assert_int_equal(config_set(&fixture->config, assignment), SOUK_OK);
}

// What a row of every table came to: one number for all rows, whatever their order.
static souk_status add_rows(void *ctx, const struct souk_scan_block *block)
{
    uint64_t *sum = ctx;
    uint32_t dim = 5; // k 4 and the bias
    for (uint32_t i = 0; i < block->num_rows; i++)
        *sum += hash_bytes(block->rows + (size_t)i * dim, dim * sizeof(float), block->keys[i]);
    return SOUK_OK;
}

// What is left of a run.
struct outcome {
    souk_status status;
    struct train_result result;
    uint64_t tables; // see add_rows
};

static struct outcome run(struct fixture *fixture)
{
    struct outcome outcome = {0};
    struct comm *comm;
    struct comm_launch launch = {0};
    struct session *session;
    assert_int_equal(comm_create(&launch, &comm), SOUK_OK);
    struct session_options session_options = {
        .config = &fixture->config, .comm = comm, .local = &LOCAL, .is_quiet = true};
    assert_int_equal(session_create(&session_options, &session), SOUK_OK);
    volatile sig_atomic_t stop = fixture->stop;
    struct trainer_options options = {.config = &fixture->config,
                                      .comm = comm,
                                      .session = session,
                                      .stop_signal = &stop,
                                      .is_resuming = fixture->is_resuming,
                                      .is_quiet = true};
    outcome.status = trainer_run(&options, &outcome.result);
    if (outcome.status == SOUK_OK)
        for (uint32_t table = 0; table < 2; table++)
            assert_int_equal(
                souk_client_scan(session_client(session), table, false, add_rows, &outcome.tables),
                SOUK_OK);
    session_destroy(session);
    comm_destroy(comm);
    return outcome;
}

static double rmse(const struct evaluation *evaluation)
{
    return evaluation->metrics[0].value;
}

/* ---- data ---- */

/* Ratings with a plain structure: users and items are high or low, and some noise. */
static const char *write_ratings(struct fixture *fixture, const char *name, uint32_t n,
                                 const char *prefix)
{
    struct buf text = {0};
    struct rng rng;
    rng_init(&rng, 11, hash_bytes(name, strlen(name), 0));
    buf_add_text(&text, "user,item,rating\n");
    for (uint32_t t = 0; t < n; t++) {
        unsigned user = (unsigned)rng_below(&rng, 40), item = (unsigned)rng_below(&rng, 30);
        double rating = 3 + 0.8 * ((user % 3) - 1.0) + 0.6 * ((item % 2) - 0.5) +
                        0.7 * ((user + item) % 5 == 0) + 0.2 * rng_normal(&rng);
        buf_printf(&text, "%s%u,%s%u,%.3f\n", prefix, user, prefix, item, rating);
    }
    const char *path = temp_file(fixture->dir, name, buf_text(&text));
    buf_fini(&text);
    return path;
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_calloc(1, sizeof *fixture, "fixture");
    fixture->dir = temp_dir_create();
    config_init(&fixture->config);
    set(fixture, "data.train", write_ratings(fixture, "train.csv", 1605, ""));
    set(fixture, "data.test", write_ratings(fixture, "test.csv", 400, ""));
    set(fixture, "run.dir", temp_path(fixture->dir, "run"));
    set(fixture, "model.k", "4");
    set(fixture, "model.l2_user", "0.01");
    set(fixture, "model.l2_item", "0.01");
    set(fixture, "train.optimizer", "sgd");
    set(fixture, "train.lr", "0.02");
    set(fixture, "train.batch_size", "10");
    set(fixture, "train.epochs", "3");
    set(fixture, "cluster.servers", "2");
    capture_log_begin();
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    capture_log_end();
    config_fini(&fixture->config);
    temp_dir_remove(fixture->dir);
    mem_free(fixture);
    return 0;
}

static const char *in_run(struct fixture *fixture, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "run/%s", name);
    return temp_path(fixture->dir, path);
}

/* ---- tests ---- */

static void training_lowers_the_loss_and_beats_the_mean(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "train.epochs", "30");
    struct outcome outcome = run(fixture);
    assert_int_equal(outcome.status, SOUK_OK);
    assert_int_equal(outcome.result.num_points, 30);
    assert_true(outcome.result.points[29].loss < 0.3 * outcome.result.points[0].loss);
    assert_true(rmse(&outcome.result.test) < 0.45); // the deviation of the ratings is 0.8
    assert_int_equal(outcome.result.test.num_samples, 400);
    assert_true(outcome.result.num_samples == 30 * 1605);
    train_result_fini(&outcome.result);
}

static void runs_with_one_seed_are_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct outcome a = run(fixture), b = run(fixture);
    assert_int_equal(a.status, SOUK_OK);
    assert_true(a.tables == b.tables);
    assert_true(rmse(&a.result.test) == rmse(&b.result.test));
    set(fixture, "run.seed", "2");
    struct outcome c = run(fixture);
    assert_true(a.tables != c.tables);
    train_result_fini(&a.result);
    train_result_fini(&b.result);
    train_result_fini(&c.result);
}

static void a_run_does_not_depend_on_the_number_of_servers(void **state)
{
    struct fixture *fixture = *state;
    struct outcome a = run(fixture);
    set(fixture, "cluster.servers", "1");
    struct outcome b = run(fixture);
    assert_true(a.status == SOUK_OK && b.status == SOUK_OK && a.tables == b.tables);
    train_result_fini(&a.result);
    train_result_fini(&b.result);
}

/* Stops at every edge there is, and goes on from its checkpoint, until the run is done. */
static struct outcome run_in_pieces(struct fixture *fixture, unsigned *num_pieces_out)
{
    struct outcome outcome;
    fixture->stop = 1;
    for (*num_pieces_out = 1;; ++*num_pieces_out) {
        outcome = run(fixture);
        if (outcome.status != SOUK_ESTOPPED || *num_pieces_out > 100) return outcome;
        assert_true(file_exists(in_run(fixture, "checkpoint/manifest.json")));
        train_result_fini(&outcome.result);
        fixture->is_resuming = true;
    }
}

static void a_run_in_pieces_ends_with_the_same_bits(void **state)
{
    struct fixture *fixture = *state;
    struct outcome whole = run(fixture);
    unsigned num_pieces;
    struct outcome pieces = run_in_pieces(fixture, &num_pieces);
    assert_int_equal(pieces.status, SOUK_OK);
    assert_true(num_pieces > 6); // 161 batches an epoch, an edge every 64, three epochs
    assert_true(whole.tables == pieces.tables);
    assert_true(rmse(&whole.result.test) == rmse(&pieces.result.test));
    // The loss of the last epoch is that of all its pieces.
    assert_true(whole.result.points[2].loss ==
                pieces.result.points[pieces.result.num_points - 1].loss);
    train_result_fini(&whole.result);
    train_result_fini(&pieces.result);
}

static void validation_keeps_the_best_epoch(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "data.valid_share", "0.2");
    set(fixture, "model.k", "4");
    set(fixture, "model.l2_user", "0");
    set(fixture, "model.l2_item", "0");
    set(fixture, "train.lr", "0.12"); // soon it learns the noise by heart
    set(fixture, "train.epochs", "200");
    set(fixture, "train.patience", "3");
    struct outcome outcome = run(fixture);
    const struct train_result *result = &outcome.result;
    assert_int_equal(outcome.status, SOUK_OK);
    assert_true(result->num_epochs < 200);
    assert_int_equal(result->num_epochs, result->best_epoch + 3);
    double best = result->points[result->best_epoch - 1].validation;
    assert_true(rmse(&result->validation) == best);
    for (uint32_t i = 0; i < result->num_points; i++)
        assert_true(result->points[i].validation >= best - 1e-4);
    assert_true(result->validation.num_samples > 200 && result->validation.num_samples < 450);

    // The servers and the folder hold that epoch, not the last: a run of just so many is the same.
    char epochs[16];
    snprintf(epochs, sizeof epochs, "%u", result->best_epoch);
    set(fixture, "train.epochs", epochs);
    set(fixture, "train.patience", "0");
    struct outcome short_run = run(fixture);
    assert_true(short_run.tables == outcome.tables);
    assert_true(rmse(&short_run.result.test) == rmse(&result->test));
    train_result_fini(&short_run.result);
    train_result_fini(&outcome.result);
}

static void patience_goes_on_where_it_was(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "data.valid_share", "0.2");
    set(fixture, "train.lr", "0.12");
    set(fixture, "train.epochs", "60");
    set(fixture, "train.patience", "2");
    set(fixture, "model.l2_user", "0");
    set(fixture, "model.l2_item", "0");
    struct outcome whole = run(fixture);
    unsigned num_pieces;
    struct outcome pieces = run_in_pieces(fixture, &num_pieces);
    assert_true(whole.status == SOUK_OK && pieces.status == SOUK_OK);
    assert_int_equal(whole.result.best_epoch, pieces.result.best_epoch);
    assert_int_equal(whole.result.num_epochs, pieces.result.num_epochs);
    assert_true(whole.tables == pieces.tables);
    train_result_fini(&whole.result);
    train_result_fini(&pieces.result);
}

static void a_finished_run_can_be_given_more_epochs(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "train.epochs", "5");
    struct outcome whole = run(fixture);
    set(fixture, "train.epochs", "2");
    struct outcome first = run(fixture);
    set(fixture, "train.epochs", "5");
    fixture->is_resuming = true;
    struct outcome second = run(fixture);
    assert_true(whole.status == SOUK_OK && first.status == SOUK_OK && second.status == SOUK_OK);
    assert_true(whole.tables == second.tables && whole.tables != first.tables);
    struct outcome third = run(fixture); // nothing is left to do
    assert_true(third.status == SOUK_OK && third.tables == whole.tables);
    assert_int_equal(third.result.num_points, 0);
    assert_true(rmse(&third.result.test) == rmse(&whole.result.test));
    train_result_fini(&whole.result);
    train_result_fini(&first.result);
    train_result_fini(&second.result);
    train_result_fini(&third.result);
}

static void going_on_without_a_checkpoint_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    fixture->is_resuming = true;
    assert_int_equal(run(fixture).status, SOUK_ENOTFOUND);
    assert_non_null(strstr(capture_log_text(), "start without --resume"));
    assert_false(file_exists(in_run(fixture, "config.yaml")));
}

static void going_on_with_another_model_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    fixture->stop = 1;
    struct outcome outcome = run(fixture);
    assert_int_equal(outcome.status, SOUK_ESTOPPED);
    train_result_fini(&outcome.result);
    fixture->is_resuming = true;
    set(fixture, "model.k", "5");
    assert_int_equal(run(fixture).status, SOUK_ECONFIG);
    assert_non_null(strstr(capture_log_text(), "model.*"));
}

static void stop_at_once(struct fixture *fixture)
{
    fixture->stop = 1;
    struct outcome outcome = run(fixture);
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
    struct fixture *fixture = *state;
    stop_at_once(fixture);
    set(fixture, "train.lr", "50");
    assert_true(num_files(in_run(fixture, "checkpoint")) > 1);
    assert_int_equal(run(fixture).status, SOUK_EDIVERGED);
    assert_int_equal(num_files(in_run(fixture, "checkpoint")), 0);
}

static void a_run_that_cannot_save_its_model_leaves_no_parts(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(file_make_dirs(in_run(fixture, "model/manifest.json.tmp")), SOUK_OK);
    assert_int_equal(run(fixture).status, SOUK_EIO);
    assert_int_equal(num_files(in_run(fixture, "model")), 1);
    assert_false(file_exists(in_run(fixture, "observed.0.part")));
}

static void a_run_that_cannot_begin_leaves_the_older_one_alone(void **state)
{
    struct fixture *fixture = *state;
    stop_at_once(fixture);
    char *was, *is;
    size_t length;
    assert_int_equal(file_read(in_run(fixture, "config.yaml"), 99999, &was, &length), SOUK_OK);
    set(fixture, "data.train", temp_path(fixture->dir, "nowhere.csv"));
    assert_true(run(fixture).status < 0);
    assert_true(file_exists(in_run(fixture, "checkpoint/manifest.json")));
    assert_int_equal(file_read(in_run(fixture, "config.yaml"), 99999, &is, &length), SOUK_OK);
    assert_string_equal(is, was);
    mem_free(was);
    mem_free(is);
}

static void a_wrong_path_of_the_test_is_said_before_training(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "data.test", temp_path(fixture->dir, "nowhere.csv"));
    assert_true(run(fixture).status < 0);
    assert_non_null(strstr(capture_log_text(), "nowhere.csv"));
    assert_false(file_exists(in_run(fixture, "events.jsonl")));
}

static void going_on_with_rows_of_later_training_is_refused(void **state)
{
    struct fixture *fixture = *state;
    stop_at_once(fixture);
    struct net *net;
    void *server = NULL;
    assert_int_equal(net_create(&net), SOUK_OK);
    assert_int_equal(start_server(net, "tcp://127.0.0.1:*", 1, &server), SOUK_OK);
    set(fixture, "cluster.addresses", server_address(server));
    set(fixture, "run.dir", temp_path(fixture->dir, "other"));
    set(fixture, "data.train", write_ratings(fixture, "others.csv", 300, "9"));
    struct outcome outcome = run(fixture);
    assert_int_equal(outcome.status, SOUK_OK);
    train_result_fini(&outcome.result);

    set(fixture, "run.dir", temp_path(fixture->dir, "run"));
    set(fixture, "data.train", temp_path(fixture->dir, "train.csv"));
    fixture->is_resuming = true;
    assert_int_equal(run(fixture).status, SOUK_ETOPOLOGY);
    assert_non_null(strstr(capture_log_text(), "rows that the checkpoint has not"));
    stop_server(server);
    net_destroy(net);
}

static void going_on_with_other_tables_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    stop_at_once(fixture);
    fixture->is_resuming = true;
    set(fixture, "tables.user.push", "bf16"); // the checkpoint's tables would win, without a word
    assert_int_equal(run(fixture).status, SOUK_ECONFIG);
    assert_non_null(strstr(capture_log_text(), "tables.*"));
}

static void a_folder_that_another_run_writes_to_is_refused(void **state)
{
    struct fixture *fixture = *state;
    stop_at_once(fixture);
    int fd;
    assert_int_equal(file_lock_dir(temp_path(fixture->dir, "run"), false, &fd), SOUK_OK);
    for (int i = 0; i < 2; i++) {
        fixture->is_resuming = i == 1;
        assert_int_equal(run(fixture).status, SOUK_EAGAIN);
    }
    assert_non_null(strstr(capture_log_text(), "another run writes to this folder"));
    assert_true(file_exists(in_run(fixture, "checkpoint/manifest.json")));
    close(fd);
    struct outcome outcome = run(fixture);
    assert_int_equal(outcome.status, SOUK_OK);
    train_result_fini(&outcome.result);
}

static void numbers_that_are_not_finite_end_the_run(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "train.lr", "50");
    souk_status status = run(fixture).status;
    assert_int_equal(status, SOUK_EDIVERGED);
    assert_int_equal(souk_status_exit_code(status), 4);
    assert_non_null(strstr(capture_log_text(), "lower train.lr"));
}

static void unknown_users_and_items_are_counted(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "data.test",
        temp_file(fixture->dir, "cold.csv",
                  "user,item,rating\n1,2,3\n999,2,3\n1,888,3\n77,88,3\n"));
    struct outcome outcome = run(fixture);
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
    struct fixture *fixture = *state;
    set(fixture, "data.train",
        temp_file(fixture->dir, "bad.csv",
                  "user,item,rating\n1,2,3\n1,x,4\n2,2,nan\n2,3,1\n3,2,4\n3\n"));
    set(fixture, "data.item_id", "integer");
    assert_int_equal(run(fixture).status, SOUK_EDATA);
    set(fixture, "data.max_bad_rows", "3");
    struct outcome outcome = run(fixture);
    assert_int_equal(outcome.status, SOUK_OK);
    assert_int_equal(outcome.result.num_rows_bad, 3);
    train_result_fini(&outcome.result);
}

static void a_file_without_ratings_is_an_error_of_the_data(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "data.valid_share", "0.9"); // also where all are held out
    set(fixture, "data.train", temp_file(fixture->dir, "one.csv", "1,1,3\n1,1,3\n"));
    assert_int_equal(souk_status_exit_code(run(fixture).status), 3);
    set(fixture, "data.train", temp_file(fixture->dir, "empty.csv", "user,item,rating\n"));
    souk_status status = run(fixture).status;
    assert_int_equal(souk_status_exit_code(status), 3);
}

static void adagrad_learns_too(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "train.optimizer", "adagrad");
    set(fixture, "train.lr", "0.1");
    set(fixture, "train.epochs", "20");
    struct outcome outcome = run(fixture);
    assert_int_equal(outcome.status, SOUK_OK);
    assert_true(rmse(&outcome.result.test) < 0.45);
    train_result_fini(&outcome.result);
}

static void a_stream_larger_than_memory_is_learnt_in_pieces_too(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "data.cache_rows", "100");
    set(fixture, "data.shuffle_rows", "200");
    struct outcome whole = run(fixture);
    unsigned num_pieces;
    struct outcome pieces = run_in_pieces(fixture, &num_pieces);
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
    struct fixture *fixture = *state;
    set(fixture, "data.train", write_ratings(fixture, "texts.csv", 1605, "n"));
    set(fixture, "data.test", write_ratings(fixture, "text_test.csv", 50, "n"));
    unsigned num_pieces;
    struct outcome outcome = run_in_pieces(fixture, &num_pieces);
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

static void events_and_result_are_json(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = run(fixture);
    struct summary summary = {
        .config = &fixture->config, .result = &outcome.result, .topology = "1 worker"};
    assert_int_equal(summary_write_files(&summary), SOUK_OK);
    char *text, *rest;
    size_t length;
    void *json;
    assert_int_equal(file_read(in_run(fixture, "result.json"), 1 << 20, &text, &length), SOUK_OK);
    assert_int_equal(json_value_parse(text, length, "result.json", &json), SOUK_OK);
    const void *test = json_value_get(json, "test");
    assert_true(json_value_number(test, "rmse", 0) == rmse(&outcome.result.test));
    json_value_destroy(json);
    mem_free(text);

    assert_int_equal(file_read(in_run(fixture, "events.jsonl"), 1 << 20, &text, &length), SOUK_OK);
    char seen[512] = "";
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        assert_int_equal(json_value_parse(line, strlen(line), "events.jsonl", &json), SOUK_OK);
        strncat(seen, json_value_text(json, "event", "?"), 20);
        strcat(seen, " ");
        json_value_destroy(json);
    }
    assert_string_equal(seen, "start checkpoint progress eval end ");
    mem_free(text);
    assert_true(file_exists(in_run(fixture, "curve.svg")));
    train_result_fini(&outcome.result);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(training_lowers_the_loss_and_beats_the_mean),
        TEST(runs_with_one_seed_are_the_same),
        TEST(a_run_does_not_depend_on_the_number_of_servers),
        TEST(a_run_in_pieces_ends_with_the_same_bits),
        TEST(validation_keeps_the_best_epoch),
        TEST(patience_goes_on_where_it_was),
        TEST(a_finished_run_can_be_given_more_epochs),
        TEST(going_on_without_a_checkpoint_is_an_error),
        TEST(going_on_with_another_model_is_an_error),
        TEST(a_new_run_drops_the_checkpoint_of_an_older_one),
        TEST(a_run_that_cannot_save_its_model_leaves_no_parts),
        TEST(a_run_that_cannot_begin_leaves_the_older_one_alone),
        TEST(a_wrong_path_of_the_test_is_said_before_training),
        TEST(going_on_with_rows_of_later_training_is_refused),
        TEST(going_on_with_other_tables_is_an_error),
        TEST(a_folder_that_another_run_writes_to_is_refused),
        TEST(numbers_that_are_not_finite_end_the_run),
        TEST(unknown_users_and_items_are_counted),
        TEST(bad_rows_are_skipped_and_counted),
        TEST(a_file_without_ratings_is_an_error_of_the_data),
        TEST(adagrad_learns_too),
        TEST(a_stream_larger_than_memory_is_learnt_in_pieces_too),
        TEST(the_model_remembers_names_and_who_rated_what),
        TEST(events_and_result_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
