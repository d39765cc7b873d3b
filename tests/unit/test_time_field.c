/* test_time_field.c - points in time as logs have them. Seconds were taken from GNU date. */
#include <string.h>

#include "tests/support/cmocka.h"
#include "worker/data/time_field.h"

static void assert_time(const char *text, enum time_form form, double wanted)
{
    double time = 0.5;
    enum time_form got = time_field_parse(text, strlen(text), &time);
    if (got != form || time != wanted) fail_msg("\"%s\": form %d, %.6f", text, got, time);
}

static void numbers_are_what_they_are(void **state)
{
    (void)state;
    assert_time("5", TIME_NUMBER, 5);
    assert_time(" -1.5 ", TIME_NUMBER, -1.5);
    assert_time("20240521", TIME_NUMBER, 20240521);
}

static void dates_begin_at_midnight_in_utc(void **state)
{
    (void)state;
    assert_time("1970-01-01", TIME_DATE, 0);
    assert_time("2024-05-21", TIME_DATE, 1716249600);
    assert_time("2024-02-29", TIME_DATE, 1709164800);
    assert_time("2000-03-01", TIME_DATE, 951868800);
    assert_time("1969-12-31", TIME_DATE, -86400);
    assert_time("0000-01-01", TIME_DATE, -62167219200);
    assert_time("9999-12-31", TIME_DATE, 253402214400);
}

static void times_of_day_are_utc_unless_they_have_an_offset(void **state)
{
    (void)state;
    static const char *const same[] = {
        "2024-05-21 10:59",       "2024-05-21T10:59",          "2024-05-21T10:59:00Z",
        "2024-05-21 10:59:00.0",  "2024-05-21T12:59:00+02:00", "2024-05-21 12:59:00 +0200",
        "2024-05-21T05:29-05:30", " 2024-05-20T23:59-11 ",     "2024-05-21t10:59z"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        assert_time(same[i], TIME_OF_DAY, 1716289140);
    assert_time("2024-05-21T10:59:30.25Z", TIME_OF_DAY, 1716289170.25);
    assert_time("2016-12-31T23:59:60Z", TIME_OF_DAY, 1483228800); // a leap second
}

static void what_is_no_time_is_unknown(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "soon",
                                        "nan",
                                        "2024-5-21",
                                        "2024-13-01",
                                        "2023-02-29",
                                        "1900-02-29",
                                        "2024-00-10",
                                        "2024-05-00",
                                        "2024-05-21 ten",
                                        "2024-05-21T",
                                        "2024-05-21T24:00",
                                        "2024-05-21T10:60",
                                        "2024-05-21T10:59:61",
                                        "2024-05-21T10:59:00.",
                                        "2024-05-21T10:59:00+2",
                                        "2024-05-21T10:59:00+02:",
                                        "2024-05-21T10:59:00ZZ",
                                        "2024-05-21x10:59",
                                        "21.05.2024",
                                        "10:59"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_time(texts[i], TIME_UNKNOWN, 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_what_they_are),
        cmocka_unit_test(dates_begin_at_midnight_in_utc),
        cmocka_unit_test(times_of_day_are_utc_unless_they_have_an_offset),
        cmocka_unit_test(what_is_no_time_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
