/* time_field.h - points in time out of fields of a line: numbers of whatever unit, or ISO 8601.
 *
 *   2024-05-21   2024-05-21 10:59   2024-05-21T10:59:00Z   2024-05-21T10:59:00.250+02:00
 *
 * Years are 0000..9999 of the Gregorian calendar; without an offset it is UTC. Blanks around a
 * field are fine. Threads: pure functions.
 */
#ifndef SOUK_WORKER_DATA_TIME_FIELD_H
#define SOUK_WORKER_DATA_TIME_FIELD_H

#include <stddef.h>

// Those of one log have one form: seconds of 1970 and days of any calendar are not compared.
enum time_form { TIME_UNKNOWN, TIME_NUMBER, TIME_DATE, TIME_OF_DAY };

/* The number, or seconds since 1970-01-01T00:00:00Z. TIME_UNKNOWN: it is none, *time_out is left as
 * it was. */
enum time_form time_field_parse(const char *text, size_t length, double *time_out);
/* What messages call it: "a number". */
const char *time_form_name(enum time_form form);

#endif
