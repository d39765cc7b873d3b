/* test_table_spec.c - defaults, checks and names of souk/types.h. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "souk/types.h"

static struct souk_table_spec usual(void)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "user_factors", 16);
    return spec;
}

static void assert_refused(const struct souk_table_spec *spec, const char *beginning)
{
    const char *why = NULL;
    assert_int_equal(souk_table_spec_check(spec, &why), SOUK_EINVAL);
    assert_non_null(why);
    assert_memory_equal(why, beginning, strlen(beginning));
}

static void usual_settings_pass(void **state)
{
    (void)state;
    struct souk_table_spec spec = usual();
    const char *why = "untouched";
    assert_int_equal(souk_table_spec_check(&spec, &why), SOUK_OK);
    assert_string_equal(why, "untouched");
    assert_string_equal(spec.name, "user_factors");
    assert_int_equal(spec.dim, 16);
    assert_int_equal(spec.init, SOUK_INIT_UNIFORM);
    assert_int_equal(spec.init_columns, 16);
    assert_true(spec.init_scale == 0.05f && spec.lr == 0.01f);
    assert_int_equal(spec.optimizer, SOUK_OPT_SGD);
    assert_int_equal(spec.pull_codec, SOUK_CODEC_FP32);
    assert_int_equal(spec.push_codec, SOUK_CODEC_FP32);
}

static void names_are_checked(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",    "User",     "a-b",
                                      "a b", "\xc3\xa4", "thirty_two_bytes_are_one_too_much"};
    const char *why;
    struct souk_table_spec spec;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        souk_table_spec_init(&spec, BAD[i], 4);
        assert_refused(&spec, "name");
    }
    souk_table_spec_init(&spec, "abcdefghijklmnopqrstuvwxyz01234", 4); // 31
    assert_int_equal(souk_table_spec_check(&spec, &why), SOUK_OK);
    souk_table_spec_init(&spec, "abcdefghijklmnopqrstuvwxyz012345", 4); // 32
    assert_refused(&spec, "name");
}

static void numbers_out_of_range_are_named(void **state)
{
    (void)state;
#define REFUSED(field, value)                  \
    do {                                       \
        struct souk_table_spec spec = usual(); \
        spec.field = (value);                  \
        assert_refused(&spec, #field);         \
    } while (0)
    REFUSED(dim, 0);
    REFUSED(dim, SOUK_DIM_MAX + 1);
    REFUSED(init, (enum souk_init)3);
    REFUSED(init_scale, -1.0f);
    REFUSED(init_columns, 17);
    REFUSED(optimizer, (enum souk_optimizer)6);
    REFUSED(lr, 0.0f);
    REFUSED(lr, NAN);
    REFUSED(lr, INFINITY);
    REFUSED(momentum, 1.0f);
    REFUSED(momentum, -0.1f);
    REFUSED(beta1, 1.0f);
    REFUSED(beta2, NAN);
    REFUSED(epsilon, 0.0f);
    REFUSED(initial_accumulator, -1.0f);
    REFUSED(ftrl_alpha, 0.0f);
    REFUSED(ftrl_beta, -1.0f);
    REFUSED(l1, -1.0f);
    REFUSED(l2, INFINITY);
    REFUSED(pull_codec, (enum souk_codec)4);
    REFUSED(push_codec, (enum souk_codec) - 1);
#undef REFUSED
}

static void names_are_those_of_the_configuration(void **state)
{
    (void)state;
    assert_string_equal(souk_codec_name(SOUK_CODEC_FP32), "fp32");
    assert_string_equal(souk_codec_name(SOUK_CODEC_FP16), "fp16");
    assert_string_equal(souk_codec_name(SOUK_CODEC_BF16), "bf16");
    assert_string_equal(souk_codec_name(SOUK_CODEC_INT8), "int8");
    assert_string_equal(souk_codec_name(SOUK_NUM_CODECS), "?");
    assert_string_equal(souk_optimizer_name(SOUK_OPT_SGD), "sgd");
    assert_string_equal(souk_optimizer_name(SOUK_OPT_MOMENTUM), "momentum");
    assert_string_equal(souk_optimizer_name(SOUK_OPT_ADAGRAD), "adagrad");
    assert_string_equal(souk_optimizer_name(SOUK_OPT_ROWWISE_ADAGRAD), "rowwise_adagrad");
    assert_string_equal(souk_optimizer_name(SOUK_OPT_ADAM), "adam");
    assert_string_equal(souk_optimizer_name(SOUK_OPT_FTRL), "ftrl");
    assert_string_equal(souk_optimizer_name(SOUK_NUM_OPTIMIZERS), "?");
    assert_string_equal(souk_init_name(SOUK_INIT_ZERO), "zero");
    assert_string_equal(souk_init_name(SOUK_INIT_UNIFORM), "uniform");
    assert_string_equal(souk_init_name(SOUK_INIT_NORMAL), "normal");
    assert_string_equal(souk_init_name(SOUK_NUM_INITS), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_settings_pass),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(numbers_out_of_range_are_named),
        cmocka_unit_test(names_are_those_of_the_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
