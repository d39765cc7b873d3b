/* golden_case.c - see golden_case.h. */
#include "tests/support/golden_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/cmocka.h"

// "name count value..." of a line.
static void read_array(struct golden_array *array, const char *line)
{
    int length = 0;
    if (sscanf(line, "%31s %u%n", array->name, &array->count, &length) != 2)
        fail_msg("not a golden array: %.60s", line);
    array->values = mem_calloc(array->count + 1, sizeof(double), "golden case");
    array->floats = mem_calloc(array->count + 1, sizeof(float), "golden case");
    array->ints = mem_calloc(array->count + 1, sizeof(uint32_t), "golden case");
    const char *at = line + length;
    for (uint32_t i = 0; i < array->count; i++) {
        char *end;
        double value = array->values[i] = strtod(at, &end);
        if (end == at) fail_msg("%s has fewer than %u values", array->name, array->count);
        at = end;
        array->floats[i] = (float)value;
        if (value >= 0 && value < 4e9) array->ints[i] = (uint32_t)value;
    }
}

void golden_case_open(struct golden_case *golden, const char *dir, const char *file)
{
    char path[4096], *line = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s", dir, file);
    *golden = (struct golden_case){0};
    FILE *stream = fopen(path, "r");
    if (!stream) fail_msg("%s cannot be opened", path);
    while (getline(&line, &size, stream) > 0) {
        if (line[0] == '#') continue;
        assert_true(golden->num_arrays < GOLDEN_ARRAYS_MAX);
        read_array(&golden->arrays[golden->num_arrays++], line);
    }
    free(line);
    fclose(stream);
}

void golden_case_close(struct golden_case *golden)
{
    for (uint32_t i = 0; i < golden->num_arrays; i++) {
        mem_free(golden->arrays[i].values);
        mem_free(golden->arrays[i].floats);
        mem_free(golden->arrays[i].ints);
    }
}

static const struct golden_array *find(const struct golden_case *golden, const char *name)
{
    for (uint32_t i = 0; i < golden->num_arrays; i++)
        if (strcmp(golden->arrays[i].name, name) == 0) return &golden->arrays[i];
    return NULL;
}

bool golden_has(const struct golden_case *golden, const char *name)
{
    return find(golden, name) != NULL;
}

const struct golden_array *golden_get(const struct golden_case *golden, const char *name)
{
    const struct golden_array *array = find(golden, name);
    if (!array) fail_msg("the golden case has no %s", name);
    return array;
}

uint32_t golden_int(const struct golden_case *golden, const char *name)
{
    return golden_get(golden, name)->ints[0];
}

void golden_assert(const struct golden_case *golden, const char *name, const float *values,
                   double tolerance)
{
    const struct golden_array *array = golden_get(golden, name);
    double largest = 0;
    for (uint32_t i = 0; i < array->count; i++) largest = fmax(largest, fabs(array->values[i]));
    for (uint32_t i = 0; i < array->count; i++)
        if (!(fabs(values[i] - array->values[i]) <= tolerance * largest))
            fail_msg("%s[%u] is %.9g, not %.9g (largest %.9g)", name, i, (double)values[i],
                     array->values[i], largest);
}
