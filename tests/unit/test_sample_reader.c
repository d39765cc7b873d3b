/* Tests of worker/data/sample_reader: ragged rows, bad rows, several files, parts, names. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/base/hash.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/sample_reader.h"

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

// What a test reads with; files are "a", "b" ... in dir, or "-".
struct input {
    struct config config;
    char *paths[8];
    struct config_list files;
    struct sample_format format;
    struct sample_reader_options options;
};

static void input_init(struct input *input, const char *const *texts, uint32_t num_files,
                       const char *setting)
{
    memset(input, 0, sizeof(*input));
    config_init(&input->config);
    if (setting) assert_int_equal(config_set(&input->config, setting), SOUK_OK);
    for (uint32_t i = 0; i < num_files; i++) {
        char name[2] = {(char)('a' + i), 0};
        input->paths[i] = strdup(strcmp(texts[i], "-") ? temp_file(dir, name, texts[i]) : "-");
    }
    input->files = (struct config_list){input->paths, num_files};
    struct sample_format_options options = {.config = &input->config, .path = input->paths[0]};
    assert_int_equal(sample_format_resolve(&options, &input->format), SOUK_OK);
    input->options = (struct sample_reader_options){
        .files = &input->files, .format = &input->format, .num_parts = 1};
}

static void input_fini(struct input *input)
{
    for (uint32_t i = 0; i < input->files.num_items; i++) free(input->paths[i]);
    config_fini(&input->config);
}

// A sample as "label id id;row row|": rows are "item:category".
static void add_sample(const struct sample_batch *batch, uint32_t b, struct buf *out)
{
    buf_printf(out, "%g", (double)batch->labels[b]);
    for (uint32_t i = 0; i < batch->num_ids; i++)
        buf_printf(out, " %llu", (unsigned long long)batch->ids[i][b]);
    for (uint32_t r = batch->row_start[b]; r < batch->row_start[b + 1]; r++)
        for (uint32_t h = 0; h < batch->num_histories; h++)
            buf_printf(out, "%s%llu",
                       h                         ? ":"
                       : r > batch->row_start[b] ? " "
                                                 : ";",
                       (unsigned long long)batch->histories[h][r]);
    buf_add_char(out, '|');
}

// All samples in batches of three, which must be consistent.
static souk_status read_part(const struct sample_reader_options *options, struct buf *out)
{
    struct sample_batch batch;
    struct sample_reader *reader = NULL;
    souk_status status = sample_reader_open(options, &reader);
    sample_format_init_batch(options->format, &batch);
    for (bool is_over = false; !status && !is_over; is_over = batch.num_samples == 0) {
        status = sample_reader_next(reader, 3, &batch);
        if (status) break;
        assert_int_equal(batch.row_start[0], 0);
        assert_int_equal(batch.row_start[batch.num_samples], batch.num_rows);
        for (uint32_t b = 0; b < batch.num_samples; b++) add_sample(&batch, b, out);
    }
    if (!status) assert_true(sample_reader_share(reader) == 1);
    sample_reader_close(reader);
    sample_batch_fini(&batch);
    return status;
}

static void assert_rows(const char *text, const char *setting, const char *wanted)
{
    struct input input;
    struct buf out = {0};
    input_init(&input, &text, 1, setting);
    assert_int_equal(read_part(&input.options, &out), SOUK_OK);
    assert_string_equal(buf_text(&out), wanted);
    buf_fini(&out);
    input_fini(&input);
}

static void assert_bad(const char *text, const char *setting, const char *message)
{
    struct input input;
    struct buf out = {0};
    input_init(&input, &text, 1, setting);
    capture_log_begin();
    assert_int_equal(read_part(&input.options, &out), SOUK_EDATA);
    if (!strstr(capture_log_text(), message)) fail_msg("log: %s", capture_log_text());
    capture_log_end();
    buf_fini(&out);
    input_fini(&input);
}

#define HEAD "label\tuser\titem\thist_item\thist_cat\n"

static void ragged_rows_are_read(void **state)
{
    (void)state;
    assert_rows(HEAD "1\t7\t9\t3,4,5\t1,1,2\n0\t7\t8\t\t\n1.0\t6\t5\t2\t9\n0\t1\t2\t3,3\t4,4\n",
                NULL, "1 7 9;3:1 4:1 5:2|0 7 8|1 6 5;2:9|0 1 2;3:4 3:4|");
    assert_rows("label,user,item,hist_item,hist_cat\r\n1,7,9,\"3,4\",\"1,2\"\r\n\r\n0,7,8,,", NULL,
                "1 7 9;3:1 4:2|0 7 8|");
    assert_rows("hist_item;label;item\n1|2|18446744073709551615;1;3\n 4 | 5;0; 6 \n",
                "features.separator=|", "1 3;1 2 18446744073709551615|0 6;4 5|");
    assert_rows("label,user,item\n1,2,3\n", NULL, "1 2 3|");
    assert_rows("user,item\n2,3\n", NULL, "nan 2 3|");
}

static void long_histories_keep_the_latest_and_are_counted(void **state)
{
    (void)state;
    const char *text = HEAD "1\t7\t9\t3,4,5\t1,1,2\n0\t7\t8\t5,6\t1,2\n0\t7\t8\t9,6,7\t1,2,3\n";
    struct input input;
    struct sample_batch batch;
    struct sample_reader *reader = NULL;
    assert_rows(text, "features.max_history=2", "1 7 9;4:1 5:2|0 7 8;5:1 6:2|0 7 8;6:2 7:3|");
    input_init(&input, &text, 1, "features.max_history=2");
    sample_format_init_batch(&input.format, &batch);
    assert_int_equal(sample_reader_open(&input.options, &reader), SOUK_OK);
    assert_int_equal(sample_reader_next(reader, 10, &batch), SOUK_OK);
    assert_int_equal(batch.num_samples, 3);
    assert_int_equal(sample_reader_num_cut(reader), 2);
    sample_reader_close(reader);
    sample_batch_fini(&batch);
    input_fini(&input);
}

static void bad_rows_name_place_and_remedy(void **state)
{
    (void)state;
    assert_bad(
        HEAD "1\t7\t9\t3\t1\n1\t7\t9\t3,4\t1\n", NULL,
        "/a:3: \"hist_item\" has 2 ids, but \"hist_cat\" has 1; lists of a row need the same "
        "length (they are cut at \",\", see features.separator); fix the line or set "
        "data.max_bad_rows");
    assert_bad(HEAD "1\t7\t9\t\t1\n", NULL,
               "/a:2: \"hist_item\" has 0 ids, but \"hist_cat\" has 1");
    assert_bad(HEAD "1\t\t9\t3\t1\n", NULL, "/a:2: column \"user\": an id is missing");
    assert_bad(HEAD "1\t7\t9\t3,,4\t1,1,1\n", NULL, "/a:2: column \"hist_item\": an id is missing");
    assert_bad(HEAD "1\t7\t9\t3,4\t1,\n", NULL, "/a:2: column \"hist_cat\": an id is missing");
    assert_bad(HEAD "-1\t7\t9\t3\t1\n", NULL,
               "/a:2: label \"-1\" is neither 0 nor 1; write 1 for a click and 0 for none");
    assert_bad(HEAD "0.5\t7\t9\t3\t1\n", NULL, "/a:2: label \"0.5\" is neither");
    assert_bad(HEAD "yes\t7\t9\t3\t1\n", NULL, "/a:2: label \"yes\" is neither");
    assert_bad(HEAD "nan\t7\t9\t3\t1\n", NULL, "/a:2: label \"nan\" is neither");
    assert_bad(HEAD "1\t7\t9\t3\t1\n1\t7\t9\t3\n", NULL,
               "/a:3: \"1?7?9?3\" is not 5 columns separated by \"tab\"");
    assert_bad(HEAD "1\t7\t9\t3,x\t1,1\n", "features.ids=integer",
               "/a:2: column \"hist_item\": id \"x\" is not a whole number from 0 to "
               "18446744073709551615; if ids are texts, set features.ids=string");
    assert_bad(HEAD "1\t7\t9\t18446744073709551616\t1\n", "features.ids=integer",
               "id \"18446744073709551616\" is not a whole number");
}

static void tolerated_bad_rows_leave_the_batch_as_it_was(void **state)
{
    (void)state;
    const char *text = HEAD "1\t7\t9\t3\t1\n1\t7\t9\t3,4\t1,x\n7\t7\t9\t3,4\t1,2\n1\t7\t9\t3,4\t1\n"
                            "0\t6\t5\t8,8\t9,9\n";
    struct input input;
    struct buf out = {0};
    input_init(&input, &text, 1, "features.ids=integer");
    input.options.max_bad_rows = 3;
    capture_log_begin();
    assert_int_equal(read_part(&input.options, &out), SOUK_OK);
    assert_non_null(strstr(capture_log_text(), "/a:3: column \"hist_cat\": id \"x\""));
    capture_log_end();
    assert_string_equal(out.text, "1 7 9;3:1|0 6 5;8:9 8:9|");
    buf_fini(&out);
    input_fini(&input);
}

static void string_ids_are_keys_of_their_bytes_with_names(void **state)
{
    (void)state;
    const char *text = "label\tuser\titem\thist_item\n1\tann\tb\t cat , d\n0\tann\t d\t\n";
    struct input input;
    struct sample_batch batch;
    struct sample_reader *reader = NULL;
    input_init(&input, &text, 1, NULL);
    struct names *names[SOUK_TABLES_MAX] = {NULL, names_create()};
    input.options.names = names;
    sample_format_init_batch(&input.format, &batch);
    assert_int_equal(sample_reader_open(&input.options, &reader), SOUK_OK);
    assert_int_equal(sample_reader_next(reader, 9, &batch), SOUK_OK);
    assert_int_equal(batch.num_samples, 2);
    assert_true(batch.ids[0][0] == hash_bytes("ann", 3, 0));
    assert_true(batch.histories[0][0] == hash_bytes("cat", 3, 0));
    assert_true(batch.histories[0][1] == hash_bytes("d", 1, 0));
    assert_true(batch.histories[0][1] == batch.ids[1][1]);
    size_t length = 0;
    assert_int_equal(names_count(names[1]), 3);
    assert_memory_equal(names_get(names[1], batch.histories[0][0], &length), "cat", 3);
    assert_int_equal(length, 3);
    sample_reader_close(reader);
    sample_batch_fini(&batch);
    names_destroy(names[1]);
    input_fini(&input);
}

static void names_of_cut_histories_are_those_kept(void **state)
{
    (void)state;
    const char *text = "label\titem\thist_item\n1\ta\tb,c,d\n";
    struct input input;
    struct buf out = {0};
    size_t length;
    input_init(&input, &text, 1, "features.max_history=2");
    struct names *names[SOUK_TABLES_MAX] = {names_create()};
    input.options.names = names;
    assert_int_equal(read_part(&input.options, &out), SOUK_OK);
    assert_int_equal(names_count(names[0]), 3);
    assert_null(names_get(names[0], hash_bytes("b", 1, 0), &length));
    assert_non_null(names_get(names[0], hash_bytes("d", 1, 0), &length));
    names_destroy(names[0]);
    buf_fini(&out);
    input_fini(&input);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The samples of a text that read_part made, sorted.
static void sort_rows(struct buf *rows)
{
    char *texts[64], *copy = strdup(buf_text(rows));
    size_t n = 0;
    for (char *one = strtok(copy, "|"); one; one = strtok(NULL, "|")) texts[n++] = one;
    qsort(texts, n, sizeof(*texts), by_text);
    buf_clear(rows);
    for (size_t i = 0; i < n; i++) buf_printf(rows, "%s|", texts[i]);
    free(copy);
}

static void check_parts(struct input *input, size_t num_bytes)
{
    struct buf whole = {0};
    assert_int_equal(read_part(&input->options, &whole), SOUK_OK);
    assert_int_equal(whole.length, num_bytes);
    sort_rows(&whole);
    for (uint32_t n = 1; n <= 7; n++) {
        struct buf parts = {0};
        input->options.num_parts = n;
        for (input->options.part = 0; input->options.part < n; input->options.part++)
            assert_int_equal(read_part(&input->options, &parts), SOUK_OK);
        sort_rows(&parts);
        assert_string_equal(buf_text(&parts), buf_text(&whole));
        buf_fini(&parts);
    }
    buf_fini(&whole);
}

static void parts_together_read_each_sample_once(void **state)
{
    (void)state;
    const char *one[] = {HEAD
                         "1\t1\t9\t3,4,5\t1,1,2\n0\t2\t8\t\t\n1\t3\t5\t2\t9\n0\t4\t2\t3,3\t4,4\n"};
    const char *three[] = {HEAD "1\t1\t9\t3\t1\n0\t2\t8\t\t\n", HEAD "1\t3\t5\t2\t9\n",
                           HEAD "0\t4\t2\t3,3\t4,4\n"};
    struct input input;
    input_init(&input, one, 1, NULL);
    check_parts(&input, strlen("1 1 9;3:1 4:1 5:2|0 2 8|1 3 5;2:9|0 4 2;3:4 3:4|"));
    input_fini(&input);
    input_init(&input, three, 3, NULL);
    check_parts(&input, strlen("1 1 9;3:1|0 2 8|1 3 5;2:9|0 4 2;3:4 3:4|"));
    input_fini(&input);
}

static void packed_files_are_dealt_by_rows(void **state)
{
    (void)state;
    const char *text = HEAD "1\t1\t9\t3\t1\n0\t2\t8\t\t\n1\t3\t5\t2\t9\n";
    const char *texts[] = {text};
    struct input input;
    input_init(&input, texts, 1, NULL);
    gzFile file = gzopen(input.paths[0], "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), (int)strlen(text));
    gzclose(file);
    check_parts(&input, strlen("1 1 9;3:1|0 2 8|1 3 5;2:9|"));
    input_fini(&input);
}

static void standard_input_is_read(void **state)
{
    (void)state;
    const char *text = HEAD "1\t1\t9\t3\t1\n0\t2\t8\t\t\n", *dash = "-";
    struct input input;
    struct buf out = {0};
    int ends[2], saved = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    input_init(&input, &dash, 1, NULL);
    assert_int_equal(read_part(&input.options, &out), SOUK_OK);
    assert_string_equal(out.text, "1 1 9;3:1|0 2 8|");
    dup2(saved, STDIN_FILENO);
    close(saved);
    buf_fini(&out);
    input_fini(&input);
}

static void empty_files_are_errors(void **state)
{
    (void)state;
    const char *text = HEAD "1\t1\t9\t3\t1\n";
    struct input input;
    struct buf out = {0};
    input_init(&input, &text, 1, NULL);
    temp_file(dir, "a", HEAD);
    capture_log_begin();
    assert_int_equal(read_part(&input.options, &out), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "/a has no samples"));
    input.files.num_items = 0;
    assert_int_equal(read_part(&input.options, &out), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "no file of samples is given"));
    input.files.num_items = 1;
    capture_log_end();
    buf_fini(&out);
    input_fini(&input);
}

static void a_batch_is_full_before_its_ids_cannot_be_counted(void **state)
{
    (void)state;
    struct sample_batch batch = {.num_rows = UINT32_MAX / 2, .num_histories = 1};
    assert_true(sample_batch_has_room(&batch));
    batch.num_histories = 2;
    assert_false(sample_batch_has_room(&batch));
    batch = (struct sample_batch){.num_samples = UINT32_MAX / 3, .num_ids = 2};
    assert_true(sample_batch_has_room(&batch));
    batch.num_ids = 3;
    assert_false(sample_batch_has_room(&batch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ragged_rows_are_read),
        cmocka_unit_test(long_histories_keep_the_latest_and_are_counted),
        cmocka_unit_test(bad_rows_name_place_and_remedy),
        cmocka_unit_test(tolerated_bad_rows_leave_the_batch_as_it_was),
        cmocka_unit_test(string_ids_are_keys_of_their_bytes_with_names),
        cmocka_unit_test(names_of_cut_histories_are_those_kept),
        cmocka_unit_test(parts_together_read_each_sample_once),
        cmocka_unit_test(packed_files_are_dealt_by_rows),
        cmocka_unit_test(standard_input_is_read),
        cmocka_unit_test(empty_files_are_errors),
        cmocka_unit_test(a_batch_is_full_before_its_ids_cannot_be_counted),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
