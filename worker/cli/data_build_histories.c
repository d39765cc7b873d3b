/* data_build_histories.c - souk data build-histories: samples out of an interaction log. */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/own_options.h"
#include "worker/cli/verb.h"
#include "worker/data/build_histories.h"

#define FIELD(name) offsetof(struct build_histories_options, name)
static const struct own_option rows[] = {
    {"-o", OWN_TEXT, FIELD(dir)},
    {"--output", OWN_TEXT, FIELD(dir)},
    {"--user", OWN_TEXT, FIELD(log.user)},
    {"--item", OWN_TEXT, FIELD(log.item)},
    {"--category", OWN_TEXT, FIELD(log.category)},
    {"--time", OWN_TEXT, FIELD(log.time)},
    {"--delimiter", OWN_TEXT, FIELD(log.delimiter)},
    {"--max-bad-rows", OWN_COUNT, FIELD(log.max_bad_rows)},
    {"--history", OWN_COUNT32, FIELD(max_history)},
    {"--targets", OWN_COUNT32, FIELD(max_targets)},
    {"--seed", OWN_COUNT, FIELD(seed)},
    {"--dense-ids", OWN_SWITCH, FIELD(has_dense_ids)},
};
static const struct own_options own = {"data build-histories", rows,
                                       sizeof(rows) / sizeof(rows[0])};

static souk_status check(const struct build_histories_options *options)
{
    if (options->log.files->num_items == 0)
        return log_fail(SOUK_EUSAGE, "data build-histories: which log? Name a file, or \"-\" for "
                                     "standard input");
    if (!options->dir || !options->dir[0])
        return log_fail(SOUK_EUSAGE,
                        "data build-histories: -o DIR is needed: the folder to write to");
    if (options->max_history < 1 || options->max_targets < 1)
        return log_fail(SOUK_EUSAGE, "data build-histories: --history and --targets must be 1 or "
                                     "more");
    return SOUK_OK;
}

static void print_count(const char *label, uint64_t count, const char *more)
{
    char digits[32];
    printf("  %-13s%s%s\n", label, text_group_digits(count, digits), more);
}

static void print_result(const struct build_histories_options *options,
                         const struct build_histories_result *result)
{
    print_count("interactions", result->num_rows,
                result->has_times ? ", by time"
                : options->log.time
                    ? ", in the order of the file"
                    : ", in the order of the file (--time names a column of times)");
    if (result->num_bad > 0) print_count("bad rows", result->num_bad, ", left out");
    print_count("users", result->num_users, "");
    if (result->num_short_users > 0)
        print_count("", result->num_short_users,
                    " have fewer than 3 interactions and give no samples");
    if (result->num_without_negative > 0)
        print_count("", result->num_without_negative,
                    " have been with every item and give no samples");
    print_count("items", result->num_items, "");
    if (result->has_categories)
        print_count("categories", result->num_categories, "");
    else
        printf("  %-13snone\n", "categories");
    if (result->num_conflicts > 0)
        print_count("", result->num_conflicts,
                    " rows give an item another category than its first row");
    print_count("train.tsv", result->num_train, " samples, half of them clicks");
    print_count("test.tsv", result->num_test, " samples: the last interaction of each user");
    printf("written to %s; histories of up to %u behaviours\n", options->dir, options->max_history);
}

static souk_status run(const struct program *program, int argc, char **argv)
{
    (void)program;
    struct build_histories_result result;
    char **words = mem_calloc((size_t)argc, sizeof(*words), "words");
    struct config_list files = {words, 0};
    struct build_histories_options options = {
        .log = {.files = &files}, .max_history = 50, .max_targets = 20, .seed = 1};
    int num_words = 0;
    souk_status status = own_options_parse(&own, argc, argv, &options, words, &num_words);
    files.num_items = (uint32_t)num_words;
    if (!status) status = check(&options);
    if (!status) status = build_histories(&options, &result);
    if (!status) print_result(&options, &result);
    mem_free(words);
    return status;
}

const struct verb verb_data_build_histories = {
    .name = "data build-histories",
    .summary = "make samples with behaviour histories out of an interaction log",
    .help =
        "usage: souk data build-histories LOG... -o DIR [options]\n"
        "\n"
        "Reads who did something with which item (a line each: user, item, perhaps category and\n"
        "time) and writes train.tsv and test.tsv: label, user, item, category, hist_item,\n"
        "hist_category, as `souk train` reads them. Of each user the last interaction is for the\n"
        "test, those before it are for training, and each has the earlier ones as its history,\n"
        "oldest first. Each is followed by a negative (label 0): an item drawn from those that "
        "the\n"
        "user has never been with, before or later. Interactions at the same time as the target "
        "are\n"
        "not in its history. Without a time, rows of a user must stand in their order; they need\n"
        "not be together. The log is held in memory: 8 bytes a row, 16 with a time, twice while "
        "it\n"
        "is being ordered, and its ids. The same log and options give the same files.\n"
        "\n"
        "  LOG               file, .gz or not; \"-\" for standard input; several are read as one\n"
        "  -o DIR            folder to write to; made when it is not there\n"
        "  --user COLUMN     column of the user: a name of the header, or a position from 1;\n"
        "                    without it the usual name in a header, the first column of a file\n"
        "                    that has none\n"
        "  --item COLUMN     likewise; the second column without a header\n"
        "  --category COLUMN likewise; the third, if any; none: no categories\n"
        "  --time COLUMN     likewise; the fourth, if any; none: order of the rows. Numbers, or\n"
        "                    dates such as 2024-05-21, 2024-05-21 10:59, 2024-05-21T10:59:00Z\n"
        "                    (ISO 8601; UTC unless they have an offset), all in one form\n"
        "  --history N       longest history, the latest behaviours are kept (50)\n"
        "  --targets N       training clicks of a user, the latest (20)\n"
        "  --seed N          of the negatives (1)\n"
        "  --dense-ids       number ids from 1 instead of writing them as they are\n"
        "  --delimiter TEXT  what separates columns: tab, comma, space, or the text itself (auto)\n"
        "  --max-bad-rows N  rows that may be malformed; they are left out (0)\n",
    .run = run,
    .is_stopped_hard = true,
};
