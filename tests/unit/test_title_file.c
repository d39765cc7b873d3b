/* Titles of items out of the files that people have. */
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/title_file.h"

static char *dir;
static struct config config;

static int set_up(void **state)
{
    (void)state;
    dir = temp_dir_create();
    config_init(&config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    config_fini(&config);
    temp_dir_remove(dir);
    return 0;
}

static void must_be(const struct names *titles, uint64_t key, const char *title)
{
    size_t length = 0;
    const char *found = names_get(titles, key, &length);
    assert_non_null(found);
    assert_int_equal(length, strlen(title));
    assert_memory_equal(found, title, length);
}

// Title of item 1 and item 2, and no others.
static void must_read(const char *text, const char *first, const char *second)
{
    struct names *titles;
    const char *path = temp_file(dir, "titles", text);
    assert_int_equal(title_file_load(&config, path, CONFIG_ID_INTEGER, &titles), SOUK_OK);
    assert_int_equal(names_count(titles), 2);
    must_be(titles, 1, first);
    must_be(titles, 2, second);
    names_destroy(titles);
}

static void usual_layouts_are_understood(void **state)
{
    (void)state;
    must_read("1|Toy Story (1995)|01-Jan-1995||url|0|1\n2|Am\xe9lie|x||url|0|1\n",
              "Toy Story (1995)", "Amélie"); // MovieLens 100K: Latin-1
    must_read("1::Toy Story: the first::Comedy\n2::Heat::Crime\n", "Toy Story: the first", "Heat");
    must_read("movieId,title,genres\n1,\"President, The\",a|b\n2,\"A \"\"B\"\"\",c\n",
              "President, The", "A \"B\"");
    must_read("id\tyear\tname\n1\t1990\tOne\n2\t1991\tTwo\n", "One", "Two");
    must_read("1;Eins;a,b,c\r\n2;Zwei;d,e\r\n", "Eins", "Zwei");
    must_read("1,One\n\n2,Two\n1,another one\n", "One", "Two"); // the first counts
}

static void ids_may_be_texts(void **state)
{
    (void)state;
    struct names *titles;
    const char *path = temp_file(dir, "titles", "B00X|A book\nB00Y|Another\n");
    assert_int_equal(title_file_load(&config, path, CONFIG_ID_STRING, &titles), SOUK_OK);
    assert_int_equal(names_count(titles), 2);
    must_be(titles, hash_bytes("B00X", 4, 0), "A book");
    names_destroy(titles);
}

static void a_layout_that_is_told_is_followed(void **state)
{
    (void)state;
    assert_int_equal(config_set(&config, "data.titles_delimiter=comma"), SOUK_OK);
    assert_int_equal(config_set(&config, "data.titles_item=3"), SOUK_OK);
    assert_int_equal(config_set(&config, "data.titles_title=1"), SOUK_OK);
    must_read("One,7,1\nTwo,8,2\n", "One", "Two");
    assert_int_equal(config_set(&config, "data.titles_item=key"), SOUK_OK);
    assert_int_equal(config_set(&config, "data.titles_title=What"), SOUK_OK);
    must_read("title,what,KEY\nx,One,1\ny,Two,2\n", "One", "Two");
}

static void lines_without_id_or_title_are_left_out_and_counted(void **state)
{
    (void)state;
    capture_log_begin();
    must_read("1|One\nx|Bad id\n|No id\n3|\nno delimiter\n2|Two\n", "One", "Two");
    assert_non_null(strstr(capture_log_text(), "4 lines have no id or no title"));
    capture_log_end();
}

static void must_fail(const char *text, souk_status status, const char *message)
{
    struct names *titles;
    const char *path = temp_file(dir, "titles", text);
    capture_log_begin();
    assert_int_equal(title_file_load(&config, path, CONFIG_ID_INTEGER, &titles), status);
    assert_non_null(strstr(capture_log_text(), message));
    capture_log_end();
}

static void files_that_hold_no_titles_are_refused(void **state)
{
    (void)state;
    struct names *titles;
    must_fail("", SOUK_EDATA, "is empty");
    must_fail("one\ntwo\n", SOUK_EDATA, "set data.titles_delimiter");
    must_fail("a|b\nc|d\n", SOUK_EDATA, "no line has an id and a title");
    assert_int_equal(config_set(&config, "data.titles_title=headline"), SOUK_OK);
    must_fail("id|title\n1|One\n", SOUK_ECONFIG, "which is no column of");
    assert_int_equal(config_set(&config, "data.titles_title=9"), SOUK_OK);
    must_fail("1|One\n", SOUK_ECONFIG, "which is no column of");
    capture_log_begin();
    assert_int_not_equal(
        title_file_load(&config, temp_path(dir, "nowhere"), CONFIG_ID_INTEGER, &titles), SOUK_OK);
    assert_non_null(strstr(capture_log_text(), "nowhere"));
    capture_log_end();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(usual_layouts_are_understood),
        TEST(ids_may_be_texts),
        TEST(a_layout_that_is_told_is_followed),
        TEST(lines_without_id_or_title_are_left_out_and_counted),
        TEST(files_that_hold_no_titles_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
