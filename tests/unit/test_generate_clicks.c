/* Tests of worker/data/generate_clicks: what is planted is what comes out, and attention matters.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/text/json_value.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/click_world.h"
#include "worker/data/generate_clicks.h"
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

static struct click_options small(void)
{
    struct click_options options;
    click_options_init(&options);
    options.dir = dir;
    options.num_users = 300;
    options.num_items = 500;
    options.num_categories = 20;
    options.num_samples = 12000;
    return options;
}

// Reads all samples of a file.
static void read_file(const char *name, struct sample_format *format, struct sample_batch *batch)
{
    struct config config;
    char *path = strdup(temp_path(dir, name));
    struct config_list files = {&path, 1};
    struct sample_reader *reader = NULL;
    config_init(&config);
    struct sample_format_options options = {.config = &config, .path = path, .needs_label = true};
    assert_int_equal(sample_format_resolve(&options, format), SOUK_OK);
    sample_format_init_batch(format, batch);
    assert_int_equal(
        sample_reader_open(
            &(struct sample_reader_options){.files = &files, .format = format, .num_parts = 1},
            &reader),
        SOUK_OK);
    assert_int_equal(sample_reader_next(reader, 1 << 20, batch), SOUK_OK);
    assert_int_equal(sample_reader_num_cut(reader), 0);
    sample_reader_close(reader);
    config_fini(&config);
    free(path);
}

static void files_hold_what_was_asked_for(void **state)
{
    (void)state;
    struct click_options options = small();
    struct click_result result;
    struct sample_format format;
    struct sample_batch train, test;
    assert_int_equal(generate_clicks(&options, &result), SOUK_OK);
    assert_int_equal(result.num_train, 10800);
    assert_int_equal(result.num_test, 1200);
    read_file("train.tsv", &format, &train);
    read_file("test.tsv", &format, &test);
    assert_int_equal(train.num_samples, 10800);
    assert_int_equal(test.num_samples, 1200);
    double num_clicks = 0;
    for (uint32_t b = 0; b < train.num_samples; b++) {
        uint32_t begin = train.row_start[b], end = train.row_start[b + 1];
        num_clicks += (double)train.labels[b];
        assert_in_range(train.ids[0][b], 1, 300);
        assert_in_range(train.ids[1][b], 1, 500);
        assert_int_equal(train.ids[2][b], (train.ids[1][b] - 1) % 20 + 1);
        assert_in_range(end - begin, 1, 30);
        for (uint32_t r = begin; r < end; r++)
            assert_int_equal(train.histories[1][r], (train.histories[0][r] - 1) % 20 + 1);
    }
    for (uint32_t b = 0; b < test.num_samples; b++) num_clicks += (double)test.labels[b];
    assert_true(fabs(num_clicks / 12000 - result.click_share) < 1e-9);
    assert_true(result.click_share > 0.2 && result.click_share < 0.8);
    sample_batch_fini(&train);
    sample_batch_fini(&test);
}

// The ceiling once more, from the files alone: items' vectors are planted again, histories are
// those that are written, and pairs are counted one by one.
static void ceiling_is_that_of_the_samples_as_written(void **state)
{
    (void)state;
    struct click_options options = small();
    struct click_result result;
    struct sample_format format;
    struct sample_batch test;
    assert_int_equal(generate_clicks(&options, &result), SOUK_OK);
    read_file("test.tsv", &format, &test);
    struct click_world *world = click_world_create(&options);
    double *logits = mem_calloc(test.num_samples, sizeof(double), "logits");
    double pairs = 0, wins = 0;
    for (uint32_t b = 0; b < test.num_samples; b++) {
        uint32_t behaviours[30], begin = test.row_start[b], n = test.row_start[b + 1] - begin;
        struct visitor visitor = {.behaviours = behaviours, .count = n};
        for (uint32_t i = 0; i < n; i++) behaviours[i] = (uint32_t)test.histories[0][begin + i] - 1;
        logits[b] = visitor_view(&visitor, world, (uint32_t)test.ids[1][b] - 1).logit;
    }
    for (uint32_t a = 0; a < test.num_samples; a++)
        for (uint32_t b = 0; b < test.num_samples; b++) {
            if (!(test.labels[a] > test.labels[b])) continue;
            pairs++;
            wins += logits[a] > logits[b] ? 1 : logits[a] == logits[b] ? 0.5 : 0;
        }
    assert_true(fabs(wins / pairs - result.true_auc) < 1e-9);
    mem_free(logits);
    click_world_destroy(world);
    sample_batch_fini(&test);
}

static void a_pooled_history_is_worse_than_its_behaviours(void **state)
{
    (void)state;
    struct click_options options = small();
    struct click_result result;
    options.num_users = 2000;
    options.num_samples = 40000;
    options.num_categories = 50;
    options.num_items = 1000;
    options.test_share = 0.5;
    assert_int_equal(generate_clicks(&options, &result), SOUK_OK);
    assert_true(result.true_auc > 0.78);
    assert_true(result.true_auc - result.mean_history_auc > 0.04);
    assert_true(result.mean_history_auc - result.popularity_auc > 0.05);
}

static void without_strength_only_popularity_is_left(void **state)
{
    (void)state;
    struct click_options options = small();
    struct click_result result;
    options.strength = 0;
    assert_int_equal(generate_clicks(&options, &result), SOUK_OK);
    assert_true(fabs(result.true_auc - result.popularity_auc) < 1e-9);
}

static void history_grows_by_what_is_clicked(void **state)
{
    (void)state;
    struct click_options options = small();
    struct click_world *world = click_world_create(&options);
    struct visitor visitor = {.user = 0};
    visitor_welcome(&visitor, world, 5);
    size_t count = visitor.count;
    assert_in_range(visitor.num_interests, 2, 4);
    assert_in_range(count, 6, 24);
    visitor_click(&visitor, visitor.behaviours[0]);
    assert_int_equal(visitor.count, count);
    uint32_t item = visitor_draw_candidate(&visitor, world);
    struct click_view before = visitor_view(&visitor, world, item);
    visitor_click(&visitor, item);
    assert_int_equal(visitor.behaviours[count], item);
    assert_true(visitor_view(&visitor, world, item).logit > before.logit);
    visitor_fini(&visitor);
    click_world_destroy(world);
}

static char *slurp(const char *name)
{
    char *text = NULL;
    size_t length;
    assert_int_equal(file_read(temp_path(dir, name), 1 << 24, &text, &length), SOUK_OK);
    return text;
}

static void the_same_options_give_the_same_bytes(void **state)
{
    (void)state;
    struct click_options options = small();
    struct click_result result;
    const uint64_t seeds[] = {1, 1, 2};
    char *texts[3];
    for (int i = 0; i < 3; i++) {
        options.seed = seeds[i];
        assert_int_equal(generate_clicks(&options, &result), SOUK_OK);
        texts[i] = slurp("train.tsv");
    }
    assert_string_equal(texts[0], texts[1]);
    assert_string_not_equal(texts[0], texts[2]);
    for (int i = 0; i < 3; i++) mem_free(texts[i]);
}

static void titles_and_truth_are_written(void **state)
{
    (void)state;
    struct click_options options = small();
    struct click_result result;
    void *truth = NULL;
    options.has_string_ids = true;
    assert_int_equal(generate_clicks(&options, &result), SOUK_OK);
    char *text = slurp("items.tsv");
    assert_memory_equal(text, "item\ttitle\tcategory\nitem1\t", 26);
    assert_non_null(strstr(text, "\tcategory20\n"));
    mem_free(text);
    text = slurp("truth.json");
    assert_int_equal(json_value_parse(text, strlen(text), "truth.json", &truth), SOUK_OK);
    assert_true(json_value_number(truth, "true_auc", 0) == result.true_auc);
    assert_int_equal(json_value_u64(truth, "test_samples", 0), 1200);
    json_value_destroy(truth);
    mem_free(text);
    text = slurp("test.tsv");
    assert_non_null(strstr(text, "\tuser1\titem"));
    mem_free(text);
}

static void options_that_contradict_are_refused(void **state)
{
    (void)state;
    const struct {
        size_t offset;
        uint64_t value;
    } faults[] = {{offsetof(struct click_options, num_users), 0},
                  {offsetof(struct click_options, num_users), 12001},
                  {offsetof(struct click_options, num_categories), 3},
                  {offsetof(struct click_options, num_items), 19},
                  {offsetof(struct click_options, num_items), CLICKS_ITEMS_MAX + 1}};
    struct click_result result;
    capture_log_begin();
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct click_options options = small();
        *(uint64_t *)((char *)&options + faults[i].offset) = faults[i].value;
        assert_int_equal(generate_clicks(&options, &result), SOUK_EINVAL);
    }
    struct click_options options = small();
    options.test_share = 1;
    assert_int_equal(generate_clicks(&options, &result), SOUK_EINVAL);
    options = small();
    options.zipf = 200; // weights of 0, whose logarithms make scores that are no numbers
    assert_int_equal(generate_clicks(&options, &result), SOUK_EINVAL);
    capture_log_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_hold_what_was_asked_for),
        cmocka_unit_test(ceiling_is_that_of_the_samples_as_written),
        cmocka_unit_test(a_pooled_history_is_worse_than_its_behaviours),
        cmocka_unit_test(without_strength_only_popularity_is_left),
        cmocka_unit_test(history_grows_by_what_is_clicked),
        cmocka_unit_test(the_same_options_give_the_same_bytes),
        cmocka_unit_test(titles_and_truth_are_written),
        cmocka_unit_test(options_that_contradict_are_refused),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
