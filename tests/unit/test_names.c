/* Tests of worker/data/names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/names.h"

static void assert_name(const struct names *names, uint64_t key, const char *text, size_t length)
{
    size_t got = 0;
    const char *name = names_get(names, key, &got);
    assert_non_null(name);
    assert_int_equal(got, length);
    assert_memory_equal(name, text, length);
}

static void names_are_found_by_key(void **state)
{
    (void)state;
    struct names *names = names_create();
    size_t length = 0;
    assert_null(names_get(names, 0, &length));
    assert_int_equal(names_learn(names, 0, "zero", 4), SOUK_OK);
    assert_int_equal(names_learn(names, UINT64_MAX, "a\0b\n", 4), SOUK_OK);
    assert_int_equal(names_learn(names, 7, "", 0), SOUK_OK);
    assert_int_equal(names_learn(names, 0, "zero", 4), SOUK_OK);
    assert_int_equal(names_count(names), 3);
    assert_name(names, 0, "zero", 4);
    assert_name(names, UINT64_MAX, "a\0b\n", 4);
    assert_name(names, 7, "", 0);
    assert_null(names_get(names, 8, &length));
    names_destroy(names);
    names_destroy(NULL);
}

static void many_names_are_kept(void **state)
{
    (void)state;
    struct names *names = names_create();
    char text[32];
    for (int i = 0; i < 50000; i++) {
        int n = snprintf(text, sizeof(text), "user-%d", i);
        assert_int_equal(names_learn(names, hash_bytes(text, (size_t)n, 0), text, (size_t)n),
                         SOUK_OK);
    }
    assert_int_equal(names_count(names), 50000);
    for (int i = 0; i < 50000; i++) {
        int n = snprintf(text, sizeof(text), "user-%d", i);
        assert_name(names, hash_bytes(text, (size_t)n, 0), text, (size_t)n);
    }
    names_destroy(names);
}

static void two_texts_with_one_key_are_refused(void **state)
{
    (void)state;
    struct names *names = names_create();
    capture_log_begin();
    assert_int_equal(names_learn(names, 5, "ann", 3), SOUK_OK);
    assert_int_equal(names_learn(names, 5, "bob", 3), SOUK_EDATA);
    assert_int_equal(names_learn(names, 5, "anna", 4), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "\"ann\" and \"bob\" have the same key"));
    capture_log_end();
    assert_name(names, 5, "ann", 3);
    names_destroy(names);
}

static void packed_names_come_back(void **state)
{
    (void)state;
    struct names *a = names_create(), *b = names_create(), *both = names_create();
    void *bytes[2];
    size_t lengths[2];
    assert_int_equal(names_learn(a, 9, "nine", 4), SOUK_OK);
    assert_int_equal(names_learn(a, 1, "one", 3), SOUK_OK);
    assert_int_equal(names_learn(b, 1, "one", 3), SOUK_OK);
    assert_int_equal(names_learn(b, 2, "", 0), SOUK_OK);
    names_pack(a, &bytes[0], &lengths[0]);
    names_pack(b, &bytes[1], &lengths[1]);
    assert_int_equal(lengths[0], 12 * 2 + 7);
    assert_memory_equal(bytes[0], "\1\0\0\0\0\0\0\0\3\0\0\0one\11", 16);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(names_unpack(both, bytes[i], lengths[i]), SOUK_OK);
        mem_free(bytes[i]);
    }
    assert_int_equal(names_count(both), 3);
    assert_name(both, 9, "nine", 4);
    assert_name(both, 1, "one", 3);
    assert_name(both, 2, "", 0);
    names_destroy(a);
    names_destroy(b);
    names_destroy(both);
}

static void bytes_that_are_no_names_are_refused(void **state)
{
    (void)state;
    const char bytes[] = "\1\0\0\0\0\0\0\0\3\0\0\0one";
    capture_log_begin();
    for (size_t n = 1; n < 15; n++) {
        struct names *names = names_create();
        char *copy = malloc(n); // so that a sanitizer sees a byte read behind it
        memcpy(copy, bytes, n);
        assert_int_equal(names_unpack(names, copy, n), SOUK_EDATA);
        free(copy);
        names_destroy(names);
    }
    capture_log_end();
    struct names *names = names_create();
    assert_int_equal(names_unpack(names, bytes, 15), SOUK_OK);
    assert_int_equal(names_unpack(names, "", 0), SOUK_OK);
    names_destroy(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_by_key),
        cmocka_unit_test(many_names_are_kept),
        cmocka_unit_test(two_texts_with_one_key_are_refused),
        cmocka_unit_test(packed_names_come_back),
        cmocka_unit_test(bytes_that_are_no_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
