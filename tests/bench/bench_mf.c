/* bench_mf.c - ratings that one worker trains in a second through an in-process server, k = 32, and
 * the bytes of pulls and pushes a rating, both ways, for each codec.
 *
 * Data: 1.2 M ratings of 20,000 users and 5,000 items, items by Zipf's law with exponent 0.7; plain
 * SGD, batches of 20,000, five epochs after one that fills caches. BENCH mf_ratings_per_s counts
 * wall time of the epochs, without reading the file. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "server/server.h"
#include "tests/support/temp.h"
#include "worker/train/trainer.h"

enum { NUM_RATINGS = 1200000, NUM_USERS = 20000, NUM_ITEMS = 5000 };

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

static void write_ratings(const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out) exit(1);
    struct rng rng;
    rng_init(&rng, 1, 0);
    for (uint32_t t = 0; t < NUM_RATINGS; t++) {
        // Inverse of the distribution of rank^-0.7.
        double item = (NUM_ITEMS - 1) * pow(rng_uniform_double(&rng), 1 / 0.3);
        unsigned user = (unsigned)rng_below(&rng, NUM_USERS);
        fprintf(out, "%u\t%u\t%u\n", user, (unsigned)item,
                1 + (user + (unsigned)item + (unsigned)rng_below(&rng, 2)) % 5);
    }
    if (fclose(out) != 0) exit(1);
}

static void set(struct config *config, const char *key, const char *value)
{
    struct buf text = {0};
    buf_printf(&text, "%s=%s", key, value);
    if (config_set(config, buf_text(&text)) != SOUK_OK) exit(1);
    buf_fini(&text);
}

static void train(const struct config *config, struct train_result *result)
{
    struct comm *comm;
    const struct comm_launch launch = {0};
    struct session *session;
    volatile sig_atomic_t stop = 0;
    if (comm_create(&launch, &comm) != SOUK_OK) exit(1);
    struct session_options session_options = {
        .config = config, .comm = comm, .local = &LOCAL, .is_quiet = true};
    if (session_create(&session_options, &session) != SOUK_OK) exit(1);
    struct trainer_options options = {
        .config = config, .comm = comm, .session = session, .stop_signal = &stop, .is_quiet = true};
    if (trainer_run(&options, result) != SOUK_OK) exit(1);
    session_destroy(session);
    comm_destroy(comm);
}

/* Wall time of the epochs alone: the difference of a run of six and one of one. */
static double seconds_of_five_epochs(struct config *config)
{
    struct train_result one = {0}, six = {0};
    set(config, "train.epochs", "1");
    train(config, &one);
    set(config, "train.epochs", "6");
    train(config, &six);
    double seconds = six.seconds - one.seconds;
    train_result_fini(&one);
    train_result_fini(&six);
    return seconds;
}

static double bytes_a_rating(struct config *config, const char *codec)
{
    static const char *const keys[] = {"tables.user.pull", "tables.user.push", "tables.item.pull",
                                       "tables.item.push"};
    for (unsigned i = 0; i < 4; i++) set(config, keys[i], codec);
    struct train_result result = {0};
    set(config, "train.epochs", "1");
    train(config, &result);
    double bytes = (double)(result.wire.sent_bytes_pulled + result.wire.sent_bytes_pushed);
    bytes /= result.num_samples;
    train_result_fini(&result);
    return bytes;
}

int main(void)
{
    static const char *const codecs[] = {"fp32", "fp16", "bf16", "int8"};
    char *dir = temp_dir_create();
    struct config config;
    config_init(&config);
    log_set_level(LOG_WARNING);
    write_ratings(temp_path(dir, "ratings.tsv"));
    set(&config, "data.train", temp_path(dir, "ratings.tsv"));
    set(&config, "run.dir", temp_path(dir, "run"));
    set(&config, "data.keep_observed", "false");
    set(&config, "model.k", "32");
    set(&config, "train.optimizer", "sgd");
    set(&config, "train.lr", "0.005");
    set(&config, "train.batch_size", "20000");
    set(&config, "train.checkpoint_s", "0");
    double seconds = seconds_of_five_epochs(&config);
    printf("BENCH mf_ratings_per_s %.0f\n", 5.0 * NUM_RATINGS / seconds);
    for (unsigned i = 0; i < 4; i++)
        printf("BENCH mf_bytes_per_rating_%s %.2f\n", codecs[i],
               bytes_a_rating(&config, codecs[i]));
    config_fini(&config);
    temp_dir_remove(dir);
    return 0;
}
