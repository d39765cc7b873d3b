/* ope_coverage.h - how often intervals hold the truth, and how often the verdict is wrong, over
 * many made-up logs. Threads: one owner. */
#ifndef SOUK_TESTS_SUPPORT_OPE_COVERAGE_H
#define SOUK_TESTS_SUPPORT_OPE_COVERAGE_H

#include "worker/data/generate_log.h"
#include "worker/ope/ope.h"

enum { COVERAGE_NAMES = 4, COVERAGE_LOGS_A_WORLD = 50 };
extern const char *const coverage_names[COVERAGE_NAMES]; // estimators that theory has a promise for

struct ope_coverage {
    uint32_t num_logs;
    uint32_t num_held[COVERAGE_NAMES]; // logs whose interval holds the true value
    uint32_t num_promoted;
};

/* Adds logs number first to first + num - 1, each of num_rounds; a world serves some of them.
 * scratch: a folder for files. options: all but the files. */
void ope_coverage_add(const struct ope_options *options, enum choice_policy policy,
                      uint32_t num_rounds, uint32_t first, uint32_t num, const char *scratch,
                      struct ope_coverage *coverage);

#endif
