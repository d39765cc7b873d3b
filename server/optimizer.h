/* optimizer.h - how a pushed gradient changes a row. One constant struct an optimizer; a new one is
 * one entry in optimizer.c and one name in souk/types.h. Formulas and sources stand there.
 *
 * Threads: pure functions over the arrays given.
 */
#ifndef SOUK_SERVER_OPTIMIZER_H
#define SOUK_SERVER_OPTIMIZER_H

#include <stdint.h>

#include "souk/types.h"

struct optimizer_ops {
    const char *name;
    /* Floats of state for a row of dim weights. Required. */
    uint32_t (*state_floats)(uint32_t dim);
    /* State of a row that is being made. Optional: zeros without it. */
    void (*init_state)(const struct souk_table_spec *spec, float *state);
    /* row, state: in place; gradient (dim). lr > 0. Required. */
    void (*apply)(const struct souk_table_spec *spec, float lr, const float *gradient, float *row,
                  float *state);
};

/* Never NULL for a spec that has passed souk_table_spec_check. */
const struct optimizer_ops *optimizer_get(enum souk_optimizer optimizer);

#endif
