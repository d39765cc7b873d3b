/* golden_case.h - reads what tests/golden/make_din.py writes: named arrays, one a line.
 *
 * Threads: one owner.
 */
#ifndef SOUK_TESTS_SUPPORT_GOLDEN_CASE_H
#define SOUK_TESTS_SUPPORT_GOLDEN_CASE_H

#include <stdbool.h>
#include <stdint.h>

enum { GOLDEN_ARRAYS_MAX = 48, GOLDEN_NAME_MAX = 31 };

struct golden_array {
    char name[GOLDEN_NAME_MAX + 1];
    uint32_t count;
    double *values; // (count) as written
    float *floats;  // (count) the same in fp32
    uint32_t *ints; // (count) the same where they are whole numbers
};

struct golden_case {
    struct golden_array arrays[GOLDEN_ARRAYS_MAX];
    uint32_t num_arrays;
};

/* Fails the test when the file cannot be read. The caller ends it with golden_case_close. */
void golden_case_open(struct golden_case *golden, const char *dir, const char *file);
void golden_case_close(struct golden_case *golden);
/* Fails the test when there is none. */
const struct golden_array *golden_get(const struct golden_case *golden, const char *name);
bool golden_has(const struct golden_case *golden, const char *name);
/* Its first value, for settings. */
uint32_t golden_int(const struct golden_case *golden, const char *name);

/* values agree with the array `name`: each within tolerance of the largest of the array. */
void golden_assert(const struct golden_case *golden, const char *name, const float *values,
                   double tolerance);

#endif
