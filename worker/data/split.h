/* split.h - a line as fields. Threads: pure functions. */
#ifndef SOUK_WORKER_DATA_SPLIT_H
#define SOUK_WORKER_DATA_SPLIT_H

#include <stddef.h>
#include <stdint.h>

/* Cuts a line at a delimiter: " " is any run of blanks, "," and ";" leave quoted fields whole, all
 * others are cut wherever they stand. Fields point into line, quoted ones into scratch (at least
 * length bytes). Returns how many there are, max + 1 for more than max (the rest is not looked at),
 * 0 for a quoted field that does not end or goes on after its end. */
uint32_t split_line(const char *delimiter, const char *line, size_t length, const char **fields,
                    size_t *field_lengths, uint32_t max, char *scratch);

#endif
