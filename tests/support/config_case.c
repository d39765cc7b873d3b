/* config_case.c - see config_case.h. */
#include "tests/support/config_case.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

static char logged[1 << 16]; // what the last captured call had to say

void config_case_end_capture(void)
{
    snprintf(logged, sizeof(logged), "%s", capture_log_text());
    capture_log_end();
}

const char *config_case_log(void)
{
    return logged;
}

souk_status config_case_read_n(struct config *config, const char *text, size_t length)
{
    config_init(config);
    capture_log_begin();
    souk_status status = config_read_text(config, text, length, "x.yaml");
    config_case_end_capture();
    return status;
}

souk_status config_case_read(struct config *config, const char *text)
{
    return config_case_read_n(config, text, strlen(text));
}

void config_case_log_has(const char *expected, const char *source)
{
    if (strstr(logged, expected)) return;
    fail_msg("for:\n%.200s\nexpected in the log: %s\nbut there is: %s", source, expected, logged);
}

void config_case_refuse(const char *text, const char *expected)
{
    struct config config;
    assert_int_equal(config_case_read(&config, text), SOUK_ECONFIG);
    config_case_log_has(expected, text);
    config_fini(&config);
}

void config_case_refuse_set(const char *assignment, const char *expected)
{
    struct config config;
    config_init(&config);
    capture_log_begin();
    souk_status status = config_set(&config, assignment);
    config_case_end_capture();
    if (status != SOUK_ECONFIG) fail_msg("--set %s was taken", assignment);
    config_case_log_has(expected, assignment);
    config_fini(&config);
}
