/* test_click_scorer.c - samples that come from no file are scored as evaluation scores a file, in
 * pieces of any size. */
#include "worker/model/click_scorer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/model_cluster.h"
#include "tests/support/temp.h"
#include "worker/data/sample_reader.h"
#include "worker/model/din_private.h"
#include "worker/nn/vmath.h"
#include "worker/train/exchange.h"

enum { SAMPLES = 137, KNOWN = 20, IDS = 26, DIM = 4, UNKNOWN = KNOWN + 1 };

struct rig {
    char *dir;
    struct config config;
    struct comm *comm;
    struct model_cluster cluster;
    const struct model_ops *ops;
    struct model *model;
    struct tables tables;
    struct sample_format format;
    struct sample_batch samples; // of the file
    struct click_scorer *scorer;
};

static void set(struct rig *rig, const char *key, const char *value)
{
    char assignment[512];
    snprintf(assignment, sizeof assignment, "%s=%s", key, value);
    assert_int_equal(config_set(&rig->config, assignment), SOUK_OK);
}

/* ---- a model with rows on servers, and samples ---- */

static const char *write_samples(struct rig *rig)
{
    struct buf text = {0}, items = {0}, categories = {0};
    struct rng rng;
    rng_init(&rng, 3, 1);
    buf_add_text(&text, "label\tuser\titem\tcategory\thist_item\thist_category\n");
    for (uint32_t b = 0; b < SAMPLES; b++) {
        uint32_t length = b % 3 == 1 ? 0 : (uint32_t)rng_below(&rng, 6);
        buf_clear(&items);
        buf_clear(&categories);
        for (uint32_t j = 0; j < length; j++) {
            buf_printf(&items, "%s%u", j ? "," : "", (unsigned)rng_below(&rng, IDS));
            buf_printf(&categories, "%s%u", j ? "," : "", (unsigned)rng_below(&rng, IDS));
        }
        buf_printf(&text, "%u\t%u\t%u\t%u\t%s\t%s\n", b % 2, (unsigned)rng_below(&rng, IDS),
                   (unsigned)rng_below(&rng, IDS), (unsigned)rng_below(&rng, IDS), buf_text(&items),
                   buf_text(&categories));
    }
    const char *path = temp_file(rig->dir, "samples.tsv", buf_text(&text));
    buf_fini(&text);
    buf_fini(&items);
    buf_fini(&categories);
    return path;
}

// Keys below KNOWN have rows that look trained.
static void push_rows(struct rig *rig)
{
    uint64_t keys[KNOWN];
    float rows[KNOWN * DIM];
    for (uint32_t t = 0; t < rig->tables.num_tables; t++) {
        for (uint32_t i = 0; i < KNOWN; i++) {
            keys[i] = i;
            rng_fill_normal(t, i, 0.7f, rows + (size_t)i * DIM, DIM);
        }
        struct souk_push push = {.table = rig->tables.ids[t],
                                 .num_keys = KNOWN,
                                 .keys = keys,
                                 .rows = rows,
                                 .mode = SOUK_PUSH_ASSIGN};
        souk_ticket ticket;
        assert_int_equal(souk_client_push(rig->cluster.client, &push, 1, &ticket), SOUK_OK);
    }
    assert_int_equal(souk_client_flush(rig->cluster.client), SOUK_OK);
}

static void read_samples(struct rig *rig)
{
    struct sample_reader *reader;
    struct sample_format_options options = {
        .config = &rig->config, .path = rig->config.data.test.items[0], .needs_label = true};
    assert_int_equal(sample_format_resolve(&options, &rig->format), SOUK_OK);
    struct sample_reader_options reading = {
        .files = &rig->config.data.test, .format = &rig->format, .num_parts = 1};
    assert_int_equal(sample_reader_open(&reading, &reader), SOUK_OK);
    sample_format_init_batch(&rig->format, &rig->samples);
    assert_int_equal(sample_reader_next(reader, 2 * SAMPLES, &rig->samples), SOUK_OK);
    assert_int_equal(rig->samples.num_samples, SAMPLES);
    sample_reader_close(reader);
}

static struct rig *start(const char *type, const char *batch_size)
{
    static const struct comm_launch alone;
    struct rig *rig = mem_calloc(1, sizeof *rig, "rig");
    rig->dir = temp_dir_create();
    config_init(&rig->config);
    const char *path = write_samples(rig);
    set(rig, "data.train", path);
    set(rig, "data.test", path);
    set(rig, "model.dim", "4");
    set(rig, "model.attention", "6,5");
    set(rig, "model.hidden", "8,4");
    set(rig, "train.batch_size", batch_size);
    assert_int_equal(comm_create(&alone, &rig->comm), SOUK_OK);
    model_cluster_start(&rig->cluster, 2, 1);
    rig->ops = model_ops_get(type);
    assert_int_equal(rig->ops->create(&rig->config, rig->comm, &rig->model), SOUK_OK);
    assert_int_equal(tables_describe(rig->ops, rig->model, &rig->config, &rig->tables), SOUK_OK);
    assert_int_equal(tables_open(&rig->tables, rig->cluster.client), SOUK_OK);
    push_rows(rig);
    read_samples(rig);
    rig->scorer = click_scorer_create(rig->model, rig->cluster.client, rig->tables.ids);
    return rig;
}

static void stop(struct rig *rig)
{
    click_scorer_destroy(rig->scorer);
    sample_batch_fini(&rig->samples);
    rig->ops->destroy(rig->model);
    model_cluster_stop(&rig->cluster);
    comm_destroy(rig->comm);
    config_fini(&rig->config);
    temp_dir_remove(rig->dir);
    mem_free(rig);
}

static struct click_scores scores_of(struct rig *rig)
{
    struct click_scores scores;
    assert_int_equal(click_scorer_run(rig->scorer, &rig->samples, &scores), SOUK_OK);
    return scores;
}

/* ---- scores ---- */

// What evaluation makes of the file.
static void evaluate(struct rig *rig, float *out)
{
    struct model_loader *loader;
    struct batch batch = {0};
    struct model_sums sums = {0};
    souk_status status;
    assert_int_equal(rig->ops->loader_open(rig->model, MODEL_SOURCE_TEST, 0, 0, &loader), SOUK_OK);
    while ((status = rig->ops->next_batch(loader, &batch)) == SOUK_OK) {
        assert_int_equal(batch_pull(&batch, rig->cluster.client, rig->tables.ids, true), SOUK_OK);
        assert_int_equal(souk_client_wait(rig->cluster.client, batch.pull), SOUK_OK);
        rig->ops->score(rig->model, &batch, out, &sums);
        out += batch.num_samples;
    }
    assert_int_equal(status, SOUK_EEND);
    rig->ops->loader_close(loader);
    batch_fini(&batch, rig->ops);
}

static void scores_are_those_of_evaluation(void **state)
{
    (void)state;
    static const char *const types[] = {"din", "base", "ncf"};
    for (int i = 0; i < 3; i++) {
        struct rig *rig = start(types[i], "32");
        float expected[SAMPLES], actual[SAMPLES], least = 1, most = 0;
        evaluate(rig, expected);
        struct click_scores scores = scores_of(rig);
        assert_true((scores.weights != NULL) == (i == 0));
        vmath_sigmoid(scores.logits, SAMPLES, actual);
        for (uint32_t b = 0; b < SAMPLES; b++) {
            assert_true(fabsf(expected[b] - actual[b]) < 1e-6f);
            least = fminf(least, actual[b]);
            most = fmaxf(most, actual[b]);
        }
        assert_true(most > least + 0.01f); // not the same for all
        stop(rig);
    }
}

static void the_size_of_pieces_does_not_matter(void **state)
{
    (void)state;
    static const char *const sizes[] = {"1", "7", "136", "137", "1000"};
    float logits[SAMPLES], weights[SAMPLES * 6];
    for (int i = 0; i < 5; i++) {
        struct rig *rig = start("din", sizes[i]);
        struct click_scores scores = scores_of(rig);
        uint32_t num_rows = rig->samples.num_rows;
        assert_in_range(num_rows, 100, SAMPLES * 6);
        for (uint32_t b = 0; i > 0 && b < SAMPLES; b++)
            assert_true(fabsf(logits[b] - scores.logits[b]) < 1e-5f);
        for (uint32_t r = 0; i > 0 && r < num_rows; r++)
            assert_true(fabsf(weights[r] - scores.weights[r]) < 1e-5f);
        memcpy(logits, scores.logits, sizeof logits);
        memcpy(weights, scores.weights, num_rows * sizeof *weights);
        stop(rig);
    }
}

static void ids_that_were_never_trained_on_are_marked(void **state)
{
    (void)state;
    struct rig *rig = start("din", "10");
    uint64_t *users = rig->samples.ids[rig->format.user], *items = rig->samples.ids[1];
    for (uint32_t b = 0; b < SAMPLES; b++) {
        users[b] = b % 2 ? UNKNOWN : 3;
        items[b] = b % 3 ? UNKNOWN : 4;
    }
    struct click_scores scores = scores_of(rig);
    for (uint32_t b = 0; b < SAMPLES; b++)
        assert_int_equal(scores.is_cold[b],
                         (b % 2 ? CLICK_COLD_USER : 0) | (b % 3 ? CLICK_COLD_ITEM : 0));
    // They are all the same zero vector.
    float first = scores.logits[1];
    for (uint32_t b = 0; b < SAMPLES; b++)
        if (users[b] == UNKNOWN) users[b] = UNKNOWN + 1;
    assert_true(fabsf(scores_of(rig).logits[1] - first) < 1e-6f);
    stop(rig);
}

static void labels_are_not_looked_at(void **state)
{
    (void)state;
    struct rig *rig = start("base", "50");
    float logits[SAMPLES];
    memcpy(logits, scores_of(rig).logits, sizeof logits);
    for (uint32_t b = 0; b < SAMPLES; b++) rig->samples.labels[b] = NAN;
    assert_memory_equal(logits, scores_of(rig).logits, sizeof logits);
    stop(rig);
}

static void no_samples_and_samples_without_histories_are_scored(void **state)
{
    (void)state;
    struct rig *rig = start("din", "10");
    sample_batch_clear(&rig->samples);
    scores_of(rig);
    uint64_t ids[] = {1, 2, 3};
    sample_batch_reserve(&rig->samples, 1, 0);
    for (int i = 0; i < 3; i++) rig->samples.ids[i][0] = ids[i];
    rig->samples.row_start[1] = 0;
    rig->samples.num_samples = 1;
    assert_true(isfinite(scores_of(rig).logits[0]));
    stop(rig);
}

static void a_score_that_is_no_number_is_refused(void **state)
{
    (void)state;
    struct rig *rig = start("ncf", "10");
    struct dense *dense = &rig->model->dense;
    for (uint32_t i = 0; i < dense->num_values; i++) dense->values[i] = NAN;
    struct click_scores scores;
    capture_log_begin();
    assert_int_equal(click_scorer_run(rig->scorer, &rig->samples, &scores), SOUK_EDIVERGED);
    assert_non_null(strstr(capture_log_text(), "no number"));
    capture_log_end();
    stop(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_evaluation),
        cmocka_unit_test(the_size_of_pieces_does_not_matter),
        cmocka_unit_test(ids_that_were_never_trained_on_are_marked),
        cmocka_unit_test(labels_are_not_looked_at),
        cmocka_unit_test(no_samples_and_samples_without_histories_are_scored),
        cmocka_unit_test(a_score_that_is_no_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
