/* time_field.c - see time_field.h. */
#include "worker/data/time_field.h"

#include <stdbool.h>

#include "worker/data/field.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

// What is left of a text.
struct cursor {
    const char *p, *end;
};

static bool take(struct cursor *at, char c)
{
    if (at->p == at->end || *at->p != c) return false;
    at->p++;
    return true;
}

// Just so many digits, low..high.
static bool take_number(struct cursor *at, int num_digits, int low, int high, int *number_out)
{
    int number = 0;
    if (at->end - at->p < num_digits) return false;
    for (int i = 0; i < num_digits; i++) {
        char c = *at->p++;
        if (c < '0' || c > '9') return false;
        number = number * 10 + (c - '0');
    }
    *number_out = number;
    return number >= low && number <= high;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

/* Days since 1970-01-01. The year is counted from March, so that the day which some years have more
 * is its last; 719468 days lie between March of the year 0 and 1970. */
static long count_days(int year, int month, int day)
{
    long y = month > 2 ? year : year - 1;
    long y_400 = y + 400; // never negative; 400 years are 146097 days
    long of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return 365 * y_400 + y_400 / 4 - y_400 / 100 + y_400 / 400 - 146097 + of_year - 719468;
}

static bool take_date(struct cursor *at, double *seconds_out)
{
    int year, month, day;
    if (!take_number(at, 4, 0, 9999, &year) || !take(at, '-') ||
        !take_number(at, 2, 1, 12, &month) || !take(at, '-') ||
        !take_number(at, 2, 1, days_of_month(year, month), &day))
        return false;
    *seconds_out = (double)count_days(year, month, day) * DAY;
    return true;
}

// ".250" behind seconds.
static bool take_fraction(struct cursor *at, double *seconds)
{
    if (!take(at, '.')) return true;
    const char *first = at->p;
    double unit = 0.1;
    for (; at->p < at->end && *at->p >= '0' && *at->p <= '9'; at->p++, unit /= 10)
        *seconds += (*at->p - '0') * unit;
    return at->p > first;
}

// "10:59" or "10:59:00.250"; a leap second is 60.
static bool take_clock(struct cursor *at, double *seconds)
{
    int hour, minute, second;
    if (!take_number(at, 2, 0, 23, &hour) || !take(at, ':') || !take_number(at, 2, 0, 59, &minute))
        return false;
    *seconds += hour * HOUR + minute * MINUTE;
    if (!take(at, ':')) return true;
    if (!take_number(at, 2, 0, 60, &second)) return false;
    *seconds += second;
    return take_fraction(at, seconds);
}

// "Z", "+02", "+02:00" or "+0200"; nothing is UTC too.
static bool take_offset(struct cursor *at, double *seconds)
{
    int hour, minute = 0;
    if (at->p == at->end || take(at, 'Z') || take(at, 'z')) return true;
    bool is_behind = take(at, '-');
    if (!is_behind && !take(at, '+')) return false;
    if (!take_number(at, 2, 0, 23, &hour)) return false;
    if (at->p < at->end) {
        take(at, ':');
        if (!take_number(at, 2, 0, 59, &minute)) return false;
    }
    int offset = hour * HOUR + minute * MINUTE;
    *seconds -= is_behind ? -offset : offset;
    return true;
}

enum time_form time_field_parse(const char *text, size_t length, double *time_out)
{
    double seconds;
    if (field_parse_double(text, length, time_out) == FIELD_NUMBER) return TIME_NUMBER;
    field_trim(&text, &length);
    struct cursor at = {text, text + length};
    if (!take_date(&at, &seconds)) return TIME_UNKNOWN;
    bool is_date = at.p == at.end;
    if (!is_date) {
        bool has_clock = take(&at, 'T') || take(&at, 't') || take(&at, ' ');
        if (!has_clock || !take_clock(&at, &seconds)) return TIME_UNKNOWN;
        take(&at, ' '); // as in "10:59:00 +0200"
        if (!take_offset(&at, &seconds) || at.p < at.end) return TIME_UNKNOWN;
    }
    *time_out = seconds;
    return is_date ? TIME_DATE : TIME_OF_DAY;
}

const char *time_form_name(enum time_form form)
{
    static const char *const names[] = {"no time", "a number", "a date without a time of day",
                                        "a date with a time of day"};
    return names[form];
}
