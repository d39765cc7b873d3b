/* config_value.c - texts to fields, with ranges. See config_option.h.
 *
 * Numbers are decimal only. strtod would take "nan", "0x10" and " 1", so the shape is checked
 * before it is called.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/text/config_option.h"

__attribute__((format(printf, 3, 4))) static souk_status refuse(const struct option_item *item,
                                                                struct buf *why, const char *format,
                                                                ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    option_quote(item->text, item->length, why);
    buf_printf(why, " %s", text);
    return SOUK_ECONFIG;
}

static bool is_inside(const struct option_range *range, double number)
{
    if (range->is_min_open ? number <= range->min : number < range->min) return false;
    return range->is_max_open ? number < range->max : number <= range->max;
}

static souk_status refuse_range(const struct option *option, const struct option_item *item,
                                struct buf *why)
{
    struct buf range = {0};
    option_print_range(&option->range, &range);
    souk_status status = refuse(item, why, "is out of range; it must be %s", buf_text(&range));
    buf_fini(&range);
    return status;
}

static souk_status parse_bool(const struct option_item *item, bool *out, struct buf *why)
{
    static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
    for (size_t i = 0; i < 3; i++) {
        bool is_yes = strcasecmp(item->text, yes[i]) == 0;
        if (!is_yes && strcasecmp(item->text, no[i]) != 0) continue;
        *out = is_yes;
        return SOUK_OK;
    }
    return refuse(item, why, "is neither true nor false (yes, no, on and off will do too)");
}

// Digits only: strtoull would take signs, spaces and octal.
static souk_status parse_whole(const struct option *option, const struct option_item *item,
                               uint64_t limit, uint64_t *out, struct buf *why)
{
    const char *text = item->text;
    if (text[0] == '-' && strspn(text + 1, "0123456789.") == item->length - 1 && text[1])
        return refuse(item, why, "is negative; it must be a whole number of 0 or more");
    if (!text[0] || strspn(text, "0123456789") != item->length)
        return refuse(item, why, "is not a whole number, written in digits only");
    errno = 0;
    uint64_t number = strtoull(text, NULL, 10);
    if (errno == ERANGE || number > limit)
        return refuse(item, why, "is too large; the limit is %" PRIu64, limit);
    if (!is_inside(&option->range, (double)number)) return refuse_range(option, item, why);
    *out = number;
    return SOUK_OK;
}

// [+-] digits [. digits] [e [+-] digits], with a digit on at least one side of the point.
static bool has_shape_of_number(const char *text, size_t length)
{
    static const char digits[] = "0123456789";
    const char *at = text + (text[0] == '+' || text[0] == '-');
    size_t num_digits = strspn(at, digits);
    at += num_digits;
    if (*at == '.') {
        size_t num_more = strspn(at + 1, digits);
        at += 1 + num_more;
        num_digits += num_more;
    }
    if (num_digits == 0) return false;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        size_t num_exponent = strspn(at, digits);
        if (num_exponent == 0) return false;
        at += num_exponent;
    }
    return at == text + length;
}

static bool is_written_as_zero(const char *text)
{
    char first = text[strcspn(text, "123456789eE")];
    return first == 'e' || first == 'E' || first == '\0';
}

static souk_status parse_real(const struct option *option, const struct option_item *item,
                              double *out, struct buf *why)
{
    if (!has_shape_of_number(item->text, item->length)) return refuse(item, why, "is not a number");
    // Rounded once to the type of the field: a double in between could round twice.
    bool is_f32 = option->type == OPTION_F32;
    double number = is_f32 ? (double)strtof(item->text, NULL) : strtod(item->text, NULL);
    if (!isfinite(number))
        return refuse(item, why, "is too large for a %s",
                      is_f32 ? "single-precision number" : "number");
    if (number == 0 && !is_written_as_zero(item->text))
        return refuse(item, why, "is too small to be told from 0");
    if (!is_inside(&option->range, number)) return refuse_range(option, item, why);
    *out = number;
    return SOUK_OK;
}

static souk_status parse_choice(const struct option *option, const struct option_item *item,
                                unsigned *out, struct buf *why)
{
    const char *choices[OPTION_CHOICES_MAX];
    size_t num_choices = option_choices(option, choices);
    bool is_yes;
    struct buf ignored = {0};
    // "header: true" and "header: yes" say the same.
    bool is_bool = !item->is_quoted && parse_bool(item, &is_yes, &ignored) == SOUK_OK;
    buf_fini(&ignored);
    for (size_t i = 0; i < num_choices; i++) {
        bool is_it = strcmp(item->text, choices[i]) == 0 ||
                     (is_bool && strcmp(is_yes ? "yes" : "no", choices[i]) == 0);
        if (!is_it) continue;
        *out = (unsigned)i;
        return SOUK_OK;
    }
    struct buf all = {0};
    option_print_choices(choices, num_choices, &all);
    const char *nearest = text_nearest(item->text, choices, num_choices);
    souk_status status =
        nearest ? refuse(item, why, "must be %s; did you mean \"%s\"?", buf_text(&all), nearest)
                : refuse(item, why, "must be %s", buf_text(&all));
    buf_fini(&all);
    return status;
}

static souk_status check_text(const struct option_item *item, struct buf *why)
{
    if (strlen(item->text) != item->length) return refuse(item, why, "holds a zero byte");
    if (item->length >= CONFIG_TEXT_MAX)
        return refuse(item, why, "is longer than %d bytes", CONFIG_TEXT_MAX - 1);
    struct buf utf8 = {0};
    text_add_utf8(&utf8, item->text, item->length);
    bool is_utf8 = utf8.length == item->length;
    buf_fini(&utf8);
    return is_utf8 ? SOUK_OK : refuse(item, why, "is not UTF-8");
}

static souk_status parse_list(const struct option_value *value, struct config_list *list,
                              struct buf *why)
{
    uint32_t n = value->num_items;
    if (!value->is_list && n == 1 && value->items[0].length == 0) n = 0;
    if (n > CONFIG_LIST_MAX) {
        buf_printf(why, "a list of %" PRIu32 " is too long; the limit is %d", n, CONFIG_LIST_MAX);
        return SOUK_ECONFIG;
    }
    for (uint32_t i = 0; i < n; i++) {
        souk_status status = check_text(&value->items[i], why);
        if (status != SOUK_OK) return status;
        if (value->items[i].length > 0) continue;
        buf_printf(why, "entry %" PRIu32 " of the list is empty", i + 1);
        return SOUK_ECONFIG;
    }
    struct config_list fresh = {.num_items = n};
    fresh.items = n ? mem_calloc(n, sizeof(char *), "list of a configuration") : NULL;
    for (uint32_t i = 0; i < n; i++) fresh.items[i] = mem_strdup(value->items[i].text);
    *list = fresh;
    return SOUK_OK;
}

static souk_status parse_text(const struct option *option, const struct option_item *item,
                              char **out, struct buf *why)
{
    unsigned ignored;
    souk_status status = check_text(item, why);
    if (status == SOUK_OK && option->name_of) status = parse_choice(option, item, &ignored, why);
    if (status == SOUK_OK) *out = mem_strdup(item->text);
    return status;
}

// A field's value before it is stored.
union parsed {
    bool flag;
    uint64_t whole;
    double real;
    unsigned choice;
    char *text;
    struct config_list list;
};

static souk_status parse_scalar(const struct option *option, const struct option_item *item,
                                union parsed *parsed, struct buf *why)
{
    bool is_text = option->type == OPTION_TEXT || option->type == OPTION_ENUM;
    if (strlen(item->text) != item->length) return refuse(item, why, "holds a zero byte");
    if (!is_text && item->length == 0) {
        buf_add_text(why, "has no value");
        return SOUK_ECONFIG;
    }
    if (!is_text && item->is_quoted) return refuse(item, why, "is a text; write it without quotes");
    switch (option->type) {
    case OPTION_BOOL: return parse_bool(item, &parsed->flag, why);
    case OPTION_U32: return parse_whole(option, item, UINT32_MAX, &parsed->whole, why);
    case OPTION_U64: return parse_whole(option, item, UINT64_MAX, &parsed->whole, why);
    case OPTION_F32:
    case OPTION_F64: return parse_real(option, item, &parsed->real, why);
    case OPTION_ENUM: return parse_choice(option, item, &parsed->choice, why);
    default: return parse_text(option, item, &parsed->text, why);
    }
}

static void store(const struct option *option, const union parsed *parsed, void *field)
{
    option_free(option, field);
    switch (option->type) {
    case OPTION_BOOL: *(bool *)field = parsed->flag; break;
    case OPTION_U32: *(uint32_t *)field = (uint32_t)parsed->whole; break;
    case OPTION_U64: *(uint64_t *)field = parsed->whole; break;
    case OPTION_F32: *(float *)field = (float)parsed->real; break;
    case OPTION_F64: *(double *)field = parsed->real; break;
    case OPTION_ENUM: *(unsigned *)field = parsed->choice; break;
    case OPTION_TEXT: *(char **)field = parsed->text; break;
    case OPTION_LIST: *(struct config_list *)field = parsed->list; break;
    }
}

souk_status option_parse(const struct option *option, const struct option_value *value, void *field,
                         struct buf *why)
{
    union parsed parsed;
    souk_status status;
    if (option->type == OPTION_LIST) {
        status = parse_list(value, &parsed.list, why);
    } else if (value->is_list) {
        buf_add_text(why, "is a list, but takes one value");
        status = SOUK_ECONFIG;
    } else {
        status = parse_scalar(option, &value->items[0], &parsed, why);
    }
    if (status == SOUK_OK) store(option, &parsed, field);
    return status;
}

void option_free(const struct option *option, void *field)
{
    if (option->type == OPTION_TEXT) {
        mem_free(*(char **)field);
        *(char **)field = NULL;
    } else if (option->type == OPTION_LIST) {
        struct config_list *list = field;
        for (uint32_t i = 0; i < list->num_items; i++) mem_free(list->items[i]);
        mem_free(list->items);
        *list = (struct config_list){0};
    }
}

static void mark_unset(const struct option *option, void *field)
{
    if (option->type == OPTION_ENUM)
        *(int *)field = -1;
    else
        *(float *)field = NAN;
}

void option_reset(const struct option *option, void *field)
{
    if (!option->fallback) {
        mark_unset(option, field);
        return;
    }
    struct option_item item = {.text = option->fallback, .length = strlen(option->fallback)};
    struct option_value value = {.items = &item, .num_items = 1};
    struct buf why = {0};
    souk_status status = option_parse(option, &value, field, &why);
    assert(status == SOUK_OK); // a default is as valid as any value; test_config.c looks at all
    (void)status;
    buf_fini(&why);
}

bool option_is_set(const struct option *option, const void *field)
{
    if (option->fallback) return true;
    return option->type == OPTION_ENUM ? *(const int *)field != -1 : !isnan(*(const float *)field);
}
