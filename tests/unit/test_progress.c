/* test_progress.c - rows of progress: time left, rates between rows and over epochs, the layout. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/train/progress.h"

static const uint64_t SECOND = 1000000000;

static void assert_time(double seconds, const char *expected)
{
    struct buf text = {0};
    progress_format_time(seconds, &text);
    assert_string_equal(buf_text(&text), expected);
    buf_fini(&text);
}

static void times_are_never_negative(void **state)
{
    (void)state;
    assert_time(0, "00:00:00");
    assert_time(59.6, "00:01:00");
    assert_time(3723, "01:02:03");
    assert_time(2 * 86400 + 3723, "2d 01:02:03");
    assert_time(-840, "-");
    assert_time(NAN, "-");
    assert_time(INFINITY, "-");
}

static void time_left_counts_only_the_work_of_this_process(void **state)
{
    (void)state;
    assert_true(fabs(progress_eta(10, 0, 0.25) - 30) < 1e-9);
    assert_true(fabs(progress_eta(10, 0.5, 0.75) - 10) < 1e-9);
    assert_true(progress_eta(10, 0, 1) == 0);
    assert_true(progress_eta(10, 0, 1.5) == 0);
    assert_true(progress_eta(10, 0.5, 0.5) < 0);
    assert_true(progress_eta(10, 0.5, 0.4) < 0);
    assert_true(progress_eta(0, 0, 0.5) < 0);
}

static struct progress *make_progress(FILE *out, uint32_t num_epochs)
{
    struct progress_options options = {
        .out = out, .metric = "rmse", .every_s = 1, .num_epochs = num_epochs, .now_ns = SECOND};
    return progress_create(&options);
}

static void a_row_comes_when_its_time_has_come(void **state)
{
    (void)state;
    struct progress *progress = make_progress(NULL, 1);
    struct progress_row row;
    struct train_totals totals = {.num_samples = 100, .loss = 50, .share = 0.5};
    assert_false(progress_update(progress, 0, &totals, 0.1f, SECOND * 3 / 2, false, &row));
    assert_true(progress_update(progress, 0, &totals, 0.1f, SECOND * 3, false, &row));
    assert_true(row.samples_per_s == 50 && row.loss == 0.5 && row.since == 0.5);
    assert_true(fabs(row.eta_s - 2) < 1e-9);
    assert_true(isnan(row.validation));
    assert_false(progress_update(progress, 0, &totals, 0.1f, SECOND * 3 + 1, true, &row));
    totals.num_samples = 101;
    assert_true(progress_update(progress, 0, &totals, 0.1f, SECOND * 3 + 2, true, &row));
    progress_destroy(progress);
}

static void figures_since_the_last_row_go_on_over_an_epoch(void **state)
{
    (void)state;
    struct progress *progress = make_progress(NULL, 10);
    struct progress_row row;
    progress_begin_epoch(progress, 0, 0);
    struct train_totals totals = {.num_samples = 100, .loss = 100, .share = 1};
    assert_true(progress_update(progress, 0, &totals, 0.1f, 2 * SECOND, false, &row));
    totals.num_samples = 150, totals.loss = 120;
    assert_false(progress_update(progress, 0, &totals, 0.1f, 2 * SECOND + 5, false, &row));
    progress_begin_epoch(progress, 0, 0);
    totals = (struct train_totals){.num_samples = 50, .loss = 10, .share = 0.3};
    assert_true(progress_update(progress, 1, &totals, 0.1f, 4 * SECOND, false, &row));
    assert_true(row.num_samples == 50 && row.loss == 0.2);
    assert_true(row.samples_per_s == 50); // 50 of the epoch before, 50 of this one, in two seconds
    assert_true(fabs(row.since - 0.3) < 1e-12);
    progress_destroy(progress);
}

static void waiting_and_traffic_are_those_since_the_last_row(void **state)
{
    (void)state;
    struct progress *progress = make_progress(NULL, 1);
    struct progress_row row;
    struct train_totals totals = {.num_samples = 1,
                                  .num_batches = 4,
                                  .num_stale = 6,
                                  .wait_s = 0.5,
                                  .busy_s = 1,
                                  .sent_bytes = 1e6,
                                  .share = -1};
    assert_true(progress_update(progress, 0, &totals, 0.1f, 2 * SECOND, false, &row));
    assert_true(row.wait_percent == 50 && row.mb_per_s == 1 && row.staleness == 1.5);
    assert_true(row.eta_s < 0); // nobody knows how long the data is
    totals.wait_s = 0.75, totals.busy_s = 2, totals.sent_bytes = 5e6;
    assert_true(progress_update(progress, 0, &totals, 0.1f, 3 * SECOND, false, &row));
    assert_true(row.wait_percent == 25 && row.mb_per_s == 4);
    progress_destroy(progress);
}

static void rows_stand_under_their_heads(void **state)
{
    (void)state;
    struct buf head = {0}, text = {0};
    struct progress_row row = {.epoch = 3,
                               .num_epochs = 60,
                               .num_samples = 241664,
                               .loss = 0.9113,
                               .since = NAN,
                               .validation = 0.95521,
                               .lr = 0.014f,
                               .samples_per_s = 612310,
                               .wait_percent = 3.14,
                               .staleness = 1,
                               .mb_per_s = 41.2,
                               .eta_s = -1};
    progress_format_head("rmse", false, &head);
    progress_format_row(&row, false, &text);
    assert_string_equal(buf_text(&text), "     3/60       241,664   0.9113        -   0.9552 "
                                         "1.40e-02     612,310    3.1   1.0    41.2         -");
    assert_int_equal(head.length, text.length);
    buf_clear(&text);
    row.loss = 1.656e32, row.validation = 12345678; // of a run that diverges
    progress_format_row(&row, false, &text);
    assert_int_equal(head.length, text.length);
    assert_non_null(strstr(buf_text(&text), "  1.7e+32        -  1.2e+07 "));
    buf_clear(&head);
    buf_clear(&text);
    progress_format_head("rmse", true, &head);
    progress_format_row(&row, true, &text);
    assert_int_equal(head.length, text.length);
    assert_true(text.length < 80);
    buf_fini(&head);
    buf_fini(&text);
}

static char *print_two_rows(bool is_terminal)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct progress_options options = {.out = out,
                                       .is_terminal = is_terminal,
                                       .columns = 200,
                                       .metric = "rmse",
                                       .every_s = 1,
                                       .num_epochs = 1,
                                       .now_ns = SECOND};
    struct progress *progress = progress_create(&options);
    struct train_totals totals = {.num_samples = 1, .share = 0.5};
    struct progress_row row;
    for (uint64_t s = 2; s < 4; s++)
        assert_true(progress_update(progress, 0, &totals, 0.1f, s * SECOND, false, &row));
    progress_destroy(progress);
    fclose(out);
    return text;
}

static unsigned count(const char *text, char c)
{
    unsigned n = 0;
    for (; *text; text++) n += *text == c;
    return n;
}

static void a_terminal_has_one_row_and_a_file_has_all(void **state)
{
    (void)state;
    char *terminal = print_two_rows(true), *file = print_two_rows(false);
    assert_int_equal(count(terminal, '\n'), 2); // the head, and the end of the row
    assert_int_equal(count(terminal, '\r'), 2);
    assert_int_equal(count(file, '\n'), 3);
    assert_int_equal(count(file, '\r'), 0);
    free(terminal);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_never_negative),
        cmocka_unit_test(time_left_counts_only_the_work_of_this_process),
        cmocka_unit_test(a_row_comes_when_its_time_has_come),
        cmocka_unit_test(figures_since_the_last_row_go_on_over_an_epoch),
        cmocka_unit_test(waiting_and_traffic_are_those_since_the_last_row),
        cmocka_unit_test(rows_stand_under_their_heads),
        cmocka_unit_test(a_terminal_has_one_row_and_a_file_has_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
