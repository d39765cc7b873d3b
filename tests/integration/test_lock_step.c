/* test_lock_step.c - two workers in lock step have the weights of one worker who sees the samples
 * of both: `souk train` alone, and under mpirun, on the same batches. What the one reads in turns
 * of half a batch lies in a file for each of the two. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "common/text/buf.h"
#include "tests/support/cmocka.h"
#include "tests/support/model_cluster.h"
#include "tests/support/temp.h"
#include "worker/model/din_private.h"
#include "worker/model/exchange.h"
#include "worker/model/model_dir.h"

enum { STEPS = 24, HALF_BATCH = 40, ITEMS = 50, CATEGORIES = 5, USERS = 20, ROWS_MAX = 1024 };

static char *dir; // of the test

/* ---- data: a click when the candidate's category occurs in the history ---- */

static void add_sample(struct rng *rng, struct buf *out)
{
    uint32_t item = (uint32_t)rng_below(rng, ITEMS), length = (uint32_t)rng_below(rng, 5);
    struct buf items = {0}, categories = {0};
    bool is_click = false;
    for (uint32_t j = 0; j < length; j++) {
        uint32_t other = (uint32_t)rng_below(rng, ITEMS);
        is_click |= other % CATEGORIES == item % CATEGORIES;
        buf_printf(&items, "%s%u", j ? "," : "", other);
        buf_printf(&categories, "%s%u", j ? "," : "", other % CATEGORIES);
    }
    buf_printf(out, "%d\t%u\t%u\t%u\t%s\t%s\n", is_click, (unsigned)rng_below(rng, USERS), item,
               item % CATEGORIES, buf_text(&items), buf_text(&categories));
    buf_fini(&items);
    buf_fini(&categories);
}

static void write_samples(void)
{
    static const char head[] = "label\tuser\titem\tcategory\thist_item\thist_category\n";
    struct buf both = {0}, halves[2] = {{0}, {0}};
    struct rng rng;
    rng_init(&rng, 1, 1);
    buf_add_text(&both, head);
    for (int h = 0; h < 2; h++) buf_add_text(&halves[h], head);
    for (uint32_t i = 0; i < STEPS * 2 * HALF_BATCH; i++) {
        struct buf line = {0};
        add_sample(&rng, &line);
        buf_add_text(&both, buf_text(&line));
        buf_add_text(&halves[i / HALF_BATCH % 2], buf_text(&line));
        buf_fini(&line);
    }
    temp_file(dir, "both.tsv", buf_text(&both));
    temp_file(dir, "a.tsv", buf_text(&halves[0]));
    temp_file(dir, "b.tsv", buf_text(&halves[1]));
    char *middle = strchr(halves[1].text + halves[1].length / 2, '\n');
    middle[1] = 0;
    temp_file(dir, "short.tsv", halves[1].text);
    buf_fini(&both);
    for (int h = 0; h < 2; h++) buf_fini(&halves[h]);
}

static int set_up(void **state)
{
    (void)state;
    dir = temp_dir_create();
    write_samples();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

/* ---- runs ---- */

/* In the order of the files, from which no epoch departs. */
static const char *write_config(const char *name, uint32_t batch_size, const char *files,
                                const char *model, const char *train)
{
    struct buf text = {0};
    buf_printf(&text,
               "run: {dir: %s/%s, log_level: error}\n"
               "data: {train: [%s], cache_rows: 0, shuffle_rows: 1}\n"
               "model: {type: din, dim: 4, attention: [8, 4], hidden: [10, 6]%s}\n"
               "train: {consistency: bsp, epochs: 2, batch_size: %u, lr: 0.003%s}\n"
               "cluster: {servers: 2, timeout_s: 30}\n",
               dir, name, files, model, batch_size, train);
    char file[64];
    snprintf(file, sizeof file, "%s.yaml", name);
    const char *path = temp_file(dir, file, buf_text(&text));
    buf_fini(&text);
    return path;
}

static void become(const char *config, bool has_mpi)
{
    char program[4096];
    const char *bin = getenv("BIN");
    snprintf(program, sizeof program, "%s/souk", bin && *bin ? bin : "bin");
    int fd = open(temp_path(dir, "log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (!has_mpi) execl(program, program, "train", "-c", config, (char *)NULL);
    execlp("mpirun", "mpirun", "--oversubscribe", "--bind-to", "none", "--timeout", "100",
           "--allow-run-as-root", "-n", "2", program, "train", "-c", config, (char *)NULL);
    _exit(77); // there is no such program
}

static int train(const char *config, bool has_mpi)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) become(config, has_mpi);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- weights ---- */

struct weights {
    struct config config;
    struct model *model; // dense parameters
    struct model_cluster cluster;
    uint32_t num_rows; // of all tables of ids
    float *rows;       // (tables, ROWS_MAX, dim) by key
};

struct walk {
    struct weights *weights;
    uint32_t table;
};

static souk_status keep_rows(void *ctx, const struct souk_scan_block *block)
{
    const struct walk *walk = ctx;
    uint32_t dim = walk->weights->model->shape.dim;
    for (uint32_t i = 0; i < block->num_rows; i++) {
        assert_true(block->keys[i] < ROWS_MAX);
        size_t at = (size_t)walk->table * ROWS_MAX + block->keys[i];
        memcpy(walk->weights->rows + at * dim, block->rows + (size_t)i * dim, dim * sizeof(float));
        walk->weights->num_rows++;
    }
    return SOUK_OK;
}

static void load(struct weights *weights, const char *name)
{
    struct model_dir *model;
    uint32_t tables[MODEL_TABLES_MAX];
    *weights = (struct weights){.num_rows = 0};
    config_init(&weights->config);
    model_cluster_start(&weights->cluster, 1, 1);
    assert_int_equal(model_dir_open(temp_path(dir, name), &model), SOUK_OK);
    assert_int_equal(din_ops.load(&weights->config, model_dir_state(model), NULL, &weights->model),
                     SOUK_OK);
    assert_int_equal(weights_load(&din_ops, weights->model, model), SOUK_OK);
    assert_int_equal(model_dir_load(model, weights->cluster.client, 0, 1, tables), SOUK_OK);
    uint32_t num_tables = weights->model->format.num_tables;
    size_t count = (size_t)num_tables * ROWS_MAX * weights->model->shape.dim;
    weights->rows = mem_calloc(count, sizeof *weights->rows, "rows");
    for (uint32_t t = 0; t < num_tables; t++) {
        struct walk walk = {weights, t};
        assert_int_equal(
            souk_client_scan(weights->cluster.client, tables[t], false, keep_rows, &walk), SOUK_OK);
    }
    model_dir_close(model);
}

static void drop(struct weights *weights)
{
    din_ops.destroy(weights->model);
    model_cluster_stop(&weights->cluster);
    config_fini(&weights->config);
    mem_free(weights->rows);
}

static void assert_near(const float *one, const float *two, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(one[i] - two[i]) <= 1e-5f))
            fail_msg("%s: weight %zu is %.8f, with two workers %.8f", what, i, (double)one[i],
                     (double)two[i]);
}

/* ---- tests ---- */

/* model, train: options behind others of those sections. */
static void compare(const char *model, const char *train_options)
{
    struct weights one, two;
    struct buf files = {0};
    buf_printf(&files, "%s/both.tsv", dir);
    assert_int_equal(
        train(write_config("one", 2 * HALF_BATCH, buf_text(&files), model, train_options), false),
        0);
    buf_clear(&files);
    buf_printf(&files, "%s/a.tsv, %s/b.tsv", dir, dir);
    int code = train(write_config("two", HALF_BATCH, buf_text(&files), model, train_options), true);
    buf_fini(&files);
    if (code == 77) {
        puts("SKIP two workers in lock step: mpirun is not installed");
        skip();
    }
    assert_int_equal(code, 0);
    load(&one, "one");
    load(&two, "two");
    const struct dense *dense = &one.model->dense;
    uint32_t dim = one.model->shape.dim;
    assert_int_equal(one.num_rows, two.num_rows);
    assert_int_equal(one.num_rows, USERS + ITEMS + CATEGORIES);
    assert_near(one.rows, two.rows, (size_t)3 * ROWS_MAX * dim, "rows");
    assert_near(dense->values, two.model->dense.values, dense->num_values, "dense parameters");
    assert_near(dense->stats, two.model->dense.stats, dense->num_stats, "statistics");
    drop(&one);
    drop(&two);
}

static void two_workers_have_the_weights_of_one(void **state)
{
    (void)state;
    compare("", "");
}

static void so_they_have_when_rows_are_regularised(void **state)
{
    (void)state;
    compare(", l2: 0.05", "");
}

static void so_they_have_when_gradients_are_clipped(void **state)
{
    (void)state;
    compare("", ", clip_norm: 0.03");
}

static void so_they_have_with_statistics_in_attention(void **state)
{
    (void)state;
    compare(", attention_activation: dice", ", dense_optimizer: sgd");
}

/* One of the two reads half as many: it takes part in the last steps without samples. */
static void a_worker_that_has_read_all_takes_part_in_sums(void **state)
{
    (void)state;
    struct buf files = {0};
    buf_printf(&files, "%s/a.tsv, %s/short.tsv", dir, dir);
    int code = train(
        write_config("uneven", HALF_BATCH, buf_text(&files), ", attention_activation: dice", ""),
        true);
    buf_fini(&files);
    if (code == 77) skip();
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_workers_have_the_weights_of_one),
        cmocka_unit_test(so_they_have_when_rows_are_regularised),
        cmocka_unit_test(so_they_have_when_gradients_are_clipped),
        cmocka_unit_test(so_they_have_with_statistics_in_attention),
        cmocka_unit_test(a_worker_that_has_read_all_takes_part_in_sums),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
