/* Tests of worker/data/build_histories, interaction_log and key_index. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/build_histories.h"
#include "worker/data/sample_reader.h"

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = temp_dir_create();
    return dir == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static struct build_histories_options usual_options(struct config_list *files)
{
    return (struct build_histories_options){
        .log = {.files = files}, .dir = dir, .max_history = 50, .max_targets = 20, .seed = 1};
}

static souk_status build(const char *log, struct build_histories_options *options,
                         struct build_histories_result *result)
{
    char *path = strdup(temp_file(dir, "log", log));
    struct config_list files = {&path, 1};
    options->log.files = &files;
    souk_status status = build_histories(options, result);
    free(path);
    return status;
}

// The clicks of a file: "user item category|items|categories;" each.
static void read_clicks(const char *name, struct buf *out)
{
    char line[4096];
    FILE *file = fopen(temp_path(dir, name), "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file)); // header
    while (fgets(line, sizeof(line), file)) {
        if (line[0] != '1') continue;
        line[strcspn(line, "\n")] = 0;
        for (char *p = line + 2; *p; p++) buf_add_char(out, *p == '\t' ? ' ' : *p);
        buf_add_char(out, ';');
    }
    fclose(file);
}

static void assert_clicks(const char *name, const char *wanted)
{
    struct buf got = {0};
    read_clicks(name, &got);
    assert_string_equal(buf_text(&got), wanted);
    buf_fini(&got);
}

static void assert_refused(const char *log, struct build_histories_options options,
                           const char *message)
{
    struct build_histories_result result;
    capture_log_begin();
    assert_true(build(log, &options, &result) != SOUK_OK);
    if (!strstr(capture_log_text(), message)) fail_msg("log: %s", capture_log_text());
    capture_log_end();
}

// Rows of both users are mixed; user 8 has too few.
static const char plain[] = "user,item,category\n7,10,1\n9,30,3\n7,20,2\n8,10,1\n7,30,3\n9,10,1\n"
                            "7,40,2\n9,50,1\n";

static void last_interaction_is_the_test_and_those_before_are_training(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    assert_int_equal(build(plain, &options, &result), SOUK_OK);
    assert_clicks("train.tsv", "7 20 2 10 1;7 30 3 10,20 1,2;9 10 1 30 3;");
    assert_clicks("test.tsv", "7 40 2 10,20,30 1,2,3;9 50 1 30,10 3,1;");
    assert_int_equal(result.num_train, 6);
    assert_int_equal(result.num_test, 4);
    assert_int_equal(result.num_users, 3);
    assert_int_equal(result.num_short_users, 1);
    assert_int_equal(result.num_items, 5);
    assert_int_equal(result.num_categories, 3);
}

static void history_and_targets_keep_the_latest(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    options.max_history = 2;
    options.max_targets = 1;
    assert_int_equal(build(plain, &options, &result), SOUK_OK);
    assert_clicks("train.tsv", "7 30 3 10,20 1,2;9 10 1 30 3;");
    assert_clicks("test.tsv", "7 40 2 20,30 2,3;9 50 1 30,10 3,1;");
}

static void rows_are_ordered_by_time_and_ties_stay_in_place(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    assert_int_equal(build("user\titem\ttimestamp\n1\t10\t5\n1\t20\t1.5\n1\t30\t9\n1\t40\t5\n"
                           "2\t50\t-3\n1\t60\t9\n",
                           &options, &result),
                     SOUK_OK);
    // By time: 20, 10, 40, 30, 60; 10 and 40 came at once, and so did 30 and 60.
    assert_clicks("train.tsv", "1 10 20;1 40 20;1 30 20,10,40;");
    assert_clicks("test.tsv", "1 60 20,10,40;");
    assert_true(result.has_times);
    assert_false(result.has_categories);
}

static void dates_are_times(void **state)
{
    (void)state;
    static const char *const logs[] = {
        "user,item,date\n1,10,2024-05-21\n1,20,2023-12-31\n1,30,2024-06-01\n2,40,2024-01-01\n",
        "user,item,time\n1,10,2024-05-21 10:59\n1,20,2024-05-21T12:58:00+02:00\n"
        "1,30,2024-05-21T11:00:00Z\n2,40,2024-05-21 09:00\n",
        "1\t10\t7\t2024-05-21 10:59\n1\t20\t7\t2024-05-21 10:58\n1\t30\t7\t2024-05-21 11:00\n"
        "2\t40\t7\t2024-05-21 09:00\n"};
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
        assert_int_equal(build(logs[i], &options, &result), SOUK_OK);
        assert_true(result.has_times);
        assert_clicks("test.tsv", i < 2 ? "1 30 20,10;" : "1 30 7 20,10 7,7;");
    }
}

static void forms_of_times_are_not_mixed(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    assert_refused("user,item,time\n1,2,2024-05-21\n1,3,2024-05-22\n1,4,1716249600\n", options,
                   "/log:4: time \"1716249600\" is a number, but those before are each a date "
                   "without a time of day");
    assert_refused("user,item,time\n1,2,2024-05-21 10:59\n1,3,2024-05-22\n", options,
                   "/log:3: time \"2024-05-22\" is a date without a time of day, but those before "
                   "are each a date with a time of day");
    options.log.max_bad_rows = 1;
    capture_log_begin();
    assert_int_equal(build("user,item,time\n1,2,x\n1,10,2024-05-21\n1,20,2024-05-20\n"
                           "1,30,2024-05-22\n2,40,2024-05-22\n",
                           &options, &result),
                     SOUK_OK);
    capture_log_end();
    assert_clicks("test.tsv", "1 30 20,10;");
}

static void equal_times_leave_an_empty_history(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    assert_int_equal(build("user,item,time\n1,10,5\n1,20,5\n1,30,5\n2,40,1\n", &options, &result),
                     SOUK_OK);
    assert_clicks("train.tsv", "1 20 ;");
    assert_clicks("test.tsv", "1 30 ;");
    options.log.time = "none";
    assert_int_equal(build("user,item,time\n1,10,5\n1,20,5\n1,30,5\n2,40,1\n", &options, &result),
                     SOUK_OK);
    assert_clicks("test.tsv", "1 30 10,20;");
}

static void columns_are_told_by_name_or_position(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    options.log.user = "who";
    options.log.item = "3";
    options.log.category = "none";
    assert_int_equal(build("category,who,thing\n1,a,x\n1,a,y\n2,a,z\n1,b,w\n", &options, &result),
                     SOUK_OK);
    assert_clicks("test.tsv", "a z x,y;");
    options = usual_options(NULL);
    assert_int_equal(build("1 10 7 100\n1 20 7 90\n1 30 8 80\n2 40 8 1\n", &options, &result),
                     SOUK_OK);
    assert_clicks("test.tsv", "1 10 7 30,20 8,7;"); // user, item, category, time
}

static void ids_may_be_numbered(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    options.has_dense_ids = true;
    assert_int_equal(
        build("user;item;category\nann;x,y;c\nann;z;d\nann;w;c\nbob;v;e\n", &options, &result),
        SOUK_OK);
    assert_clicks("test.tsv", "1 3 1 1,2 1,2;");
}

// Items of users 0..29 are 40 of 60; user u has item i when (i + u) % 3 != 0.
static char *dense_log(void)
{
    struct buf text = {0};
    buf_add_text(&text, "user,item\n");
    for (int u = 0; u < 30; u++)
        for (int i = 0; i < 60; i++)
            if ((i + u) % 3 != 0) buf_printf(&text, "%d,%d\n", u, i);
    return text.text;
}

static void negatives_are_never_items_of_the_user(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    unsigned label, user, item, count[60] = {0}, num_negatives = 0;
    char line[4096], *log = dense_log();
    assert_int_equal(build(log, &options, &result), SOUK_OK);
    free(log);
    FILE *file = fopen(temp_path(dir, "train.tsv"), "r");
    assert_non_null(fgets(line, sizeof(line), file));
    while (fgets(line, sizeof(line), file)) {
        assert_int_equal(sscanf(line, "%u %u %u", &label, &user, &item), 3);
        if (label == 1) continue;
        assert_true((item + user) % 3 == 0);
        count[item]++;
        num_negatives++;
    }
    fclose(file);
    assert_int_equal(num_negatives, 600);
    for (int i = 0; i < 60; i++) assert_in_range(count[i], 1, 25); // 10 each on average
}

static void a_single_item_that_is_left_is_the_negative(void **state)
{
    (void)state;
    struct buf log = {0};
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    char line[8192];
    unsigned label, user, item;
    buf_add_text(&log, "user,item\n");
    for (int i = 0; i < 500; i++)
        if (i != 321) buf_printf(&log, "1,%d\n", i);
    buf_add_text(&log, "2,321\n");
    assert_int_equal(build(log.text, &options, &result), SOUK_OK);
    buf_fini(&log);
    FILE *file = fopen(temp_path(dir, "train.tsv"), "r");
    assert_non_null(fgets(line, sizeof(line), file));
    while (fgets(line, sizeof(line), file)) {
        assert_int_equal(sscanf(line, "%u %u %u", &label, &user, &item), 3);
        assert_int_equal(item == 321, label == 0);
    }
    fclose(file);
}

static char *slurp(const char *name)
{
    FILE *file = fopen(temp_path(dir, name), "r");
    char *text = mem_calloc(1, 1 << 18, "text");
    assert_true(fread(text, 1, (1 << 18) - 1, file) > 0);
    fclose(file);
    return text;
}

static void the_seed_decides_on_the_negatives(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    char *log = dense_log(), *texts[3];
    const uint64_t seeds[] = {1, 1, 2};
    for (int i = 0; i < 3; i++) {
        options.seed = seeds[i];
        assert_int_equal(build(log, &options, &result), SOUK_OK);
        texts[i] = slurp("train.tsv");
    }
    assert_string_equal(texts[0], texts[1]);
    assert_string_not_equal(texts[0], texts[2]);
    for (int i = 0; i < 3; i++) mem_free(texts[i]);
    free(log);
}

static void samples_are_read_back(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    struct config config;
    struct sample_format format;
    assert_int_equal(build(plain, &options, &result), SOUK_OK);
    config_init(&config);
    struct sample_format_options look = {
        .config = &config, .path = temp_path(dir, "train.tsv"), .needs_label = true};
    assert_int_equal(sample_format_resolve(&look, &format), SOUK_OK);
    assert_int_equal(format.num_tables, 3);
    assert_int_equal(format.num_histories, 2);
    config_fini(&config);
}

static void bad_logs_are_refused(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    assert_refused("user,item\n1,2\n1,3\n2,5\n", options, "no user has 3 interactions");
    assert_refused("user,item\n1,2\n1,3\n1,4\n", options, "and an item left for a negative");
    assert_refused("user,item,time\n1,2,01.05.2014\n1,3,02.05.2014\n", options,
                   "/log:2: time \"01.05.2014\" is neither a number nor a date such as 2024-05-21 "
                   "or 2024-05-21T10:59:00Z; if each user's rows are in order, use --time none");
    assert_refused("user,item\n1,2\n1,\n1,4\n", options, "/log:3: item id \"\" is not a whole");
    assert_refused("user,item\na,b\na,\n", options,
                   "the item id is missing; fix the line or set --max-bad-rows");
    assert_refused("user,item\n1,2\n1\n1,4\n", options, "/log:3: \"1\" is not 2 columns");
    assert_refused("user;item\na;x,y\na;z\na;w\nb;v\n", options,
                   "item id \"x,y\" has a comma or a tab");
    assert_refused("a,b,c\n1,2,3\n", options,
                   "cannot tell which column is the user; name it with "
                   "--user");
    options.log.user = "usr";
    assert_refused("user,item\n1,2\n", options, "did you mean \"user\"?");
    options.log.user = "item";
    assert_refused("user,item\n1,2\n", options, "would be both the user and the item");
}

static void bad_rows_may_be_left_out(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    options.log.max_bad_rows = 2;
    capture_log_begin();
    assert_int_equal(build("user,item\n1,2\n1\n1,3\n,7\n1,4\n2,5\n", &options, &result), SOUK_OK);
    capture_log_end();
    assert_int_equal(result.num_bad, 2);
    assert_int_equal(result.num_rows, 4);
    assert_int_equal(result.num_items, 4);
}

static void an_item_keeps_its_first_category(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    assert_int_equal(
        build("user,item,category\n1,2,5\n1,3,6\n1,2,7\n1,4,6\n2,9,5\n", &options, &result),
        SOUK_OK);
    assert_int_equal(result.num_conflicts, 1);
    assert_clicks("test.tsv", "1 4 6 2,3,2 5,6,5;");
}

// The file of that name is what a test has put there.
static void assert_untouched(const char *name)
{
    char text[16] = "";
    FILE *file = fopen(temp_path(dir, name), "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_string_equal(text, "earlier");
}

static void a_full_disk_is_said_once_and_leaves_earlier_files(void **state)
{
    (void)state;
    struct build_histories_options options = usual_options(NULL);
    struct build_histories_result result;
    temp_file(dir, "train.tsv", "earlier");
    temp_file(dir, "test.tsv", "earlier");
    char *path = strdup(temp_path(dir, "train.tsv.part"));
    assert_int_equal(symlink("/dev/full", path), 0);
    capture_log_begin();
    assert_int_equal(build(plain, &options, &result), SOUK_ENOSPC);
    const char *first = strstr(capture_log_text(), "train.tsv");
    assert_non_null(first);
    assert_null(strstr(first + 1, "train.tsv"));
    capture_log_end();
    assert_int_equal(access(path, F_OK), -1);
    free(path);
    assert_untouched("train.tsv");
    assert_untouched("test.tsv");
}

static void a_log_without_samples_leaves_earlier_files(void **state)
{
    (void)state;
    temp_file(dir, "train.tsv", "earlier");
    temp_file(dir, "test.tsv", "earlier");
    assert_refused("user,item\n1,2\n1,3\n2,5\n", usual_options(NULL), "no user has 3");
    assert_untouched("train.tsv");
    assert_untouched("test.tsv");
    assert_int_equal(access(temp_path(dir, "train.tsv.part"), F_OK), -1);
    assert_int_equal(access(temp_path(dir, "test.tsv.part"), F_OK), -1);
}

static void keys_are_numbered_as_they_appear(void **state)
{
    (void)state;
    struct key_index *index = key_index_create();
    for (uint64_t i = 0; i < 5000; i++)
        assert_int_equal(key_index_add(index, i * 0x9E3779B97F4A7C15ULL), i);
    for (uint64_t i = 0; i < 5000; i++) {
        assert_int_equal(key_index_add(index, i * 0x9E3779B97F4A7C15ULL), i);
        assert_true(key_index_key(index, (uint32_t)i) == i * 0x9E3779B97F4A7C15ULL);
    }
    assert_int_equal(key_index_count(index), 5000);
    key_index_destroy(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_interaction_is_the_test_and_those_before_are_training),
        cmocka_unit_test(history_and_targets_keep_the_latest),
        cmocka_unit_test(rows_are_ordered_by_time_and_ties_stay_in_place),
        cmocka_unit_test(dates_are_times),
        cmocka_unit_test(forms_of_times_are_not_mixed),
        cmocka_unit_test(equal_times_leave_an_empty_history),
        cmocka_unit_test(columns_are_told_by_name_or_position),
        cmocka_unit_test(ids_may_be_numbered),
        cmocka_unit_test(negatives_are_never_items_of_the_user),
        cmocka_unit_test(a_single_item_that_is_left_is_the_negative),
        cmocka_unit_test(the_seed_decides_on_the_negatives),
        cmocka_unit_test(samples_are_read_back),
        cmocka_unit_test(bad_logs_are_refused),
        cmocka_unit_test(bad_rows_may_be_left_out),
        cmocka_unit_test(an_item_keeps_its_first_category),
        cmocka_unit_test(a_full_disk_is_said_once_and_leaves_earlier_files),
        cmocka_unit_test(a_log_without_samples_leaves_earlier_files),
        cmocka_unit_test(keys_are_numbered_as_they_appear),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
