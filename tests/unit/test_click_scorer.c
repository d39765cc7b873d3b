/* test_click_scorer.c - samples that come from no file are scored as evaluation scores a file, in
 * pieces of any size. */
#include "worker/model/click_scorer.h"

#include <math.h>
#include <string.h>

#include "tests/support/click_rig.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/model/din_private.h"
#include "worker/nn/vmath.h"

enum { SAMPLES = CLICK_RIG_SAMPLES, UNKNOWN = CLICK_RIG_KNOWN + 1 };

static struct click_scores scores_of(struct click_rig *rig)
{
    struct click_scores scores;
    assert_int_equal(click_scorer_run(rig->scorer, &rig->samples, &scores), SOUK_OK);
    return scores;
}

/* ---- scores ---- */

// What evaluation makes of the file.
static void evaluate(struct click_rig *rig, float *out)
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
        struct click_rig *rig = click_rig_start(types[i], "32");
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
        click_rig_stop(rig);
    }
}

static void the_size_of_pieces_does_not_matter(void **state)
{
    (void)state;
    static const char *const sizes[] = {"1", "7", "136", "137", "1000"};
    float logits[SAMPLES], weights[SAMPLES * 6];
    for (int i = 0; i < 5; i++) {
        struct click_rig *rig = click_rig_start("din", sizes[i]);
        struct click_scores scores = scores_of(rig);
        uint32_t num_rows = rig->samples.num_rows;
        assert_in_range(num_rows, 100, SAMPLES * 6);
        for (uint32_t b = 0; i > 0 && b < SAMPLES; b++)
            assert_true(fabsf(logits[b] - scores.logits[b]) < 1e-5f);
        for (uint32_t r = 0; i > 0 && r < num_rows; r++)
            assert_true(fabsf(weights[r] - scores.weights[r]) < 1e-5f);
        memcpy(logits, scores.logits, sizeof logits);
        memcpy(weights, scores.weights, num_rows * sizeof *weights);
        click_rig_stop(rig);
    }
}

static void ids_that_were_never_trained_on_are_marked(void **state)
{
    (void)state;
    struct click_rig *rig = click_rig_start("din", "10");
    uint64_t *users = rig->samples.ids[rig->format.user], *items = rig->samples.ids[1];
    for (uint32_t b = 0; b < SAMPLES; b++) {
        users[b] = b % 2 ? UNKNOWN : 3;
        items[b] = b % 3 ? UNKNOWN : 4;
    }
    struct click_scores scores = scores_of(rig);
    const struct sample_batch *samples = &rig->samples;
    unsigned num_marks[2] = {0};
    for (uint32_t b = 0; b < SAMPLES; b++) {
        bool has_field = samples->ids[2][b] >= CLICK_RIG_KNOWN, has_behaviour = false;
        for (uint32_t i = samples->row_start[b]; i < samples->row_start[b + 1]; i++)
            for (uint32_t h = 0; h < 2; h++)
                has_behaviour |= samples->histories[h][i] >= CLICK_RIG_KNOWN;
        assert_int_equal(scores.is_cold[b], (b % 2 ? CLICK_COLD_USER : 0) |
                                                (b % 3 ? CLICK_COLD_ITEM : 0) |
                                                (has_field ? CLICK_COLD_FIELD : 0) |
                                                (has_behaviour ? CLICK_COLD_BEHAVIOUR : 0));
        num_marks[0] += has_field, num_marks[1] += has_behaviour;
    }
    assert_in_range(num_marks[0], 1, SAMPLES - 1);
    assert_in_range(num_marks[1], 1, SAMPLES - 1);
    // They are all the same zero vector.
    float first = scores.logits[1];
    for (uint32_t b = 0; b < SAMPLES; b++)
        if (users[b] == UNKNOWN) users[b] = UNKNOWN + 1;
    assert_true(fabsf(scores_of(rig).logits[1] - first) < 1e-6f);
    click_rig_stop(rig);
}

static void labels_are_not_looked_at(void **state)
{
    (void)state;
    struct click_rig *rig = click_rig_start("base", "50");
    float logits[SAMPLES];
    memcpy(logits, scores_of(rig).logits, sizeof logits);
    for (uint32_t b = 0; b < SAMPLES; b++) rig->samples.labels[b] = NAN;
    assert_memory_equal(logits, scores_of(rig).logits, sizeof logits);
    click_rig_stop(rig);
}

static void no_samples_and_samples_without_histories_are_scored(void **state)
{
    (void)state;
    struct click_rig *rig = click_rig_start("din", "10");
    sample_batch_clear(&rig->samples);
    scores_of(rig);
    uint64_t ids[] = {1, 2, 3};
    sample_batch_reserve(&rig->samples, 1, 0);
    for (int i = 0; i < 3; i++) rig->samples.ids[i][0] = ids[i];
    rig->samples.row_start[1] = 0;
    rig->samples.num_samples = 1;
    assert_true(isfinite(scores_of(rig).logits[0]));
    click_rig_stop(rig);
}

static void a_score_that_is_no_number_is_refused(void **state)
{
    (void)state;
    struct click_rig *rig = click_rig_start("ncf", "10");
    struct dense *dense = &rig->model->dense;
    for (uint32_t i = 0; i < dense->num_values; i++) dense->values[i] = NAN;
    struct click_scores scores;
    capture_log_begin();
    assert_int_equal(click_scorer_run(rig->scorer, &rig->samples, &scores), SOUK_EDIVERGED);
    assert_non_null(strstr(capture_log_text(), "no number"));
    capture_log_end();
    click_rig_stop(rig);
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
