/* optimizer.h - how a pushed gradient changes a row. One constant struct an optimizer; a new one is
 * one entry in optimizer.c and one name in souk/types.h. Formulas and sources stand there.
 *
 * A row's state lies right behind its weights: state = row + dim. Batches of rows are given as
 * pointers, so that there is one call through a pointer a batch and not one a row.
 *
 * Everything that is stored is finite: a result beyond the range of fp32 is cut to +-FLT_MAX. A
 * diverging model then shows as huge numbers, which workers notice by their loss; refusing the push
 * would need a second copy of every row, and storing infinities would spread them as NaN.
 *
 * Threads: pure functions over the arrays given.
 */
#ifndef SOUK_SERVER_OPTIMIZER_H
#define SOUK_SERVER_OPTIMIZER_H

#include <stdint.h>

#include "souk/types.h"

struct optimizer_ops {
    /* Floats of state for a row of dim weights. Required. */
    uint32_t (*state_floats)(uint32_t dim);
    /* State of a row that is being made or assigned; comes zeroed. Optional: zeros without it. */
    void (*init_state)(const struct souk_table_spec *spec, const float *row, float *state);
    /* Adapts the state to a row that SOUK_PUSH_ADD has changed. Optional: it stays without it. */
    void (*adapt_state)(const struct souk_table_spec *spec, const float *row, float *state);
    /* Changes rows (num_rows pointers) and their states by gradients (num_rows, dim), finite. lr >
     * 0. Required. */
    void (*apply)(const struct souk_table_spec *spec, float lr, const float *gradients,
                  float *const *rows, uint32_t num_rows);
};

/* Never NULL for a spec that has passed souk_table_spec_check. */
const struct optimizer_ops *optimizer_get(enum souk_optimizer optimizer);

/* SOUK_PUSH_ADD: rows += differences (num_rows, dim). */
void optimizer_add(const struct optimizer_ops *ops, const struct souk_table_spec *spec,
                   const float *differences, float *const *rows, uint32_t num_rows);

#endif
