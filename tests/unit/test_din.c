/* test_din.c - click models on tiny ragged batches: gradients by finite differences, and what does
 * not matter to a score. test_golden.c has the figures of another implementation. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "worker/model/din_net.h"
#include "worker/model/din_private.h"
#include "worker/nn/loss.h"

enum { SAMPLES = 6, DIM = 3, TABLES = 3, SAMPLES_MAX = 16 };

struct rig {
    struct model model; // without data: only what scoring and a step use
    struct config config;
    struct din_builder *builder;
    struct batch batch;
};

static struct sample_batch *raw_of(struct rig *rig)
{
    return &((struct din_samples *)rig->batch.samples)->raw;
}

// Fields user, item, category; histories of items and categories.
static void describe(struct sample_format *format)
{
    static const char *const names[] = {"user", "item", "category"};
    *format = (struct sample_format){.num_fields = TABLES,
                                     .num_ids = TABLES,
                                     .num_tables = TABLES,
                                     .num_histories = 2,
                                     .targets = {1, 2},
                                     .item = 1};
    for (uint32_t t = 0; t < TABLES; t++) {
        strcpy(format->tables[t].name, names[t]);
        format->ids[t].table = t;
    }
    format->histories[0].table = 1;
    format->histories[1].table = 2;
}

// lengths: of the histories, (n).
static void fill_batch(struct rig *rig, uint32_t n, const uint32_t *lengths)
{
    struct sample_batch *raw = raw_of(rig);
    uint32_t row = 0;
    struct rng rng;
    rng_init(&rng, 5, n);
    sample_batch_clear(raw);
    sample_batch_reserve(raw, n, 100);
    for (uint32_t b = 0; b < n; b++) {
        raw->labels[b] = (float)(b % 2);
        for (uint32_t t = 0; t < TABLES; t++) raw->ids[t][b] = rng_below(&rng, 7);
        for (uint32_t j = 0; j < lengths[b]; j++, row++)
            for (uint32_t h = 0; h < 2; h++) raw->histories[h][row] = rng_below(&rng, 7);
        raw->row_start[b + 1] = row;
    }
    raw->num_samples = n;
    raw->num_rows = row;
}

// Rows that are a function of table and key, as a server would give them.
static void pull(struct rig *rig)
{
    din_builder_build(rig->builder, &rig->batch);
    rig->batch.num_samples_all = rig->batch.num_samples;
    for (uint32_t t = 0; t < TABLES; t++) {
        struct batch_part *part = &rig->batch.parts[t];
        memset(part->found, 1, part->num_keys);
        for (uint32_t i = 0; i < part->num_keys; i++)
            rng_fill_normal(t, part->keys[i], 0.7f, part->rows + (size_t)i * DIM, DIM);
    }
}

static struct rig *start(enum din_kind kind, enum config_activation activation)
{
    static const uint32_t lengths[SAMPLES] = {4, 0, 1, 7, 2, 3};
    struct rig *rig = mem_calloc(1, sizeof *rig, "rig");
    struct model *model = &rig->model;
    config_init(&rig->config);
    model->config = &rig->config;
    describe(&model->format);
    model->shape = (struct din_shape){
        .kind = kind,
        .dim = DIM,
        .num_attention = 2,
        .attention = {5, 4},
        .attention_activation =
            activation == CONFIG_ACTIVATION_DICE ? ATTENTION_DICE : ATTENTION_SIGMOID,
        .num_hidden = 2,
        .hidden = {6, 4},
        .activation = activation,
    };
    din_shape_deal(&model->shape, &model->format);
    rig->builder = din_builder_create(&model->format, DIM);
    din_batch_samples(&rig->batch, &model->format);
    fill_batch(rig, SAMPLES, lengths);
    pull(rig);
    return rig;
}

static void make_net(struct rig *rig)
{
    struct model *model = &rig->model;
    model->net = din_net_create(&model->shape, &model->format, NULL, &model->dense);
    dense_initialise(&model->dense, 3);
}

static void stop(struct rig *rig)
{
    din_builder_destroy(rig->builder);
    din_batch_fini(&rig->batch);
    for (uint32_t t = 0; t < TABLES; t++) batch_part_fini(&rig->batch.parts[t]);
    din_net_destroy(rig->model.net);
    dense_fini(&rig->model.dense);
    mem_free(rig->model.logit_grad);
    mem_free(rig->model.stats_before);
    config_fini(&rig->config);
    mem_free(rig);
}

/* ---- batches ---- */

// A rank that has no part of a short file sees one; the arrays of a new batch are not there yet.
static void a_batch_without_samples_has_no_keys(void **state)
{
    (void)state;
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_SIGMOID);
    struct batch batch = {0};
    din_batch_samples(&batch, &rig->model.format);
    din_builder_build(rig->builder, &batch);
    assert_int_equal(batch.num_samples, 0);
    assert_int_equal(batch.num_parts, TABLES);
    for (uint32_t t = 0; t < TABLES; t++) {
        assert_int_equal(batch.parts[t].num_keys, 0);
        batch_part_fini(&batch.parts[t]);
    }
    din_batch_fini(&batch);
    stop(rig);
}

/* ---- gradients ---- */

// The mean loss of the batch; statistics stay as they were, so that it is a function.
static double loss_of(struct rig *rig, float *grads)
{
    const struct sample_batch *raw = raw_of(rig);
    struct dense *dense = &rig->model.dense;
    float stats[256];
    assert_in_range(dense->num_stats, 0, 256);
    memcpy(stats, dense->stats, dense->num_stats * sizeof *stats);
    const float *logits = din_net_forward(rig->model.net, &rig->batch, true, 9);
    double loss = bce_forward_backward(logits, raw->labels, raw->num_samples,
                                       1.0f / (float)raw->num_samples, grads);
    memcpy(dense->stats, stats, dense->num_stats * sizeof *stats);
    return loss / raw->num_samples;
}

static float largest(const float *values, size_t n)
{
    float most = 0;
    for (size_t i = 0; i < n; i++) most = fmaxf(most, fabsf(values[i]));
    return most;
}

// Each of values' gradients is the slope of the loss.
static void check_slopes(struct rig *rig, float *values, const float *grads, size_t n)
{
    const float step = 4e-3f, scale = largest(grads, n);
    for (size_t i = 0; i < n; i++) {
        float was = values[i];
        values[i] = was + step;
        double above = loss_of(rig, NULL);
        values[i] = was - step;
        double below = loss_of(rig, NULL);
        values[i] = was;
        double slope = (above - below) / (2 * (double)step);
        double tolerance = 0.01 * (double)scale + 2e-4;
        if (fabs(slope - (double)grads[i]) > tolerance)
            fail_msg("value %zu: slope %g, gradient %g", i, slope, (double)grads[i]);
    }
}

static void check_gradients(struct rig *rig)
{
    float grads[SAMPLES_MAX];
    struct dense *dense = &rig->model.dense;
    loss_of(rig, grads);
    dense_clear_grads(dense);
    din_net_backward(rig->model.net, &rig->batch, grads);
    assert_true(largest(dense->grads, dense->num_values) > 1e-3f);
    check_slopes(rig, dense->values, dense->grads, dense->num_values);
    for (uint32_t t = 0; t < rig->model.format.num_tables; t++) {
        struct batch_part *part = &rig->batch.parts[t];
        check_slopes(rig, part->rows, part->pushes, (size_t)part->num_keys * DIM);
    }
}

static void gradients_of_a_kind(enum din_kind kind, enum config_activation activation)
{
    struct rig *rig = start(kind, activation);
    make_net(rig);
    check_gradients(rig);
    stop(rig);
}

static void gradients_of_din_are_slopes_of_the_loss(void **state)
{
    (void)state;
    gradients_of_a_kind(DIN_ATTENTION, CONFIG_ACTIVATION_SIGMOID);
    gradients_of_a_kind(DIN_ATTENTION, CONFIG_ACTIVATION_PRELU);
    gradients_of_a_kind(DIN_ATTENTION, CONFIG_ACTIVATION_DICE);
}

static void gradients_of_base_and_ncf_are_slopes_of_the_loss(void **state)
{
    (void)state;
    gradients_of_a_kind(DIN_POOLED, CONFIG_ACTIVATION_DICE);
    gradients_of_a_kind(DIN_PLAIN, CONFIG_ACTIVATION_SIGMOID);
}

static void gradients_hold_with_every_option(void **state)
{
    (void)state;
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_SIGMOID);
    rig->model.shape.has_softmax = true;
    rig->model.shape.has_batch_norm = true;
    rig->model.shape.dropout = 0.3f;
    make_net(rig);
    check_gradients(rig);
    stop(rig);
    rig = start(DIN_POOLED, CONFIG_ACTIVATION_PRELU);
    rig->model.shape.is_mean = true;
    make_net(rig);
    check_gradients(rig);
    stop(rig);
}

static void gradients_hold_for_a_history_without_a_field(void **state)
{
    (void)state;
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_SIGMOID);
    struct sample_format *format = &rig->model.format;
    format->targets[1] = -1;
    rig->model.shape.num_plain = rig->model.shape.num_pairs = 0;
    din_shape_deal(&rig->model.shape, format);
    assert_int_equal(rig->model.shape.num_loose, 1);
    make_net(rig);
    check_gradients(rig);
    stop(rig);
}

/* ---- odd batches ---- */

static void step_is_finite(uint32_t n, const uint32_t *lengths, float label)
{
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_DICE);
    make_net(rig);
    fill_batch(rig, n, lengths);
    for (uint32_t b = 0; b < n; b++) raw_of(rig)->labels[b] = label;
    pull(rig);
    struct model_sums sums = {0};
    assert_int_equal(din_step(&rig->model, &rig->batch, 0.001f, &sums), SOUK_OK);
    assert_true(sums.values[DIN_SUM_SAMPLES] == n);
    assert_true(isfinite(sums.values[DIN_SUM_LOSS]) && sums.values[DIN_SUM_LOSS] > 0);
    for (uint32_t i = 0; i < rig->model.dense.num_values; i++)
        assert_true(isfinite(rig->model.dense.values[i]));
    stop(rig);
}

static void a_batch_of_one_row_is_trained_on(void **state)
{
    (void)state;
    step_is_finite(1, (const uint32_t[]){3}, 1);
    step_is_finite(1, (const uint32_t[]){0}, 0);
}

static void a_batch_without_clicks_is_trained_on(void **state)
{
    (void)state;
    step_is_finite(4, (const uint32_t[]){2, 0, 1, 5}, 0);
}

static void a_batch_without_any_history_is_trained_on(void **state)
{
    (void)state;
    step_is_finite(4, (const uint32_t[]){0, 0, 0, 0}, 1);
}

static void a_batch_without_samples_changes_no_row(void **state)
{
    (void)state;
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_DICE);
    make_net(rig);
    fill_batch(rig, 0, NULL);
    pull(rig);
    rig->batch.num_samples_all = 8; // other ranks have some
    struct model_sums sums = {0};
    assert_int_equal(din_step(&rig->model, &rig->batch, 0.001f, &sums), SOUK_OK);
    for (uint32_t t = 0; t < TABLES; t++) assert_int_equal(rig->batch.parts[t].num_keys, 0);
    assert_true(sums.values[DIN_SUM_SAMPLES] == 0 && sums.values[DIN_SUM_LOSS] == 0);
    stop(rig);
}

static void a_gradient_that_is_not_finite_is_skipped_until_the_limit(void **state)
{
    (void)state;
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_DICE);
    make_net(rig);
    rig->config.train.max_bad_steps = 2;
    mem_free(rig->config.run.dir);
    rig->config.run.dir = mem_strdup("/nowhere/at/all");
    rig->batch.parts[0].rows[0] = NAN;
    float before = rig->model.dense.values[0];
    struct model_sums sums = {0};
    for (int i = 0; i < 2; i++)
        assert_int_equal(din_step(&rig->model, &rig->batch, 0.001f, &sums), SOUK_EAGAIN);
    assert_true(rig->model.dense.values[0] == before && sums.values[DIN_SUM_SAMPLES] == 0);
    for (uint32_t i = 0; i < rig->model.dense.num_stats; i++)
        assert_true(isfinite(rig->model.dense.stats[i]));
    assert_int_equal(din_ops.num_bad_steps(&rig->model), 2);
    assert_int_equal(din_step(&rig->model, &rig->batch, 0.001f, &sums), SOUK_EDIVERGED);
    stop(rig);
}

static void gradients_longer_than_the_limit_are_cut_to_it(void **state)
{
    (void)state;
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_SIGMOID);
    make_net(rig);
    rig->config.train.dense_optimizer = CONFIG_DENSE_SGD;
    rig->config.train.clip_norm = 1e-3f;
    struct model_sums sums = {0};
    float before[512];
    struct dense *dense = &rig->model.dense;
    assert_in_range(dense->num_values, 1, 512);
    memcpy(before, dense->values, dense->num_values * sizeof *before);
    assert_int_equal(din_step(&rig->model, &rig->batch, 1, &sums), SOUK_OK);
    double square = 0;
    for (uint32_t i = 0; i < dense->num_values; i++) {
        double moved = (double)dense->values[i] - (double)before[i];
        square += moved * moved;
    }
    for (uint32_t t = 0; t < TABLES; t++) {
        const struct batch_part *part = &rig->batch.parts[t];
        for (uint32_t i = 0; i < part->num_keys * DIM; i++)
            square += (double)part->pushes[i] * (double)part->pushes[i];
    }
    assert_true(fabs(sqrt(square) - 1e-3) < 2e-5);
    stop(rig);
}

static void regularisation_shrinks_rare_ids_more(void **state)
{
    (void)state;
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_SIGMOID);
    make_net(rig);
    struct model_sums sums = {0};
    assert_int_equal(din_step(&rig->model, &rig->batch, 0.001f, &sums), SOUK_OK);
    float plain[64];
    const struct batch_part *items = &rig->batch.parts[1];
    uint32_t n = items->num_keys * DIM;
    assert_in_range(n, 2 * DIM, 64);
    memcpy(plain, items->pushes, n * sizeof *plain);

    stop(rig);
    rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_SIGMOID);
    make_net(rig);
    rig->config.model.l2 = 0.5f;
    rig->model.has_counts = true;
    for (uint32_t t = 0; t < TABLES; t++) {
        din_batch_count(&rig->batch, t, TABLES + t);
        struct batch_part *counts = &rig->batch.parts[TABLES + t];
        for (uint32_t i = 0; i < counts->num_keys; i++)
            counts->rows[i] = i == 0 ? 99 - counts->pushes[0] : 0;
    }
    assert_int_equal(din_step(&rig->model, &rig->batch, 0.001f, &sums), SOUK_OK);
    items = &rig->batch.parts[1];
    const struct batch_part *counts = &rig->batch.parts[TABLES + 1];
    for (uint32_t i = 0; i < n; i++) {
        float times = i < DIM ? 99 : counts->pushes[i / DIM];
        float expected = plain[i] + 0.5f / times * items->rows[i];
        assert_true(fabsf(items->pushes[i] - expected) < 1e-5f);
    }
    for (uint32_t t = 0; t < TABLES; t++) batch_part_fini(&rig->batch.parts[TABLES + t]);
    stop(rig);
}

/* ---- scores ---- */

static void score(struct rig *rig, float *scores, struct model_sums *sums)
{
    *sums = (struct model_sums){0};
    din_score(&rig->model, &rig->batch, scores, sums);
}

static void a_score_does_not_depend_on_labels_or_other_samples(void **state)
{
    (void)state;
    static const uint32_t lengths[SAMPLES] = {4, 0, 1, 7, 2, 3};
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_DICE);
    make_net(rig);
    float before[SAMPLES_MAX], after[SAMPLES_MAX];
    struct model_sums sums;
    score(rig, before, &sums);
    for (uint32_t b = 0; b < SAMPLES; b++) raw_of(rig)->labels[b] = 1 - raw_of(rig)->labels[b];
    score(rig, after, &sums);
    assert_memory_equal(before, after, SAMPLES * sizeof *before);
    // The first three alone.
    fill_batch(rig, SAMPLES, lengths);
    raw_of(rig)->num_samples = 3;
    raw_of(rig)->num_rows = raw_of(rig)->row_start[3];
    pull(rig);
    score(rig, after, &sums);
    for (int b = 0; b < 3; b++) assert_true(fabsf(before[b] - after[b]) < 1e-6f);
    stop(rig);
}

static void the_order_of_a_history_does_not_matter(void **state)
{
    (void)state;
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_DICE);
    rig->model.shape.has_softmax = true;
    make_net(rig);
    float before[SAMPLES_MAX], after[SAMPLES_MAX];
    struct model_sums sums;
    score(rig, before, &sums);
    struct sample_batch *raw = raw_of(rig);
    for (uint32_t h = 0; h < 2; h++) {
        uint64_t first = raw->histories[h][0]; // sample 0 has rows 0..3
        memmove(raw->histories[h], raw->histories[h] + 1, 3 * sizeof first);
        raw->histories[h][3] = first;
    }
    pull(rig);
    score(rig, after, &sums);
    for (int b = 0; b < SAMPLES; b++) assert_true(fabsf(before[b] - after[b]) < 1e-6f);
    stop(rig);
}

static void unseen_ids_score_as_zero_vectors_and_are_counted(void **state)
{
    (void)state;
    struct rig *rig = start(DIN_ATTENTION, CONFIG_ACTIVATION_DICE);
    make_net(rig);
    float unseen[SAMPLES_MAX], zero[SAMPLES_MAX];
    struct model_sums sums;
    struct batch_part *users = &rig->batch.parts[0], *items = &rig->batch.parts[1];
    memset(users->found, 0, users->num_keys);
    items->found[0] = 0;
    score(rig, unseen, &sums);
    assert_true(sums.values[DIN_SUM_UNSEEN] == SAMPLES);
    uint32_t num = 0;
    for (uint32_t b = 0; b < SAMPLES; b++) num += raw_of(rig)->ids[1][b] == items->keys[0];
    assert_true(sums.values[DIN_SUM_UNSEEN + 1] == num);
    pull(rig);
    memset(users->rows, 0, users->num_keys * DIM * sizeof(float));
    memset(items->rows, 0, DIM * sizeof(float));
    score(rig, zero, &sums);
    assert_true(sums.values[DIN_SUM_UNSEEN] == 0);
    assert_memory_equal(unseen, zero, SAMPLES * sizeof *zero);
    stop(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_without_samples_has_no_keys),
        cmocka_unit_test(gradients_of_din_are_slopes_of_the_loss),
        cmocka_unit_test(gradients_of_base_and_ncf_are_slopes_of_the_loss),
        cmocka_unit_test(gradients_hold_with_every_option),
        cmocka_unit_test(gradients_hold_for_a_history_without_a_field),
        cmocka_unit_test(a_batch_of_one_row_is_trained_on),
        cmocka_unit_test(a_batch_without_clicks_is_trained_on),
        cmocka_unit_test(a_batch_without_any_history_is_trained_on),
        cmocka_unit_test(a_batch_without_samples_changes_no_row),
        cmocka_unit_test(a_gradient_that_is_not_finite_is_skipped_until_the_limit),
        cmocka_unit_test(gradients_longer_than_the_limit_are_cut_to_it),
        cmocka_unit_test(regularisation_shrinks_rare_ids_more),
        cmocka_unit_test(a_score_does_not_depend_on_labels_or_other_samples),
        cmocka_unit_test(the_order_of_a_history_does_not_matter),
        cmocka_unit_test(unseen_ids_score_as_zero_vectors_and_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
