/* test_click_metrics.c - figures of clicks against numbers of another program
 * (tests/golden/click_metrics.py), against comparisons of all pairs, and over parts of the data. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/eval/click_list.h"

#include "tests/golden/click_metrics.inc"

enum { NUM_GOLDEN = sizeof golden_labels };

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * fmax(1, fabs(expected))))
        fail_msg("%.17g is not %.17g", value, expected);
}

/* Samples in a new order each time, so that nothing hangs on it. */
static struct click_samples random_samples(uint64_t seed, uint32_t n, uint32_t num_groups,
                                           uint32_t num_scores)
{
    struct click_samples samples = {0};
    struct rng rng;
    rng_init(&rng, seed, n);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t group = rng_below(&rng, num_groups) * UINT64_C(0x9e3779b97f4a7c15);
        uint8_t label = rng_below(&rng, 4) == 0;
        float score = (float)rng_below(&rng, num_scores) / (float)num_scores;
        assert_int_equal(click_samples_add(&samples, &group, &label, &score, 1), 0);
    }
    return samples;
}

static struct click_figures measure(const struct click_samples *samples, uint32_t k)
{
    struct click_samples copy = {.num = samples->num, .capacity = samples->num};
    struct click_figures figures;
    if (samples->num > 0) {
        copy.items = mem_alloc(samples->num * sizeof *copy.items, "copy");
        memcpy(copy.items, samples->items, samples->num * sizeof *copy.items);
    }
    click_metrics(&copy, k, &figures);
    click_samples_fini(&copy);
    return figures;
}

static void assert_same_figures(const struct click_figures *a, const struct click_figures *b)
{
    assert_memory_equal(a, b, sizeof *a);
}

/* ---- another program's numbers ---- */

static void figures_are_those_of_the_definitions(void **state)
{
    (void)state;
    struct click_samples samples = {0};
    assert_int_equal(
        click_samples_add(&samples, golden_groups, golden_labels, golden_scores, NUM_GOLDEN), 0);
    for (size_t i = 0; i < sizeof golden_figures / sizeof *golden_figures; i++) {
        const struct click_figures *golden = &golden_figures[i];
        struct click_figures figures = measure(&samples, golden->k);
        assert_int_equal(figures.num_samples, golden->num_samples);
        assert_int_equal(figures.num_clicks, golden->num_clicks);
        assert_int_equal(figures.num_bins, golden->num_bins);
        assert_int_equal(figures.num_groups, golden->num_groups);
        assert_int_equal(figures.num_groups_one_class, golden->num_groups_one_class);
        assert_int_equal(figures.num_groups_over_k, golden->num_groups_over_k);
        assert_near(figures.auc, golden->auc);
        assert_near(figures.log_loss, golden->log_loss);
        assert_near(figures.normalised_entropy, golden->normalised_entropy);
        assert_near(figures.calibration, golden->calibration);
        assert_near(figures.calibration_error, golden->calibration_error);
        assert_near(figures.gauc, golden->gauc);
        assert_near(figures.hit_rate, golden->hit_rate);
        assert_near(figures.ndcg, golden->ndcg);
        assert_near(figures.mrr, golden->mrr);
    }
    click_samples_fini(&samples);
}

/* ---- naive twins ---- */

/* By all pairs of a group, or of all samples when group is NULL; weight_out: samples of it. */
static double naive_auc(const struct click_samples *samples, const uint64_t *group,
                        size_t *weight_out)
{
    double wins = 0, pairs = 0;
    *weight_out = 0;
    for (size_t i = 0; i < samples->num; i++) {
        const struct click_sample *a = &samples->items[i];
        if (group && a->group != *group) continue;
        ++*weight_out;
        for (size_t j = 0; a->label == 1 && j < samples->num; j++) {
            const struct click_sample *b = &samples->items[j];
            if (b->label == 1 || (group && b->group != *group)) continue;
            pairs++;
            wins += a->score > b->score ? 1 : a->score == b->score ? 0.5 : 0;
        }
    }
    return wins / pairs;
}

static double naive_gauc(const struct click_samples *samples)
{
    double sum = 0, weights = 0;
    for (size_t i = 0; i < samples->num; i++) {
        size_t weight, first = 0;
        while (samples->items[first].group != samples->items[i].group) first++;
        double auc = naive_auc(samples, &samples->items[i].group, &weight);
        if (first < i || isnan(auc)) continue; // one sample stands for its group
        sum += auc * (double)weight;
        weights += (double)weight;
    }
    return sum / weights;
}

static void auc_and_gauc_are_those_of_all_pairs(void **state)
{
    static const uint32_t scores[] = {1, 2, 7, 100, 1u << 20};
    (void)state;
    for (uint32_t c = 0; c < 5; c++) {
        struct click_samples samples = random_samples(c, 300 + c, 20 + c, scores[c]);
        struct click_figures figures = measure(&samples, 5);
        size_t weight;
        assert_near(figures.auc, naive_auc(&samples, NULL, &weight));
        assert_near(figures.gauc, naive_gauc(&samples));
        click_samples_fini(&samples);
    }
}

static void equal_scores_give_what_chance_gives(void **state)
{
    (void)state;
    const uint64_t groups[5] = {0};
    const uint8_t labels[5] = {0, 0, 0, 1, 0};
    const float scores[5] = {0.5f, 0.5f, 0.5f, 0.5f, 0.5f};
    struct click_samples samples = {0};
    assert_int_equal(click_samples_add(&samples, groups, labels, scores, 5), 0);
    struct click_figures figures = measure(&samples, 1);
    assert_near(figures.auc, 0.5);
    assert_near(figures.gauc, 0.5);
    assert_near(figures.hit_rate, 0.2);
    assert_near(figures.ndcg, 0.2);
    assert_near(figures.mrr, (1 + 1 / 2.0 + 1 / 3.0 + 1 / 4.0 + 1 / 5.0) / 5);
    assert_near(figures.log_loss, log(2));
    click_samples_fini(&samples);
}

static void bins_hold_all_samples_and_ascend(void **state)
{
    (void)state;
    struct click_samples samples = random_samples(3, 1003, 5, 1u << 20);
    struct click_figures figures = measure(&samples, 5);
    uint64_t num = 0;
    double clicks = 0;
    assert_int_equal(figures.num_bins, CLICK_BINS);
    for (uint32_t b = 0; b < figures.num_bins; b++) {
        assert_in_range(figures.bins[b].num_samples, 50, 51);
        if (b > 0) assert_true(figures.bins[b].predicted > figures.bins[b - 1].predicted);
        num += figures.bins[b].num_samples;
        clicks += figures.bins[b].observed * (double)figures.bins[b].num_samples;
    }
    assert_int_equal(num, 1003);
    assert_near(clicks, (double)figures.num_clicks);
    click_samples_fini(&samples);
}

/* ---- ranks ---- */

/* Deals samples out to ranks and lines them up again as comm_gather does. */
static struct click_samples gather_parts(const struct click_samples *samples, uint32_t num_ranks)
{
    struct click_samples all = {0};
    for (uint32_t r = 0; r < num_ranks; r++) {
        for (size_t i = 0; i < samples->num; i++) {
            const struct click_sample *item = &samples->items[i];
            const uint8_t label = (uint8_t)item->label;
            if (i * 7 % num_ranks != r) continue; // a group's samples lie on several ranks
            assert_int_equal(click_samples_add(&all, &item->group, &label, &item->score, 1), 0);
        }
    }
    return all;
}

static void samples_of_any_number_of_ranks_give_the_same_digits(void **state)
{
    (void)state;
    struct click_samples samples = random_samples(11, 4001, 90, 500);
    struct click_figures one = measure(&samples, 10);
    for (uint32_t num_ranks = 2; num_ranks <= 4; num_ranks++) {
        struct click_samples gathered = gather_parts(&samples, num_ranks);
        struct click_figures figures = measure(&gathered, 10);
        assert_same_figures(&one, &figures);
        click_samples_fini(&gathered);
    }
    click_samples_fini(&samples);
}

/* Two ranks, each with a perfect order of its own: together they are no better than chance. */
static void a_mean_of_the_ranks_aucs_would_be_wrong(void **state)
{
    (void)state;
    const uint64_t groups[4] = {1, 1, 2, 2};
    const uint8_t labels[4] = {0, 1, 0, 1};
    const float scores[4] = {0.1f, 0.2f, 0.8f, 0.9f};
    struct click_samples ranks[2] = {0}, all = {0};
    for (uint32_t r = 0; r < 2; r++) {
        assert_int_equal(
            click_samples_add(&ranks[r], groups + 2 * r, labels + 2 * r, scores + 2 * r, 2), 0);
        assert_near(measure(&ranks[r], 1).auc, 1);
        click_samples_fini(&ranks[r]);
    }
    assert_int_equal(click_samples_add(&all, groups, labels, scores, 4), 0);
    assert_near(measure(&all, 1).auc, 0.75);
    assert_near(measure(&all, 1).gauc, 1);
    click_samples_fini(&all);
}

/* ---- what has no figure ---- */

static const struct model_metric *find(const struct model_metric *metrics, const char *name)
{
    for (uint32_t i = 0; i < CLICK_METRICS; i++)
        if (strcmp(metrics[i].name, name) == 0) return &metrics[i];
    fail_msg("there is no %s", name);
    return NULL;
}

/* Each name's figure must be undefined for this reason, or defined when that is NULL. */
static void check_reasons(const struct click_samples *samples, const char *const names[],
                          const char *reason)
{
    struct click_figures figures = measure(samples, 10);
    struct model_metric metrics[CLICK_METRICS];
    click_list(&figures, metrics);
    for (; *names; names++) {
        const struct model_metric *metric = find(metrics, *names);
        assert_int_equal(isnan(metric->value) != 0, reason != NULL);
        if (reason)
            assert_string_equal(metric->undefined, reason);
        else
            assert_null(metric->undefined);
    }
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void without_samples_nothing_is_defined(void **state)
{
    (void)state;
    const struct click_samples none = {0};
    check_reasons(&none,
                  NAMES("auc", "gauc", "log_loss", "normalised_entropy", "calibration",
                        "calibration_error", "hr@10", "ndcg@10", "mrr", "base_rate"),
                  "there are no samples");
    check_reasons(&none, NAMES("clicks", "groups", "groups_one_class"), NULL);
}

static void one_class_has_no_auc_but_a_log_loss(void **state)
{
    (void)state;
    for (uint8_t label = 0; label < 2; label++) {
        for (uint32_t n = 1; n < 30; n += 28) {
            struct click_samples samples = {0};
            for (uint32_t i = 0; i < n; i++) {
                const uint64_t group = i % 3;
                const float score = (float)i / 30;
                assert_int_equal(click_samples_add(&samples, &group, &label, &score, 1), 0);
            }
            const char *reason = label ? "every sample is a click" : "no sample is a click";
            check_reasons(&samples,
                          NAMES("auc", "gauc", "normalised_entropy", "hr@10", "ndcg@10", "mrr"),
                          reason);
            check_reasons(&samples, NAMES("calibration"), label ? NULL : reason);
            check_reasons(&samples, NAMES("log_loss", "base_rate", "calibration_error"), NULL);
            click_samples_fini(&samples);
        }
    }
}

static void groups_of_one_class_are_counted_and_left_out(void **state)
{
    (void)state;
    const uint64_t groups[6] = {1, 1, 2, 2, 3, 3};
    const uint8_t labels[6] = {0, 0, 1, 1, 0, 1};
    const float scores[6] = {0.9f, 0.9f, 0.1f, 0.1f, 0.3f, 0.4f};
    struct click_samples samples = {0};
    assert_int_equal(click_samples_add(&samples, groups, labels, scores, 4), 0);
    check_reasons(&samples, NAMES("gauc", "hr@10", "ndcg@10", "mrr"),
                  "no group has both clicks and others");
    check_reasons(&samples, NAMES("auc"), NULL);
    assert_int_equal(click_samples_add(&samples, groups + 4, labels + 4, scores + 4, 2), 0);
    struct click_figures figures = measure(&samples, 1);
    assert_int_equal(figures.num_groups, 3);
    assert_int_equal(figures.num_groups_one_class, 2);
    assert_near(figures.gauc, 1);
    assert_near(figures.hit_rate, 1);
    assert_near(figures.mrr, 1);
    click_samples_fini(&samples);
}

static void a_hit_that_cannot_miss_is_no_figure(void **state)
{
    (void)state;
    struct click_samples samples = random_samples(2, 12, 3, 50); // groups of 10 at most
    check_reasons(&samples, NAMES("hr@10"), "no group has more than 10 candidates");
    check_reasons(&samples, NAMES("ndcg@10", "mrr"), NULL);
    click_samples_fini(&samples);
}

static void one_group_has_its_auc_as_gauc(void **state)
{
    (void)state;
    struct click_samples samples = random_samples(8, 200, 1, 30);
    struct click_figures figures = measure(&samples, 10);
    assert_int_equal(figures.num_groups, 1);
    assert_near(figures.gauc, figures.auc);
    click_samples_fini(&samples);
}

static void a_score_that_is_no_probability_is_an_error(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, -0.001f, 1.001f};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct click_samples samples = {0};
        const uint64_t groups[3] = {0};
        const uint8_t labels[3] = {0, 1, 0};
        const float scores[3] = {0.5f, bad[i], 0.5f};
        capture_log_begin();
        souk_status status = click_samples_add(&samples, groups, labels, scores, 3);
        bool has_place = strstr(capture_log_text(), "scores sample 2 by") != NULL;
        capture_log_end();
        assert_int_equal(status, SOUK_EDIVERGED);
        assert_true(has_place);
        assert_int_equal(samples.num, 0);
        click_samples_fini(&samples);
    }
}

static void the_two_zeros_are_one_score(void **state)
{
    (void)state;
    const uint64_t groups[3] = {0};
    const uint8_t labels[3] = {0, 0, 1};
    const float scores[3] = {0.0f, 0.5f, -0.0f};
    struct click_samples samples = {0};
    assert_int_equal(click_samples_add(&samples, groups, labels, scores, 3), 0);
    assert_near(measure(&samples, 1).auc, 0.25);
    click_samples_fini(&samples);
}

static void certain_and_wrong_costs_a_finite_loss(void **state)
{
    (void)state;
    const uint64_t groups[2] = {0};
    const uint8_t labels[2] = {1, 0};
    const float scores[2] = {0, 1};
    struct click_samples samples = {0};
    assert_int_equal(click_samples_add(&samples, groups, labels, scores, 2), 0);
    assert_true(fabs(measure(&samples, 1).log_loss + log(CLICK_CLAMP)) < 1e-8);
    click_samples_fini(&samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_definitions),
        cmocka_unit_test(auc_and_gauc_are_those_of_all_pairs),
        cmocka_unit_test(equal_scores_give_what_chance_gives),
        cmocka_unit_test(bins_hold_all_samples_and_ascend),
        cmocka_unit_test(samples_of_any_number_of_ranks_give_the_same_digits),
        cmocka_unit_test(a_mean_of_the_ranks_aucs_would_be_wrong),
        cmocka_unit_test(without_samples_nothing_is_defined),
        cmocka_unit_test(one_class_has_no_auc_but_a_log_loss),
        cmocka_unit_test(groups_of_one_class_are_counted_and_left_out),
        cmocka_unit_test(a_hit_that_cannot_miss_is_no_figure),
        cmocka_unit_test(one_group_has_its_auc_as_gauc),
        cmocka_unit_test(a_score_that_is_no_probability_is_an_error),
        cmocka_unit_test(the_two_zeros_are_one_score),
        cmocka_unit_test(certain_and_wrong_costs_a_finite_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
