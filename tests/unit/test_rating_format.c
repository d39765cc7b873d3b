/* Tests of worker/data/rating_format, columns, split and field. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/field.h"
#include "worker/data/rating_format.h"
#include "worker/data/split.h"

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

static souk_status resolve(const char *text, const char *setting, bool needs_rating,
                           struct rating_format *format)
{
    struct config config;
    config_init(&config);
    char copy[256] = "";
    if (setting) strcpy(copy, setting);
    for (char *one = strtok(copy, " "); one; one = strtok(NULL, " "))
        assert_int_equal(config_set(&config, one), SOUK_OK);
    const char *path = temp_file(dir, "ratings", text);
    souk_status status = rating_format_resolve(&config, path, needs_rating, format);
    config_fini(&config);
    return status;
}

// "delimiter header columns user item rating kinds", as one text.
static void assert_format(const char *text, const char *setting, const char *wanted)
{
    struct rating_format f;
    char got[128];
    assert_int_equal(resolve(text, setting, true, &f), SOUK_OK);
    snprintf(got, sizeof(got), "%s %s %u: %u %u %u %s %s",
             strcmp(f.layout.delimiter, "\t") == 0 ? "tab" : f.layout.delimiter,
             f.layout.has_header ? "header" : "-", f.layout.num_columns, f.user_column,
             f.item_column, f.rating_column, f.user_id == CONFIG_ID_INTEGER ? "integer" : "string",
             f.item_id == CONFIG_ID_INTEGER ? "integer" : "string");
    assert_string_equal(got, wanted);
}

static void assert_refused(const char *text, const char *setting, souk_status wanted,
                           const char *message)
{
    struct rating_format format;
    capture_log_begin();
    assert_int_equal(resolve(text, setting, true, &format), wanted);
    if (!strstr(capture_log_text(), message)) fail_msg("log: %s", capture_log_text());
    capture_log_end();
}

static void separator_is_inferred(void **state)
{
    (void)state;
    assert_format("1\t2\t3\t4\n5\t6\t7\t8\n", NULL, "tab - 4: 0 1 2 integer integer");
    assert_format("1::2::5::978300760\n1::3::4::1\n", NULL, ":: - 4: 0 1 2 integer integer");
    assert_format("1,2,4.5\n3,4,1\n", NULL, ", - 3: 0 1 2 integer integer");
    assert_format("1;2;4.5\n3;4;1\n", NULL, "; - 3: 0 1 2 integer integer");
    assert_format("1|2|4.5\n3|4|1\n", NULL, "| - 3: 0 1 2 integer integer");
    assert_format("1 2 4.5\n 3   4\t1 \n", NULL, "  - 3: 0 1 2 integer integer");
    assert_format("7,8,5", NULL, ", - 3: 0 1 2 integer integer");
    assert_format("ann,the cat,5\nbob,a big dog,4\n", NULL, ", - 3: 0 1 2 string string");
    assert_format("\"276725\";\"034545104X\";\"0\"\n\"27\";\"0;1\";\"5\"\n", NULL,
                  "; - 3: 0 1 2 integer string");
}

static void malformed_line_does_not_hide_the_separator(void **state)
{
    (void)state;
    assert_format("1,2,5\nbroken\n1,3,4\n1,4,4\n", NULL, ", - 3: 0 1 2 integer integer");
}

static void header_is_inferred(void **state)
{
    (void)state;
    assert_format("userId,movieId,rating,timestamp\n1,31,2.5,12\n", NULL,
                  ", header 4: 0 1 2 integer integer");
    assert_format("rating,item_id,User-ID\n2.5,31,1\n", NULL, ", header 3: 2 1 0 integer integer");
    assert_format("\"reviewerID\",\"asin\",\"overall\"\nA2X,B00,5\n", NULL,
                  ", header 3: 0 1 2 string string");
    assert_format("a,b,c\n1,2,3\n", NULL, ", header 3: 0 1 2 integer integer");
    assert_format("ann,apple,5\nbob,pear,4\n", NULL, ", - 3: 0 1 2 string string");
    assert_format("\n\n\nuser,item,rating\n1,2,3\n", NULL, ", header 3: 0 1 2 integer integer");
}

static void columns_are_told_by_name_or_position(void **state)
{
    (void)state;
    const char *text = "who,what,how,user\n1,2,3,9\n4,5,6,9\n";
    assert_format(text, "data.user=who data.item=what data.rating=how",
                  ", header 4: 0 1 2 integer integer");
    assert_format(text, "data.user=3 data.item=2 data.rating=1",
                  ", header 4: 2 1 0 integer integer");
    assert_format("User-Id,ItemId,x\n1,2,3\n", "data.user=user_id data.item=item_id data.rating=X",
                  ", header 3: 0 1 2 integer integer");
    assert_format("9 8 7 6\n5 4 3 2\n", "data.user=4 data.item=3 data.rating=2",
                  "  - 4: 3 2 1 integer integer");
    assert_format("1,2,3\n4,5,6\n", "data.header=yes", ", header 3: 0 1 2 integer integer");
    assert_format("user,item,5\na,b,4\n", "data.header=no", ", - 3: 0 1 2 string string");
}

static void delimiter_is_told(void **state)
{
    (void)state;
    assert_format("1,5\t2\t3\n1,6\t2\t3\n", "data.delimiter=tab", "tab - 3: 0 1 2 string integer");
    assert_format("1,2,3\n", "data.delimiter=comma", ", - 3: 0 1 2 integer integer");
    assert_format("1 2 3\n", "data.delimiter=space", "  - 3: 0 1 2 integer integer");
    assert_format("1##2##3\n", "data.delimiter=##", "## - 3: 0 1 2 integer integer");
}

static void ids_are_integers_when_all_are_written_as_such(void **state)
{
    (void)state;
    assert_format("18446744073709551615,2,5\n0,3,5\n", NULL, ", - 3: 0 1 2 integer integer");
    assert_format("18446744073709551616,01,5\n0,3,5\n", NULL, ", - 3: 0 1 2 string string");
    assert_format("-1,2.0,5\n1,3,5\n", NULL, ", - 3: 0 1 2 string string");
    assert_format("1,2,5\n", "data.user_id=string", ", - 3: 0 1 2 string integer");
    assert_format("a,2,5\n", "data.user_id=integer", ", - 3: 0 1 2 integer integer");
}

static void file_without_ratings_is_fine_where_none_are_needed(void **state)
{
    (void)state;
    struct rating_format format;
    assert_int_equal(resolve("1,2\n3,4\n", NULL, false, &format), SOUK_OK);
    assert_false(format.has_rating);
    assert_int_equal(resolve("user,item,title\n3,4,x\n", NULL, false, &format), SOUK_OK);
    assert_false(format.has_rating);
    assert_int_equal(resolve("1,2,4.5\n3,4,2\n", NULL, false, &format), SOUK_OK);
    assert_true(format.has_rating);
    assert_int_equal(resolve("1,2,a\n3,4,b\n", NULL, false, &format), SOUK_OK);
    assert_false(format.has_rating);
}

static void file_that_holds_nothing_is_refused(void **state)
{
    (void)state;
    assert_refused("", NULL, SOUK_EDATA, "ratings is empty");
    assert_refused("\n\r\n\n", NULL, SOUK_EDATA, "ratings is empty");
    assert_refused("user,item,rating\n", NULL, SOUK_EDATA, "has a header, but no ratings below it");
}

static void undelimited_text_is_refused_with_advice(void **state)
{
    (void)state;
    assert_refused("hello\nworld\n", NULL, SOUK_EDATA, ":1: cannot tell what separates");
    assert_refused("1,2\n3,4\n", NULL, SOUK_EDATA, "cannot tell what separates the 3 columns");
    assert_refused("1,2,3\n", "data.delimiter=tab", SOUK_ECONFIG, "have 1 columns, but 3");
}

static void wide_text_is_refused_with_advice(void **state)
{
    (void)state;
    struct config config;
    struct rating_format format;
    config_init(&config);
    capture_log_begin();
    const char *path = temp_file_n(dir, "wide",
                                   "1\0,\0"
                                   "2\0,\0"
                                   "3\0\n\0",
                                   12);
    assert_int_equal(rating_format_resolve(&config, path, true, &format), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "iconv -f UTF-16LE"));
    path = temp_file_n(dir, "wide_be",
                       "\0"
                       "1\0,\0"
                       "2\0,\0"
                       "3\0\n",
                       12);
    assert_int_equal(rating_format_resolve(&config, path, true, &format), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "iconv -f UTF-16BE"));
    capture_log_end();
    config_fini(&config);
}

static void unknown_column_is_refused_with_the_names(void **state)
{
    (void)state;
    const char *text = "user_id,item_id,rating\n1,2,3\n";
    assert_refused(text, "data.item=itm_id", SOUK_ECONFIG, "data.item: \"itm_id\" is no column of");
    assert_refused(text, "data.item=itm_id", SOUK_ECONFIG,
                   "it has: user_id, item_id, rating; did you mean \"item_id\"?");
    assert_refused(text, "data.item=itm_id", SOUK_ECONFIG, "--set");
    assert_refused("1,2,3\n", "data.item=name data.header=no", SOUK_ECONFIG,
                   "is read without a header; give the position");
    assert_refused(text, "data.item=4", SOUK_ECONFIG, "has columns 1 to 3");
    assert_refused(text, "data.item=0", SOUK_ECONFIG, "has columns 1 to 3");
    assert_refused(text, "data.item=1", SOUK_ECONFIG, "both the user and the item");
    assert_refused("user_id,item_id,grade\n1,2,3\n", NULL, SOUK_ECONFIG,
                   "cannot tell which column is the rating; set data.rating to one of: user_id");
}

static void header_of_another_width_is_refused(void **state)
{
    (void)state;
    assert_refused("user,item,rating\n1,2,3,4\n5,6,7,8\n", NULL, SOUK_EDATA,
                   "the header has 3 columns, but the lines below it have 4");
}

// Fields, each with a "|" behind it; "!" when the line cannot be cut.
static void assert_split(const char *delimiter, const char *line, const char *wanted)
{
    const char *fields[8];
    size_t lengths[8];
    char got[128] = "", scratch[128];
    uint32_t n = split_line(delimiter, line, strlen(line), fields, lengths, 8, scratch);
    if (n == 0 || n > 8) strcpy(got, "!");
    for (uint32_t i = 0; i < n && n <= 8; i++) {
        strncat(got, fields[i], lengths[i]);
        strcat(got, "|");
    }
    assert_string_equal(got, wanted);
}

static void lines_are_cut_at_the_delimiter(void **state)
{
    (void)state;
    assert_split(",", "a,b,,c", "a|b||c|");
    assert_split(",", ",", "||");
    assert_split(",", "\"a,b\",\"say \"\"x\"\"\",\"\"", "a,b|say \"x\"||");
    assert_split(",", "a\"b,c", "a\"b|c|");
    assert_split(",", "\"open,1", "!");
    assert_split(",", "\"a\"b,1", "!");
    assert_split("\t", "\"a\tb", "\"a|b|");
    assert_split("::", "1::2:3::::4", "1|2:3||4|");
    assert_split(" ", "  1 \t 2  3 ", "1|2|3|");
    assert_split(",", "1,2,3,4,5,6,7,8", "1|2|3|4|5|6|7|8|");
    assert_split(",", "1,2,3,4,5,6,7,8,9", "!");
}

static void assert_number(const char *text)
{
    float value = -77;
    assert_int_equal(field_parse_number(text, strlen(text), &value), FIELD_NUMBER);
    float wanted = (float)strtod(text, NULL);
    assert_memory_equal(&value, &wanted, sizeof(value));
}

static void numbers_are_those_of_strtod(void **state)
{
    (void)state;
    const char *const texts[] = {"0",
                                 "-0",
                                 "4",
                                 "+4",
                                 "3.5",
                                 ".5",
                                 "5.",
                                 "1e3",
                                 "1E-3",
                                 "2e+2",
                                 "0.1",
                                 "123456789012345",
                                 "1234567890123456789012345",
                                 "1e22",
                                 "1e-22",
                                 "1e23",
                                 "3.4028234663852886e38",
                                 "1e-46",
                                 "00012.5",
                                 "0.00000001",
                                 "16777217",
                                 "1.00000017881393421514957253748434595763683319091796875"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) assert_number(texts[i]);
    for (int i = 0; i < 20000; i++) {
        char text[40];
        snprintf(text, sizeof(text), "%.*g", 1 + i % 17,
                 (i - 9000) * 1.0123456789e-3 * pow(10, i % 40 - 20));
        assert_number(text);
    }
}

static void what_is_no_finite_number_is_told(void **state)
{
    (void)state;
    const char *const none[] = {"",   " ",  "x7",  "7x",   "1,5", "--1",   "+",      ".",
                                "e5", "1e", "1e+", "0x10", "1 2", "1.2.3", "nan(1)", "infinit"};
    const char *const infinite[] = {"nan",  "-NaN",   "inf",          "+Infinity",
                                    "1e39", "-1e400", "1e99999999999"};
    float value = 0;
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_int_equal(field_parse_number(none[i], strlen(none[i]), &value), FIELD_NO_NUMBER);
    for (size_t i = 0; i < sizeof(infinite) / sizeof(*infinite); i++)
        assert_int_equal(field_parse_number(infinite[i], strlen(infinite[i]), &value),
                         FIELD_NOT_FINITE);
    assert_true(value == 0);
    assert_int_equal(field_parse_number(" 2.5\t", 5, &value), FIELD_NUMBER);
    assert_true(value == 2.5f);
}

static void integers_are_read_to_64_bits(void **state)
{
    (void)state;
    uint64_t value = 1;
    assert_true(field_parse_u64("18446744073709551615", 20, &value));
    assert_true(value == UINT64_MAX);
    assert_true(field_parse_u64("0000000000000000000000000042", 28, &value));
    assert_int_equal(value, 42);
    const char *const none[] = {"18446744073709551616",
                                "99999999999999999999",
                                "184467440737095516150",
                                "-1",
                                "+1",
                                "1.0",
                                "",
                                " ",
                                "1a"};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_false(field_parse_u64(none[i], strlen(none[i]), &value));
    assert_true(field_is_canonical_u64("0", 1));
    assert_false(field_is_canonical_u64("00", 2));
    assert_false(field_is_canonical_u64("07", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separator_is_inferred),
        cmocka_unit_test(malformed_line_does_not_hide_the_separator),
        cmocka_unit_test(header_is_inferred),
        cmocka_unit_test(columns_are_told_by_name_or_position),
        cmocka_unit_test(delimiter_is_told),
        cmocka_unit_test(ids_are_integers_when_all_are_written_as_such),
        cmocka_unit_test(file_without_ratings_is_fine_where_none_are_needed),
        cmocka_unit_test(file_that_holds_nothing_is_refused),
        cmocka_unit_test(undelimited_text_is_refused_with_advice),
        cmocka_unit_test(wide_text_is_refused_with_advice),
        cmocka_unit_test(unknown_column_is_refused_with_the_names),
        cmocka_unit_test(header_of_another_width_is_refused),
        cmocka_unit_test(lines_are_cut_at_the_delimiter),
        cmocka_unit_test(numbers_are_those_of_strtod),
        cmocka_unit_test(what_is_no_finite_number_is_told),
        cmocka_unit_test(integers_are_read_to_64_bits),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
