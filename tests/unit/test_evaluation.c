/* test_evaluation.c - which evaluation is the better one, and what a run with clicks leaves behind:
 * figures, reasons, protocol, a picture. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "tests/support/xml.h"
#include "worker/eval/click_list.h"
#include "worker/eval/protocol.h"
#include "worker/train/summary.h"

static bool is_better(double now, double then, bool is_lower_better, double min_delta)
{
    struct evaluation a = {.metrics[0] = {.value = now, .is_lower_better = is_lower_better}};
    struct evaluation b = {.metrics[0] = {.value = then, .is_lower_better = is_lower_better}};
    return evaluation_is_better(&a, &b, min_delta);
}

static void more_auc_is_better_and_less_error(void **state)
{
    (void)state;
    assert_true(is_better(0.8, 0.7, false, 0));
    assert_false(is_better(0.7, 0.8, false, 0));
    assert_false(is_better(0.8, 0.8, false, 0));
    assert_true(is_better(0.7, 0.8, true, 0));
    assert_false(is_better(0.8, 0.7, true, 0));
}

static void a_gain_below_min_delta_is_none(void **state)
{
    (void)state;
    assert_false(is_better(0.805, 0.8, false, 0.01));
    assert_true(is_better(0.815, 0.8, false, 0.01));
    assert_false(is_better(0.795, 0.8, true, 0.01));
    assert_true(is_better(0.785, 0.8, true, 0.01));
}

static void what_is_undefined_is_never_better(void **state)
{
    (void)state;
    for (int is_lower_better = 0; is_lower_better < 2; is_lower_better++) {
        assert_false(is_better(NAN, 0.5, is_lower_better, 0));
        assert_false(is_better(NAN, NAN, is_lower_better, 0));
        assert_false(is_better(INFINITY, 0.5, is_lower_better, 0));
        assert_true(is_better(0.5, NAN, is_lower_better, 0));
    }
}

/* ---- a run with clicks ---- */

/* Users 0..9 with 12 rows each; every fourth row is a click, unless is_any_click is false. */
static struct evaluation evaluate_clicks(bool is_any_click)
{
    struct click_samples samples = {0};
    struct evaluation evaluation = {.num_samples = 120, .num_metrics = CLICK_METRICS};
    for (uint32_t i = 0; i < 120; i++) {
        const uint64_t group = i / 12;
        const uint8_t label = is_any_click && i % 4 == 0;
        const float score = (float)(i * 37 % 120) / 150;
        assert_int_equal(click_samples_add(&samples, &group, &label, &score, 1), SOUK_OK);
    }
    click_metrics(&samples, 10, &evaluation.clicks);
    click_list(&evaluation.clicks, evaluation.metrics);
    click_samples_fini(&samples);
    return evaluation;
}

static void the_protocol_names_k(void **state)
{
    (void)state;
    struct evaluation evaluation = {.clicks.k = 20};
    struct buf text = {0};
    protocol_add(&evaluation, "|", &text);
    assert_non_null(strstr(buf_text(&text), "|hr@20: users with a click among their first 20|"));
    evaluation.clicks.k = 0;
    buf_clear(&text);
    protocol_add(&evaluation, "|", &text);
    assert_null(strstr(buf_text(&text), "hr@"));
    buf_fini(&text);
}

static void rows_without_users_are_said_to_be_one_list(void **state)
{
    (void)state;
    struct evaluation evaluation = evaluate_clicks(true);
    struct buf text = {0};
    protocol_add(&evaluation, "|", &text);
    assert_null(strstr(buf_text(&text), "no column says whose they are"));
    for (int i = 0; i < 2; i++) {
        buf_clear(&text);
        evaluation.clicks.num_groups = 1;
        (i ? protocol_add : protocol_add_short)(&evaluation, "|", &text);
        assert_non_null(strstr(buf_text(&text), "no column says whose they are: gauc is auc"));
    }
    buf_fini(&text);
}

static void the_end_of_a_run_shows_figures_and_protocol(void **state)
{
    (void)state;
    struct config config;
    config_init(&config);
    struct train_result result = {.test = evaluate_clicks(true), .num_bad_steps = 3};
    struct summary summary = {.config = &config, .result = &result, .topology = ""};
    struct buf text = {0};
    char figure[64];
    summary_format(&summary, &text);
    snprintf(figure, sizeof figure, "test       auc %.6f  gauc %.6f", result.test.clicks.auc,
             result.test.clicks.gauc);
    assert_non_null(strstr(buf_text(&text), figure));
    assert_non_null(strstr(buf_text(&text), "clicks 30  groups 10"));
    assert_non_null(strstr(buf_text(&text), "\nprotocol   each row once"));
    assert_non_null(strstr(buf_text(&text), "; all of it is in result.json\ntraining "));
    assert_non_null(strstr(buf_text(&text), "\nbad steps  3 skipped"));
    assert_non_null(strstr(buf_text(&text), " calibration.svg"));
    buf_fini(&text);
    config_fini(&config);
}

static void what_is_undefined_is_shown_with_the_reason(void **state)
{
    (void)state;
    struct config config;
    config_init(&config);
    struct train_result result = {.test = evaluate_clicks(false)};
    struct summary summary = {.config = &config, .result = &result, .topology = ""};
    struct buf text = {0};
    summary_format(&summary, &text);
    assert_non_null(strstr(buf_text(&text), "auc undefined (no sample is a click)  gauc"));
    assert_null(strstr(buf_text(&text), "nan"));
    assert_null(strstr(buf_text(&text), " \n"));
    buf_fini(&text);
    config_fini(&config);
}

static char *read_text(const char *dir, const char *name)
{
    char *text;
    size_t length;
    assert_int_equal(file_read(temp_path(dir, name), 1 << 20, &text, &length), SOUK_OK);
    return text;
}

static void files_of_a_run_have_the_picture_and_nulls(void **state)
{
    (void)state;
    char *dir = temp_dir_create(), assignment[512];
    struct config config;
    config_init(&config);
    snprintf(assignment, sizeof assignment, "run.dir=%s", dir);
    assert_int_equal(config_set(&config, assignment), SOUK_OK);
    struct train_result result = {.seconds = 1, .test = evaluate_clicks(false), .num_bad_steps = 3};
    struct summary summary = {.config = &config, .result = &result, .topology = ""};
    assert_int_equal(summary_write_files(&summary), SOUK_OK);
    char *json = read_text(dir, "result.json"), *svg = read_text(dir, "calibration.svg");
    assert_non_null(strstr(json, "\"auc\":null"));
    assert_non_null(strstr(json, "\"base_rate\":0"));
    assert_non_null(strstr(json, "\"protocol\":\"each row once"));
    assert_non_null(strstr(json, "normalised_entropy: log_loss over")); // all of it
    assert_non_null(strstr(json, "\"bad_steps\":3,"));
    assert_null(xml_fault(svg));
    mem_free(json);
    mem_free(svg);
    config_fini(&config);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_auc_is_better_and_less_error),
        cmocka_unit_test(a_gain_below_min_delta_is_none),
        cmocka_unit_test(what_is_undefined_is_never_better),
        cmocka_unit_test(the_protocol_names_k),
        cmocka_unit_test(rows_without_users_are_said_to_be_one_list),
        cmocka_unit_test(the_end_of_a_run_shows_figures_and_protocol),
        cmocka_unit_test(what_is_undefined_is_shown_with_the_reason),
        cmocka_unit_test(files_of_a_run_have_the_picture_and_nulls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
