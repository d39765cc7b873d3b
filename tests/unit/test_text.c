/* Tests of common/text but for the configuration: buf, UTF-8, JSON out and in. */
#include <math.h>
#include <string.h>

#include "common/text/json.h"
#include "common/text/json_value.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

static void buf_grows_and_ends_with_zero(void **state)
{
    (void)state;
    struct buf buf = {0};
    assert_string_equal(buf_text(&buf), "");
    for (int i = 0; i < 1000; i++) buf_printf(&buf, "%03d,", i);
    assert_int_equal(buf.length, 4000);
    assert_string_equal(buf.text + 3992, "998,999,");
    buf_clear(&buf);
    assert_string_equal(buf_text(&buf), "");
    buf_fini(&buf);
}

static void digits_are_grouped(void **state)
{
    (void)state;
    char out[32];
    assert_string_equal(text_group_digits(0, out), "0");
    assert_string_equal(text_group_digits(999, out), "999");
    assert_string_equal(text_group_digits(1000, out), "1,000");
    assert_string_equal(text_group_digits(18446744073709551615ULL, out),
                        "18,446,744,073,709,551,615");
}

static void nearest_word_is_found_when_it_is_near(void **state)
{
    (void)state;
    const char *const words[] = {"model.k", "train.lr", "train.epochs"};
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_int_equal(text_distance("ab", "ba"), 1);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_string_equal(text_nearest("mdoel.k", words, 3), "model.k");
    assert_string_equal(text_nearest("train.epoch", words, 3), "train.epochs");
    assert_null(text_nearest("zzz", words, 3));
    assert_null(text_nearest("x", words, 0));
}

static void bytes_that_are_no_utf8_are_read_as_latin1(void **state)
{
    (void)state;
    struct buf out = {0};
    const char text[] = "caf\xe9 \xc3\xa9 \xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xaf";
    text_add_utf8(&out, text, sizeof(text) - 1);
    assert_string_equal(out.text, "caf\xc3\xa9 \xc3\xa9 \xc3\xad\xc2\xa0\xc2\x80 "
                                  "\xc3\xb4\xc2\x90\xc2\x80\xc2\x80 \xc3\x80\xc2\xaf");
    assert_int_equal(text_columns("caf\xc3\xa9", 5), 4);
    assert_int_equal(text_columns("\xe6\x97\xa5", 3), 2);
    buf_fini(&out);
}

static void json_is_quoted_separated_and_finite(void **state)
{
    (void)state;
    struct buf out = {0};
    struct json json;
    json_init(&json, &out);
    json_open(&json, '{');
    json_key(&json, "a\"b");
    json_double(&json, 0.1);
    json_key(&json, "list");
    json_open(&json, '[');
    json_double(&json, NAN);
    json_int(&json, -3);
    json_uint(&json, 18446744073709551615ULL);
    json_bool(&json, true);
    json_null(&json);
    json_string_n(&json, "\x01\n\\\xff", 4);
    json_open(&json, '{');
    json_close(&json);
    json_close(&json);
    json_key(&json, "e");
    json_double(&json, 1e300);
    json_close(&json);
    assert_string_equal(out.text,
                        "{\"a\\\"b\":0.1,\"list\":[null,-3,18446744073709551615,true,null,"
                        "\"\\u0001\\n\\\\\xc3\xbf\",{}],\"e\":1e+300}");
    buf_fini(&out);
}

static void doubles_read_back_exactly(void **state)
{
    (void)state;
    const double numbers[] = {0.1, 1.0 / 3, 0.92193845712345678, 5e-324, 1.7976931348623157e308,
                              -0.0};
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct buf out = {0};
        struct json json;
        void *value;
        json_init(&json, &out);
        json_open(&json, '{');
        json_key(&json, "x");
        json_double(&json, numbers[i]);
        json_close(&json);
        assert_int_equal(json_value_parse(out.text, out.length, "test", &value), SOUK_OK);
        assert_true(json_value_number(value, "x", NAN) == numbers[i]);
        json_value_destroy(value);
        buf_fini(&out);
    }
}

static void json_values_have_fallbacks_and_types(void **state)
{
    (void)state;
    const char *text = "{\"n\": 3, \"big\": \"18446744073709551615\", \"t\": \"x\", \"b\": true, "
                       "\"neg\": -1, \"l\": [1, 2]}";
    void *value;
    assert_int_equal(json_value_parse(text, strlen(text), "test", &value), SOUK_OK);
    assert_int_equal(json_value_u64(value, "n", 9), 3);
    assert_int_equal(json_value_u64(value, "big", 9), 18446744073709551615ULL);
    assert_int_equal(json_value_u64(value, "neg", 9), 9);
    assert_int_equal(json_value_u64(value, "t", 9), 9);
    assert_string_equal(json_value_text(value, "t", ""), "x");
    assert_null(json_value_text(value, "n", NULL));
    assert_true(json_value_bool(value, "b", false));
    assert_int_equal(json_value_count(json_value_get(value, "l")), 2);
    assert_null(json_value_get(value, "none"));
    json_value_destroy(value);
}

static void broken_json_is_an_error_with_its_line(void **state)
{
    (void)state;
    void *value;
    capture_log_begin();
    assert_int_equal(json_value_parse("{\n\"a\": }", 8, "m.json", &value), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "m.json:2: not JSON"));
    assert_non_null(strstr(capture_log_text(), "the file is damaged: copy it again"));
    capture_log_end();
}

static void nothing_that_is_shown_steers_a_terminal(void **state)
{
    (void)state;
    const char bytes[] = "a\x1b[2J\0\x7f\x9b"
                         "1m\xc2\x9b\xc2\xa0\xc3\xa9\xe9\n";
    struct buf out = {0};
    text_add_shown(&out, bytes, sizeof(bytes) - 1);
    assert_string_equal(out.text, "a?[2J???"
                                  "1m?\xc2\xa0\xc3\xa9\xc3\xa9?");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_is_shown_steers_a_terminal),
        cmocka_unit_test(buf_grows_and_ends_with_zero),
        cmocka_unit_test(digits_are_grouped),
        cmocka_unit_test(nearest_word_is_found_when_it_is_near),
        cmocka_unit_test(bytes_that_are_no_utf8_are_read_as_latin1),
        cmocka_unit_test(json_is_quoted_separated_and_finite),
        cmocka_unit_test(doubles_read_back_exactly),
        cmocka_unit_test(json_values_have_fallbacks_and_types),
        cmocka_unit_test(broken_json_is_an_error_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
