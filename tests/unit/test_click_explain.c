/* Explanations against deltas by hand: each history written out without one behaviour, and scored
 * alone. */
#include "worker/eval/click_explain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/model_cluster.h"
#include "tests/support/temp.h"
#include "worker/model/exchange.h"

enum { KNOWN = 20, DIM = 4, FIELDS = 3, LONGEST = 12 };

struct rig {
    char *dir;
    struct config config;
    struct comm *comm;
    struct model_cluster cluster;
    const struct model_ops *ops;
    struct model *model;
    struct tables tables;
    struct click_scorer *scorer;
};

static void set(struct rig *rig, const char *key, const char *value)
{
    char assignment[512];
    snprintf(assignment, sizeof assignment, "%s=%s", key, value);
    assert_int_equal(config_set(&rig->config, assignment), SOUK_OK);
}

// Keys below KNOWN have rows that look trained.
static void push_rows(struct rig *rig)
{
    uint64_t keys[KNOWN];
    float rows[KNOWN * DIM];
    for (uint32_t t = 0; t < rig->tables.num_tables; t++) {
        for (uint32_t i = 0; i < KNOWN; i++) {
            keys[i] = i;
            rng_fill_normal(t, i, 3.0f, rows + (size_t)i * DIM, DIM);
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

static struct rig *start(const char *type, const char *softmax, const char *batch_size)
{
    static const struct comm_launch alone;
    struct rig *rig = mem_calloc(1, sizeof *rig, "rig");
    rig->dir = temp_dir_create();
    config_init(&rig->config);
    set(rig, "data.train",
        temp_file(rig->dir, "train.tsv",
                  "label\tuser\titem\tcategory\thist_item\thist_category\n1\t1\t2\t3\t4\t5\n"));
    set(rig, "model.dim", "4");
    set(rig, "model.attention", "6,5");
    set(rig, "model.hidden", "8,4");
    set(rig, "model.softmax", softmax);
    set(rig, "train.batch_size", batch_size);
    assert_int_equal(comm_create(&alone, &rig->comm), SOUK_OK);
    model_cluster_start(&rig->cluster, 1, 1);
    rig->ops = model_ops_get(type);
    assert_int_equal(rig->ops->create(&rig->config, rig->comm, &rig->model), SOUK_OK);
    assert_int_equal(tables_describe(rig->ops, rig->model, &rig->config, &rig->tables), SOUK_OK);
    assert_int_equal(tables_open(&rig->tables, rig->cluster.client), SOUK_OK);
    push_rows(rig);
    rig->scorer = click_scorer_create(rig->model, rig->cluster.client, rig->tables.ids);
    return rig;
}

static void stop(struct rig *rig)
{
    click_scorer_destroy(rig->scorer);
    rig->ops->destroy(rig->model);
    model_cluster_stop(&rig->cluster);
    comm_destroy(rig->comm);
    config_fini(&rig->config);
    temp_dir_remove(rig->dir);
    mem_free(rig);
}

// The item and the category of behaviour j.
static uint64_t behaviour(uint32_t h, uint32_t j)
{
    return h == 0 ? (j * 7 + 3) % KNOWN : (j * j + 1) % KNOWN;
}

// Appends a sample whose history is the behaviours 0..n - 1 but for one.
static void add_sample(struct sample_batch *batch, uint32_t n, uint32_t without)
{
    sample_batch_reserve(batch, 1, n);
    uint32_t b = batch->num_samples++;
    batch->labels[b] = NAN;
    for (uint32_t f = 0; f < FIELDS; f++) batch->ids[f][b] = 5 + f;
    for (uint32_t j = 0; j < n; j++) {
        if (j == without) continue;
        for (uint32_t h = 0; h < 2; h++) batch->histories[h][batch->num_rows] = behaviour(h, j);
        batch->num_rows++;
    }
    batch->row_start[b + 1] = batch->num_rows;
}

// The logit of such a sample alone; weights_out (n) may be NULL.
static float score_by_hand(struct rig *rig, uint32_t n, uint32_t without, float *weights_out)
{
    struct sample_batch one;
    struct click_scores scores;
    sample_batch_init(&one, FIELDS, 2);
    add_sample(&one, n, without);
    assert_int_equal(click_scorer_run(rig->scorer, &one, &scores), SOUK_OK);
    float logit = scores.logits[0];
    if (weights_out && n > 0) memcpy(weights_out, scores.weights, n * sizeof *weights_out);
    sample_batch_fini(&one);
    return logit;
}

// Explains the middle one of three samples.
static struct click_explanation explain(struct rig *rig, uint32_t n)
{
    struct sample_batch batch;
    struct click_explanation explanation;
    sample_batch_init(&batch, FIELDS, 2);
    add_sample(&batch, 3, 1);
    add_sample(&batch, n, UINT32_MAX);
    add_sample(&batch, 2, UINT32_MAX);
    assert_int_equal(click_explain(rig->scorer, &batch, 1, &explanation), SOUK_OK);
    assert_int_equal(batch.num_samples, 3);
    sample_batch_fini(&batch);
    return explanation;
}

static void check(struct rig *rig, uint32_t n, bool has_weights)
{
    float weights[LONGEST], largest = 0;
    float logit = score_by_hand(rig, n, UINT32_MAX, has_weights ? weights : NULL);
    struct click_explanation explanation = explain(rig, n);
    assert_int_equal(explanation.num_behaviours, n);
    assert_true(fabs(explanation.logit - (double)logit) < 1e-6);
    assert_true(fabs(explanation.probability - 1 / (1 + exp(-(double)logit))) < 1e-6);
    assert_true((explanation.weights != NULL) == has_weights);
    for (uint32_t j = 0; j < n; j++) {
        float change = score_by_hand(rig, n, j, NULL) - logit;
        assert_true(fabsf(explanation.changes[j] - change) < 2e-6f);
        if (has_weights) assert_true(fabsf(explanation.weights[j] - weights[j]) < 1e-6f);
        largest = fmaxf(largest, fabsf(change));
    }
    assert_true(n == 0 || largest > 1e-4f); // there is something to compare
    click_explanation_fini(&explanation);
}

static void changes_are_those_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *type, *softmax, *batch_size;
    } cases[] = {{"din", "yes", "4"}, {"din", "no", "512"}, {"base", "no", "5"}};
    static const uint32_t lengths[] = {0, 1, 2, 5, LONGEST};
    for (int c = 0; c < 3; c++) {
        struct rig *rig = start(cases[c].type, cases[c].softmax, cases[c].batch_size);
        for (int i = 0; i < 5; i++) check(rig, lengths[i], c < 2);
        stop(rig);
    }
}

// More behaviours of variants than are kept in memory at once.
static void long_histories_are_explained_in_pieces(void **state)
{
    (void)state;
    enum { LONG = 2100 };
    static const uint32_t some[] = {0, 1, 1995, 1996, 1997, 1998, 1999, LONG - 2, LONG - 1};
    struct rig *rig = start("base", "no", "512");
    struct click_explanation explanation = explain(rig, LONG);
    float logit = score_by_hand(rig, LONG, UINT32_MAX, NULL);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        float change = score_by_hand(rig, LONG, some[i], NULL) - logit;
        assert_true(fabsf(explanation.changes[some[i]] - change) < 1e-4f * (1 + fabsf(change)));
        assert_true(fabsf(change) > 1e-3f);
    }
    click_explanation_fini(&explanation);
    stop(rig);
}

static void correlations_are_those_of_the_figures(void **state)
{
    (void)state;
    struct rig *rig = start("din", "yes", "100");
    struct click_explanation explanation = explain(rig, LONGEST);
    float sizes[LONGEST];
    for (uint32_t j = 0; j < LONGEST; j++) sizes[j] = fabsf(explanation.changes[j]);
    struct rank_correlation expected =
        rank_correlation(explanation.weights, explanation.changes, LONGEST);
    assert_true(isfinite(expected.value));
    assert_true(explanation.with_changes.value == expected.value);
    expected = rank_correlation(explanation.weights, sizes, LONGEST);
    assert_true(explanation.with_sizes.value == expected.value);
    click_explanation_fini(&explanation);
    explanation = explain(rig, 1);
    assert_string_equal(explanation.with_changes.undefined, "fewer than two values");
    click_explanation_fini(&explanation);
    stop(rig);
}

static void without_attention_there_are_no_weights(void **state)
{
    (void)state;
    struct rig *rig = start("base", "no", "100");
    struct click_explanation explanation = explain(rig, 5);
    assert_null(explanation.weights);
    assert_true(isnan(explanation.with_changes.value));
    assert_string_equal(explanation.with_sizes.undefined, "the model has no attention");
    click_explanation_fini(&explanation);
    stop(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_those_by_hand),
        cmocka_unit_test(long_histories_are_explained_in_pieces),
        cmocka_unit_test(correlations_are_those_of_the_figures),
        cmocka_unit_test(without_attention_there_are_no_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
