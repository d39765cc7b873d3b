/* Tests of worker/data/rating_stream: epochs, shuffling, held-out rows, standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/rating_stream.h"

enum { NUM_ROWS = 1000 };

static char *dir;

// A file of NUM_ROWS rows "i i+1 1" and what reads it.
static struct {
    char *path;
    struct config_list files;
    struct rating_format format;
    struct rating_stream_options options;
} fixture;

static void resolve_format(const char *path, struct rating_format *format)
{
    struct config config;
    config_init(&config);
    assert_int_equal(rating_format_resolve(&config, path, true, format), SOUK_OK);
    config_fini(&config);
}

static char *rows_text(uint32_t n)
{
    struct buf text = {0};
    for (uint32_t i = 0; i < n; i++) buf_printf(&text, "%u %u 1\n", i, i + 1);
    return text.text;
}

static int make_files(void **state)
{
    (void)state;
    dir = temp_dir_create();
    char *text = rows_text(NUM_ROWS);
    fixture.path = strdup(temp_file(dir, "rows", text));
    free(text);
    fixture.files = (struct config_list){&fixture.path, 1};
    resolve_format(fixture.path, &fixture.format);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    free(fixture.path);
    temp_dir_remove(dir);
    return 0;
}

static int reset_options(void **state)
{
    (void)state;
    fixture.options = (struct rating_stream_options){
        .reader = {.files = &fixture.files, .format = &fixture.format, .num_parts = 1},
        .seed = 1,
        .cache_rows = NUM_ROWS,
        .shuffle_rows = 100,
    };
    return 0;
}

static struct rating_stream *open_stream(void)
{
    struct rating_stream *stream = NULL;
    assert_int_equal(rating_stream_open(&fixture.options, &stream), SOUK_OK);
    return stream;
}

// The users of an epoch in their order; returns how many.
static uint32_t read_epoch(struct rating_stream *stream, uint32_t epoch, uint64_t num_skip,
                           uint64_t *users)
{
    uint32_t count = 0, n = 1;
    struct rating rows[64];
    assert_int_equal(rating_stream_begin(stream, epoch, num_skip), SOUK_OK);
    while (n > 0) {
        assert_int_equal(rating_stream_next(stream, rows, 1 + count % 64, &n), SOUK_OK);
        for (uint32_t i = 0; i < n; i++) {
            assert_true(rows[i].item == rows[i].user + 1);
            assert_true(count < NUM_ROWS);
            users[count++] = rows[i].user;
        }
    }
    assert_true(rating_stream_share(stream) == 1);
    return count;
}

static void assert_each_once(const uint64_t *users, uint32_t n)
{
    bool seen[NUM_ROWS] = {false};
    assert_int_equal(n, NUM_ROWS);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(users[i] < NUM_ROWS && !seen[users[i]]);
        seen[users[i]] = true;
    }
}

// Mean distance of rows from where they stand in the file.
static double mean_shift(const uint64_t *users, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += abs((int)users[i] - (int)i);
    return sum / n;
}

static void check_epochs(uint64_t cache_rows)
{
    uint64_t first[NUM_ROWS], second[NUM_ROWS], again[NUM_ROWS];
    fixture.options.cache_rows = cache_rows;
    struct rating_stream *stream = open_stream();
    assert_each_once(first, read_epoch(stream, 0, 0, first));
    assert_each_once(second, read_epoch(stream, 1, 0, second));
    assert_memory_not_equal(first, second, sizeof(first));
    assert_each_once(again, read_epoch(stream, 0, 0, again));
    assert_memory_equal(first, again, sizeof(first));
    rating_stream_close(stream);

    stream = open_stream(); // epoch 1 does not need epoch 0
    assert_each_once(again, read_epoch(stream, 1, 0, again));
    assert_memory_equal(second, again, sizeof(second));
    rating_stream_close(stream);
    fixture.options.seed = 2;
    stream = open_stream();
    assert_each_once(again, read_epoch(stream, 1, 0, again));
    assert_memory_not_equal(second, again, sizeof(second));
    rating_stream_close(stream);
}

static void cached_epochs_are_functions_of_seed_and_number(void **state)
{
    (void)state;
    check_epochs(NUM_ROWS);
}

static void streamed_epochs_are_functions_of_seed_and_number(void **state)
{
    (void)state;
    check_epochs(NUM_ROWS - 1);
    reset_options(state);
    check_epochs(0);
}

static void cached_rows_are_shuffled_as_a_whole(void **state)
{
    (void)state;
    uint64_t users[NUM_ROWS];
    struct rating_stream *stream = open_stream();
    assert_each_once(users, read_epoch(stream, 0, 0, users));
    assert_in_range((int)mean_shift(users, NUM_ROWS), 300, 370); // a third of them
    rating_stream_close(stream);
}

static void streamed_rows_are_shuffled_within_a_window(void **state)
{
    (void)state;
    uint64_t users[NUM_ROWS];
    fixture.options.cache_rows = 0;
    struct rating_stream *stream = open_stream();
    assert_each_once(users, read_epoch(stream, 0, 0, users));
    assert_in_range((int)mean_shift(users, NUM_ROWS), 40, 140);
    rating_stream_close(stream);
    fixture.options.shuffle_rows = 1;
    stream = open_stream();
    assert_each_once(users, read_epoch(stream, 0, 0, users));
    assert_true(mean_shift(users, NUM_ROWS) == 0);
    rating_stream_close(stream);
}

static void skipped_rows_are_those_at_the_start(void **state)
{
    (void)state;
    const uint64_t caches[] = {NUM_ROWS, 10};
    for (int i = 0; i < 2; i++) {
        uint64_t whole[NUM_ROWS], rest[NUM_ROWS];
        fixture.options.cache_rows = caches[i];
        struct rating_stream *stream = open_stream();
        assert_int_equal(read_epoch(stream, 3, 0, whole), NUM_ROWS);
        rating_stream_close(stream);
        stream = open_stream();
        assert_int_equal(read_epoch(stream, 3, 700, rest), 300);
        assert_memory_equal(rest, whole + 700, 300 * sizeof(*rest));
        assert_int_equal(read_epoch(stream, 3, NUM_ROWS + 5, rest), 0);
        rating_stream_close(stream);
    }
}

static void held_out_rows_are_left_out_of_training(void **state)
{
    (void)state;
    const uint64_t caches[] = {NUM_ROWS, 10};
    uint32_t num_held_out = 0;
    for (uint64_t i = 0; i < NUM_ROWS; i++) {
        struct rating row = {i, i + 1, 1};
        num_held_out += rating_is_held_out(1, 0.2, &row);
        assert_false(rating_is_held_out(1, 0, &row));
    }
    assert_in_range(num_held_out, 160, 240);
    for (int i = 0; i < 2; i++) {
        uint64_t users[NUM_ROWS];
        fixture.options.cache_rows = caches[i];
        fixture.options.valid_share = 0.2;
        struct rating_stream *stream = open_stream();
        uint32_t n = read_epoch(stream, 0, 0, users);
        assert_int_equal(n, NUM_ROWS - num_held_out);
        for (uint32_t j = 0; j < n; j++) {
            struct rating row = {users[j], users[j] + 1, 1};
            assert_false(rating_is_held_out(1, 0.2, &row));
        }
        rating_stream_close(stream);
    }
}

static void parts_differ_and_are_complete(void **state)
{
    (void)state;
    uint64_t users[NUM_ROWS * 2];
    fixture.options.reader.num_parts = 2;
    struct rating_stream *stream = open_stream();
    uint32_t n = read_epoch(stream, 0, 0, users);
    rating_stream_close(stream);
    fixture.options.reader.part = 1;
    stream = open_stream();
    n += read_epoch(stream, 0, 0, users + n);
    rating_stream_close(stream);
    assert_each_once(users, n);
}

static void bad_rows_are_counted_once_and_warned_of_once(void **state)
{
    (void)state;
    uint64_t users[NUM_ROWS];
    char *path = strdup(temp_file(dir, "bad", "0 1 1\nx\n1 2 1\n2 3 y\n3 4 1\n"));
    struct config_list files = {&path, 1};
    fixture.options.reader.files = &files;
    fixture.options.reader.max_bad_rows = 2;
    fixture.options.cache_rows = 1;
    struct rating_stream *stream = open_stream();
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        capture_log_begin();
        assert_int_equal(read_epoch(stream, epoch, 0, users), 3);
        assert_int_equal(strstr(capture_log_text(), "skipped") != NULL, epoch == 0);
        capture_log_end();
        assert_int_equal(rating_stream_num_bad(stream), 2);
    }
    rating_stream_close(stream);
    free(path);
}

// A stream over NUM_ROWS rows of standard input.
static struct rating_stream *open_stdin(uint64_t cache_rows, int *saved_out)
{
    static char dash[] = "-";
    static char *paths[] = {dash};
    static struct config_list files = {paths, 1};
    static struct rating_format format;
    int ends[2];
    char *text = rows_text(NUM_ROWS);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    free(text);
    close(ends[1]);
    *saved_out = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    resolve_format("-", &format);
    fixture.options.reader.files = &files;
    fixture.options.reader.format = &format;
    fixture.options.cache_rows = cache_rows;
    return open_stream();
}

static void standard_input_has_epochs_when_it_fits(void **state)
{
    (void)state;
    int saved;
    uint64_t users[NUM_ROWS];
    struct rating_stream *stream = open_stdin(NUM_ROWS, &saved);
    assert_each_once(users, read_epoch(stream, 0, 0, users));
    assert_each_once(users, read_epoch(stream, 1, 0, users));
    rating_stream_close(stream);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

static void standard_input_has_one_epoch_when_it_does_not_fit(void **state)
{
    (void)state;
    int saved;
    uint64_t users[NUM_ROWS];
    struct rating_stream *stream = open_stdin(NUM_ROWS - 1, &saved);
    assert_each_once(users, read_epoch(stream, 0, 0, users));
    capture_log_begin();
    assert_int_equal(rating_stream_begin(stream, 1, 0), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "do not fit data.cache_rows (999); raise that"));
    capture_log_end();
    rating_stream_close(stream);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

#define fact(f) cmocka_unit_test_setup(f, reset_options)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fact(cached_epochs_are_functions_of_seed_and_number),
        fact(streamed_epochs_are_functions_of_seed_and_number),
        fact(cached_rows_are_shuffled_as_a_whole),
        fact(streamed_rows_are_shuffled_within_a_window),
        fact(skipped_rows_are_those_at_the_start),
        fact(held_out_rows_are_left_out_of_training),
        fact(parts_differ_and_are_complete),
        fact(bad_rows_are_counted_once_and_warned_of_once),
        fact(standard_input_has_epochs_when_it_fits),
        fact(standard_input_has_one_epoch_when_it_does_not_fit),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
