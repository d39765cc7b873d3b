/* Tests of worker/data/byte_source and line_reader: files, .gz, standard input, parts. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/text/buf.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/line_reader.h"

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = temp_dir_create();
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

// All lines of one part, each with a "|" behind it.
static souk_status join_part(const char *path, uint32_t part, uint32_t num_parts, struct buf *out)
{
    struct line_reader *reader = NULL;
    souk_status status = line_reader_open(path, part, num_parts, &reader);
    while (!status) {
        const char *line = NULL;
        size_t length = 0;
        status = line_reader_next(reader, &line, &length);
        if (status) break;
        buf_add(out, line, length);
        buf_add_char(out, '|');
    }
    line_reader_close(reader);
    return status == SOUK_EEND ? SOUK_OK : status;
}

static void assert_lines(const char *path, const char *wanted)
{
    struct buf out = {0};
    assert_int_equal(join_part(path, 0, 1, &out), SOUK_OK);
    assert_string_equal(buf_text(&out), wanted);
    buf_fini(&out);
}

static void assert_refused(const char *path, souk_status wanted, const char *message)
{
    struct buf out = {0};
    capture_log_begin();
    assert_int_equal(join_part(path, 0, 1, &out), wanted);
    if (!strstr(capture_log_text(), message)) fail_msg("log: %s", capture_log_text());
    capture_log_end();
    buf_fini(&out);
}

static void line_ends_are_left_out(void **state)
{
    (void)state;
    assert_lines(temp_file(dir, "a", "1\n2\r\n\n3\r4\n"), "1|2||3\r4|");
    assert_lines(temp_file(dir, "a", "1\n2"), "1|2|");
    assert_lines(temp_file(dir, "a", "1\r"), "1|");
    assert_lines(temp_file(dir, "a", "\n"), "|");
    assert_lines(temp_file(dir, "a", ""), "");
}

static void zero_byte_is_an_ordinary_byte(void **state)
{
    (void)state;
    struct line_reader *reader = NULL;
    const char *line = NULL;
    size_t length = 0;
    const char *path = temp_file_n(dir, "a", "a\0b\nc", 5);
    assert_int_equal(line_reader_open(path, 0, 1, &reader), SOUK_OK);
    assert_int_equal(line_reader_next(reader, &line, &length), SOUK_OK);
    assert_int_equal(length, 3);
    assert_memory_equal(line, "a\0b", 3);
    line_reader_close(reader);
}

static void mark_of_utf8_is_left_out(void **state)
{
    (void)state;
    assert_lines(temp_file(dir, "a", "\xEF\xBB\xBFuser\n1\n"), "user|1|");
    assert_lines(temp_file(dir, "a", "\xEF\xBB\xBF"), "|");
    assert_lines(temp_file(dir, "a", "1\n\xEF\xBB\xBF"), "1|\xEF\xBB\xBF|");
}

static void utf16_is_refused_with_advice(void **state)
{
    (void)state;
    assert_refused(temp_file_n(dir, "a",
                               "\xFF\xFE"
                               "1\0\t\0",
                               6),
                   SOUK_EDATA, "iconv -f UTF-16");
    assert_refused(temp_file_n(dir, "a",
                               "\xFE\xFF\0"
                               "1",
                               4),
                   SOUK_EDATA, "iconv -f UTF-16");
}

static void missing_file_and_folder_are_named(void **state)
{
    (void)state;
    assert_refused(temp_path(dir, "none.csv"), SOUK_EDATA, "none.csv: there is no such file");
    assert_refused("none.csv", SOUK_EDATA, "paths are taken from the current folder, /");
    assert_refused(dir, SOUK_EDATA, "is a folder; name the file in it");
}

static void pipe_given_as_a_file_is_refused(void **state)
{
    (void)state;
    int ends[2];
    char path[64];
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    assert_refused(path, SOUK_EDATA, "give it as standard input");
    assert_false(line_reader_can_split(path));
    assert_false(line_reader_can_repeat(path));
    close(ends[0]);
    close(ends[1]);
}

static const char *long_line_file(size_t length)
{
    char *text = malloc(length + 4);
    memcpy(text, "1\n", 2);
    memset(text + 2, 'x', length);
    memcpy(text + 2 + length, "\n2", 2);
    const char *path = temp_file_n(dir, "long", text, length + 4);
    free(text);
    return path;
}

static void longest_line_is_read_and_a_longer_one_is_named(void **state)
{
    (void)state;
    struct buf out = {0};
    assert_int_equal(join_part(long_line_file(LINE_MAX_BYTES), 0, 1, &out), SOUK_OK);
    assert_int_equal(out.length, 2 + LINE_MAX_BYTES + 1 + 2);
    buf_fini(&out);
    assert_refused(long_line_file(LINE_MAX_BYTES + 1), SOUK_EDATA, "long:2: the line is longer");
}

static void lines_that_cross_blocks_are_whole(void **state)
{
    (void)state;
    struct buf text = {0}, out = {0}, wanted = {0};
    for (int i = 0; text.length < 900000; i++) {
        buf_printf(&text, "%d,%0*d\n", i, i % 4000 + 1, i);
        buf_printf(&wanted, "%d,%0*d|", i, i % 4000 + 1, i);
    }
    const char *path = temp_file_n(dir, "big", text.text, text.length);
    assert_int_equal(join_part(path, 0, 1, &out), SOUK_OK);
    assert_string_equal(out.text, wanted.text);
    buf_fini(&text);
    buf_fini(&out);
    buf_fini(&wanted);
}

// Parts one behind the other must give the lines of the whole, whatever their number.
static void check_parts(const char *text)
{
    struct buf whole = {0};
    const char *path = temp_file(dir, "parts", text);
    assert_int_equal(join_part(path, 0, 1, &whole), SOUK_OK);
    for (uint32_t n = 1; n <= 7; n++) {
        struct buf parts = {0};
        for (uint32_t part = 0; part < n; part++)
            assert_int_equal(join_part(path, part, n, &parts), SOUK_OK);
        assert_string_equal(buf_text(&parts), buf_text(&whole));
        buf_fini(&parts);
    }
    buf_fini(&whole);
}

static void parts_together_hold_each_line_once(void **state)
{
    (void)state;
    check_parts("");
    check_parts("\n");
    check_parts("one line");
    check_parts("one line\n");
    check_parts("a\nb\nc\nd\ne\nf\ng\n");
    check_parts("a\r\nbb\r\nccc\r\n\r\ndddd\r\n");
    check_parts("a\nb\n\n\n\nno end");
    check_parts("\xEF\xBB\xBFuser\n1\n2\n");
    check_parts("\xEF\xBB\xBF"
                "1");
    check_parts("one very long line that reaches through all the parts but the last\nx\n");
    check_parts("x\none very long line that reaches through all the parts but the first");
}

static void line_number_counts_from_the_start_of_the_file(void **state)
{
    (void)state;
    struct line_reader *reader = NULL;
    const char *line = NULL;
    size_t length = 0;
    const char *path = temp_file(dir, "a", "aa\n\nbb\ncc\ndd\nee\n");
    assert_int_equal(line_reader_open(path, 1, 2, &reader), SOUK_OK);
    assert_int_equal(line_reader_next(reader, &line, &length), SOUK_OK);
    assert_memory_equal(line, "dd", 2);
    assert_int_equal(line_reader_number(reader), 5);
    assert_int_equal(line_reader_offset(reader), 10);
    line_reader_close(reader);
}

static void share_grows_from_0_to_1(void **state)
{
    (void)state;
    struct line_reader *reader = NULL;
    const char *line = NULL;
    size_t length = 0;
    const char *path = temp_file(dir, "a", "a\nb\nc\nd\n");
    assert_int_equal(line_reader_open(path, 1, 2, &reader), SOUK_OK);
    assert_true(line_reader_share(reader) == 0);
    assert_int_equal(line_reader_next(reader, &line, &length), SOUK_OK);
    assert_true(line_reader_share(reader) == 0.5);
    assert_int_equal(line_reader_next(reader, &line, &length), SOUK_OK);
    assert_true(line_reader_share(reader) == 1);
    line_reader_close(reader);
}

// Appends a gzip member to a buf.
static void add_member(struct buf *out, const char *text)
{
    unsigned char packed[1024];
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)strdup(text);
    unsigned char *copy = z.next_in;
    z.avail_in = (uInt)strlen(text);
    z.next_out = packed;
    z.avail_out = sizeof(packed);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    buf_add(out, (char *)packed, sizeof(packed) - z.avail_out);
    deflateEnd(&z);
    free(copy);
}

static void gzip_members_are_one_text(void **state)
{
    (void)state;
    struct buf gz = {0};
    add_member(&gz, "\xEF\xBB\xBF"
                    "1,2\n3,");
    add_member(&gz, "");
    add_member(&gz, "4\n");
    const char *path = temp_file_n(dir, "plain-name", gz.text, gz.length);
    assert_lines(path, "1,2|3,4|");
    assert_false(line_reader_can_split(path));
    assert_true(line_reader_can_repeat(path));
    buf_add(&gz, "\0\0\0\0\0", 5); // padding, as tapes have it
    assert_lines(temp_file_n(dir, "padded.gz", gz.text, gz.length), "1,2|3,4|");
    buf_fini(&gz);
}

static void damaged_gzip_is_an_error(void **state)
{
    (void)state;
    struct buf gz = {0};
    add_member(&gz, "1,2\n3,4\n5,6\n");
    for (size_t n = 2; n < gz.length; n++)
        assert_refused(temp_file_n(dir, "cut.gz", gz.text, n), SOUK_EDATA,
                       "cut.gz: the .gz is damaged");
    gz.text[gz.length - 6] ^= 1; // in the CRC
    assert_refused(temp_file_n(dir, "bad.gz", gz.text, gz.length), SOUK_EDATA,
                   "incorrect data check");
    gz.text[gz.length - 6] ^= 1;
    buf_add_text(&gz, "garbage");
    assert_refused(temp_file_n(dir, "tail.gz", gz.text, gz.length), SOUK_EDATA,
                   "other bytes follow");
    buf_fini(&gz);
}

static void gzip_has_one_part_only(void **state)
{
    (void)state;
    struct buf gz = {0};
    struct line_reader *reader = NULL;
    add_member(&gz, "1\n2\n");
    const char *path = temp_file_n(dir, "a.gz", gz.text, gz.length);
    capture_log_begin();
    assert_int_equal(line_reader_open(path, 0, 2, &reader), SOUK_EINVAL);
    capture_log_end();
    buf_fini(&gz);
}

// Puts text on standard input, through a pipe; returns what to hand to restore_stdin.
static int replace_stdin(const char *bytes, size_t length)
{
    int ends[2], saved = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, length), (ssize_t)length);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    return saved;
}

static void restore_stdin(int saved)
{
    dup2(saved, STDIN_FILENO);
    close(saved);
}

static void standard_input_is_read_again_after_a_look(void **state)
{
    (void)state;
    const char *line = NULL;
    size_t length = 0;
    int saved = replace_stdin("1\n2\n3", 5);
    for (int look = 0; look < 2; look++) {
        struct line_reader *reader = NULL;
        assert_int_equal(line_reader_peek("-", &reader), SOUK_OK);
        assert_string_equal(line_reader_name(reader), "standard input");
        for (int i = 0; i <= look; i++)
            assert_int_equal(line_reader_next(reader, &line, &length), SOUK_OK);
        assert_int_equal(line[0], '1' + look);
        line_reader_close(reader);
    }
    assert_lines("-", "1|2|3|");
    assert_lines("-", "");
    assert_false(line_reader_can_repeat("-"));
    restore_stdin(saved);
}

static void gzip_on_standard_input_is_unpacked(void **state)
{
    (void)state;
    struct buf gz = {0};
    add_member(&gz, "1\n2\n");
    int saved = replace_stdin(gz.text, gz.length);
    struct line_reader *reader = NULL;
    assert_int_equal(line_reader_peek("-", &reader), SOUK_OK);
    line_reader_close(reader);
    assert_lines("-", "1|2|");
    restore_stdin(saved);
    buf_fini(&gz);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_ends_are_left_out),
        cmocka_unit_test(zero_byte_is_an_ordinary_byte),
        cmocka_unit_test(mark_of_utf8_is_left_out),
        cmocka_unit_test(utf16_is_refused_with_advice),
        cmocka_unit_test(missing_file_and_folder_are_named),
        cmocka_unit_test(pipe_given_as_a_file_is_refused),
        cmocka_unit_test(longest_line_is_read_and_a_longer_one_is_named),
        cmocka_unit_test(lines_that_cross_blocks_are_whole),
        cmocka_unit_test(parts_together_hold_each_line_once),
        cmocka_unit_test(line_number_counts_from_the_start_of_the_file),
        cmocka_unit_test(share_grows_from_0_to_1),
        cmocka_unit_test(gzip_members_are_one_text),
        cmocka_unit_test(damaged_gzip_is_an_error),
        cmocka_unit_test(gzip_has_one_part_only),
        cmocka_unit_test(standard_input_is_read_again_after_a_look),
        cmocka_unit_test(gzip_on_standard_input_is_unpacked),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
