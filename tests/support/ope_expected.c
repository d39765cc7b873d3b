/* ope_expected.c - see ope_expected.h. */
#include "tests/support/ope_expected.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cmocka.h"

uint32_t ope_expected_read(const char *path, struct ope_expected expected[OPE_EXPECTED_MAX])
{
    uint32_t num = 0;
    char value[64], error[64];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fscanf(file, "%31s %63s %63s", expected[num].name, value, error) == 3) {
        expected[num].value = strtod(value, NULL);
        expected[num].std_error = strcmp(error, "-") == 0 ? NAN : strtod(error, NULL);
        assert_true(++num < OPE_EXPECTED_MAX);
    }
    fclose(file);
    assert_true(num > 0);
    return num;
}

const struct ope_expected *ope_expected_get(const struct ope_expected *expected, uint32_t num,
                                            const char *name)
{
    for (uint32_t i = 0; i < num; i++)
        if (strcmp(expected[i].name, name) == 0) return &expected[i];
    fail_msg("nothing is expected of %s", name);
    return NULL;
}

void ope_assert_near(const char *what, double value, double expected)
{
    if (isnan(value) && isnan(expected)) return;
    if (fabs(value - expected) <= 1e-10 * fabs(expected)) return;
    fail_msg("%s is %.17g, not %.17g", what, value, expected);
}

const char *ope_published(const char *file)
{
    static char paths[4][4096];
    static unsigned next;
    const char *dir = getenv("SOUK_OPE_DATA");
    if (!dir) {
        print_message("SKIP: SOUK_OPE_DATA is not set\n");
        return NULL;
    }
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, file);
    return path;
}
