/* config_case.h - texts that a configuration is made of, and what the log says of them. Failures
 * end the test. Threads: one owner. */
#ifndef SOUK_TESTS_SUPPORT_CONFIG_CASE_H
#define SOUK_TESTS_SUPPORT_CONFIG_CASE_H

#include "common/text/config.h"

/* Reads text into a fresh configuration with the log captured; the caller calls config_fini. */
souk_status config_case_read(struct config *config, const char *text);
souk_status config_case_read_n(struct config *config, const char *text, size_t length);
/* Ends a capture of the log that the test has begun itself. */
void config_case_end_capture(void);

const char *config_case_log(void); // what the last capture had to say, borrowed
/* The last capture has this; source is what it was about. */
void config_case_log_has(const char *expected, const char *source);
void config_case_refuse(const char *text, const char *expected);
void config_case_refuse_set(const char *assignment, const char *expected);

#endif
