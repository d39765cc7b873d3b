/* Tests of common/text/config.h: the table of options, and values of each kind. */
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/text/config.h"
#include "common/text/config_option.h"
#include "tests/support/cmocka.h"
#include "tests/support/config_case.h"
#include "tests/support/temp.h"

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
        config_case_refuse_set(text, "--set model.k: ");
    }
    for (unsigned i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
        snprintf(text, sizeof(text), "train.lr=%s", real[i]);
        config_case_refuse_set(text, "--set train.lr: ");
    }
    for (unsigned i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        snprintf(text, sizeof(text), "run.seed=%s", seeds[i]);
        config_case_refuse_set(text, "--set run.seed: ");
    }
    config_case_refuse_set("run.progress_s=1e400", "is too large");
    config_case_refuse_set("run.progress_s=1e-400", "is too small to be told from 0");
    // In single precision this is 1, which is out.
    config_case_refuse_set("tables.user.momentum=0.99999999999", "must be >= 0 and < 1");
    config_case_refuse_set("cluster.timeout_s=1e-4", "is out of range; it must be 0.001..1000000");
    config_case_refuse_set("train.max_seconds=1e300", "is out of range; it must be 0..1000000000");
    config_case_refuse_set("model.k=4095", "is out of range; it must be 1..4094");
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
    config_case_refuse_set("model.clip=1", "is neither true nor false");
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
    config_case_refuse_set("data.train=a,,b", "entry 2 of the list is empty");
    config_case_refuse_set("data.train=[a", "--set: not valid YAML");
    config_case_refuse_set("data.train", "write it as section.key=value");
    config_case_refuse_set("=a", "write it as section.key=value");
    config_case_refuse_set("mdoel.k=3",
                           "--set: unknown key \"mdoel.k\"; did you mean \"model.k\"?");
    config_case_refuse_set("run.dir=\xff", "is not UTF-8");

    struct buf many = {0};
    buf_add_text(&many, "data.train=a");
    for (int i = 0; i < CONFIG_LIST_MAX; i++) buf_add_text(&many, ",a");
    config_case_refuse_set(many.text, "is too long; the limit is 64");
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
    config_case_refuse_set(text.text, "is longer than 1023 bytes");
    buf_fini(&text);
    config_fini(&config);
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
    config_case_end_capture();
    assert_int_equal(config.data.train.num_items, 2);
    assert_int_equal(config.model.k, 32);
    assert_string_equal(config.run.dir, "runs/last");
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
        cmocka_unit_test(numbers_are_taken_strictly),
        cmocka_unit_test(numbers_in_range_are_taken),
        cmocka_unit_test(booleans_have_six_spellings),
        cmocka_unit_test(lists_take_commas_and_the_yaml_form),
        cmocka_unit_test(a_text_may_be_as_long_as_promised),
        cmocka_unit_test(a_refused_value_changes_nothing),
        cmocka_unit_test(the_reference_page_is_what_the_table_says),
        cmocka_unit_test(help_is_given_by_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
