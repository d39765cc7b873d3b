/* svg_draw.c - see svg_draw.h. */
#include "worker/report/svg_draw.h"

#include <math.h>
#include <string.h>

void svg_begin(struct buf *out, double width, double height, const char *title)
{
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
               "viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"",
               width, height, width, height);
    svg_add_escaped(out, title);
    buf_add_text(out, "\" font-family=\"system-ui,'Segoe UI',Helvetica,Arial,'DejaVu Sans',"
                      "sans-serif\">\n");
    buf_printf(out, "<rect width=\"%.0f\" height=\"%.0f\" fill=\"#ffffff\"/>\n", width, height);
}

// Code points that XML 1.0 has no way to write; `at` is valid UTF-8.
static bool is_forbidden(const unsigned char *at)
{
    if (*at < 0x20) return *at != '\t' && *at != '\n' && *at != '\r';
    return at[0] == 0xEF && at[1] == 0xBF && at[2] >= 0xBE; // U+FFFE, U+FFFF
}

// Bytes of the code point at `at` in valid UTF-8.
static size_t point_length(const char *at)
{
    unsigned char c = (unsigned char)*at;
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

static void add_point(struct buf *out, const char *at, size_t length)
{
    if (is_forbidden((const unsigned char *)at)) {
        buf_add_text(out, "\xEF\xBF\xBD");
        return;
    }
    switch (*at) {
    case '&': buf_add_text(out, "&amp;"); return;
    case '<': buf_add_text(out, "&lt;"); return;
    case '>': buf_add_text(out, "&gt;"); return;
    case '"': buf_add_text(out, "&quot;"); return;
    default: buf_add(out, at, length); return;
    }
}

void svg_add_escaped(struct buf *out, const char *text)
{
    struct buf clean = {0};
    text_add_utf8(&clean, text, strlen(text));
    const char *end = buf_text(&clean) + clean.length;
    for (const char *at = buf_text(&clean); at < end; at += point_length(at))
        add_point(out, at, point_length(at));
    buf_fini(&clean);
}

// Width of a code point in units of the font's size.
static double point_width(const char *at, size_t length)
{
    if (length > 1) return text_columns(at, length) > 1 ? 1.05 : 0.66;
    if (strchr("ijl.,:;'|! ", *at)) return 0.33;
    if (strchr("ftr()[]/\\I-\"", *at)) return 0.40;
    if (strchr("mwMW@%", *at)) return 0.96;
    if (*at >= 'A' && *at <= 'Z') return 0.70;
    return 0.62;
}

static double clean_width(const char *text, size_t length, double font_px)
{
    double width = 0.0;
    for (size_t i = 0; i < length; i += point_length(text + i))
        width += point_width(text + i, point_length(text + i));
    return width * font_px;
}

double svg_text_width(const char *text, double font_px)
{
    struct buf clean = {0};
    text_add_utf8(&clean, text, strlen(text));
    double width = clean_width(buf_text(&clean), clean.length, font_px);
    buf_fini(&clean);
    return width;
}

// Adds as much of the text as fits, and an ellipsis.
static void add_cut(struct buf *out, const char *text, double font_px, double max_px)
{
    struct buf clean = {0};
    text_add_utf8(&clean, text, strlen(text));
    const char *start = buf_text(&clean), *end = start + clean.length, *at = start;
    double width = 0.9 * font_px; // of the ellipsis
    while (at < end && width + point_width(at, point_length(at)) * font_px <= max_px) {
        width += point_width(at, point_length(at)) * font_px;
        at += point_length(at);
    }
    while (at > start && at[-1] == ' ') at--;
    for (const char *p = start; p < at; p += point_length(p)) add_point(out, p, point_length(p));
    buf_add_text(out, "…");
    buf_fini(&clean);
}

void svg_add_text(struct buf *out, const struct svg_text *place, const char *text)
{
    buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.4g\" fill=\"%s\"", place->x,
               place->y, place->font_px, place->fill ? place->fill : SVG_INK);
    if (place->anchor) buf_printf(out, " text-anchor=\"%s\"", place->anchor);
    if (place->is_bold) buf_add_text(out, " font-weight=\"600\"");
    if (place->rotate != 0.0)
        buf_printf(out, " transform=\"rotate(%.4g %.1f %.1f)\"", place->rotate, place->x, place->y);
    buf_add_char(out, '>');
    bool is_long = place->max_px > 0.0 && svg_text_width(text, place->font_px) > place->max_px;
    if (is_long) {
        add_cut(out, text, place->font_px, place->max_px);
        buf_add_text(out, "<title>");
        svg_add_escaped(out, text);
        buf_add_text(out, "</title>");
    } else {
        svg_add_escaped(out, text);
    }
    buf_add_text(out, "</text>\n");
}

struct svg_ticks svg_ticks(double low, double high, int target, bool is_integer)
{
    double raw = (high - low) / (target > 0 ? target : 1);
    double power = pow(10.0, floor(log10(raw)));
    double share = raw / power;
    double step = power * (share <= 1.0 ? 1.0 : share <= 2.0 ? 2.0 : share <= 5.0 ? 5.0 : 10.0);
    if (is_integer && step < 1.0) step = 1.0;
    struct svg_ticks ticks = {.step = step};
    ticks.first = ceil(low / step - 1e-9) * step;
    ticks.num = (int)floor((high - ticks.first) / step + 1e-9) + 1;
    if (ticks.num < 0) ticks.num = 0;
    int decimals = (int)-floor(log10(step) + 1e-9);
    ticks.decimals = decimals > 0 ? decimals : 0;
    return ticks;
}
