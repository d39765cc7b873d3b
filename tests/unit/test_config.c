/* Tests of common/text/config.h: what is understood, what is refused and how, and that what is
 * shown reads back to the same. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/text/config.h"
#include "common/text/config_option.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

static char logged[1 << 16]; // what the last captured call had to say

static void end_capture(void)
{
    snprintf(logged, sizeof(logged), "%s", capture_log_text());
    capture_log_end();
}

// Reads text into a fresh configuration with the log captured; the caller calls config_fini.
static souk_status read_text_n(struct config *config, const char *text, size_t length)
{
    config_init(config);
    capture_log_begin();
    souk_status status = config_read_text(config, text, length, "x.yaml");
    end_capture();
    return status;
}

static souk_status read_text(struct config *config, const char *text)
{
    return read_text_n(config, text, strlen(text));
}

static void assert_log_has(const char *expected, const char *source)
{
    if (strstr(logged, expected)) return;
    fail_msg("for:\n%.200s\nexpected in the log: %s\nbut there is: %s", source, expected, logged);
}

static void assert_refused(const char *text, const char *expected)
{
    struct config config;
    assert_int_equal(read_text(&config, text), SOUK_ECONFIG);
    assert_log_has(expected, text);
    config_fini(&config);
}

static void assert_set_refused(const char *assignment, const char *expected)
{
    struct config config;
    config_init(&config);
    capture_log_begin();
    souk_status status = config_set(&config, assignment);
    end_capture();
    if (status != SOUK_ECONFIG) fail_msg("--set %s was taken", assignment);
    assert_log_has(expected, assignment);
    config_fini(&config);
}

static void every_default_is_valid_and_every_option_has_help(void **state)
{
    (void)state;
    struct config config;
    config_init(&config);
    for (unsigned i = 0; i < config_num_options; i++) {
        const struct option *option = &config_options[i];
        struct option_item item = {option->fallback, strlen(option->fallback), false};
        struct option_value value = {&item, 1, false};
        struct buf why = {0};
        if (option_parse(option, &value, (char *)&config + option->offset, &why) != SOUK_OK)
            fail_msg("default of %s: %s", option->key, buf_text(&why));
        buf_fini(&why);
        assert_true(strlen(option->help) > 5);
        assert_true(option->help[strlen(option->help) - 1] != '.');
    }
    assert_int_equal(config_check(&config), SOUK_OK);
    config_fini(&config);
}

static void keys_are_unique_and_belong_to_a_section(void **state)
{
    (void)state;
    for (unsigned i = 0; i < config_num_options; i++) {
        char section[32];
        snprintf(section, sizeof(section), "%.*s", (int)strcspn(config_options[i].key, "."),
                 config_options[i].key);
        assert_true(config_is_section(section));
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(config_options[i].key, config_options[j].key);
            assert_true(config_options[i].offset != config_options[j].offset);
        }
    }
}

static void a_whole_file_is_understood(void **state)
{
    (void)state;
    struct config config;
    static const char text[] = "# ratings\n"
                               "model: {type: mf, k: 64, init_scale: 5e-2, clip: off}\n"
                               "data:\n"
                               "  train: [a.csv, \"b,c.csv\", '-']\n"
                               "  test: one.csv\n"
                               "  delimiter: \"\\t\"\n"
                               "  header: true\n"
                               "  user: 2\n"
                               "  user_id: string\n"
                               "  titles: ~\n"
                               "run:\n"
                               "  seed: 18446744073709551615\n"
                               "train:\n"
                               "cluster.threads: 3\n"
                               "tables:\n"
                               "  user: {pull: fp16, push: int8, optimizer: rowwise_adagrad}\n"
                               "  item:\n"
                               "    lr: .25\n";
    assert_int_equal(read_text(&config, text), SOUK_OK);
    assert_int_equal(config.model.k, 64);
    assert_true(config.model.init_scale == 0.05f);
    assert_false(config.model.clip);
    assert_int_equal(config.data.train.num_items, 3);
    assert_string_equal(config.data.train.items[1], "b,c.csv");
    assert_int_equal(config.data.test.num_items, 1);
    assert_string_equal(config.data.delimiter, "\t");
    assert_int_equal(config.data.header, CONFIG_HEADER_YES);
    assert_string_equal(config.data.user, "2");
    assert_int_equal(config.data.user_id, CONFIG_ID_STRING);
    assert_string_equal(config.data.titles, "");
    assert_true(config.run.seed == UINT64_MAX);
    assert_int_equal(config.cluster.threads, 3);
    assert_int_equal(config.num_tables, 2);
    assert_int_equal(config.tables[0].pull_codec, SOUK_CODEC_FP16);
    assert_int_equal(config.tables[0].optimizer, SOUK_OPT_ROWWISE_ADAGRAD);
    assert_int_equal(config.tables[0].init, -1);
    assert_true(isnan(config.tables[0].lr));
    assert_true(config.tables[1].lr == 0.25f);
    config_fini(&config);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\n\n",
                                        "# nothing\n",
                                        "---\n",
                                        "---\n...\n",
                                        "\xEF\xBB\xBF# with a mark\n",
                                        "model:\ntables:\n"};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config config;
        struct buf shown = {0};
        assert_int_equal(read_text(&config, texts[i]), SOUK_OK);
        config_show(&config, true, &shown);
        assert_string_equal(buf_text(&shown), "");
        buf_fini(&shown);
        config_fini(&config);
    }
}

static void mistakes_are_refused_with_line_and_advice(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"mdoel:\n  k: 3\n", "x.yaml:1: unknown key \"mdoel\"; did you mean \"model\"?"},
        {"\nmodel: {kk: 3}\n", "x.yaml:2: unknown key \"model.kk\"; did you mean \"model.k\"?"},
        {"k: 3\n", "unknown key \"k\"; did you mean \"model.k\"?"},
        {"train: {k: 3}\n", "unknown key \"train.k\"; did you mean \"model.k\"?"},
        {"batchsize: 3\n", "did you mean \"train.batch_size\"?"},
        {"qqq: 3\n", "unknown key \"qqq\"; souk config doc lists all keys"},
        {"tables: {user: {pul: fp16}}\n", "did you mean \"tables.user.pull\"?"},
        {"tables: {User: {pull: fp16}}\n", "unknown key \"tables.User\""},
        {"tables: {user: fp16}\n", "tables.user: is a section"},
        {"tables: {user: {pull: int9}}\n", "did you mean \"int8\"?"},
        {"model: 3\n", "x.yaml:1: model: is a section"},
        {"model: [3]\n", "model"},
        {"model: {k: {a: 3}}\n", "model.k: takes a value, but holds keys"},
        {"model: {k: [3]}\n", "model.k: is a list, but takes one value"},
        {"model: {k: }\n", "model.k: has no value"},
        {"model: {k: \"3\"}\n", "is a text; write it without quotes"},
        {"model: {clip: maybe}\n", "\"maybe\" is neither true nor false"},
        {"model: {k: 3}\nmodel: {type: mf}\n", "x.yaml:2: model: stands here again; line 1"},
        {"model:\n  k: 3\n  k: 4\n", "x.yaml:3: model.k: stands here again; line 2 has it"},
        {"model:\n  k: 3\nmodel.k: 4\n", "x.yaml:3: model.k: stands here again"},
        {"data: {train: [[a]]}\n", "data.train: a list holds plain values only"},
        {"data: {train: [a, ~]}\n", "entry 2 of the list is empty"},
        {"data: {header: perhaps}\n", "must be auto, yes or no"},
        {"run: {log_level: inof}\n", "did you mean \"info\"?"},
        {"run: {dir: \"a\\0b\"}\n", "holds a zero byte"},
        {"model:\n\tk: 3\n", "x.yaml:2: a tab cannot indent YAML; use spaces"},
        {"model: {k: 3\n", "not valid YAML"},
        {"model: {k: 3}}\n", "not valid YAML"},
        {"model: {k: &x 3}\n", "anchors (&name) are not supported"},
        {"model: &x {k: 3}\n", "anchors (&name) are not supported"},
        {"model: *x\n", "aliases (*name) are not supported"},
        {"*x : 3\n", "aliases (*name) are not supported"},
        {"model: {k: !!int 3}\n", "tags (!name) are not supported"},
        {"!!map {model: {k: 3}}\n", "tags (!name) are not supported"},
        {"model: {<<: {k: 3}}\n", "unknown key \"model.<<\""},
        {"? [a, b]\n: 3\n", "a key must be a plain word"},
        {"- a\n", "a configuration begins with a section"},
        {"hello\n", "a configuration begins with a section"},
        {"model: {k: 3}\n---\nmodel: {k: 4}\n", "x.yaml:2: a second document"},
        {"model:\n  type: \xff\xfe\n", "x.yaml:2: not UTF-8 text"},
        {"run: {dir: \"\\e[2J\\x9b\"}\nmodel: {k: \"\\e[2J\"}\n", "\"\\x1b[2J\" is a text"},
        {"model: {\"\\e[2J\": 3}\n", "unknown key \"model.\\x1b[2J\""},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cases[i].text, cases[i].expected);
}

static void all_mistakes_of_a_file_are_reported(void **state)
{
    (void)state;
    struct config config;
    const char *text = "model: {k: -1, clip: 5}\ntrain:\n  lr: 0\n  epoch: 3\nfoo: {bar: 1}\n";
    assert_int_equal(read_text(&config, text), SOUK_ECONFIG);
    assert_log_has("x.yaml:1: model.k: \"-1\" is negative", text);
    assert_log_has("x.yaml:1: model.clip", text);
    assert_log_has("x.yaml:3: train.lr: \"0\" is out of range; it must be > 0", text);
    assert_log_has("x.yaml:4: unknown key \"train.epoch\"; did you mean \"train.epochs\"?", text);
    assert_log_has("x.yaml:5: unknown key \"foo\"", text);
    config_fini(&config);
}

static void numbers_are_taken_strictly(void **state)
{
    (void)state;
    static const char *const whole[] = {"",    "-1",  "+1",         "1.0", "1e3", "0x10", "12a",
                                        "a12", "1 2", "4294967296", "0",   " 1",  "٣",    "1_000"};
    static const char *const real[] = {"",    "1e400", "-1e400", "nan",  "inf",  "-inf", "0x1p3",
                                       "1e",  "e3",    ".",      "1.5x", "1,5",  " 1",   "1 ",
                                       "--1", "1e39",  "1e-60",  "0",    "-0.5", ".nan"};
    static const char *const seeds[] = {"18446744073709551616", "-1", "99999999999999999999999",
                                        "1.5"};
    char text[64];
    for (unsigned i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        snprintf(text, sizeof(text), "model.k=%s", whole[i]);
        assert_set_refused(text, "--set model.k: ");
    }
    for (unsigned i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
        snprintf(text, sizeof(text), "train.lr=%s", real[i]);
        assert_set_refused(text, "--set train.lr: ");
    }
    for (unsigned i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        snprintf(text, sizeof(text), "run.seed=%s", seeds[i]);
        assert_set_refused(text, "--set run.seed: ");
    }
    assert_set_refused("run.progress_s=1e400", "is too large");
    assert_set_refused("run.progress_s=1e-400", "is too small to be told from 0");
    // In single precision this is 1, which is out.
    assert_set_refused("tables.user.momentum=0.99999999999", "must be >= 0 and < 1");
    assert_set_refused("cluster.timeout_s=1e-4", "is out of range; it must be 0.001..1000000");
    assert_set_refused("train.max_seconds=1e300", "is out of range; it must be 0..1000000000");
    assert_set_refused("model.k=4095", "is out of range; it must be 1..4094");
}

static void numbers_in_range_are_taken(void **state)
{
    (void)state;
    struct config config;
    config_init(&config);
    assert_int_equal(config_set(&config, "run.seed=18446744073709551615"), SOUK_OK);
    assert_true(config.run.seed == UINT64_MAX);
    assert_int_equal(config_set(&config, "run.seed=0"), SOUK_OK);
    assert_true(config.run.seed == 0);
    assert_int_equal(config_set(&config, "train.lr=+1.5E-3"), SOUK_OK);
    assert_true(config.train.lr == 1.5e-3f);
    assert_int_equal(config_set(&config, "train.warmup_steps=4294967295"), SOUK_OK);
    assert_true(config.train.warmup_steps == UINT32_MAX);
    assert_int_equal(config_set(&config, "train.min_delta=0e5"), SOUK_OK);
    assert_true(config.train.min_delta == 0);
    assert_int_equal(config_set(&config, "tables.user.momentum=0.999"), SOUK_OK);
    config_fini(&config);
}

static void booleans_have_six_spellings(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "yes", "on", "True", "ON"};
    static const char *const no[] = {"false", "no", "off", "FALSE", "No"};
    struct config config;
    config_init(&config);
    char text[64];
    for (unsigned i = 0; i < 5; i++) {
        config.model.clip = false;
        snprintf(text, sizeof(text), "model.clip=%s", yes[i]);
        assert_int_equal(config_set(&config, text), SOUK_OK);
        assert_true(config.model.clip);
        snprintf(text, sizeof(text), "model.clip=%s", no[i]);
        assert_int_equal(config_set(&config, text), SOUK_OK);
        assert_false(config.model.clip);
    }
    config_fini(&config);
    assert_set_refused("model.clip=1", "is neither true nor false");
}

static void lists_take_commas_and_the_yaml_form(void **state)
{
    (void)state;
    struct config config;
    config_init(&config);
    assert_int_equal(config_set(&config, "data.train=a,b c,d"), SOUK_OK);
    assert_int_equal(config.data.train.num_items, 3);
    assert_string_equal(config.data.train.items[1], "b c");
    assert_int_equal(config_set(&config, "data.train=[\"a,b\", c]"), SOUK_OK);
    assert_int_equal(config.data.train.num_items, 2);
    assert_string_equal(config.data.train.items[0], "a,b");
    assert_int_equal(config_set(&config, "data.train="), SOUK_OK);
    assert_int_equal(config.data.train.num_items, 0);
    config_fini(&config);
    assert_set_refused("data.train=a,,b", "entry 2 of the list is empty");
    assert_set_refused("data.train=[a", "--set: not valid YAML");
    assert_set_refused("data.train", "write it as section.key=value");
    assert_set_refused("=a", "write it as section.key=value");
    assert_set_refused("mdoel.k=3", "--set: unknown key \"mdoel.k\"; did you mean \"model.k\"?");
    assert_set_refused("run.dir=\xff", "is not UTF-8");

    struct buf many = {0};
    buf_add_text(&many, "data.train=a");
    for (int i = 0; i < CONFIG_LIST_MAX; i++) buf_add_text(&many, ",a");
    assert_set_refused(many.text, "is too long; the limit is 64");
    buf_fini(&many);
}

static void a_text_may_be_as_long_as_promised(void **state)
{
    (void)state;
    struct config config;
    struct buf text = {0};
    config_init(&config);
    buf_add_text(&text, "run.dir=");
    for (int i = 0; i < CONFIG_TEXT_MAX - 1; i++) buf_add_char(&text, 'd');
    assert_int_equal(config_set(&config, text.text), SOUK_OK);
    assert_int_equal(strlen(config.run.dir), CONFIG_TEXT_MAX - 1);
    buf_add_char(&text, 'd');
    assert_set_refused(text.text, "is longer than 1023 bytes");
    buf_fini(&text);
    config_fini(&config);
}

static void later_settings_win_and_origins_tell(void **state)
{
    (void)state;
    struct config config;
    char *dir = temp_dir_create();
    const char *path = temp_file(dir, "a.yaml", "model:\n  k: 8\ntables:\n  user: {pull: fp16}\n");
    struct buf where = {0};
    config_init(&config);
    assert_string_equal(config_origin(&config, "model.k"), "default");
    assert_int_equal(config_read_file(&config, path), SOUK_OK);
    buf_printf(&where, "%s:2", path);
    assert_string_equal(config_origin(&config, "model.k"), buf_text(&where));
    buf_clear(&where);
    buf_printf(&where, "%s:4", path);
    assert_string_equal(config_origin(&config, "tables.user.pull"), buf_text(&where));
    assert_int_equal(config_set(&config, "model.k=9"), SOUK_OK);
    assert_int_equal(config.model.k, 9);
    assert_string_equal(config_origin(&config, "model.k"), "--set");
    config_reset(&config, "model");
    assert_int_equal(config.model.k, 32);
    assert_string_equal(config_origin(&config, "model.k"), "default");
    buf_fini(&where);
    config_fini(&config);
    temp_dir_remove(dir);
}

static void a_refused_value_changes_nothing(void **state)
{
    (void)state;
    struct config config;
    config_init(&config);
    assert_int_equal(config_set(&config, "data.train=a,b"), SOUK_OK);
    capture_log_begin();
    assert_int_equal(config_set(&config, "data.train=a,,b"), SOUK_ECONFIG);
    assert_int_equal(config_set(&config, "model.k=x"), SOUK_ECONFIG);
    assert_int_equal(config_set(&config, "run.dir=\xc3\x28"), SOUK_ECONFIG);
    end_capture();
    assert_int_equal(config.data.train.num_items, 2);
    assert_int_equal(config.model.k, 32);
    assert_string_equal(config.run.dir, "runs/last");
    config_fini(&config);
}

// Shows a, reads that into another, shows it again: both texts must be the same.
static void assert_reads_back(const struct config *config, struct config *again, bool only_changed)
{
    struct buf first = {0}, second = {0};
    config_show(config, only_changed, &first);
    if (read_text_n(again, buf_text(&first), first.length) != SOUK_OK)
        fail_msg("%s\nin:\n%s", logged, buf_text(&first));
    config_show(again, only_changed, &second);
    assert_string_equal(buf_text(&first), buf_text(&second));
    buf_fini(&first);
    buf_fini(&second);
}

static void what_is_shown_reads_back_whatever_the_text(void **state)
{
    (void)state;
    static const char *const texts[] = {"a",
                                        "",
                                        " ",
                                        " a ",
                                        "a b",
                                        "yes",
                                        "null",
                                        "~",
                                        "No",
                                        "on",
                                        "1",
                                        "1e3",
                                        "0x10",
                                        "-",
                                        "- a",
                                        "-a",
                                        "a:b",
                                        "a: b",
                                        "a #b",
                                        "#",
                                        "\"",
                                        "\\",
                                        "'",
                                        "a\"b\\c'd",
                                        "\t",
                                        "\n",
                                        "a\nb",
                                        "\r\n",
                                        "\x01\x1b\x7f",
                                        "[a]",
                                        "{a}",
                                        "a,b",
                                        "&a",
                                        "*a",
                                        "!a",
                                        "|",
                                        ">",
                                        "%",
                                        "@",
                                        "`",
                                        "?",
                                        "::",
                                        "C:\\dir",
                                        "Amélie",
                                        "日本語",
                                        "\xC2\x85",
                                        "\xC2\xA0",
                                        "\xE2\x80\xA8",
                                        "\xE2\x80\xA9",
                                        "\xEF\xBB\xBF",
                                        "\xEF\xBF\xBE",
                                        "\xEF\xBF\xBF",
                                        "\xF0\x9F\x8D\x9E",
                                        "\xF4\x8F\xBF\xBF",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80",
                                        "...",
                                        "---",
                                        "a\n---\nb",
                                        "=",
                                        "<<"};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config config, again;
        struct buf assignment = {0};
        config_init(&config);
        buf_printf(&assignment, "data.titles=%s", texts[i]);
        assert_int_equal(config_set(&config, assignment.text), SOUK_OK);
        if (texts[i][0]) {
            char *items[] = {mem_strdup(texts[i]), mem_strdup("b")};
            config.data.train = (struct config_list){items, 2};
            assert_reads_back(&config, &again, true);
            assert_string_equal(again.data.train.items[0], texts[i]);
            config.data.train = (struct config_list){0};
            mem_free(items[0]);
            mem_free(items[1]);
            config_fini(&again);
        }
        assert_reads_back(&config, &again, false);
        assert_string_equal(again.data.titles, texts[i]);
        buf_fini(&assignment);
        config_fini(&again);
        config_fini(&config);
    }
}

static void what_is_shown_reads_back_whatever_the_number(void **state)
{
    (void)state;
    static const float numbers[] = {0.1f, 1.0f / 3, 1e-45f, 3.4028235e38f, 16777216, 1e-7f};
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct config config, again;
        config_init(&config);
        assert_int_equal(config_set(&config, "tables.item.push=bf16"), SOUK_OK);
        config.train.lr = numbers[i];
        config.run.progress_s = (double)numbers[i] / 3;
        config.tables[0].l1 = numbers[i];
        config.run.seed = UINT64_MAX - i;
        assert_reads_back(&config, &again, true);
        assert_true(again.train.lr == numbers[i]);
        assert_true(again.run.progress_s == (double)numbers[i] / 3);
        assert_true(again.tables[0].l1 == numbers[i]);
        assert_true(again.run.seed == UINT64_MAX - i);
        assert_int_equal(again.tables[0].push_codec, SOUK_CODEC_BF16);
        config_fini(&again);
        config_fini(&config);
    }
}

static void shown_origins_read_back_too(void **state)
{
    (void)state;
    struct config config, again;
    struct buf shown = {0};
    assert_int_equal(read_text(&config, "model: {k: 8}\n"), SOUK_OK);
    config_show_origins(&config, true, &shown);
    assert_string_equal(buf_text(&shown), "model:\n  k: 8  # \"x.yaml:1\"\n");
    assert_int_equal(read_text_n(&again, shown.text, shown.length), SOUK_OK);
    assert_int_equal(again.model.k, 8);
    buf_fini(&shown);
    config_fini(&again);
    config_fini(&config);
}

static void hostile_texts_cost_little(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 200000; i++) buf_add_text(&text, "[");
    assert_refused(text.text, "x.yaml:1:");
    buf_clear(&text);
    for (int i = 0; i < 2000; i++) buf_add_text(&text, "{a: ");
    assert_refused(text.text, "x.yaml:1:");
    buf_clear(&text);
    buf_add_text(&text, "model: ");
    for (int i = 0; i < 100000; i++) buf_add_text(&text, "- ");
    assert_refused(text.text, "x.yaml:1:");
    buf_clear(&text);
    for (int i = 0; i < 20000; i++) buf_printf(&text, "key%d: [1, 2, {a: b}]\n", i);
    assert_refused(text.text, "x.yaml: further errors are not shown");
    buf_clear(&text);
    buf_add_text(&text, "a: &a [x,x,x,x]\n");
    for (int i = 1; i < 20; i++) buf_printf(&text, "k%d: &k%d [*a,*a,*a]\n", i, i);
    assert_refused(text.text, "anchors (&name) are not supported");
    buf_clear(&text);
    buf_add_text(&text, "run: {dir: \"");
    for (int i = 0; i < 1000000; i++) buf_add_text(&text, "y");
    buf_add_text(&text, "\"}\n");
    assert_refused(text.text, "is longer than 1023 bytes");
    buf_fini(&text);
}

static void zero_bytes_do_not_hide_the_rest(void **state)
{
    (void)state;
    struct config config;
    static const char text[] = "model: {k: 3}\n\0tarin: {}\n";
    assert_int_equal(read_text_n(&config, text, sizeof(text) - 1), SOUK_ECONFIG);
    assert_log_has("x.yaml:2:", "zero byte");
    config_fini(&config);
    assert_refused("model: {\"k\\0\": 3}\n", "unknown key \"model.k?\"");
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    struct config config;
    char *dir = temp_dir_create();
    struct buf big = {0};
    for (int i = 0; i < 1100; i++) {
        for (int j = 0; j < 100; j++) buf_add_text(&big, "# ........");
        buf_add_char(&big, '\n');
    }
    const char *missing = temp_path(dir, "missing.yaml");
    const char *huge = temp_file(dir, "huge.yaml", big.text);
    config_init(&config);
    capture_log_begin();
    assert_int_equal(config_read_file(&config, missing), SOUK_ECONFIG);
    assert_int_equal(config_read_file(&config, huge), SOUK_ECONFIG);
    assert_int_not_equal(config_read_file(&config, dir), SOUK_OK);
    end_capture();
    assert_log_has(missing, missing);
    assert_log_has(huge, huge);
    buf_fini(&big);
    config_fini(&config);
    temp_dir_remove(dir);
}

static void at_most_sixteen_tables_are_taken(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_add_text(&text, "tables:\n");
    for (int i = 0; i <= SOUK_TABLES_MAX; i++) buf_printf(&text, "  t%d: {pull: fp16}\n", i);
    assert_refused(text.text, "x.yaml:18: tables.t16.pull: more than 16 tables");
    buf_fini(&text);
}

static void options_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"train: {patience: 3}\n", "x.yaml:1: train.patience: stopping early needs validation"},
        {"train: {lr_schedule: step, lr_decay: 2}\n", "x.yaml:1: train.lr_decay: must be"},
        {"train: {lr_schedule: exponential, lr_decay: 0}\n", "train.lr_decay: must be"},
        {"train: {lr_schedule: cosine, lr_decay: 1.5}\n", "train.lr_decay: must be <= 1"},
        {"data: {train: '-', test: '-'}\n", "data.test: standard input (\"-\") is named twice"},
        {"data: {user: uid, rating: uid}\n", "data.rating: is column \"uid\", as data.user is"},
        {"data: {user: a, item: a}\n", "data.item: is column \"a\""},
        {"data: {delimiter: ''}\n", "data.delimiter: must be"},
        {"data: {delimiter: \"\\n\"}\n", "data.delimiter: must be"},
        {"run: {dir: ''}\n", "run.dir: is empty"},
        {"cluster: {servers: 1024, threads: 64}\n", "cluster.servers: 1024 servers of 64"},
        {"cluster: {retry_s: 50}\n", "cluster.retry_s: 50 s is longer than cluster.timeout_s"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config config;
        assert_int_equal(read_text(&config, cases[i].text), SOUK_OK);
        capture_log_begin();
        souk_status status = config_check(&config);
        end_capture();
        if (status != SOUK_ECONFIG) fail_msg("%s was taken", cases[i].text);
        assert_log_has(cases[i].expected, cases[i].text);
        config_fini(&config);
    }
}

static void patience_with_validation_data_is_fine(void **state)
{
    (void)state;
    static const char *const texts[] = {"train: {patience: 3}\ndata: {valid: v.csv}\n",
                                        "train: {patience: 3}\ndata: {valid_share: 0.1}\n",
                                        "train: {lr_schedule: cosine, lr_decay: 0}\n"};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config config;
        assert_int_equal(read_text(&config, texts[i]), SOUK_OK);
        assert_int_equal(config_check(&config), SOUK_OK);
        config_fini(&config);
    }
}

static void table_options_change_the_spec_of_their_table_only(void **state)
{
    (void)state;
    struct config config;
    struct souk_table_spec user, item, other;
    assert_int_equal(read_text(&config, "tables: {user: {pull: int8, lr: 0.5, init: normal, "
                                        "optimizer: ftrl, l1: 2}, itme: {pull: fp16}}\n"),
                     SOUK_OK);
    souk_table_spec_init(&user, "user", 4);
    souk_table_spec_init(&item, "item", 4);
    souk_table_spec_init(&other, "item", 4);
    assert_int_equal(config_apply_table(&config, &user), SOUK_OK);
    assert_int_equal(config_apply_table(&config, &item), SOUK_OK);
    assert_int_equal(user.pull_codec, SOUK_CODEC_INT8);
    assert_int_equal(user.push_codec, SOUK_CODEC_FP32);
    assert_int_equal(user.optimizer, SOUK_OPT_FTRL);
    assert_int_equal(user.init, SOUK_INIT_NORMAL);
    assert_true(user.lr == 0.5f && user.l1 == 2 && user.init_scale == other.init_scale);
    assert_memory_equal(&item, &other, sizeof(item));

    struct souk_table_spec specs[] = {user, item};
    capture_log_begin();
    assert_int_equal(config_check_tables(&config, specs, 2), SOUK_ECONFIG);
    end_capture();
    assert_log_has("tables.itme: the model has no table of this name; did you mean \"item\"?",
                   "itme");
    config_fini(&config);
}

static void the_reference_page_is_what_the_table_says(void **state)
{
    (void)state;
    struct buf doc = {0};
    char *page;
    size_t length;
    config_doc(&doc);
    assert_int_equal(file_read("conf/REFERENCE.md", 1 << 20, &page, &length), SOUK_OK);
    if (strcmp(page, buf_text(&doc)) != 0)
        fail_msg("conf/REFERENCE.md is out of date: bin/souk config doc > conf/REFERENCE.md");
    for (unsigned i = 0; i < config_num_options; i++)
        assert_non_null(strstr(page, config_options[i].key));
    mem_free(page);
    buf_fini(&doc);
}

static void help_is_given_by_prefix(void **state)
{
    (void)state;
    struct buf help = {0};
    assert_true(config_help("train.lr", &help));
    assert_non_null(strstr(help.text, "train.lr: number, > 0 (default 0.1)"));
    assert_non_null(strstr(help.text, "train.lr_decay"));
    assert_null(strstr(help.text, "train.epochs"));
    buf_clear(&help);
    assert_true(config_help("tables", &help));
    assert_non_null(strstr(help.text, "tables.<name>.pull: fp32, fp16, bf16 or int8"));
    assert_false(config_help("nothing", &help));
    buf_fini(&help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_valid_and_every_option_has_help),
        cmocka_unit_test(keys_are_unique_and_belong_to_a_section),
        cmocka_unit_test(a_whole_file_is_understood),
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(mistakes_are_refused_with_line_and_advice),
        cmocka_unit_test(all_mistakes_of_a_file_are_reported),
        cmocka_unit_test(numbers_are_taken_strictly),
        cmocka_unit_test(numbers_in_range_are_taken),
        cmocka_unit_test(booleans_have_six_spellings),
        cmocka_unit_test(lists_take_commas_and_the_yaml_form),
        cmocka_unit_test(a_text_may_be_as_long_as_promised),
        cmocka_unit_test(later_settings_win_and_origins_tell),
        cmocka_unit_test(a_refused_value_changes_nothing),
        cmocka_unit_test(what_is_shown_reads_back_whatever_the_text),
        cmocka_unit_test(what_is_shown_reads_back_whatever_the_number),
        cmocka_unit_test(shown_origins_read_back_too),
        cmocka_unit_test(hostile_texts_cost_little),
        cmocka_unit_test(zero_bytes_do_not_hide_the_rest),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(at_most_sixteen_tables_are_taken),
        cmocka_unit_test(options_that_contradict_each_other_are_refused),
        cmocka_unit_test(patience_with_validation_data_is_fine),
        cmocka_unit_test(table_options_change_the_spec_of_their_table_only),
        cmocka_unit_test(the_reference_page_is_what_the_table_says),
        cmocka_unit_test(help_is_given_by_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
