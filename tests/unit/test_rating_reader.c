/* Tests of worker/data/rating_reader: rows, bad rows, several files, parts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/hash.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/rating_reader.h"

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
    struct rating_format format;
    struct rating_reader_options options;
};

static void input_init(struct input *input, const char *const *texts, uint32_t num_files)
{
    memset(input, 0, sizeof(*input));
    config_init(&input->config);
    for (uint32_t i = 0; i < num_files; i++) {
        char name[2] = {(char)('a' + i), 0};
        input->paths[i] = strdup(strcmp(texts[i], "-") ? temp_file(dir, name, texts[i]) : "-");
    }
    input->files = (struct config_list){input->paths, num_files};
    assert_int_equal(rating_format_resolve(&input->config, input->paths[0], true, &input->format),
                     SOUK_OK);
    input->options = (struct rating_reader_options){
        .files = &input->files, .format = &input->format, .num_parts = 1};
}

static void input_fini(struct input *input)
{
    for (uint32_t i = 0; i < input->files.num_items; i++) free(input->paths[i]);
    config_fini(&input->config);
}

// All rows as "user item value|", in steps of three.
static souk_status read_part(const struct rating_reader_options *options, struct buf *out,
                             uint64_t *num_bad_out)
{
    struct rating rows[3];
    struct rating_reader *reader = NULL;
    uint32_t n = 1;
    souk_status status = rating_reader_open(options, &reader);
    while (!status && n > 0) {
        status = rating_reader_next(reader, rows, 3, &n);
        for (uint32_t i = 0; !status && i < n; i++)
            buf_printf(out, "%llu %llu %g|", (unsigned long long)rows[i].user,
                       (unsigned long long)rows[i].item, (double)rows[i].value);
    }
    if (num_bad_out && reader) *num_bad_out = rating_reader_num_bad(reader);
    if (!status) assert_true(rating_reader_share(reader) == 1);
    rating_reader_close(reader);
    return status;
}

static void assert_rows(const char *text, const char *wanted)
{
    struct input input;
    struct buf out = {0};
    input_init(&input, &text, 1);
    assert_int_equal(read_part(&input.options, &out, NULL), SOUK_OK);
    assert_string_equal(buf_text(&out), wanted);
    buf_fini(&out);
    input_fini(&input);
}

static void assert_bad(const char *text, const char *message)
{
    struct input input;
    struct buf out = {0};
    input_init(&input, &text, 1);
    capture_log_begin();
    assert_int_equal(read_part(&input.options, &out, NULL), SOUK_EDATA);
    if (!strstr(capture_log_text(), message)) fail_msg("log: %s", capture_log_text());
    capture_log_end();
    buf_fini(&out);
    input_fini(&input);
}

static void rows_of_all_layouts_are_read(void **state)
{
    (void)state;
    assert_rows("1\t2\t3\t4\n5\t6\t7.5\t8\n", "1 2 3|5 6 7.5|");
    assert_rows("user,item,rating\r\n1,2,3\r\n\r\n4,5,-6e-1", "1 2 3|4 5 -0.6|");
    assert_rows("1::2::3\n4::5::6\n", "1 2 3|4 5 6|");
    assert_rows("rating;movieId;userId\n\"1\";2;\"18446744073709551615\"\n",
                "18446744073709551615 2 1|");
    assert_rows(" 1  2 3\n", "1 2 3|");
    assert_rows("1, 2 , 3\n", "1 2 3|");
}

static void string_ids_are_keys_of_their_bytes(void **state)
{
    (void)state;
    struct input input;
    struct rating row;
    uint32_t n = 0;
    const char *text = "ann \xe9,\"x, y\",5\n";
    struct rating_reader *reader = NULL;
    input_init(&input, &text, 1);
    input.options.users = names_create();
    input.options.items = names_create();
    assert_int_equal(rating_reader_open(&input.options, &reader), SOUK_OK);
    assert_int_equal(rating_reader_next(reader, &row, 1, &n), SOUK_OK);
    assert_int_equal(n, 1);
    assert_true(row.user == hash_bytes("ann \xe9", 5, 0));
    assert_true(row.item == hash_bytes("x, y", 4, 0));
    size_t length = 0;
    assert_memory_equal(names_get(input.options.users, row.user, &length), "ann \xe9", 5);
    assert_memory_equal(names_get(input.options.items, row.item, &length), "x, y", 4);
    assert_int_equal(length, 4);
    rating_reader_close(reader);
    names_destroy(input.options.users);
    names_destroy(input.options.items);
    input_fini(&input);
}

static void bad_rows_name_place_and_remedy(void **state)
{
    (void)state;
    assert_bad("1,2,3\n1,3,x7\n", "/a:2: rating \"x7\" is not a number; fix the line or set "
                                  "data.max_bad_rows");
    assert_bad("1,2,3\n\n1,3,nan\n", "/a:3: rating \"nan\" is not a finite number");
    assert_bad("user,item,rating\n1,2,3\n1,3,1e99\n", "/a:3: rating \"1e99\" is not a finite");
    assert_bad("1,2,3\n1,2,\n", "/a:2: rating \"\" is not a number");
    assert_bad("1,2,3\n1,2\n", "/a:2: \"1,2\" is not 3 columns separated by \",\"");
    assert_bad("1,2,3\n1,2,3,4\n", "/a:2: \"1,2,3,4\" is not 3 columns");
    assert_bad("1\t2\t3\t4 5\n1 2 3\n", "/a:2: \"1 2 3\" is not 4 columns separated by \"tab\"");
    assert_bad("1,2,3\n,2,3\n", "/a:2: the user id is empty");
    assert_bad("a,b,3\na,,3\n", "/a:2: the item id is empty");
}

static void bad_integer_ids_get_advice(void **state)
{
    (void)state;
    const char *const ids[] = {"-5", "18446744073709551616", "x", "1.5"};
    for (size_t i = 0; i < 4; i++) {
        struct input input;
        struct buf out = {0}, text = {0}, wanted = {0};
        buf_printf(&text, "1,%s,3\n", ids[i]);
        const char *texts[] = {"1,2,3\n", text.text};
        input_init(&input, texts, 2);
        capture_log_begin();
        assert_int_equal(read_part(&input.options, &out, NULL), SOUK_EDATA);
        buf_printf(&wanted, "/b:1: item id \"%s\" is not a whole number from 0 to", ids[i]);
        assert_non_null(strstr(capture_log_text(), wanted.text));
        assert_non_null(strstr(capture_log_text(), "set data.item_id=string"));
        capture_log_end();
        buf_fini(&out);
        buf_fini(&text);
        buf_fini(&wanted);
        input_fini(&input);
    }
}

static void long_and_odd_text_is_shown_short(void **state)
{
    (void)state;
    char text[400] = "1,2,3\n1,2,\x1b[31m";
    size_t length = strlen(text);
    memset(text + length, 'x', 300);
    assert_bad(text,
               "rating \"?[31mxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" is");
}

static void tolerated_bad_rows_are_counted(void **state)
{
    (void)state;
    const char *text = "1,2,3\nx\n1,3,y\n1,4,5\nz\n1,5,inf\nz\n1,6,6\n";
    struct input input;
    struct buf out = {0};
    uint64_t num_bad = 0;
    input_init(&input, &text, 1);
    input.options.max_bad_rows = 5;
    capture_log_begin();
    assert_int_equal(read_part(&input.options, &out, &num_bad), SOUK_OK);
    assert_string_equal(out.text, "1 2 3|1 4 5|1 6 6|");
    assert_int_equal(num_bad, 5);
    const char *log = capture_log_text();
    assert_non_null(strstr(log, "/a:2: \"x\" is not 3 columns separated by \",\"; skipped\n"));
    assert_non_null(
        strstr(log, "/a:5: \"z\" is not 3 columns separated by \",\"; skipped, and so"));
    assert_null(strstr(log, "/a:6:"));
    capture_log_end();

    capture_log_begin();
    input.options.max_bad_rows = 4;
    assert_int_equal(read_part(&input.options, &out, NULL), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "/a:7: \"z\" is not 3 columns separated by \",\"; "
                                               "more than 4 bad rows (data.max_bad_rows)"));
    capture_log_end();
    buf_fini(&out);
    input_fini(&input);
}

static void files_are_read_in_their_order(void **state)
{
    (void)state;
    const char *texts[] = {"user,item,rating\n1,2,3\n", "user,item,rating\n4,5,6",
                           "user,item,rating\n7,8,9\n"};
    struct input input;
    struct buf out = {0};
    input_init(&input, texts, 3);
    assert_int_equal(read_part(&input.options, &out, NULL), SOUK_OK);
    assert_string_equal(out.text, "1 2 3|4 5 6|7 8 9|");
    buf_fini(&out);
    input_fini(&input);
}

static void header_of_another_file_must_be_the_same(void **state)
{
    (void)state;
    const char *texts[] = {"user,item,rating\n1,2,3\n", "item,user,rating\n4,5,6\n"};
    struct input input;
    struct buf out = {0};
    input_init(&input, texts, 2);
    capture_log_begin();
    assert_int_equal(read_part(&input.options, &out, NULL), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "/b: the header differs"));
    capture_log_end();
    buf_fini(&out);
    input_fini(&input);
}

static void file_without_rows_is_an_error(void **state)
{
    (void)state;
    const char *text = "1,2,3\n";
    struct input input;
    struct buf out = {0};
    input_init(&input, &text, 1);
    temp_file(dir, "a", "\n\n");
    capture_log_begin();
    assert_int_equal(read_part(&input.options, &out, NULL), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "/a has no ratings"));
    assert_int_equal(unlink(input.paths[0]), 0);
    assert_int_equal(read_part(&input.options, &out, NULL), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "there is no such file"));
    input.files.num_items = 0;
    assert_int_equal(read_part(&input.options, &out, NULL), SOUK_EDATA);
    input.files.num_items = 1;
    capture_log_end();
    buf_fini(&out);
    input_fini(&input);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The rows of a text that read_part made, sorted.
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

static void check_parts(const char *const *texts, uint32_t num_files)
{
    struct input input;
    struct buf whole = {0};
    input_init(&input, texts, num_files);
    assert_int_equal(read_part(&input.options, &whole, NULL), SOUK_OK);
    sort_rows(&whole);
    for (uint32_t n = 1; n <= 7; n++) {
        struct buf parts = {0};
        input.options.num_parts = n;
        for (input.options.part = 0; input.options.part < n; input.options.part++)
            assert_int_equal(read_part(&input.options, &parts, NULL), SOUK_OK);
        sort_rows(&parts);
        assert_string_equal(buf_text(&parts), buf_text(&whole));
        buf_fini(&parts);
    }
    buf_fini(&whole);
    input_fini(&input);
}

static void parts_together_read_each_row_once(void **state)
{
    (void)state;
    const char *const header[] = {"user,item,rating\n1,2,3\n2,2,3\n3,2,3\n4,2,3\n5,2,3\n6,2,3\n"};
    const char *const crlf[] = {"\xEF\xBB\xBFuser,item,rating\r\n1,2,3\r\n\r\n2,2,3"};
    const char *const late_header[] = {"\n\n\n\n\n\n\n\n\n\nuser,item,rating\n1,2,3\n2,3,4"};
    const char *const one_row[] = {"1 2 3"};
    const char *const files[] = {"1 2 3\n2 2 3", "3 2 3\n", "4 2 3\n5 2 3\n6 2 3\n"};
    check_parts(header, 1);
    check_parts(crlf, 1);
    check_parts(late_header, 1);
    check_parts(one_row, 1);
    check_parts(files, 3);
}

static void put_stdin(const char *text)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
}

static void rows_of_standard_input_are_dealt_out(void **state)
{
    (void)state;
    const char *dash = "-";
    int saved = dup(STDIN_FILENO);
    for (uint32_t part = 0; part < 2; part++) {
        struct input input;
        struct buf out = {0};
        put_stdin("user,item,rating\n1,2,3\n2,2,3\n3,2,3\n");
        input_init(&input, &dash, 1);
        input.options.part = part;
        input.options.num_parts = 2;
        assert_int_equal(read_part(&input.options, &out, NULL), SOUK_OK);
        assert_string_equal(out.text, part == 0 ? "1 2 3|3 2 3|" : "2 2 3|");
        buf_clear(&out);

        capture_log_begin(); // as mpirun gives it to other ranks
        assert_int_equal(read_part(&input.options, &out, NULL), SOUK_EDATA);
        assert_non_null(strstr(capture_log_text(), "mpirun hands it to rank 0 only"));
        capture_log_end();
        buf_fini(&out);
        input_fini(&input);
    }
    dup2(saved, STDIN_FILENO);
    close(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_all_layouts_are_read),
        cmocka_unit_test(string_ids_are_keys_of_their_bytes),
        cmocka_unit_test(bad_rows_name_place_and_remedy),
        cmocka_unit_test(bad_integer_ids_get_advice),
        cmocka_unit_test(long_and_odd_text_is_shown_short),
        cmocka_unit_test(tolerated_bad_rows_are_counted),
        cmocka_unit_test(files_are_read_in_their_order),
        cmocka_unit_test(header_of_another_file_must_be_the_same),
        cmocka_unit_test(file_without_rows_is_an_error),
        cmocka_unit_test(parts_together_read_each_row_once),
        cmocka_unit_test(rows_of_standard_input_are_dealt_out),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
