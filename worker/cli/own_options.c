/* own_options.c - see own_options.h. */
#include "worker/cli/own_options.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/text/buf.h"

enum { ROWS_MAX = 64 };

static souk_status fail_unknown(const struct own_options *options, const char *word)
{
    const char *names[ROWS_MAX];
    assert(options->num_rows <= ROWS_MAX);
    for (unsigned i = 0; i < options->num_rows; i++) names[i] = options->rows[i].name;
    const char *near = text_nearest(word, names, options->num_rows);
    if (near)
        return log_fail(SOUK_EUSAGE, "%s: unknown option %s; did you mean %s?", options->verb, word,
                        near);
    return log_fail(SOUK_EUSAGE, "%s: unknown option %s; see souk %s --help", options->verb, word,
                    options->verb);
}

static souk_status set_count(const char *verb, const char *name, const char *value, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long long count = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end || errno)
        return log_fail(SOUK_EUSAGE, "%s: %s %s: must be a whole number", verb, name, value);
    *out = count;
    return SOUK_OK;
}

static souk_status set_number(const char *verb, const char *name, const char *value, double *out)
{
    char *end = NULL;
    double number = strtod(value, &end);
    if (end == value || *end || !isfinite(number))
        return log_fail(SOUK_EUSAGE, "%s: %s %s: must be a number", verb, name, value);
    *out = number;
    return SOUK_OK;
}

static souk_status set_field(const char *verb, const struct own_option *row, const char *value,
                             void *fields)
{
    void *field = (char *)fields + row->offset;
    uint64_t count = 0;
    souk_status status = SOUK_OK;
    switch (row->kind) {
    case OWN_COUNT: return set_count(verb, row->name, value, field);
    case OWN_NUMBER: return set_number(verb, row->name, value, field);
    case OWN_TEXT: *(const char **)field = value; return SOUK_OK;
    case OWN_SWITCH: *(bool *)field = true; return SOUK_OK;
    case OWN_COUNT32:
        status = set_count(verb, row->name, value, &count);
        if (!status) *(uint32_t *)field = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
        return status;
    case OWN_TSV: break;
    }
    if (strcmp(value, "csv") != 0 && strcmp(value, "tsv") != 0)
        return log_fail(SOUK_EUSAGE, "%s: %s %s: must be csv or tsv", verb, row->name, value);
    *(bool *)field = strcmp(value, "tsv") == 0;
    return SOUK_OK;
}

// The row of the option that the first bytes of word are, or NULL.
static const struct own_option *find_row(const struct own_options *options, const char *word,
                                         size_t length)
{
    for (unsigned i = 0; i < options->num_rows; i++)
        if (strlen(options->rows[i].name) == length &&
            strncmp(options->rows[i].name, word, length) == 0)
            return &options->rows[i];
    return NULL;
}

// *next_idx moves past what was used.
static souk_status read_option(const struct own_options *options, int argc, char **argv,
                               int *next_idx, void *fields)
{
    const char *word = argv[(*next_idx)++];
    size_t length = strcspn(word, "=");
    const struct own_option *row = find_row(options, word, length);
    if (!row) return fail_unknown(options, word);
    const char *value = word[length] ? word + length + 1 : NULL;
    if (row->kind == OWN_SWITCH && value)
        return log_fail(SOUK_EUSAGE, "%s: %s takes no value", options->verb, row->name);
    if (row->kind != OWN_SWITCH && !value) {
        if (*next_idx == argc)
            return log_fail(SOUK_EUSAGE, "%s: %s needs a value", options->verb, row->name);
        value = argv[(*next_idx)++];
    }
    return set_field(options->verb, row, value, fields);
}

souk_status own_options_parse(const struct own_options *options, int argc, char **argv,
                              void *fields, char **words_out, int *num_words_out)
{
    *num_words_out = 0;
    for (int next = 1; next < argc;) {
        bool is_option = argv[next][0] == '-' && argv[next][1] != 0; // "-" is standard input
        if (!is_option) {
            words_out[(*num_words_out)++] = argv[next++];
            continue;
        }
        souk_status status = read_option(options, argc, argv, &next, fields);
        if (status) return status;
    }
    return SOUK_OK;
}

souk_status own_options_take(const struct own_options *options, int *argc, char **argv,
                             void *fields)
{
    int num_left = 1;
    bool has_options = true; // until "--"
    for (int next = 1; next < *argc;) {
        if (strcmp(argv[next], "--") == 0) has_options = false;
        if (!has_options || !find_row(options, argv[next], strcspn(argv[next], "="))) {
            argv[num_left++] = argv[next++];
            continue;
        }
        souk_status status = read_option(options, *argc, argv, &next, fields);
        if (status) return status;
    }
    *argc = num_left;
    return SOUK_OK;
}
