/* Tests of worker/data/sample_stream and sample_store: epochs, shuffling, held-out users, memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/sample_store.h"
#include "worker/data/sample_stream.h"

enum { NUM_SAMPLES = 1000, ROWS_A_USER = 10, HISTORY_MAX = 6 };

static char *dir;

// A file of NUM_SAMPLES samples and what reads it: sample i is row i % 10 of user i / 10, whose
// history is items 10 * user + 0, 1, ... up to the row, at most HISTORY_MAX.
static struct {
    char *path;
    struct config_list files;
    struct sample_format format;
    struct sample_stream_options options;
} fixture;

static char *samples_text(void)
{
    struct buf text = {0};
    buf_add_text(&text, "label\tuser\titem\thist_item\thist_cat\n");
    for (uint32_t i = 0; i < NUM_SAMPLES; i++) {
        uint32_t user = i / ROWS_A_USER, row = i % ROWS_A_USER;
        uint32_t first = row > HISTORY_MAX ? row - HISTORY_MAX : 0;
        buf_printf(&text, "%u\t%u\t%u\t", i % 2, user, i);
        for (uint32_t j = first; j < row; j++)
            buf_printf(&text, "%s%u", j > first ? "," : "", user * ROWS_A_USER + j);
        buf_add_char(&text, '\t');
        for (uint32_t j = first; j < row; j++) buf_printf(&text, "%s%u", j > first ? "," : "", j);
        buf_add_char(&text, '\n');
    }
    return text.text;
}

static int make_files(void **state)
{
    (void)state;
    struct config config;
    dir = temp_dir_create();
    char *text = samples_text();
    fixture.path = strdup(temp_file(dir, "samples", text));
    free(text);
    fixture.files = (struct config_list){&fixture.path, 1};
    config_init(&config);
    struct sample_format_options options = {
        .config = &config, .path = fixture.path, .needs_label = true};
    assert_int_equal(sample_format_resolve(&options, &fixture.format), SOUK_OK);
    config_fini(&config);
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
    fixture.options = (struct sample_stream_options){
        .reader = {.files = &fixture.files, .format = &fixture.format, .num_parts = 1},
        .seed = 1,
        .cache_rows = NUM_SAMPLES,
        .shuffle_rows = 200,
    };
    return 0;
}

static struct sample_stream *open_stream(void)
{
    struct sample_stream *stream = NULL;
    assert_int_equal(sample_stream_open(&fixture.options, &stream), SOUK_OK);
    return stream;
}

// All of sample b must be as the file has it; returns its number.
static uint64_t check_sample(const struct sample_batch *batch, uint32_t b)
{
    uint64_t i = batch->ids[1][b], row = i % ROWS_A_USER;
    uint64_t length = row > HISTORY_MAX ? HISTORY_MAX : row;
    assert_true(batch->labels[b] == (float)(i % 2));
    assert_int_equal(batch->ids[0][b], i / ROWS_A_USER);
    assert_int_equal(batch->row_start[b + 1] - batch->row_start[b], length);
    for (uint64_t j = 0; j < length; j++) {
        uint64_t r = batch->row_start[b] + j, place = row - length + j;
        assert_int_equal(batch->histories[0][r], i / ROWS_A_USER * ROWS_A_USER + place);
        assert_int_equal(batch->histories[1][r], place);
    }
    return i;
}

// The numbers of an epoch's samples in their order; returns how many.
static uint32_t read_epoch(struct sample_stream *stream, uint32_t epoch, uint64_t num_skip,
                           uint64_t *numbers)
{
    uint32_t count = 0;
    struct sample_batch batch;
    sample_format_init_batch(&fixture.format, &batch);
    assert_int_equal(sample_stream_begin(stream, epoch, num_skip), SOUK_OK);
    for (bool is_over = false; !is_over; is_over = batch.num_samples == 0) {
        assert_int_equal(sample_stream_next(stream, 1 + count % 64, &batch), SOUK_OK);
        assert_true(count + batch.num_samples <= NUM_SAMPLES);
        for (uint32_t b = 0; b < batch.num_samples; b++) numbers[count++] = check_sample(&batch, b);
    }
    assert_true(sample_stream_share(stream) == 1);
    sample_batch_fini(&batch);
    return count;
}

static void assert_each_once(const uint64_t *numbers, uint32_t n)
{
    bool seen[NUM_SAMPLES] = {false};
    assert_int_equal(n, NUM_SAMPLES);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(numbers[i] < NUM_SAMPLES && !seen[numbers[i]]);
        seen[numbers[i]] = true;
    }
}

// Mean distance of samples from where they stand in the file.
static double mean_shift(const uint64_t *numbers, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += abs((int)numbers[i] - (int)i);
    return sum / n;
}

static void check_epochs(uint64_t cache_rows)
{
    uint64_t first[NUM_SAMPLES], second[NUM_SAMPLES], again[NUM_SAMPLES];
    fixture.options.cache_rows = cache_rows;
    struct sample_stream *stream = open_stream();
    assert_each_once(first, read_epoch(stream, 0, 0, first));
    assert_each_once(second, read_epoch(stream, 1, 0, second));
    assert_memory_not_equal(first, second, sizeof(first));
    assert_each_once(again, read_epoch(stream, 0, 0, again));
    assert_memory_equal(first, again, sizeof(first));
    sample_stream_close(stream);

    stream = open_stream(); // epoch 1 does not need epoch 0
    assert_each_once(again, read_epoch(stream, 1, 0, again));
    assert_memory_equal(second, again, sizeof(second));
    sample_stream_close(stream);
    fixture.options.seed = 2;
    stream = open_stream();
    assert_each_once(again, read_epoch(stream, 1, 0, again));
    assert_memory_not_equal(second, again, sizeof(second));
    sample_stream_close(stream);
}

static void cached_epochs_are_functions_of_seed_and_number(void **state)
{
    (void)state;
    check_epochs(NUM_SAMPLES);
}

static void streamed_epochs_are_functions_of_seed_and_number(void **state)
{
    (void)state;
    check_epochs(NUM_SAMPLES - 1);
    reset_options(state);
    check_epochs(0);
}

static void cached_samples_are_shuffled_as_a_whole(void **state)
{
    (void)state;
    uint64_t numbers[NUM_SAMPLES];
    struct sample_stream *stream = open_stream();
    assert_each_once(numbers, read_epoch(stream, 0, 0, numbers));
    assert_in_range((int)mean_shift(numbers, NUM_SAMPLES), 300, 370); // a third of them
    sample_stream_close(stream);
}

static void streamed_samples_are_shuffled_within_halves(void **state)
{
    (void)state;
    uint64_t numbers[NUM_SAMPLES];
    fixture.options.cache_rows = 0;
    struct sample_stream *stream = open_stream();
    assert_each_once(numbers, read_epoch(stream, 0, 0, numbers));
    assert_in_range((int)mean_shift(numbers, NUM_SAMPLES), 28, 38); // a third of a half
    sample_stream_close(stream);
    fixture.options.shuffle_rows = 1;
    stream = open_stream();
    assert_each_once(numbers, read_epoch(stream, 0, 0, numbers));
    assert_true(mean_shift(numbers, NUM_SAMPLES) == 0);
    sample_stream_close(stream);
}

static void skipped_samples_are_those_at_the_start(void **state)
{
    (void)state;
    const uint64_t caches[] = {NUM_SAMPLES, 10};
    for (int i = 0; i < 2; i++) {
        uint64_t whole[NUM_SAMPLES], rest[NUM_SAMPLES];
        fixture.options.cache_rows = caches[i];
        struct sample_stream *stream = open_stream();
        assert_int_equal(read_epoch(stream, 3, 0, whole), NUM_SAMPLES);
        sample_stream_close(stream);
        stream = open_stream();
        assert_int_equal(read_epoch(stream, 3, 700, rest), 300);
        assert_memory_equal(rest, whole + 700, 300 * sizeof(*rest));
        assert_int_equal(read_epoch(stream, 3, NUM_SAMPLES + 5, rest), 0);
        sample_stream_close(stream);
    }
}

static void held_out_users_are_left_out_of_training_as_a_whole(void **state)
{
    (void)state;
    const uint64_t caches[] = {NUM_SAMPLES, 10};
    for (int i = 0; i < 2; i++) {
        uint64_t numbers[NUM_SAMPLES];
        uint32_t counts[NUM_SAMPLES / ROWS_A_USER] = {0}, num_users = 0;
        fixture.options.cache_rows = caches[i];
        fixture.options.valid_share = 0.3;
        struct sample_stream *stream = open_stream();
        uint32_t n = read_epoch(stream, 0, 0, numbers);
        for (uint32_t j = 0; j < n; j++) counts[numbers[j] / ROWS_A_USER]++;
        for (uint32_t user = 0; user < NUM_SAMPLES / ROWS_A_USER; user++) {
            assert_true(counts[user] == 0 || counts[user] == ROWS_A_USER);
            num_users += counts[user] > 0;
        }
        assert_in_range(num_users, 58, 82);
        sample_stream_close(stream);
    }
}

static void without_a_user_samples_are_held_out_by_their_ids(void **state)
{
    (void)state;
    struct sample_format format = fixture.format;
    struct sample_batch batch;
    uint32_t num_held_out = 0;
    format.user = -1;
    sample_batch_init(&batch, 2, 0);
    sample_batch_reserve(&batch, 1, 0);
    for (uint64_t i = 0; i < 1000; i++) {
        batch.ids[0][0] = 5;
        batch.ids[1][0] = i;
        num_held_out += sample_is_held_out(1, 0.2, &format, &batch, 0);
        assert_false(sample_is_held_out(1, 0, &format, &batch, 0));
    }
    assert_in_range(num_held_out, 160, 240);
    sample_batch_fini(&batch);
}

static void parts_differ_and_are_complete(void **state)
{
    (void)state;
    uint64_t numbers[NUM_SAMPLES * 2];
    fixture.options.reader.num_parts = 2;
    struct sample_stream *stream = open_stream();
    uint32_t n = read_epoch(stream, 0, 0, numbers);
    sample_stream_close(stream);
    fixture.options.reader.part = 1;
    stream = open_stream();
    n += read_epoch(stream, 0, 0, numbers + n);
    sample_stream_close(stream);
    assert_each_once(numbers, n);
}

static void bad_and_cut_rows_are_counted_once(void **state)
{
    (void)state;
    struct sample_format format = fixture.format;
    char *path = strdup(temp_file(dir, "bad",
                                  "label\tuser\titem\thist_item\thist_cat\n0\t0\t0\t\t\nx\n"
                                  "1\t0\t1\t0\t0\n0\t0\t2\t9,0,1\t9,0,1\n7\t1\t1\t\t\n"));
    struct config_list files = {&path, 1};
    uint64_t numbers[NUM_SAMPLES];
    format.max_history = 2;
    fixture.options.reader.files = &files;
    fixture.options.reader.format = &format;
    fixture.options.reader.max_bad_rows = 2;
    fixture.options.cache_rows = 1;
    struct sample_stream *stream = open_stream();
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        capture_log_begin();
        assert_int_equal(read_epoch(stream, epoch, 0, numbers), 3);
        assert_int_equal(strstr(capture_log_text(), "skipped") != NULL, epoch == 0);
        capture_log_end();
        assert_int_equal(sample_stream_num_bad(stream), 2);
        assert_int_equal(sample_stream_num_cut(stream), 1);
    }
    sample_stream_close(stream);
    free(path);
}

static void histories_of_one_user_share_memory(void **state)
{
    (void)state;
    struct sample_reader *reader = NULL;
    struct sample_batch batch, given;
    struct sample_store store;
    sample_format_init_batch(&fixture.format, &batch);
    sample_format_init_batch(&fixture.format, &given);
    sample_store_init(&store, 2, 2);
    assert_int_equal(sample_reader_open(&fixture.options.reader, &reader), SOUK_OK);
    assert_int_equal(sample_reader_next(reader, NUM_SAMPLES, &batch), SOUK_OK);
    sample_reader_close(reader);
    for (uint32_t b = 0; b < NUM_SAMPLES; b++) {
        sample_store_add(&store, &batch, b);
        sample_store_add(&store, &batch, b); // a negative with the same history
    }
    // A user's behaviours are each there once; the last one is in no history.
    assert_int_equal(store.pool_length, NUM_SAMPLES / ROWS_A_USER * (ROWS_A_USER - 1));
    for (uint64_t i = 0; i < 2 * NUM_SAMPLES; i += 7) {
        sample_batch_clear(&given);
        sample_store_give(&store, i, &given);
        assert_int_equal(check_sample(&given, 0), i / 2);
    }
    sample_store_fini(&store);
    sample_batch_fini(&batch);
    sample_batch_fini(&given);
}

static void histories_that_only_look_alike_are_kept_apart(void **state)
{
    (void)state;
    const uint64_t lists[][4] = {{3, 1, 2, 3}, {2, 2, 3}, {2, 3, 1}, {0}, {1, 1}, {1, 1}, {1, 2}};
    struct sample_batch batch, given;
    struct sample_store store;
    sample_batch_init(&batch, 1, 2);
    sample_batch_init(&given, 1, 2);
    sample_store_init(&store, 1, 2);
    for (uint64_t i = 0; i < 7; i++) {
        uint32_t n = (uint32_t)lists[i][0];
        sample_batch_clear(&batch);
        sample_batch_reserve(&batch, 1, n);
        batch.ids[0][0] = i;
        batch.labels[0] = 1;
        for (uint32_t j = 0; j < n; j++) {
            batch.histories[0][j] = lists[i][j + 1];
            batch.histories[1][j] = lists[i][j + 1] + (i == 5); // alike in one column only
        }
        batch.row_start[1] = batch.num_rows = n;
        batch.num_samples = 1;
        sample_store_add(&store, &batch, 0);
    }
    for (uint64_t i = 0; i < 7; i++) sample_store_give(&store, i, &given);
    for (uint64_t i = 0; i < 7; i++) {
        assert_int_equal(given.row_start[i + 1] - given.row_start[i], lists[i][0]);
        for (uint64_t j = 0; j < lists[i][0]; j++) {
            assert_int_equal(given.histories[0][given.row_start[i] + j], lists[i][j + 1]);
            assert_int_equal(given.histories[1][given.row_start[i] + j],
                             lists[i][j + 1] + (i == 5));
        }
    }
    sample_store_fini(&store);
    sample_batch_fini(&batch);
    sample_batch_fini(&given);
}

#define fact(f) cmocka_unit_test_setup(f, reset_options)

// What on_read has got.
struct told {
    uint32_t numbers[NUM_SAMPLES];
    uint32_t count, num_ends;
};

static souk_status take_read(void *ctx, const struct sample_batch *batch)
{
    struct told *told = ctx;
    assert_int_equal(told->num_ends, 0);
    told->num_ends += batch->num_samples == 0;
    for (uint32_t b = 0; b < batch->num_samples; b++)
        told->numbers[told->count++] = (uint32_t)check_sample(batch, b);
    return SOUK_OK;
}

static void assert_told_in_order(uint64_t cache_rows, double valid_share)
{
    static uint64_t numbers[NUM_SAMPLES];
    struct told told = {.count = 0};
    fixture.options.cache_rows = cache_rows;
    fixture.options.valid_share = valid_share;
    fixture.options.on_read = take_read;
    fixture.options.ctx = &told;
    struct sample_stream *stream = open_stream();
    uint32_t n = read_epoch(stream, 0, 7, numbers);
    assert_int_equal(told.num_ends, 1);
    assert_int_equal(told.count, n + 7);
    for (uint32_t i = 1; i < told.count; i++) assert_true(told.numbers[i - 1] < told.numbers[i]);
    read_epoch(stream, 1, 0, numbers);
    assert_int_equal(told.num_ends, 1);
    sample_stream_close(stream);
}

static void first_reading_is_told_in_the_order_of_the_file(void **state)
{
    (void)state;
    assert_told_in_order(NUM_SAMPLES, 0);
    assert_told_in_order(NUM_SAMPLES, 0.3);
    assert_told_in_order(100, 0);
    assert_told_in_order(100, 0.3);
}

static souk_status refuse(void *ctx, const struct sample_batch *batch)
{
    (void)ctx;
    (void)batch;
    return SOUK_ENOSPC;
}

static void failure_of_whoever_is_told_ends_the_reading(void **state)
{
    (void)state;
    fixture.options.on_read = refuse;
    struct sample_stream *stream = open_stream();
    assert_int_equal(sample_stream_begin(stream, 0, 0), SOUK_ENOSPC);
    sample_stream_close(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fact(cached_epochs_are_functions_of_seed_and_number),
        fact(streamed_epochs_are_functions_of_seed_and_number),
        fact(cached_samples_are_shuffled_as_a_whole),
        fact(streamed_samples_are_shuffled_within_halves),
        fact(skipped_samples_are_those_at_the_start),
        fact(held_out_users_are_left_out_of_training_as_a_whole),
        fact(without_a_user_samples_are_held_out_by_their_ids),
        fact(parts_differ_and_are_complete),
        fact(bad_and_cut_rows_are_counted_once),
        fact(histories_of_one_user_share_memory),
        fact(histories_that_only_look_alike_are_kept_apart),
        fact(first_reading_is_told_in_the_order_of_the_file),
        fact(failure_of_whoever_is_told_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
