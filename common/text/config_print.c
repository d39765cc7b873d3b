/* config_print.c - fields and options as text. See config_option.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/text/config_option.h"

enum { QUOTED_MAX = 60 };

void option_quote(const char *text, size_t length, struct buf *out)
{
    size_t shown = length < QUOTED_MAX ? length : QUOTED_MAX;
    struct buf utf8 = {0};
    text_add_utf8(&utf8, text, shown);
    buf_add_char(out, '"');
    for (size_t i = 0; i < utf8.length; i++) {
        unsigned char c = (unsigned char)utf8.text[i];
        bool is_c1 = c == 0xC2 && (unsigned char)utf8.text[i + 1] < 0xA0;
        if (is_c1) c = (unsigned char)utf8.text[++i];
        if (c < 0x20 || c == 0x7F || is_c1)
            buf_printf(out, "\\x%02x", c);
        else
            buf_add_char(out, (char)c);
    }
    buf_add_text(out, shown < length ? "...\"" : "\"");
    buf_fini(&utf8);
}

// A bound as people write it: 4095 and not 4.095e+03.
static void print_bound(double bound, struct buf *out)
{
    if (fabs(bound) < 1e15 && bound == trunc(bound))
        buf_printf(out, "%.0f", bound);
    else
        buf_printf(out, "%g", bound);
}

void option_print_range(const struct option_range *range, struct buf *out)
{
    bool has_min = isfinite(range->min), has_max = isfinite(range->max);
    if (has_min && has_max && !range->is_min_open && !range->is_max_open) {
        print_bound(range->min, out);
        buf_add_text(out, "..");
        print_bound(range->max, out);
        return;
    }
    if (has_min) {
        buf_add_text(out, range->is_min_open ? "> " : ">= ");
        print_bound(range->min, out);
    }
    if (has_min && has_max) buf_add_text(out, " and ");
    if (has_max) {
        buf_add_text(out, range->is_max_open ? "< " : "<= ");
        print_bound(range->max, out);
    }
}

size_t option_choices(const struct option *option, const char *choices[OPTION_CHOICES_MAX])
{
    size_t n = 0;
    while (n < OPTION_CHOICES_MAX && option->name_of((unsigned)n)) {
        choices[n] = option->name_of((unsigned)n);
        n++;
    }
    return n;
}

void option_print_choices(const char *const *choices, size_t num_choices, struct buf *out)
{
    for (size_t i = 0; i < num_choices; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : i + 1 < num_choices ? ", " : " or ", choices[i]);
}

void option_print_type(const struct option *option, struct buf *out)
{
    static const char *const names[] = {
        [OPTION_BOOL] = "true or false", [OPTION_U32] = "whole number",
        [OPTION_U64] = "whole number",   [OPTION_F32] = "number",
        [OPTION_F64] = "number",         [OPTION_TEXT] = "text",
        [OPTION_ENUM] = "text",          [OPTION_LIST] = "list of texts",
    };
    if (option->name_of) {
        const char *choices[OPTION_CHOICES_MAX];
        option_print_choices(choices, option_choices(option, choices), out);
        return;
    }
    buf_add_text(out, names[option->type]);
    if (!isfinite(option->range.min) && !isfinite(option->range.max)) return;
    buf_add_text(out, ", ");
    option_print_range(&option->range, out);
}

// What YAML readers take for a text without quotes, whichever version they follow.
static bool is_plain(const char *text)
{
    static const char *const words[] = {"y",   "n",    "yes",   "no",  "on",
                                        "off", "true", "false", "null"};
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.-";
    bool is_start =
        (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z') || text[0] == '/';
    if (!is_start || text[strspn(text, allowed)] != '\0') return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(text, words[i]) == 0) return false;
    return true;
}

// Code point of the UTF-8 sequence at *text, which is moved behind it.
static uint32_t next_code(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    unsigned num_more = at[0] >= 0xF0 ? 3 : at[0] >= 0xE0 ? 2 : at[0] >= 0xC2 ? 1 : 0;
    uint32_t code = num_more ? at[0] & (0x3Fu >> num_more) : at[0];
    for (unsigned i = 1; i <= num_more; i++) code = code << 6 | (at[i] & 0x3F);
    *text += num_more + 1;
    return code;
}

// Characters that YAML does not let stand as they are, or takes for line ends or marks.
static bool needs_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
           code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

static void print_text(const char *text, struct buf *out)
{
    if (is_plain(text)) {
        buf_add_text(out, text);
        return;
    }
    buf_add_char(out, '"');
    while (*text) {
        const char *start = text;
        uint32_t code = next_code(&text);
        if (code == '"' || code == '\\')
            buf_printf(out, "\\%c", (int)code);
        else if (code == '\t')
            buf_add_text(out, "\\t");
        else if (needs_escape(code))
            buf_printf(out, "\\u%04" PRIx32, code);
        else
            buf_add(out, start, (size_t)(text - start));
    }
    buf_add_char(out, '"');
}

// The shortest of at least six digits that reads back to the same number.
static void print_real(double number, bool is_f32, struct buf *out)
{
    char text[32];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (is_f32 ? strtof(text, NULL) == (float)number : strtod(text, NULL) == number) break;
    }
    buf_add_text(out, text);
}

static void print_list(const struct config_list *list, struct buf *out)
{
    buf_add_char(out, '[');
    for (uint32_t i = 0; i < list->num_items; i++) {
        if (i > 0) buf_add_text(out, ", ");
        print_text(list->items[i], out);
    }
    buf_add_char(out, ']');
}

void option_print(const struct option *option, const void *field, struct buf *out)
{
    switch (option->type) {
    case OPTION_BOOL: buf_add_text(out, *(const bool *)field ? "true" : "false"); break;
    case OPTION_U32: buf_printf(out, "%" PRIu32, *(const uint32_t *)field); break;
    case OPTION_U64: buf_printf(out, "%" PRIu64, *(const uint64_t *)field); break;
    case OPTION_F32: print_real((double)*(const float *)field, true, out); break;
    case OPTION_F64: print_real(*(const double *)field, false, out); break;
    case OPTION_ENUM: buf_add_text(out, option->name_of(*(const unsigned *)field)); break;
    case OPTION_TEXT: print_text(*(char *const *)field, out); break;
    case OPTION_LIST: print_list(field, out); break;
    }
}
