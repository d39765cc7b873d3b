/* field.h - numbers out of fields of a line. Blanks around them are fine. Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_FIELD_H
#define SOUK_WORKER_DATA_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_number { FIELD_NUMBER, FIELD_NOT_FINITE, FIELD_NO_NUMBER };

/* A decimal number, with or without fraction and exponent, as the nearest double gives it. NaN,
 * infinities and what no float can hold are FIELD_NOT_FINITE. */
enum field_number field_parse_number(const char *text, size_t length, float *value_out);
/* The same as a double: finite where that is. */
enum field_number field_parse_double(const char *text, size_t length, double *value_out);
/* Digits only, 0..2^64-1. */
bool field_parse_u64(const char *text, size_t length, uint64_t *value_out);
/* Whether the text is the one usual way to write an integer of 64 bits: no zeros ahead of it. */
bool field_is_canonical_u64(const char *text, size_t length);
/* Cuts blanks off both ends. */
void field_trim(const char **text, size_t *length);

#endif
