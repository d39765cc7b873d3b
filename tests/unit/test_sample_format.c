/* Tests of worker/data/sample_format and sample_columns: columns, tables, kinds of ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/sample_format.h"

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

// Settings are separated by blanks.
static souk_status resolve(const char *text, const char *settings, bool needs_label,
                           const struct sample_format *model, struct sample_format *format)
{
    struct config config;
    config_init(&config);
    char copy[256] = "";
    if (settings) strcpy(copy, settings);
    for (char *one = strtok(copy, " "); one; one = strtok(NULL, " "))
        assert_int_equal(config_set(&config, one), SOUK_OK);
    struct sample_format_options options = {
        .config = &config,
        .path = temp_file(dir, "samples", text),
        .needs_label = needs_label,
        .model = model,
    };
    souk_status status = sample_format_resolve(&options, format);
    config_fini(&config);
    return status;
}

static void add_column(const struct sample_format *f, const struct sample_column *column,
                       struct buf *out)
{
    bool has_table = column->table != SAMPLE_NO_TABLE;
    buf_printf(out, " %s@%u:%s%s", column->name, column->column,
               has_table ? f->tables[column->table].name : "-",
               column->kind == CONFIG_ID_STRING ? "*" : "");
}

// "label@0 user@1:user ... | hist_item@4:item>1 ... | user 0 item 1 ," with * behind text ids.
static void describe(const struct sample_format *f, struct buf *out)
{
    if (f->has_label) buf_printf(out, "%s@%u", f->label, f->label_column);
    for (uint32_t i = 0; i < f->num_ids; i++) add_column(f, &f->ids[i], out);
    buf_add_text(out, " |");
    for (uint32_t h = 0; h < f->num_histories; h++) {
        add_column(f, &f->histories[h], out);
        buf_printf(out, ">%d", f->targets[h]);
    }
    buf_printf(out, " | %d %d %c", f->user, f->item, f->separator);
}

static void assert_format(const char *text, const char *settings, const char *wanted)
{
    struct sample_format format;
    struct buf got = {0};
    assert_int_equal(resolve(text, settings, true, NULL, &format), SOUK_OK);
    describe(&format, &got);
    assert_string_equal(buf_text(&got), wanted);
    buf_fini(&got);
}

static void assert_refused(const char *text, const char *settings, const char *message)
{
    struct sample_format format;
    capture_log_begin();
    assert_true(resolve(text, settings, true, NULL, &format) != SOUK_OK);
    if (!strstr(capture_log_text(), message)) fail_msg("log: %s", capture_log_text());
    capture_log_end();
}

static const char usual[] = "label\tuser\titem\tcategory\thist_item\thist_category\n"
                            "1\t1\t2\t3\t\t\n"
                            "0\t1\t4\t3\t2,5\t3,3\n";

static void columns_and_tables_are_inferred(void **state)
{
    (void)state;
    assert_format(usual, NULL,
                  "label@0 user@1:user item@2:item category@3:category | hist_item@4:item>1 "
                  "hist_category@5:category>2 | 0 1 ,");
    assert_format("Click,User-ID,item_id,cate_id,item_history,cate_history,timestamp,rating\n"
                  "1,a,7,8,\"1,2\",\"3,4\",5,6\n",
                  NULL,
                  "Click@0 User-ID@1:user_id* item_id@2:item_id cate_id@3:cate_id | "
                  "item_history@4:item_id>1 cate_history@5:cate_id>2 | 0 1 ,");
    assert_format("y,age,hist_page\n1,3,9\n", NULL,
                  "y@0 age@1:age | hist_page@2:page>-1 | -1 -1 ,");
    assert_format("label,user,item\n1,2,3\n", NULL, "label@0 user@1:user item@2:item | | 0 1 ,");
}

static void columns_and_tables_are_told(void **state)
{
    (void)state;
    assert_format(usual,
                  "features.fields=item:goods,category:kind features.histories="
                  "hist_item:goods",
                  "label@0 item@2:goods category@3:kind user@1:- | hist_item@4:goods>0 | 2 0 ,");
    assert_format(usual, "features.fields=user features.histories=none data.label=category",
                  "category@3 user@1:user | | 0 -1 ,");
    assert_format(
        "1\t2\t3\t4,5\n0\t2\t4\t\n",
        "data.label=1 features.fields=2:user,3:item features.histories=4:item data.user=2",
        "1@0 2@1:user 3@2:item | 4@3:item>1 | 0 1 ,"); // by the name of its table
    assert_format("1\t2\t3\t4,5\n0\t2\t4\t\n",
                  "data.label=1 features.fields=2:visitor,3:item,4:user features.histories=none",
                  "1@0 2@1:visitor 3@2:item 4@3:user* | | 2 1 ,");
    assert_format(usual, "features.ids=string features.max_history=7",
                  "label@0 user@1:user* item@2:item* category@3:category* | hist_item@4:item*>1 "
                  "hist_category@5:category*>2 | 0 1 ,");
}

// Members of a network: users and items are of one table.
static void a_history_goes_with_the_field_that_it_is_called_after(void **state)
{
    (void)state;
    const char network[] = "label\tuser\titem\tvia\thist_via\thist_seen\n1\t2\t3\t4\t5\t6\n";
    assert_format(network,
                  "features.fields=user:member,item:member,via:member "
                  "features.histories=hist_via:member,hist_seen:member",
                  "label@0 user@1:member item@2:member via@3:member | hist_via@4:member>2 "
                  "hist_seen@5:member>1 | 0 1 ,");
    assert_format(network,
                  "features.fields=user:member,via:member features.histories=hist_seen:member",
                  "label@0 user@1:member via@3:member | hist_seen@5:member>0 | 0 -1 ,");
}

static void separator_of_lists_is_inferred_or_told(void **state)
{
    (void)state;
    assert_format("label,item,hist_item\n1,2,3|4|5\n0,2,3\n", NULL,
                  "label@0 item@1:item | hist_item@2:item>0 | -1 0 |");
    assert_format("label,item,hist_item\n1,2,3 4\n", NULL,
                  "label@0 item@1:item | hist_item@2:item>0 | -1 0  ");
    assert_format("label\titem\thist_item\n1\ta\tb|c,d\n", NULL,
                  "label@0 item@1:item* | hist_item@2:item*>0 | -1 0 ,");
    assert_format("label\titem\thist_item\n1\ta\tb#c,d\n", "features.separator=#",
                  "label@0 item@1:item* | hist_item@2:item*>0 | -1 0 #");
}

static void separator_of_columns_separates_no_lists(void **state)
{
    (void)state;
    assert_refused("label,item,hist_item\n1,2,3,4\n0,2,3,5\n", "features.separator=comma",
                   "--set features.separator: \"comma\" separates the columns of ");
    assert_refused("label,item,hist_item\n1,2,3,4\n", "features.separator=,",
                   "write lists with another one or in quotes");
    assert_refused("label\titem\thist_item\n1\t2\t\"3\t4\"\n", "features.separator=tab",
                   "would be cut into columns; write lists with another one\n");
    assert_refused("label|item|hist_item\n1|2|3\n", "features.separator=| data.delimiter=|",
                   "\"|\" separates the columns of ");
    assert_refused("label item hist_item\n1 2 3\n", "features.separator=tab data.delimiter=space",
                   "\"tab\" separates the columns of ");
    struct sample_format model, format;
    assert_int_equal(resolve("label,item,hist_item\n1,2,\"3,4\"\n", "features.separator=comma",
                             true, NULL, &model),
                     SOUK_OK); // quotes keep them together
    assert_int_equal(model.separator, ',');
    assert_int_equal(
        resolve("item,hist_item\n2,3\n", "features.separator=comma", false, &model, &format),
        SOUK_OK); // one behaviour each
}

static void separator_of_texts_is_in_lists_and_in_no_id(void **state)
{
    (void)state;
    assert_format("label,item,hist_item\n1,a,b|c|d\n0,a,c\n", NULL,
                  "label@0 item@1:item* | hist_item@2:item*>0 | -1 0 |");
    assert_format("label,item,hist_item\n1,a|b,b|c\n0,a,c\n", NULL,
                  "label@0 item@1:item* | hist_item@2:item*>0 | -1 0 ,");
    assert_format("label,item,hist_item\n1,a b,b c;d\n", NULL,
                  "label@0 item@1:item* | hist_item@2:item*>0 | -1 0 ;");
    // "C, D" is one shop: cut at commas its list would be longer than that of the items.
    assert_format("label\titem\tshop\thist_item\thist_shop\n1\ta\te\tb|c\tC, D|e\n", NULL,
                  "label@0 item@1:item* shop@2:shop* | hist_item@3:item*>0 hist_shop@4:shop*>1 | "
                  "-1 0 |");
}

static void a_model_remembers_the_separator_of_texts(void **state)
{
    (void)state;
    struct sample_format model, format;
    assert_int_equal(resolve("label,item,hist_item\n1,a,b|c|d\n", NULL, true, NULL, &model),
                     SOUK_OK);
    assert_int_equal(resolve("item,hist_item\na,b\n", NULL, false, &model, &format), SOUK_OK);
    assert_int_equal(format.separator, '|');
    assert_int_equal(
        resolve("item,hist_item\na,b\n", "features.separator=;", false, &model, &format), SOUK_OK);
    assert_int_equal(format.separator, ';');
}

static void a_history_that_no_field_goes_with_is_warned_of(void **state)
{
    (void)state;
    struct sample_format format;
    capture_log_begin();
    assert_int_equal(
        resolve("label,item,past\n1,2,3\n", "features.histories=past:itme", true, NULL, &format),
        SOUK_OK);
    assert_non_null(strstr(capture_log_text(), "\"itme\", so it is compared with no field; did you "
                                               "mean \"item\"?"));
    capture_log_end();
    capture_log_begin();
    assert_int_equal(resolve(usual, NULL, true, NULL, &format), SOUK_OK);
    assert_string_equal(capture_log_text(), "");
    capture_log_end();
}

static void ids_of_a_table_are_of_one_kind(void **state)
{
    (void)state;
    assert_format("label,item,hist_item\n1,2,3|4|b\n0,2,3\n", "features.separator=|",
                  "label@0 item@1:item* | hist_item@2:item*>0 | -1 0 |");
    assert_format("label,item,shop\n1,07,3\n", NULL, "label@0 item@1:item* shop@2:shop | | -1 0 ,");
}

static void a_file_to_predict_on_needs_no_label(void **state)
{
    (void)state;
    struct sample_format format;
    assert_int_equal(resolve("user,item\n1,2\n", NULL, false, NULL, &format), SOUK_OK);
    assert_false(format.has_label);
    assert_refused("user,item\n1,2\n", NULL,
                   "cannot tell which column is the label; set data.label");
}

static void a_model_fixes_tables_and_kinds(void **state)
{
    (void)state;
    struct sample_format model, format;
    struct buf got = {0};
    assert_int_equal(resolve("label,user,item,hist_item\n1,7,b,a\n", "features.max_history=9", true,
                             NULL, &model),
                     SOUK_OK);
    assert_int_equal(resolve("extra,hist_item,item,user\n9,1,2,3\n", NULL, false, &model, &format),
                     SOUK_OK);
    describe(&format, &got);
    assert_string_equal(buf_text(&got), " user@3:user item@2:item* | hist_item@1:item*>1 | 0 1 ,");
    assert_int_equal(format.max_history, 9);
    buf_fini(&got);
    capture_log_begin();
    assert_int_equal(resolve("hist_item,item\n1,2\n", NULL, false, &model, &format), SOUK_ECONFIG);
    assert_non_null(strstr(capture_log_text(), "\"user\" is no column of"));
    capture_log_end();
}

static void mistakes_are_told(void **state)
{
    (void)state;
    assert_refused(usual, "features.fields=usr", "\"usr\" is no column of");
    assert_refused(usual, "features.fields=usr", "did you mean \"user\"?");
    assert_refused(usual, "features.fields=user,user", "column \"user\" of");
    assert_refused(usual, "features.fields=user:User", "\"User\" cannot be a table");
    assert_refused(usual, "data.label=user features.fields=user", "has two parts to play");
    assert_refused(usual, "features.histories=category", "name the table of column \"category\"");
    assert_refused(usual, "features.fields=user data.item=item", "is none of features.fields");
    assert_refused(usual, "data.user=usr", "\"usr\" is no column of");
    assert_refused("1\t2\t3\n", NULL, "is read without a header; set this to the position");
    assert_refused("1\t2\t3\n", "data.label=1", "such as [2:user, 3:item, 4:category]");
    assert_refused("1\t2\t3\n", "data.label=1 features.fields=2", "name the table of column 2");
    assert_refused("label,hist_item\n1,2\n", NULL, "nothing tells which columns are ids");
    assert_refused("label,user\n", NULL, "has a header, but no samples below it");
    assert_refused(
        "label,u123456789123456789123456789123456789123456789123456789123456789,b\n1,2,3\n", NULL,
        "has 64 bytes, and up to 63 are known");
    assert_refused("", NULL, "is empty; a line for each sample is needed");
}

static void too_many_columns_are_refused(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 17; i++) buf_printf(&text, "f%d,", i);
    buf_add_text(&text, "label\n");
    for (int i = 0; i < 17; i++) buf_printf(&text, "%d,", i);
    buf_add_text(&text, "1\n");
    assert_refused(text.text, NULL, "needs more than 16 tables");
    buf_fini(&text);
    for (int i = 0; i < 9; i++) buf_printf(&text, "hist_f%d,", i);
    buf_add_text(&text, "f,label\n");
    for (int i = 0; i < 9; i++) buf_printf(&text, "%d,", i);
    buf_add_text(&text, "1,1\n");
    assert_refused(text.text, NULL, "more than 8 columns of histories");
    buf_fini(&text);
}

static bool are_samples(const char *text, const char *setting)
{
    struct config config;
    bool are = false;
    config_init(&config);
    if (setting) assert_int_equal(config_set(&config, setting), SOUK_OK);
    assert_int_equal(sample_format_look(&config, temp_file(dir, "look", text), &are), SOUK_OK);
    config_fini(&config);
    return are;
}

static void samples_are_told_from_ratings(void **state)
{
    (void)state;
    assert_false(are_samples("user,item,rating\n1,2,3\n", NULL));
    assert_false(are_samples("1::2::3\n", NULL));
    assert_true(are_samples("user,item,label\n1,2,1\n", NULL));
    assert_true(are_samples("user\titem\titem_hist\n1\t2\t\n", NULL));
    assert_true(are_samples("user,item,rating\n1,2,3\n", "data.label=rating"));
    assert_true(are_samples("1::2::3\n", "features.fields=1:user"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_and_tables_are_inferred),
        cmocka_unit_test(columns_and_tables_are_told),
        cmocka_unit_test(a_history_goes_with_the_field_that_it_is_called_after),
        cmocka_unit_test(separator_of_lists_is_inferred_or_told),
        cmocka_unit_test(separator_of_columns_separates_no_lists),
        cmocka_unit_test(separator_of_texts_is_in_lists_and_in_no_id),
        cmocka_unit_test(a_model_remembers_the_separator_of_texts),
        cmocka_unit_test(a_history_that_no_field_goes_with_is_warned_of),
        cmocka_unit_test(ids_of_a_table_are_of_one_kind),
        cmocka_unit_test(a_file_to_predict_on_needs_no_label),
        cmocka_unit_test(a_model_fixes_tables_and_kinds),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(too_many_columns_are_refused),
        cmocka_unit_test(samples_are_told_from_ratings),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
