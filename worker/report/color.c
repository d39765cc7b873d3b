/* color.c - see color.h. Stops of viridis at every tenth, by van der Walt and Smith (CC0). */
#include "worker/report/color.h"

#include <math.h>
#include <stdlib.h>

static const struct color stops[] = {
    {0x44, 0x01, 0x54}, {0x48, 0x24, 0x75}, {0x41, 0x44, 0x87}, {0x35, 0x5f, 0x8d},
    {0x2a, 0x78, 0x8e}, {0x21, 0x91, 0x8c}, {0x22, 0xa8, 0x84}, {0x44, 0xbf, 0x70},
    {0x7a, 0xd1, 0x51}, {0xbd, 0xdf, 0x26}, {0xfd, 0xe7, 0x25},
};
enum { LAST_STOP = sizeof(stops) / sizeof(stops[0]) - 1 };

static uint8_t mix(uint8_t a, uint8_t b, double share)
{
    return (uint8_t)lround(a + (b - a) * share);
}

struct color color_ramp(double share)
{
    if (!(share > 0.0)) return stops[0];
    if (share >= 1.0) return stops[LAST_STOP];
    double position = share * LAST_STOP;
    int idx = (int)position;
    struct color a = stops[idx], b = stops[idx + 1];
    double rest = position - idx;
    return (struct color){mix(a.red, b.red, rest), mix(a.green, b.green, rest),
                          mix(a.blue, b.blue, rest)};
}

static double to_linear(uint8_t channel)
{
    double c = channel / 255.0;
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

// The relative luminance of WCAG 2: white text has more contrast than black below 0.179.
bool color_needs_white_text(struct color color)
{
    double luminance = 0.2126 * to_linear(color.red) + 0.7152 * to_linear(color.green) +
                       0.0722 * to_linear(color.blue);
    return luminance < 0.179;
}

static unsigned nearest_level(uint8_t channel)
{
    static const int levels[] = {0, 95, 135, 175, 215, 255};
    unsigned best = 0;
    for (unsigned i = 1; i < 6; i++)
        if (abs(levels[i] - channel) < abs(levels[best] - channel)) best = i;
    return best;
}

unsigned color_to_256(struct color color)
{
    return 16 + 36 * nearest_level(color.red) + 6 * nearest_level(color.green) +
           nearest_level(color.blue);
}
