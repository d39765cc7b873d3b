/* color.h - one colour ramp for all pictures: viridis, which keeps its order in print and for
 * colour-blind readers. Threads: pure functions. */
#ifndef SOUK_WORKER_REPORT_COLOR_H
#define SOUK_WORKER_REPORT_COLOR_H

#include <stdbool.h>
#include <stdint.h>

struct color {
    uint8_t red, green, blue; // sRGB
};

/* The ramp at share 0..1; shares outside are taken as the nearer end. */
struct color color_ramp(double share);
/* Whether text on this colour has to be white. */
bool color_needs_white_text(struct color color);
/* The nearest entry of a terminal's 6 x 6 x 6 cube, 16..231. */
unsigned color_to_256(struct color color);

#endif
