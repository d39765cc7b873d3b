/* data_generate.c - souk data generate ratings: data sets whose noise floor is known. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "worker/cli/verb.h"
#include "worker/data/generate.h"

enum option_kind { KIND_COUNT, KIND_FACTORS, KIND_NUMBER, KIND_TEXT, KIND_FORMAT, KIND_SWITCH };

// An option of this verb alone, and its field in struct generate_options.
struct option_row {
    const char *name; // with its dashes
    enum option_kind kind;
    size_t offset;
};

#define FIELD(name) offsetof(struct generate_options, name)
static const struct option_row rows[] = {
    {"-o", KIND_TEXT, FIELD(dir)},
    {"--output", KIND_TEXT, FIELD(dir)},
    {"--users", KIND_COUNT, FIELD(num_users)},
    {"--items", KIND_COUNT, FIELD(num_items)},
    {"--ratings", KIND_COUNT, FIELD(num_ratings)},
    {"--factors", KIND_FACTORS, FIELD(num_factors)},
    {"--noise", KIND_NUMBER, FIELD(noise)},
    {"--zipf", KIND_NUMBER, FIELD(zipf)},
    {"--test-share", KIND_NUMBER, FIELD(test_share)},
    {"--seed", KIND_COUNT, FIELD(seed)},
    {"--format", KIND_FORMAT, FIELD(is_tsv)},
    {"--string-ids", KIND_SWITCH, FIELD(has_string_ids)},
};
enum { NUM_ROWS = sizeof(rows) / sizeof(rows[0]) };

static souk_status fail_unknown(const char *word)
{
    const char *names[NUM_ROWS];
    for (unsigned i = 0; i < NUM_ROWS; i++) names[i] = rows[i].name;
    const char *near = text_nearest(word, names, NUM_ROWS);
    if (near)
        return log_fail(SOUK_EUSAGE, "data generate: unknown option %s; did you mean %s?", word,
                        near);
    return log_fail(SOUK_EUSAGE, "data generate: unknown option %s; see souk data generate --help",
                    word);
}

static souk_status set_count(const char *name, const char *value, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long long count = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end || errno)
        return log_fail(SOUK_EUSAGE, "data generate: %s %s: must be a whole number", name, value);
    *out = count;
    return SOUK_OK;
}

static souk_status set_number(const char *name, const char *value, double *out)
{
    char *end = NULL;
    double number = strtod(value, &end);
    if (end == value || *end || !isfinite(number))
        return log_fail(SOUK_EUSAGE, "data generate: %s %s: must be a number", name, value);
    *out = number;
    return SOUK_OK;
}

static souk_status set_field(const struct option_row *row, const char *value,
                             struct generate_options *options)
{
    void *field = (char *)options + row->offset;
    uint64_t count = 0;
    souk_status status = SOUK_OK;
    switch (row->kind) {
    case KIND_COUNT: return set_count(row->name, value, field);
    case KIND_NUMBER: return set_number(row->name, value, field);
    case KIND_TEXT: *(const char **)field = value; return SOUK_OK;
    case KIND_SWITCH: *(bool *)field = true; return SOUK_OK;
    case KIND_FACTORS:
        status = set_count(row->name, value, &count);
        *(uint32_t *)field = count > GENERATE_FACTORS_MAX ? UINT32_MAX : (uint32_t)count;
        return status;
    case KIND_FORMAT: break;
    }
    if (strcmp(value, "csv") != 0 && strcmp(value, "tsv") != 0)
        return log_fail(SOUK_EUSAGE, "data generate: --format %s: must be csv or tsv", value);
    *(bool *)field = strcmp(value, "tsv") == 0;
    return SOUK_OK;
}

// "--name value" or "--name=value"; *next_idx moves past what was used.
static souk_status read_option(int argc, char **argv, int *next_idx,
                               struct generate_options *options)
{
    const char *word = argv[(*next_idx)++];
    size_t length = strcspn(word, "=");
    const struct option_row *row = NULL;
    for (unsigned i = 0; i < NUM_ROWS; i++)
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, word, length) == 0)
            row = &rows[i];
    if (!row) return fail_unknown(word);
    const char *value = word[length] ? word + length + 1 : NULL;
    if (row->kind == KIND_SWITCH && value)
        return log_fail(SOUK_EUSAGE, "data generate: %s takes no value", row->name);
    if (row->kind != KIND_SWITCH && !value) {
        if (*next_idx == argc)
            return log_fail(SOUK_EUSAGE, "data generate: %s needs a value", row->name);
        value = argv[(*next_idx)++];
    }
    return set_field(row, value, options);
}

static souk_status read_words(int argc, char **argv, struct generate_options *options)
{
    const char *what = NULL;
    for (int next = 1; next < argc;) {
        souk_status status = SOUK_OK;
        if (argv[next][0] == '-')
            status = read_option(argc, argv, &next, options);
        else if (!what)
            what = argv[next++];
        else
            status = log_fail(SOUK_EUSAGE, "data generate: one word too many: %s", argv[next]);
        if (status) return status;
    }
    if (!what || strcmp(what, "ratings") != 0)
        return log_fail(SOUK_EUSAGE,
                        "data generate: %s%s%s; use: souk data generate ratings -o DIR",
                        what ? "cannot make \"" : "what?", what ? what : "", what ? "\"" : "");
    if (!options->dir || !options->dir[0])
        return log_fail(SOUK_EUSAGE, "data generate: -o DIR is needed: the folder to write to");
    return SOUK_OK;
}

static void print_result(const struct generate_options *options,
                         const struct generate_result *result)
{
    const char *suffix = options->is_tsv ? "tsv" : "csv";
    char a[32], b[32];
    printf("%s ratings of %s users", text_group_digits(options->num_ratings, a),
           text_group_digits(options->num_users, b));
    printf(" x %s items, %u factors, in %s\n", text_group_digits(options->num_items, a),
           options->num_factors, options->dir);
    printf("  train.%s   %12s ratings\n", suffix, text_group_digits(result->num_train, a));
    printf("  test.%s    %12s ratings\n", suffix, text_group_digits(result->num_test, a));
    printf("  items.%s   %12s titles\n", suffix, text_group_digits(options->num_items, a));
    printf("  truth.json  what was planted\n");
    if (result->num_test > 0)
        printf("test RMSE: %.4f for the true model (the noise floor: none can do better), %.4f for "
               "the mean\n",
               result->noise_floor, result->mean_rmse);
}

static souk_status run(const struct program *program, int argc, char **argv)
{
    (void)program;
    struct generate_options options;
    struct generate_result result;
    generate_options_init(&options);
    souk_status status = read_words(argc, argv, &options);
    if (!status) status = generate_ratings(&options, &result);
    if (status == SOUK_EINVAL) status = SOUK_EUSAGE; // what it does not like came from here
    if (!status) print_result(&options, &result);
    return status;
}

const struct verb verb_data_generate = {
    .name = "data generate",
    .summary = "make a data set with planted factors and a known noise floor",
    .help =
        "usage: souk data generate ratings -o DIR [options]\n"
        "\n"
        "Writes train.csv, test.csv (user,item,rating), items.csv (item,title) and truth.json. A\n"
        "rating is mean + user bias + item bias + factors + normal noise; popular items and busy\n"
        "users follow Zipf's law; nobody rates an item twice. The RMSE of the true model on the\n"
        "test rows is printed: no training gets below it. The same options give the same bytes.\n"
        "\n"
        "  -o DIR            folder to write to; made when it is not there\n"
        "  --users N         users (2000)\n"
        "  --items N         items (1000)\n"
        "  --ratings N       ratings, those of the test included (600000)\n"
        "  --factors K       planted factors (4)\n"
        "  --noise S         standard deviation of the noise (0.5)\n"
        "  --zipf A          exponent of popularity; 0 is uniform (0.6)\n"
        "  --test-share P    share of the ratings in test.csv (0.1)\n"
        "  --seed N          of everything random (1)\n"
        "  --string-ids      ids such as user12 and item7 instead of numbers\n"
        "  --format F        csv or tsv (csv)\n",
    .run = run,
    .is_stopped_hard = true,
};
