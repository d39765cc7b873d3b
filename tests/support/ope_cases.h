/* ope_cases.h - estimates beside those of another program: folders with log.csv, action_dist.csv
 * and expected.json, made by tests/golden/ope/make_ope.py, or those of SOUK_OPE_DATA, which are not
 * part of the project.
 *
 * Threads: one owner.
 */
#ifndef SOUK_TESTS_SUPPORT_OPE_CASES_H
#define SOUK_TESTS_SUPPORT_OPE_CASES_H

#include <stdint.h>

#include "worker/ope/ope.h"

/* What was found so far. */
struct ope_comparison {
    double worst;          // relative difference
    char worst_name[240];  // of what
    uint32_t num_compared; // figures
};

/* expected.json of a folder; fails the test when it cannot be read. Ended by json_value_destroy. */
void *ope_expected_open(const char *dir);
/* Runs the options with all kinds of intervals and compares what the object `block` has: values,
 * standard errors, lower bounds, chosen lambdas (which count as 1 when they differ), ... */
void ope_compare_block(const struct ope_options *options, const void *block, const char *what,
                       struct ope_comparison *comparison);
void ope_compare_number(double value, double expected, const char *what,
                        struct ope_comparison *comparison);
/* All blocks of a folder that make_ope.py wrote. */
void ope_compare_golden(const char *dir, struct ope_comparison *comparison);
/* All that folders of SOUK_OPE_DATA say of logs of choices; scratch: a folder for files. */
void ope_compare_shared(const char *root, const char *scratch, struct ope_comparison *comparison);

#endif
