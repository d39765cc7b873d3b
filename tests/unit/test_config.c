/* Tests of common/text/config.h: files, what is understood of them, what is refused and how.
 * test_config_values.c has single options, test_config_show.c the way back. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/text/config.h"
#include "tests/support/cmocka.h"
#include "tests/support/config_case.h"
#include "tests/support/temp.h"

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
    assert_int_equal(config_case_read(&config, text), SOUK_OK);
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
        assert_int_equal(config_case_read(&config, texts[i]), SOUK_OK);
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
        config_case_refuse(cases[i].text, cases[i].expected);
}

static void all_mistakes_of_a_file_are_reported(void **state)
{
    (void)state;
    struct config config;
    const char *text = "model: {k: -1, clip: 5}\ntrain:\n  lr: 0\n  epoch: 3\nfoo: {bar: 1}\n";
    assert_int_equal(config_case_read(&config, text), SOUK_ECONFIG);
    config_case_log_has("x.yaml:1: model.k: \"-1\" is negative", text);
    config_case_log_has("x.yaml:1: model.clip", text);
    config_case_log_has("x.yaml:3: train.lr: \"0\" is out of range; it must be > 0", text);
    config_case_log_has("x.yaml:4: unknown key \"train.epoch\"; did you mean \"train.epochs\"?",
                        text);
    config_case_log_has("x.yaml:5: unknown key \"foo\"", text);
    config_fini(&config);
}

static void hostile_texts_cost_little(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 200000; i++) buf_add_text(&text, "[");
    config_case_refuse(text.text, "x.yaml:1:");
    buf_clear(&text);
    for (int i = 0; i < 2000; i++) buf_add_text(&text, "{a: ");
    config_case_refuse(text.text, "x.yaml:1:");
    buf_clear(&text);
    buf_add_text(&text, "model: ");
    for (int i = 0; i < 100000; i++) buf_add_text(&text, "- ");
    config_case_refuse(text.text, "x.yaml:1:");
    buf_clear(&text);
    for (int i = 0; i < 20000; i++) buf_printf(&text, "key%d: [1, 2, {a: b}]\n", i);
    config_case_refuse(text.text, "x.yaml: further errors are not shown");
    buf_clear(&text);
    buf_add_text(&text, "a: &a [x,x,x,x]\n");
    for (int i = 1; i < 20; i++) buf_printf(&text, "k%d: &k%d [*a,*a,*a]\n", i, i);
    config_case_refuse(text.text, "anchors (&name) are not supported");
    buf_clear(&text);
    buf_add_text(&text, "run: {dir: \"");
    for (int i = 0; i < 1000000; i++) buf_add_text(&text, "y");
    buf_add_text(&text, "\"}\n");
    config_case_refuse(text.text, "is longer than 1023 bytes");
    buf_fini(&text);
}

static void zero_bytes_do_not_hide_the_rest(void **state)
{
    (void)state;
    struct config config;
    static const char text[] = "model: {k: 3}\n\0tarin: {}\n";
    assert_int_equal(config_case_read_n(&config, text, sizeof(text) - 1), SOUK_ECONFIG);
    config_case_log_has("x.yaml:2:", "zero byte");
    config_fini(&config);
    config_case_refuse("model: {\"k\\0\": 3}\n", "unknown key \"model.k?\"");
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
    config_case_end_capture();
    config_case_log_has(missing, missing);
    config_case_log_has(huge, huge);
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
    config_case_refuse(text.text, "x.yaml:18: tables.t16.pull: more than 16 tables");
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
        assert_int_equal(config_case_read(&config, cases[i].text), SOUK_OK);
        capture_log_begin();
        souk_status status = config_check(&config);
        config_case_end_capture();
        if (status != SOUK_ECONFIG) fail_msg("%s was taken", cases[i].text);
        config_case_log_has(cases[i].expected, cases[i].text);
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
        assert_int_equal(config_case_read(&config, texts[i]), SOUK_OK);
        assert_int_equal(config_check(&config), SOUK_OK);
        config_fini(&config);
    }
}

static void table_options_change_the_spec_of_their_table_only(void **state)
{
    (void)state;
    struct config config;
    struct souk_table_spec user, item, other;
    assert_int_equal(config_case_read(&config, "tables: {user: {pull: int8, lr: 0.5, init: normal, "
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
    config_case_end_capture();
    config_case_log_has("tables.itme: the model has no table of this name; did you mean \"item\"?",
                        "itme");
    strcpy(config.tables[0].name, "shelf");
    strcpy(config.tables[1].name, "shelf");
    capture_log_begin();
    assert_int_equal(config_check_tables(&config, specs, 2), SOUK_ECONFIG);
    config_case_end_capture();
    config_case_log_has("tables.shelf: the model has no table of this name; it has: user, item",
                        "shelf");
    config_fini(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_understood),
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(mistakes_are_refused_with_line_and_advice),
        cmocka_unit_test(all_mistakes_of_a_file_are_reported),
        cmocka_unit_test(hostile_texts_cost_little),
        cmocka_unit_test(zero_bytes_do_not_hide_the_rest),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(at_most_sixteen_tables_are_taken),
        cmocka_unit_test(options_that_contradict_each_other_are_refused),
        cmocka_unit_test(patience_with_validation_data_is_fine),
        cmocka_unit_test(table_options_change_the_spec_of_their_table_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
