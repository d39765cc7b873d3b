/* field.c - see field.h. The usual forms ("4", "3.5", "1e3") are computed exactly in one division
 * or multiplication (Clinger's fast path); all others go to strtod, so both give the same value. */
#include "worker/data/field.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    NUMBER_MAX_BYTES = 800, // more digits than any double needs
    FAST_MAX_DIGITS = 15,   // below 2^53
    FAST_MAX_POWER = 22,    // 10^22 is the last power of ten that is a double
};

// A number as it is written: digits * 10^exponent.
struct decimal {
    uint64_t digits;     // wraps when num_digits is too large
    uint32_t num_digits; // without zeros ahead
    int exponent;        // kept within +-100000
    bool is_negative;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

void field_trim(const char **text, size_t *length)
{
    while (*length > 0 && is_blank(**text)) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && is_blank((*text)[*length - 1])) (*length)--;
}

static const char *scan_digits(const char *p, const char *end, struct decimal *out)
{
    for (; p < end && is_digit(*p); p++) {
        out->digits = out->digits * 10 + (uint64_t)(*p - '0');
        out->num_digits += out->num_digits > 0 || *p != '0';
    }
    return p;
}

// NULL when no digit follows.
static const char *scan_exponent(const char *p, const char *end, struct decimal *out)
{
    bool is_negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end || !is_digit(*p)) return NULL;
    int exponent = 0;
    for (; p < end && is_digit(*p); p++)
        if (exponent < 100000) exponent = exponent * 10 + (*p - '0');
    out->exponent += is_negative ? -exponent : exponent;
    return p;
}

static bool scan_decimal(const char *text, size_t length, struct decimal *out)
{
    const char *p = text, *end = text + length;
    *out = (struct decimal){.is_negative = p < end && *p == '-'};
    if (p < end && (*p == '-' || *p == '+')) p++;
    const char *whole = p;
    p = scan_digits(p, end, out);
    size_t num_seen = (size_t)(p - whole);
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = scan_digits(p, end, out);
        out->exponent = -(int)(p - fraction);
        num_seen += (size_t)(p - fraction);
    }
    if (num_seen == 0) return false;
    if (p < end && (*p == 'e' || *p == 'E')) p = scan_exponent(p + 1, end, out);
    return p == end;
}

static double exact_value(const char *text, size_t length)
{
    char copy[NUMBER_MAX_BYTES + 1];
    memcpy(copy, text, length);
    copy[length] = 0;
    return strtod(copy, NULL);
}

static double fast_value(const struct decimal *number)
{
    static const double powers[FAST_MAX_POWER + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value = (double)number->digits;
    if (number->exponent < 0)
        value /= powers[-number->exponent];
    else
        value *= powers[number->exponent];
    return number->is_negative ? -value : value;
}

static bool is_not_finite_word(const char *text, size_t length)
{
    static const char *const words[] = {"nan", "inf", "infinity"};
    if (length > 0 && (*text == '-' || *text == '+')) {
        text++;
        length--;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strlen(words[i]) == length && strncasecmp(words[i], text, length) == 0) return true;
    return false;
}

enum field_number field_parse_double(const char *text, size_t length, double *value_out)
{
    field_trim(&text, &length);
    struct decimal number;
    if (length > NUMBER_MAX_BYTES) return FIELD_NO_NUMBER;
    if (!scan_decimal(text, length, &number))
        return is_not_finite_word(text, length) ? FIELD_NOT_FINITE : FIELD_NO_NUMBER;
    bool is_usual = number.num_digits <= FAST_MAX_DIGITS && number.exponent <= FAST_MAX_POWER &&
                    number.exponent >= -FAST_MAX_POWER;
    double value = is_usual ? fast_value(&number) : exact_value(text, length);
    if (!isfinite(value)) return FIELD_NOT_FINITE;
    *value_out = value;
    return FIELD_NUMBER;
}

enum field_number field_parse_number(const char *text, size_t length, float *value_out)
{
    double value;
    enum field_number kind = field_parse_double(text, length, &value);
    if (kind != FIELD_NUMBER) return kind;
    if (!isfinite((float)value)) return FIELD_NOT_FINITE;
    *value_out = (float)value;
    return FIELD_NUMBER;
}

bool field_parse_u64(const char *text, size_t length, uint64_t *value_out)
{
    field_trim(&text, &length);
    if (length == 0) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i])) return false;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (i >= 19 && (__builtin_mul_overflow(value, 10, &value) ||
                        __builtin_add_overflow(value, digit, &value)))
            return false;
        else if (i < 19)
            value = value * 10 + digit;
    }
    *value_out = value;
    return true;
}

bool field_is_canonical_u64(const char *text, size_t length)
{
    uint64_t value;
    field_trim(&text, &length);
    return field_parse_u64(text, length, &value) && (length == 1 || text[0] != '0');
}
