/* Tests of worker/data/generate: what is planted is what comes out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/generate.h"
#include "worker/data/rating_reader.h"

enum { MAX_USERS = 300, MAX_ITEMS = 200 };

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = temp_dir_create();
    return dir == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static struct generate_options small(void)
{
    struct generate_options options;
    generate_options_init(&options);
    options.dir = dir;
    options.num_users = MAX_USERS;
    options.num_items = MAX_ITEMS;
    options.num_ratings = 6000;
    return options;
}

static char *read_text(const char *name)
{
    char *text = NULL;
    size_t length = 0;
    assert_int_equal(file_read(temp_path(dir, name), 1 << 24, &text, &length), SOUK_OK);
    return text;
}

// What a generated pair of files holds.
struct tally {
    uint32_t rows_of_user[MAX_USERS], rows_of_item[MAX_ITEMS];
    bool is_seen[MAX_USERS][MAX_ITEMS];
    uint32_t num_rows;
    double sum, square;
};

static void tally_file(const char *name, struct tally *tally)
{
    struct config config;
    struct rating_format format;
    struct rating_reader *reader = NULL;
    char *path = strdup(temp_path(dir, name));
    struct config_list files = {&path, 1};
    config_init(&config);
    assert_int_equal(rating_format_resolve(&config, path, true, &format), SOUK_OK);
    assert_true(format.layout.has_header);
    struct rating_reader_options options = {.files = &files, .format = &format, .num_parts = 1};
    assert_int_equal(rating_reader_open(&options, &reader), SOUK_OK);
    struct rating row;
    uint32_t n = 1;
    while (rating_reader_next(reader, &row, 1, &n) == SOUK_OK && n == 1) {
        assert_in_range(row.user, 1, MAX_USERS);
        assert_in_range(row.item, 1, MAX_ITEMS);
        assert_false(tally->is_seen[row.user - 1][row.item - 1]);
        tally->is_seen[row.user - 1][row.item - 1] = true;
        tally->rows_of_user[row.user - 1]++;
        tally->rows_of_item[row.item - 1]++;
        tally->num_rows++;
        tally->sum += (double)row.value;
        tally->square += (double)row.value * (double)row.value;
    }
    rating_reader_close(reader);
    config_fini(&config);
    free(path);
}

static void files_hold_the_rows_asked_for_once_each(void **state)
{
    (void)state;
    struct generate_options options = small();
    struct generate_result result;
    struct tally *tally = calloc(1, sizeof(*tally));
    assert_int_equal(generate_ratings(&options, &result), SOUK_OK);
    tally_file("train.csv", tally);
    assert_int_equal(tally->num_rows, result.num_train);
    tally_file("test.csv", tally);
    assert_int_equal(tally->num_rows, 6000);
    assert_int_equal(result.num_train + result.num_test, 6000);
    assert_in_range(result.num_test, 520, 680);
    free(tally);
}

static void noise_floor_is_the_noise(void **state)
{
    (void)state;
    struct generate_options options = small();
    struct generate_result result;
    options.num_ratings = 20000;
    options.test_share = 0.5;
    options.noise = 0.75;
    assert_int_equal(generate_ratings(&options, &result), SOUK_OK);
    assert_true(fabs(result.noise_floor - 0.75) < 0.75 * 0.03);
    // Biases and factors stand out of the noise: variances 0.4^2 + 0.5^2 + 0.6^2.
    assert_true(fabs(result.mean_rmse - sqrt(0.77 + 0.75 * 0.75)) < 0.15);
    struct tally *tally = calloc(1, sizeof(*tally));
    tally_file("test.csv", tally);
    double mean = tally->sum / tally->num_rows;
    double deviation = sqrt(tally->square / tally->num_rows - mean * mean);
    assert_true(fabs(mean - 3.5) < 0.2);
    assert_true(fabs(deviation - result.mean_rmse) < 0.01);
    free(tally);

    options.noise = 0;
    assert_int_equal(generate_ratings(&options, &result), SOUK_OK);
    assert_true(result.noise_floor < 1e-4); // rounding to four digits
}

static int by_count(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

static void popularity_falls_by_zipf(void **state)
{
    (void)state;
    struct generate_options options = small();
    struct generate_result result;
    struct tally *tally = calloc(1, sizeof(*tally));
    options.zipf = 1;
    options.num_ratings = 3000;
    assert_int_equal(generate_ratings(&options, &result), SOUK_OK);
    tally_file("train.csv", tally);
    tally_file("test.csv", tally);
    qsort(tally->rows_of_user, MAX_USERS, sizeof(uint32_t), by_count);
    qsort(tally->rows_of_item, MAX_ITEMS, sizeof(uint32_t), by_count);
    // Users: the first would make 477 ratings, but has 200 items; the 10th 1/10 of the scale.
    assert_int_equal(tally->rows_of_user[0], MAX_ITEMS);
    assert_in_range(tally->rows_of_user[9], 55, 80);
    assert_in_range(tally->rows_of_user[99], 4, 9);
    assert_true(tally->rows_of_item[0] > 5 * tally->rows_of_item[99]);
    free(tally);
}

static void all_pairs_are_rated_when_all_are_asked_for(void **state)
{
    (void)state;
    struct generate_options options = small();
    struct generate_result result;
    struct tally *tally = calloc(1, sizeof(*tally));
    options.num_ratings = MAX_USERS * MAX_ITEMS;
    options.zipf = 1.3;
    options.test_share = 0;
    assert_int_equal(generate_ratings(&options, &result), SOUK_OK);
    assert_true(isnan(result.noise_floor));
    tally_file("train.csv", tally);
    assert_int_equal(tally->num_rows, MAX_USERS * MAX_ITEMS);
    free(tally);
}

static void same_options_give_the_same_bytes(void **state)
{
    (void)state;
    const char *const names[] = {"train.csv", "test.csv", "items.csv", "truth.json"};
    struct generate_options options = small();
    struct generate_result result;
    char *first[4], *other;
    assert_int_equal(generate_ratings(&options, &result), SOUK_OK);
    for (int i = 0; i < 4; i++) first[i] = read_text(names[i]);
    assert_int_equal(generate_ratings(&options, &result), SOUK_OK);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(first[i], other = read_text(names[i]));
        mem_free(other);
    }
    options.seed++;
    assert_int_equal(generate_ratings(&options, &result), SOUK_OK);
    for (int i = 0; i < 4; i++) {
        assert_string_not_equal(first[i], other = read_text(names[i]));
        mem_free(other);
        mem_free(first[i]);
    }
}

static void truth_tells_the_floor(void **state)
{
    (void)state;
    struct generate_options options = small();
    struct generate_result result;
    void *json = NULL;
    assert_int_equal(generate_ratings(&options, &result), SOUK_OK);
    char *text = read_text("truth.json");
    assert_int_equal(json_value_parse(text, strlen(text), "truth.json", &json), SOUK_OK);
    assert_true(json_value_number(json, "noise_floor_rmse", 0) == result.noise_floor);
    assert_true(json_value_number(json, "mean_rmse", 0) == result.mean_rmse);
    assert_int_equal(json_value_u64(json, "users", 0), MAX_USERS);
    assert_int_equal(json_value_u64(json, "test_rows", 0), result.num_test);
    json_value_destroy(json);
    mem_free(text);
}

static void string_ids_and_tabs_are_written_on_request(void **state)
{
    (void)state;
    struct generate_options options = small();
    struct generate_result result;
    options.has_string_ids = options.is_tsv = true;
    assert_int_equal(generate_ratings(&options, &result), SOUK_OK);
    char *train = read_text("train.tsv"), *items = read_text("items.tsv");
    assert_int_equal(strncmp(train, "user\titem\trating\nuser1\titem", 27), 0);
    assert_int_equal(strncmp(items, "item\ttitle\nitem1\t", 17), 0);
    uint32_t num_lines = 0;
    for (char *p = items; *p; p++) num_lines += *p == '\n';
    assert_int_equal(num_lines, 1 + MAX_ITEMS);
    mem_free(train);
    mem_free(items);
}

static void options_that_cannot_be_met_are_refused(void **state)
{
    (void)state;
    struct generate_result result;
    struct generate_options options = small();
    capture_log_begin();
    options.num_ratings = MAX_USERS * MAX_ITEMS + 1;
    assert_int_equal(generate_ratings(&options, &result), SOUK_EINVAL);
    assert_non_null(strstr(capture_log_text(), "300 users can rate 200 items 60000 times at most"));
    options = small();
    options.test_share = 1;
    assert_int_equal(generate_ratings(&options, &result), SOUK_EINVAL);
    options = small();
    options.noise = (double)NAN;
    assert_int_equal(generate_ratings(&options, &result), SOUK_EINVAL);
    options = small();
    options.num_factors = 0;
    assert_int_equal(generate_ratings(&options, &result), SOUK_EINVAL);
    options = small();
    options.dir = "/dev/null/x";
    assert_int_equal(generate_ratings(&options, &result), SOUK_EIO);
    capture_log_end();
}

// One message with the file's name and the cause, and no half set of files.
static void a_full_disk_is_said_once_and_leaves_nothing(void **state)
{
    (void)state;
    const char *const files[] = {"train.csv", "test.csv", "items.csv"};
    for (unsigned i = 0; i < 3; i++) {
        struct generate_options options = small();
        struct generate_result result;
        char *full_dir = temp_dir_create(), message[600];
        options.dir = full_dir;
        snprintf(message, sizeof(message), "cannot write %s/%s: No space left on device", full_dir,
                 files[i]);
        assert_int_equal(symlink("/dev/full", temp_path(full_dir, files[i])), 0);
        capture_log_begin();
        assert_int_equal(generate_ratings(&options, &result), SOUK_ENOSPC);
        const char *found = strstr(capture_log_text(), message);
        assert_non_null(found);
        assert_null(strstr(found + 1, "cannot"));
        assert_null(strstr(found + 1, "error"));
        capture_log_end();
        struct stat st;
        for (unsigned j = 0; j < 3; j++)
            assert_int_not_equal(lstat(temp_path(full_dir, files[j]), &st), 0);
        temp_dir_remove(full_dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_is_said_once_and_leaves_nothing),
        cmocka_unit_test(files_hold_the_rows_asked_for_once_each),
        cmocka_unit_test(noise_floor_is_the_noise),
        cmocka_unit_test(popularity_falls_by_zipf),
        cmocka_unit_test(all_pairs_are_rated_when_all_are_asked_for),
        cmocka_unit_test(same_options_give_the_same_bytes),
        cmocka_unit_test(truth_tells_the_floor),
        cmocka_unit_test(string_ids_and_tabs_are_written_on_request),
        cmocka_unit_test(options_that_cannot_be_met_are_refused),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
