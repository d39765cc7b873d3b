/* Tests of worker/cli: the options that verbs share, and how verbs are found. */
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/text/buf.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/cli/verb.h"

enum { WORDS_MAX = 32, ALL = (1 << 14) - 1 };

static const struct verb verb_test = {.name = "test", .summary = "", .help = ""};
static char logged[1 << 14]; // what the last call of parse() had to say

static void end_capture(void)
{
    snprintf(logged, sizeof(logged), "%s", capture_log_text());
    capture_log_end();
}

// The words of a command line, in place of its blanks. Lives in static memory until the next call.
static char **split(const char *line, int *num_words_out)
{
    static char copy[4096], *words[WORDS_MAX];
    int n = 0;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) words[n++] = word;
    words[n] = NULL;
    *num_words_out = n;
    return words;
}

static souk_status parse(unsigned flags, const char *line, struct args *args)
{
    int num_words;
    char **words = split(line, &num_words);
    capture_log_begin();
    souk_status status = args_parse(&verb_test, flags, num_words, words, args);
    end_capture();
    return status;
}

static void assert_refused(unsigned flags, const char *line, souk_status expected_status,
                           const char *expected)
{
    struct args args;
    souk_status status = parse(flags, line, &args);
    args_fini(&args);
    if (status != expected_status) fail_msg("%s: status %s", line, souk_status_name(status));
    if (!strstr(logged, expected)) fail_msg("%s: \"%s\" is not in: %s", line, expected, logged);
}

static void every_option_reaches_its_field(void **state)
{
    (void)state;
    struct args args;
    assert_int_equal(parse(ALL | ARG_WORDS,
                           "test -m dir --data a --data - --json --servers tcp://a:1,tcp://b:2 "
                           "-o out --resume --user 1,2 --users x,y --items 7 -n 25 --titles t "
                           "--with-seen --svg s --set model.k=5 --changed --origin word",
                           &args),
                     SOUK_OK);
    assert_string_equal(args.model_dir, "dir");
    assert_int_equal(args.data.num_items, 2);
    assert_string_equal(args.data.items[1], "-");
    assert_true(args.is_json && args.is_resume && args.with_seen);
    assert_true(args.only_changed && args.with_origin);
    assert_int_equal(args.config.cluster.addresses.num_items, 2);
    assert_string_equal(args.config.cluster.addresses.items[1], "tcp://b:2");
    assert_string_equal(args.output, "out");
    assert_int_equal(args.users.num_items, 3); // --user takes its value as it is
    assert_string_equal(args.users.items[0], "1,2");
    assert_string_equal(args.users.items[2], "y");
    assert_int_equal(args.items.num_items, 1);
    assert_int_equal(args.top, 25);
    assert_string_equal(args.titles, "t");
    assert_string_equal(args.svg, "s");
    assert_int_equal(args.config.model.k, 5);
    assert_int_equal(args.num_positional, 1);
    assert_string_equal(args.positional[0], "word");
    args_fini(&args);
}

static void values_may_be_attached(void **state)
{
    (void)state;
    struct args args;
    assert_int_equal(parse(ALL, "test --model=dir -n7 --set=model.k=5 -oout --user=--x", &args),
                     SOUK_OK);
    assert_string_equal(args.model_dir, "dir");
    assert_int_equal(args.top, 7);
    assert_string_equal(args.output, "out");
    assert_string_equal(args.users.items[0], "--x");
    assert_int_equal(args.config.model.k, 5);
    args_fini(&args);
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    struct args args;
    assert_int_equal(parse(ARG_WORDS | ARG_JSON, "test a --json - -- --json -x", &args), SOUK_OK);
    assert_true(args.is_json);
    assert_int_equal(args.num_positional, 4);
    assert_string_equal(args.positional[0], "a");
    assert_string_equal(args.positional[1], "-");
    assert_string_equal(args.positional[2], "--json");
    assert_string_equal(args.positional[3], "-x");
    args_fini(&args);
}

struct own_fields {
    uint64_t num_users;
    const char *policies;
    bool is_fast;
};
static const struct own_option own_rows[] = {
    {"--users", OWN_COUNT, offsetof(struct own_fields, num_users)},
    {"--policies", OWN_TEXT, offsetof(struct own_fields, policies)},
    {"--fast", OWN_SWITCH, offsetof(struct own_fields, is_fast)},
};
static const struct own_options own = {"own", own_rows, 3};

static void options_of_a_verb_go_beside_the_shared_ones(void **state)
{
    (void)state;
    static const struct verb verb = {.name = "own", .summary = "", .help = "", .own = &own};
    struct own_fields fields = {0};
    struct args args;
    int num_words;
    char **words =
        split("own --users 7 --json --policies=a,b --set model.k=5 --fast -- --fast", &num_words);
    assert_int_equal(own_options_take(&own, &num_words, words, &fields), SOUK_OK);
    assert_true(fields.num_users == 7 && fields.is_fast);
    assert_string_equal(fields.policies, "a,b");
    assert_int_equal(num_words, 6);
    assert_int_equal(args_parse(&verb, ARG_CONFIG | ARG_JSON | ARG_WORDS, num_words, words, &args),
                     SOUK_OK);
    assert_true(args.is_json);
    assert_int_equal(args.config.model.k, 5);
    assert_int_equal(args.num_positional, 1);
    assert_string_equal(args.positional[0], "--fast");
    args_fini(&args);

    words = split("own --jsno --polices x", &num_words);
    assert_int_equal(own_options_take(&own, &num_words, words, &fields), SOUK_OK);
    capture_log_begin();
    assert_int_equal(args_parse(&verb, ARG_JSON, num_words, words, &args), SOUK_EUSAGE);
    end_capture();
    args_fini(&args);
    assert_non_null(strstr(logged, "did you mean --json?"));
    words = split("own --polices x", &num_words);
    capture_log_begin();
    assert_int_equal(args_parse(&verb, ARG_JSON, num_words, words, &args), SOUK_EUSAGE);
    end_capture();
    args_fini(&args);
    assert_non_null(strstr(logged, "did you mean --policies?"));
}

static void mistakes_are_usage_errors_with_advice(void **state)
{
    (void)state;
    static const struct {
        unsigned flags;
        const char *line, *expected;
    } cases[] = {
        {ALL, "test --resmue", "unknown option --resmue; did you mean --resume?"},
        {ALL & ~ARG_RESUME, "test --resmue", "unknown option --resmue; see souk test --help"},
        {ARG_CONFIG, "test --resume", "test: does not take --resume"},
        {ALL, "test -x", "unknown option -x"},
        {ALL, "test --", ""},
        {ALL, "test -m", "test: -m needs a value"},
        {ALL, "test --model", "test: --model needs a value"},
        {ALL, "test -m --json", "test: -m needs a value"},
        {ALL, "test -m a -m b", "-m is given twice"},
        {ALL, "test -c", "test: -c needs a value"},
        {ALL, "test -n", "test: -n needs a value"},
        {ALL, "test -nx", "-n x: must be a whole number"},
        {ALL, "test --top=x", "--top x: must be a whole number"},
        {ALL, "test --model=", "--model: the value is empty"},
        {ALL, "test --json=yes", "--json takes no value"},
        {ALL, "test --users a,,b", "--users: an entry is empty"},
        {ALL, "test -n 0", "must be a whole number, 1..1000000"},
        {ALL, "test -n -3", "must be a whole number"},
        {ALL, "test -n 1e3", "must be a whole number"},
        {ALL, "test -n 99999999999999999999", "must be a whole number"},
        {ALL, "test word", "does not know what to do with \"word\""},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].expected[0])
            assert_refused(cases[i].flags, cases[i].line, SOUK_EUSAGE, cases[i].expected);
        else
            assert_refused(cases[i].flags, cases[i].line, SOUK_OK, "");
    }
}

static void mistakes_in_settings_are_all_reported(void **state)
{
    (void)state;
    assert_refused(ALL, "test --set model.k=0 --set mdoel.k=3", SOUK_ECONFIG, "--set model.k");
    assert_non_null(strstr(logged, "did you mean \"model.k\"?"));
    assert_refused(ALL, "test -c /nowhere/x.yaml", SOUK_ECONFIG, "/nowhere/x.yaml");
    assert_refused(ALL, "test --set train.patience=2", SOUK_ECONFIG, "--set train.patience: ");
}

static void settings_beat_the_file_and_the_file_beats_the_model(void **state)
{
    (void)state;
    struct args args;
    char *dir = temp_dir_create();
    struct buf line = {0};
    temp_file(dir, "config.yaml",
              "model: {k: 1, l2_user: 0.5}\ncluster: {addresses: [tcp://old:1], threads: 7}\n"
              "train: {epochs: 1}\n");
    const char *file = temp_file(dir, "mine.yaml", "model: {k: 2}\ntrain: {epochs: 2}\n");
    buf_printf(&line, "test --set model.k=3 -c %s -m %s", file, dir);
    assert_int_equal(parse(ALL, line.text, &args), SOUK_OK);
    assert_int_equal(args.config.model.k, 3);
    assert_int_equal(args.config.train.epochs, 2);
    assert_true(args.config.model.l2_user == 0.5f);
    // Where the model was trained is nobody's business any more.
    assert_int_equal(args.config.cluster.addresses.num_items, 0);
    assert_int_equal(args.config.cluster.threads, 1);
    args_fini(&args);

    buf_fini(&line);
    temp_dir_remove(dir);
}

static void the_model_folder_of_a_run_finds_the_configuration_beside_it(void **state)
{
    (void)state;
    struct args args;
    char *dir = temp_dir_create();
    struct buf line = {0};
    temp_file(dir, "config.yaml", "model: {k: 1}\n");
    assert_int_equal(file_make_dirs(temp_path(dir, "model")), SOUK_OK);
    assert_int_equal(file_make_dirs(temp_path(dir, "other")), SOUK_OK);
    buf_printf(&line, "test -m %s/model/", dir);
    assert_int_equal(parse(ALL, line.text, &args), SOUK_OK);
    assert_int_equal(args.config.model.k, 1);
    args_fini(&args);
    buf_clear(&line);
    buf_printf(&line, "test -m %s/other", dir);
    assert_int_equal(parse(ALL, line.text, &args), SOUK_OK);
    assert_int_equal(args.config.model.k, 32);
    args_fini(&args);
    buf_fini(&line);
    temp_dir_remove(dir);
}

static void verbs_of_two_words_are_found(void **state)
{
    (void)state;
    int num_words, n = 0;
    char **words = split("config show --changed", &num_words);
    assert_ptr_equal(verb_find(num_words, words, &n), &verb_config_show);
    assert_int_equal(n, 2);
    words = split("config", &num_words);
    assert_null(verb_find(num_words, words, &n));
    words = split("config shows", &num_words);
    assert_null(verb_find(num_words, words, &n));
    assert_null(verb_find(0, words, &n));
}

static void a_mistyped_verb_gets_a_suggestion(void **state)
{
    (void)state;
    static const struct {
        const char *line, *expected;
    } cases[] = {
        {"config shwo", "did you mean \"config show\"?"},
        {"confg check x.yaml", "did you mean \"config check\"?"},
        {"config", "there are souk config show, souk config check, souk config doc"},
        {"config -c x", "there are souk config show"},
        {"frobnicate", "souk help lists them"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int num_words;
        char **words = split(cases[i].line, &num_words);
        capture_log_begin();
        assert_int_equal(verb_fail_unknown(num_words, words), SOUK_EUSAGE);
        end_capture();
        if (!strstr(logged, cases[i].expected)) fail_msg("%s: %s", cases[i].line, logged);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_reaches_its_field),
        cmocka_unit_test(values_may_be_attached),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(options_of_a_verb_go_beside_the_shared_ones),
        cmocka_unit_test(mistakes_are_usage_errors_with_advice),
        cmocka_unit_test(mistakes_in_settings_are_all_reported),
        cmocka_unit_test(settings_beat_the_file_and_the_file_beats_the_model),
        cmocka_unit_test(the_model_folder_of_a_run_finds_the_configuration_beside_it),
        cmocka_unit_test(verbs_of_two_words_are_found),
        cmocka_unit_test(a_mistyped_verb_gets_a_suggestion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
