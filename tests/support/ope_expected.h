/* ope_expected.h - what estimators should say: lines of a .expected file of tests/golden/ope_seq.
 * Threads: one owner. */
#ifndef SOUK_TESTS_SUPPORT_OPE_EXPECTED_H
#define SOUK_TESTS_SUPPORT_OPE_EXPECTED_H

#include <stdint.h>

enum { OPE_EXPECTED_MAX = 16 };

struct ope_expected {
    char name[32];
    double value, std_error; // std_error NAN: not told
};

/* Returns how many there are; a failure ends the test. */
uint32_t ope_expected_read(const char *path, struct ope_expected expected[OPE_EXPECTED_MAX]);
/* The one of this name; a failure ends the test. */
const struct ope_expected *ope_expected_get(const struct ope_expected *expected, uint32_t num,
                                            const char *name);
/* To 1e-10 relative; both NAN is fine. */
void ope_assert_near(const char *what, double value, double expected);
/* The file of the folder of published vectors; NULL, said on standard output, when SOUK_OPE_DATA is
 * not set. In a ring of 4 buffers. */
const char *ope_published(const char *file);

#endif
