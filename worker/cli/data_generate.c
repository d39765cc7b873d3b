/* data_generate.c - souk data generate ratings|clicks|log: data sets whose best possible figure is
 * known. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/own_options.h"
#include "worker/cli/verb.h"
#include "worker/data/generate.h"
#include "worker/data/generate_clicks.h"
#include "worker/data/generate_log.h"

#define RATING(name) offsetof(struct generate_options, name)
static const struct own_option rating_rows[] = {
    {"-o", OWN_TEXT, RATING(dir)},
    {"--output", OWN_TEXT, RATING(dir)},
    {"--users", OWN_COUNT, RATING(num_users)},
    {"--items", OWN_COUNT, RATING(num_items)},
    {"--ratings", OWN_COUNT, RATING(num_ratings)},
    {"--factors", OWN_COUNT32, RATING(num_factors)},
    {"--noise", OWN_NUMBER, RATING(noise)},
    {"--zipf", OWN_NUMBER, RATING(zipf)},
    {"--test-share", OWN_NUMBER, RATING(test_share)},
    {"--seed", OWN_COUNT, RATING(seed)},
    {"--format", OWN_TSV, RATING(is_tsv)},
    {"--string-ids", OWN_SWITCH, RATING(has_string_ids)},
};

#define CLICK(name) offsetof(struct click_options, name)
static const struct own_option click_rows[] = {
    {"-o", OWN_TEXT, CLICK(dir)},
    {"--output", OWN_TEXT, CLICK(dir)},
    {"--users", OWN_COUNT, CLICK(num_users)},
    {"--items", OWN_COUNT, CLICK(num_items)},
    {"--categories", OWN_COUNT, CLICK(num_categories)},
    {"--samples", OWN_COUNT, CLICK(num_samples)},
    {"--history", OWN_COUNT32, CLICK(max_history)},
    {"--strength", OWN_NUMBER, CLICK(strength)},
    {"--zipf", OWN_NUMBER, CLICK(zipf)},
    {"--test-share", OWN_NUMBER, CLICK(test_share)},
    {"--seed", OWN_COUNT, CLICK(seed)},
    {"--string-ids", OWN_SWITCH, CLICK(has_string_ids)},
};

struct log_fields {
    struct log_options options;
    bool has_no_propensities;
};
#define LOG(name) offsetof(struct log_fields, options.name)
static const struct own_option log_rows[] = {
    {"-o", OWN_TEXT, LOG(dir)},
    {"--output", OWN_TEXT, LOG(dir)},
    {"--rounds", OWN_COUNT, LOG(num_rounds)},
    {"--actions", OWN_COUNT32, LOG(num_actions)},
    {"--kinds", OWN_COUNT32, LOG(num_kinds)},
    {"--seed", OWN_COUNT, LOG(seed)},
    {"--round-seed", OWN_COUNT, LOG(round_seed)},
    {"--no-pscore", OWN_SWITCH, offsetof(struct log_fields, has_no_propensities)},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
static const struct own_options rating_own = {"data generate", rating_rows, COUNT(rating_rows)};
static const struct own_options click_own = {"data generate", click_rows, COUNT(click_rows)};
static const struct own_options log_own = {"data generate", log_rows, COUNT(log_rows)};

// Options behind the word that says what to generate; no other words.
static souk_status read_options(const struct own_options *own, int argc, char **argv, void *fields,
                                const char *const *dir)
{
    int num_words = 0;
    char **words = mem_calloc((size_t)argc, sizeof(*words), "words");
    souk_status status = own_options_parse(own, argc, argv, fields, words, &num_words);
    if (!status && num_words > 0)
        status = log_fail(SOUK_EUSAGE, "data generate: one word too many: %s", words[0]);
    mem_free(words);
    if (status) return status;
    if (*dir && **dir) return SOUK_OK;
    return log_fail(SOUK_EUSAGE, "data generate: -o DIR is needed: the folder to write to");
}

static void print_ratings(const struct generate_options *options,
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

static void print_clicks(const struct click_options *options, const struct click_result *result)
{
    char a[32], b[32];
    printf("%s samples of %s users", text_group_digits(options->num_samples, a),
           text_group_digits(options->num_users, b));
    printf(" x %s items in %s categories, %.1f %% of them clicks, in %s\n",
           text_group_digits(options->num_items, a), text_group_digits(options->num_categories, b),
           100 * result->click_share, options->dir);
    printf("  train.tsv   %12s samples\n", text_group_digits(result->num_train, a));
    printf("  test.tsv    %12s samples: the last ones of each user\n",
           text_group_digits(result->num_test, a));
    printf("  items.tsv   %12s titles\n", text_group_digits(options->num_items, a));
    printf("  truth.json  what was planted\n");
    if (result->num_test > 0)
        printf("test AUC: %.4f for the true probabilities (the ceiling: none can do better), %.4f "
               "for the\nnearness to the mean of the history with popularity, %.4f for popularity "
               "alone\n",
               result->true_auc, result->mean_history_auc, result->popularity_auc);
}

static void print_log(const struct log_options *options, const struct log_result *result)
{
    char a[32], b[32];
    printf("%s choices among %u actions", text_group_digits(options->num_rounds, a),
           options->num_actions);
    printf(" by %s kinds of users, in %s\n", text_group_digits(options->num_kinds, b),
           options->dir);
    printf("  log.csv         mean reward %.4f\n", result->logged_mean);
    for (int p = 0; p < CHOICE_POLICIES; p++) {
        snprintf(a, sizeof(a), "%s.csv", choice_policy_name((enum choice_policy)p));
        printf("  %-15s probabilities of %s, worth %.4f\n", a,
               p == CHOICE_LOGGING ? "the policy that logs" : "a new policy", result->values[p]);
    }
    printf("  truth.json      what was planted\n");
}

static souk_status run_ratings(int argc, char **argv)
{
    struct generate_options options;
    struct generate_result result;
    generate_options_init(&options);
    souk_status status = read_options(&rating_own, argc, argv, &options, &options.dir);
    if (!status) status = generate_ratings(&options, &result);
    if (!status) print_ratings(&options, &result);
    return status;
}

static souk_status run_clicks(int argc, char **argv)
{
    struct click_options options;
    struct click_result result;
    click_options_init(&options);
    souk_status status = read_options(&click_own, argc, argv, &options, &options.dir);
    if (!status) status = generate_clicks(&options, &result);
    if (!status) print_clicks(&options, &result);
    return status;
}

static souk_status run_log(int argc, char **argv)
{
    struct log_fields fields = {.has_no_propensities = false};
    struct log_result result;
    log_options_init(&fields.options);
    souk_status status = read_options(&log_own, argc, argv, &fields, &fields.options.dir);
    fields.options.has_propensities = !fields.has_no_propensities;
    if (!status) status = generate_log(&fields.options, &result);
    if (!status) print_log(&fields.options, &result);
    return status;
}

static souk_status run(const struct program *program, int argc, char **argv)
{
    (void)program;
    const char *what = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    souk_status status;
    if (what && strcmp(what, "ratings") == 0)
        status = run_ratings(argc - 1, argv + 1);
    else if (what && strcmp(what, "clicks") == 0)
        status = run_clicks(argc - 1, argv + 1);
    else if (what && strcmp(what, "log") == 0)
        status = run_log(argc - 1, argv + 1);
    else
        return log_fail(
            SOUK_EUSAGE,
            "data generate: %s%s%s; use: souk data generate ratings -o DIR, or clicks, or log",
            what ? "cannot make \"" : "what?", what ? what : "", what ? "\"" : "");
    return status == SOUK_EINVAL ? SOUK_EUSAGE : status; // what it does not like came from here
}

const struct verb verb_data_generate = {
    .name = "data generate",
    .summary = "make a data set whose best possible figure is known",
    .help =
        "usage: souk data generate ratings -o DIR [options]\n"
        "       souk data generate clicks -o DIR [options]\n"
        "       souk data generate log -o DIR [options]\n"
        "\n"
        "The same options give the same bytes.\n"
        "\n"
        "  -o DIR            folder to write to; made when it is not there\n"
        "  --seed N          of everything random (1)\n"
        "  --zipf A          ratings, clicks: exponent of items' popularity; 0 is uniform (0.6;\n"
        "                    clicks 0.8)\n"
        "  --test-share P    ratings, clicks: share of the rows in the test file (0.1)\n"
        "  --string-ids      ratings, clicks: ids such as user12 and item7 instead of numbers\n"
        "\n"
        "ratings: train.csv, test.csv (user,item,rating), items.csv (item,title) and truth.json. "
        "A\n"
        "rating is mean + user bias + item bias + factors + normal noise; nobody rates an item\n"
        "twice. The RMSE of the true model on the test rows is printed: no training gets below "
        "it.\n"
        "\n"
        "  --users N         users (2000)\n"
        "  --items N         items (1000)\n"
        "  --ratings N       ratings, those of the test included (600000)\n"
        "  --factors K       planted factors (4)\n"
        "  --noise S         standard deviation of the noise (0.5)\n"
        "  --format F        csv or tsv (csv)\n"
        "\n"
        "clicks: train.tsv, test.tsv (label, user, item, category, hist_item, hist_category),\n"
        "items.tsv (item, title, category) and truth.json. A user has 2 to 4 categories of\n"
        "interest, and the history has items of all of them and a few others. A click is likely\n"
        "when many behaviours are near the candidate, and for popular items. The AUC of the true\n"
        "probabilities on the test samples is printed: no model gets above it; beside it that of\n"
        "the history's mean, which is what remains when behaviours are pooled too early.\n"
        "\n"
        "  --users N         users (8000)\n"
        "  --items N         items (1000)\n"
        "  --categories N    categories (40)\n"
        "  --samples N       samples, those of the test included (200000)\n"
        "  --history N       longest history, the latest behaviours are kept (30)\n"
        "  --strength S      how much near behaviours count (6.5)\n"
        "\n"
        "log: choices of a policy that draws among actions, for souk ope: log.csv (action, "
        "reward,\n"
        "pscore, x0, x1, x2), and the probabilities of that policy and of three new ones in its\n"
        "rounds, a row a round and a column an action: logging.csv, better.csv, just_worse.csv "
        "(it\n"
        "earns 0.002 less than the one that logs, though it acts quite differently), worse.csv;\n"
        "truth.json says what each is worth, and so does the output.\n"
        "\n"
        "  --rounds N        choices (10000)\n"
        "  --actions N       actions, 2 to 1000 (5)\n"
        "  --kinds N         kinds of users, each with its own probabilities (12)\n"
        "  --round-seed N    of the choices, so that there are many logs of one world (1)\n"
        "  --no-pscore       leaves that column out, as many logs do; souk ope estimates it\n",
    .run = run,
    .is_stopped_hard = true,
};
