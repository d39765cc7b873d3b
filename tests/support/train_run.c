/* train_run.c - see train_run.h. */
#include "tests/support/train_run.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "server/server.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

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

const struct local_server_ops train_local_servers = {start_server, stop_server};

void train_set(struct train_fixture *fixture, const char *key, const char *value)
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

// tables: sums of the bytes of all rows go there; NULL: nobody asks.
static souk_status run(struct train_fixture *fixture, struct train_result *result_out,
                       uint64_t *tables)
{
    struct comm *comm;
    struct comm_launch launch = {0};
    struct session *session;
    *result_out = (struct train_result){0};
    assert_int_equal(comm_create(&launch, &comm), SOUK_OK);
    struct session_options session_options = {
        .config = &fixture->config, .comm = comm, .local = &train_local_servers, .is_quiet = true};
    assert_int_equal(session_create(&session_options, &session), SOUK_OK);
    volatile sig_atomic_t stop = fixture->stop;
    struct trainer_options options = {.config = &fixture->config,
                                      .comm = comm,
                                      .session = session,
                                      .stop_signal = &stop,
                                      .is_resuming = fixture->is_resuming,
                                      .is_quiet = true};
    souk_status status = trainer_run(&options, result_out);
    for (uint32_t table = 0; table < 2 && tables && status == SOUK_OK; table++)
        assert_int_equal(souk_client_scan(session_client(session), table, false, add_rows, tables),
                         SOUK_OK);
    session_destroy(session);
    comm_destroy(comm);
    return status;
}

struct train_outcome train_run(struct train_fixture *fixture)
{
    struct train_outcome outcome = {0};
    outcome.status = run(fixture, &outcome.result, &outcome.tables);
    return outcome;
}

souk_status train_once(struct train_fixture *fixture, struct train_result *result_out)
{
    return run(fixture, result_out, NULL);
}

double train_rmse(const struct evaluation *evaluation)
{
    return evaluation->metrics[0].value;
}

/* Ratings with a plain structure: users and items are high or low, and some noise. */
const char *train_write_ratings(struct train_fixture *fixture, const char *name, uint32_t n,
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

int train_set_up(void **state)
{
    struct train_fixture *fixture = mem_calloc(1, sizeof *fixture, "fixture");
    fixture->dir = temp_dir_create();
    config_init(&fixture->config);
    train_set(fixture, "data.train", train_write_ratings(fixture, "train.csv", 1605, ""));
    train_set(fixture, "data.test", train_write_ratings(fixture, "test.csv", 400, ""));
    train_set(fixture, "run.dir", temp_path(fixture->dir, "run"));
    train_set(fixture, "model.k", "4");
    train_set(fixture, "model.l2_user", "0.01");
    train_set(fixture, "model.l2_item", "0.01");
    train_set(fixture, "train.optimizer", "sgd");
    train_set(fixture, "train.lr", "0.02");
    train_set(fixture, "train.batch_size", "10");
    train_set(fixture, "train.epochs", "3");
    train_set(fixture, "cluster.servers", "2");
    capture_log_begin();
    *state = fixture;
    return 0;
}

int train_tear_down(void **state)
{
    struct train_fixture *fixture = *state;
    capture_log_end();
    config_fini(&fixture->config);
    temp_dir_remove(fixture->dir);
    mem_free(fixture);
    return 0;
}

const char *train_in_run(struct train_fixture *fixture, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "run/%s", name);
    return temp_path(fixture->dir, path);
}
