/* test_evaluate_process.c - evaluate_run over a model whose scores are written down here: the
 * figures are those of the samples, and the same digits for any number of workers under mpirun. The
 * program starts itself as such a worker: test_evaluate_process --worker FILE. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/model_cluster.h"
#include "tests/support/temp.h"
#include "worker/eval/click_list.h"
#include "worker/eval/evaluate.h"
#include "worker/model/exchange.h"

enum { NUM_SAMPLES = 5000, BATCH_SIZE = 64, NUM_USERS = 300 };

/* ---- a model of clicks: sample i has the key i, and all that is known of it is its number ---- */

struct model {
    uint32_t part, num_parts; // samples i with i % num_parts == part
    uint32_t num_samples;     // of all parts
    uint32_t bad_sample;      // scored by NaN; num_samples: none
};

struct model_loader {
    const struct model *model;
    uint32_t next;
};

static uint32_t random_of(uint32_t sample, uint32_t what, uint32_t below)
{
    struct rng rng;
    rng_init(&rng, what, sample);
    return (uint32_t)rng_below(&rng, below);
}

static uint64_t group_of(uint64_t sample)
{
    return random_of((uint32_t)sample, 1, NUM_USERS);
}

static uint8_t label_of(uint64_t sample)
{
    return random_of((uint32_t)sample, 2, 5) == 0;
}

static float score_of(uint64_t sample) // with ties, and a little better than chance
{
    return (float)(random_of((uint32_t)sample, 3, 80) + 20 * label_of(sample)) / 100;
}

static souk_status open_loader(struct model *model, enum model_source source, uint32_t epoch,
                               uint64_t num_skip, struct model_loader **loader_out)
{
    (void)source, (void)epoch, (void)num_skip;
    *loader_out = mem_calloc(1, sizeof **loader_out, "loader");
    **loader_out = (struct model_loader){.model = model, .next = model->part};
    return SOUK_OK;
}

static void close_loader(struct model_loader *loader)
{
    mem_free(loader);
}

static souk_status next_batch(struct model_loader *loader, struct batch *batch)
{
    const struct model *model = loader->model;
    struct batch_part *part = &batch->parts[0];
    if (loader->next >= model->num_samples) return SOUK_EEND;
    batch->num_parts = 1;
    part->dim = 1;
    batch_part_reserve(part, BATCH_SIZE);
    uint32_t n = 0;
    for (; n < BATCH_SIZE && loader->next < model->num_samples; loader->next += model->num_parts)
        part->keys[n++] = loader->next;
    part->num_keys = batch->num_samples = n;
    return SOUK_OK;
}

static void batch_has_nothing(struct batch *batch)
{
    (void)batch;
}

static void score(const struct model *model, const struct batch *batch, float *predictions_out,
                  struct model_sums *sums)
{
    const struct batch_part *part = &batch->parts[0];
    sums->values[0] += batch->num_samples;
    for (uint32_t i = 0; i < batch->num_samples; i++) {
        predictions_out[i] = part->keys[i] == model->bad_sample ? NAN : score_of(part->keys[i]);
        sums->values[2] += !part->found[i];
    }
}

static void tell_clicks(const struct model *model, const struct batch *batch, uint64_t *groups_out,
                        uint8_t *labels_out)
{
    (void)model;
    for (uint32_t i = 0; i < batch->num_samples; i++) {
        groups_out[i] = group_of(batch->parts[0].keys[i]);
        labels_out[i] = label_of(batch->parts[0].keys[i]);
    }
}

static uint32_t list_own(const struct model *model, const struct model_sums *sums,
                         struct model_metric *metrics_out)
{
    (void)model;
    metrics_out[0] = (struct model_metric){"cold_samples", sums->values[2], true, true};
    return 1;
}

static const struct model_ops OPS = {.name = "written",
                                     .loader_open = open_loader,
                                     .loader_close = close_loader,
                                     .next_batch = next_batch,
                                     .batch_fini = batch_has_nothing,
                                     .score = score,
                                     .clicks = tell_clicks,
                                     .metrics = list_own};

/* With one server in this process, since the scores come from no row. */
static souk_status evaluate(struct comm *comm, struct model *model,
                            struct evaluation *evaluation_out)
{
    struct model_cluster cluster;
    struct souk_table_spec spec;
    uint32_t table;
    model_cluster_start(&cluster, 1, 1);
    souk_table_spec_init(&spec, "sample", 1);
    assert_int_equal(souk_client_open_table(cluster.client, &spec, &table), SOUK_OK);
    struct evaluate_options options = {.ops = &OPS,
                                       .model = model,
                                       .client = cluster.client,
                                       .tables = &table,
                                       .comm = comm,
                                       .source = MODEL_SOURCE_TEST};
    souk_status status = evaluate_run(&options, evaluation_out);
    model_cluster_stop(&cluster);
    return status;
}

/* ---- tests in this process ---- */

static souk_status evaluate_alone(uint32_t num_samples, uint32_t bad_sample,
                                  struct evaluation *evaluation_out)
{
    struct model model = {.num_parts = 1, .num_samples = num_samples, .bad_sample = bad_sample};
    struct comm_launch launch = {0};
    struct comm *comm;
    assert_int_equal(comm_create(&launch, &comm), SOUK_OK);
    souk_status status = evaluate(comm, &model, evaluation_out);
    comm_destroy(comm);
    return status;
}

/* The figures without evaluate_run. */
static struct click_figures expected_figures(void)
{
    struct click_samples samples = {0};
    struct click_figures figures;
    for (uint32_t i = 0; i < NUM_SAMPLES; i++) {
        const uint64_t group = group_of(i);
        const uint8_t label = label_of(i);
        const float value = score_of(i);
        assert_int_equal(click_samples_add(&samples, &group, &label, &value, 1), SOUK_OK);
    }
    click_metrics(&samples, CLICK_K_DEFAULT, &figures);
    click_samples_fini(&samples);
    return figures;
}

static void figures_are_those_of_the_samples(void **state)
{
    (void)state;
    struct evaluation evaluation, none;
    struct click_figures expected = expected_figures();
    assert_int_equal(evaluate_alone(NUM_SAMPLES, NUM_SAMPLES, &evaluation), SOUK_OK);
    assert_memory_equal(&evaluation.clicks, &expected, sizeof expected);
    assert_int_equal(evaluation.num_samples, NUM_SAMPLES);
    assert_int_equal(evaluation.num_metrics, CLICK_METRICS + 1);
    assert_string_equal(evaluation.metrics[0].name, "auc");
    assert_true(evaluation.metrics[0].value == expected.auc);
    assert_true(expected.auc > 0.6 && expected.auc < 0.8);
    assert_string_equal(evaluation.metrics[CLICK_METRICS].name, "cold_samples");
    assert_true(evaluation.metrics[CLICK_METRICS].value == NUM_SAMPLES);

    evaluation_init(&none, &OPS, NULL);
    assert_int_equal(none.num_metrics, evaluation.num_metrics);
    for (uint32_t i = 0; i < none.num_metrics; i++)
        assert_string_equal(none.metrics[i].name, evaluation.metrics[i].name);
}

static void a_score_of_nan_ends_the_evaluation(void **state)
{
    (void)state;
    struct evaluation evaluation;
    capture_log_begin();
    souk_status status = evaluate_alone(NUM_SAMPLES, 200, &evaluation);
    bool is_named = strstr(capture_log_text(), "scores sample 201 by nan") != NULL;
    capture_log_end();
    assert_int_equal(status, SOUK_EDIVERGED);
    assert_true(is_named);
}

static void no_samples_are_an_error(void **state)
{
    (void)state;
    struct evaluation evaluation;
    capture_log_begin();
    souk_status status = evaluate_alone(0, 0, &evaluation);
    capture_log_end();
    assert_int_equal(status, SOUK_EDATA);
}

static void one_class_is_told_and_no_error(void **state)
{
    (void)state;
    struct evaluation evaluation;
    assert_int_equal(label_of(0), 0);
    capture_log_begin();
    souk_status status = evaluate_alone(1, 1, &evaluation);
    bool is_told =
        strstr(capture_log_text(), "auc of the test data is undefined: no sample is a click");
    capture_log_end();
    assert_int_equal(status, SOUK_OK);
    assert_true(is_told);
    assert_true(isnan(evaluation.metrics[0].value));
}

/* ---- ranks ---- */

/* Every rank writes what it was told to FILE.rank. */
static int work(const char *path)
{
    struct comm_launch launch = {.is_mpi = 1, .timeout_s = 60};
    struct comm *comm;
    struct evaluation evaluation;
    if (comm_create(&launch, &comm) != SOUK_OK) return 1;
    struct model model = {.part = comm_rank(comm),
                          .num_parts = comm_size(comm),
                          .num_samples = NUM_SAMPLES,
                          .bad_sample = NUM_SAMPLES};
    souk_status status = evaluate(comm, &model, &evaluation);
    struct buf name = {0};
    buf_printf(&name, "%s.%u", path, comm_rank(comm));
    if (status == SOUK_OK)
        status = file_write_atomic(buf_text(&name), &evaluation.clicks, sizeof evaluation.clicks);
    buf_fini(&name);
    comm_destroy(comm);
    return status != SOUK_OK;
}

static int run_ranks(unsigned num_ranks, const char *path)
{
    char self[4096], number[12];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    snprintf(number, sizeof number, "%u", num_ranks);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execlp("mpirun", "mpirun", "--oversubscribe", "--bind-to", "none", "--timeout", "100",
               "--allow-run-as-root", "-n", number, self, "--worker", path, (char *)NULL);
        _exit(77); // there is no mpirun
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void any_number_of_ranks_gives_the_same_digits(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct click_figures expected = expected_figures();
    for (unsigned num_ranks = 1; num_ranks <= 4; num_ranks++) {
        int code = run_ranks(num_ranks, temp_path(dir, "figures"));
        if (code == 77) {
            temp_dir_remove(dir);
            puts("SKIP any_number_of_ranks_gives_the_same_digits: mpirun is not installed");
            skip();
        }
        assert_int_equal(code, 0);
        for (unsigned rank = 0; rank < num_ranks; rank++) {
            char name[32], *bytes;
            size_t length;
            snprintf(name, sizeof name, "figures.%u", rank);
            assert_int_equal(file_read(temp_path(dir, name), 1 << 20, &bytes, &length), SOUK_OK);
            assert_int_equal(length, sizeof expected);
            assert_memory_equal(bytes, &expected, sizeof expected);
            mem_free(bytes);
        }
    }
    temp_dir_remove(dir);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--worker") == 0) return work(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_samples),
        cmocka_unit_test(a_score_of_nan_ends_the_evaluation),
        cmocka_unit_test(no_samples_are_an_error),
        cmocka_unit_test(one_class_is_told_and_no_error),
        cmocka_unit_test(any_number_of_ranks_gives_the_same_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
