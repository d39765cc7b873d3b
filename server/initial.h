/* initial.h - the value of a row that nobody has pushed yet.
 *
 * A pure function of (seed, name of the table, key), so that every shard, every run and every
 * number of servers gives the same one, and reading an unknown row needs no memory.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_SERVER_INITIAL_H
#define SOUK_SERVER_INITIAL_H

#include <stdint.h>

#include "souk/types.h"

/* The seed of a table's rows: its own seed and its name, so that two tables differ. */
uint64_t initial_seed(const struct souk_table_spec *spec);
/* Writes the dim floats of a row: init_columns that are drawn, zeros behind them. */
void initial_row(const struct souk_table_spec *spec, uint64_t seed, uint64_t key, float *row);

#endif
