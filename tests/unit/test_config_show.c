/* Tests of common/text/config.h: where settings came from, and that what is shown reads back to
 * the same. */
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/text/config.h"
#include "tests/support/cmocka.h"
#include "tests/support/config_case.h"
#include "tests/support/temp.h"

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

// Shows a, reads that into another, shows it again: both texts must be the same.
static void assert_reads_back(const struct config *config, struct config *again, bool only_changed)
{
    struct buf first = {0}, second = {0};
    config_show(config, only_changed, &first);
    if (config_case_read_n(again, buf_text(&first), first.length) != SOUK_OK)
        fail_msg("%s\nin:\n%s", config_case_log(), buf_text(&first));
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
    assert_int_equal(config_case_read(&config, "model: {k: 8}\n"), SOUK_OK);
    config_show_origins(&config, true, &shown);
    assert_string_equal(buf_text(&shown), "model:\n  k: 8  # \"x.yaml:1\"\n");
    assert_int_equal(config_case_read_n(&again, shown.text, shown.length), SOUK_OK);
    assert_int_equal(again.model.k, 8);
    buf_fini(&shown);
    config_fini(&again);
    config_fini(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_settings_win_and_origins_tell),
        cmocka_unit_test(what_is_shown_reads_back_whatever_the_text),
        cmocka_unit_test(what_is_shown_reads_back_whatever_the_number),
        cmocka_unit_test(shown_origins_read_back_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
