/* initial.c - see initial.h. */
#include "server/initial.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/base/rng.h"

uint64_t initial_seed(const struct souk_table_spec *spec)
{
    return hash_bytes(spec->name, strlen(spec->name), spec->seed);
}

void initial_row(const struct souk_table_spec *spec, uint64_t seed, uint64_t key, float *row)
{
    uint32_t num_drawn = spec->init == SOUK_INIT_ZERO ? 0 : spec->init_columns;
    if (spec->init == SOUK_INIT_UNIFORM)
        rng_fill_uniform(seed, key, spec->init_scale, row, num_drawn);
    else if (spec->init == SOUK_INIT_NORMAL)
        rng_fill_normal(seed, key, spec->init_scale, row, num_drawn);
    memset(row + num_drawn, 0, (spec->dim - num_drawn) * sizeof(float));
}
