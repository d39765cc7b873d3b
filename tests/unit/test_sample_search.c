/* What samples say of a user and an item, whatever batches they come in. */
#include "worker/data/sample_search.h"

#include "tests/support/cmocka.h"

enum { FIELDS = 4, USER = 0, ITEM = 1, CATEGORY = 2, HOUR = 3 };

// user, item, category, hour of the day; histories of items and categories.
static void describe(struct sample_format *format)
{
    *format = (struct sample_format){.num_fields = FIELDS,
                                     .num_ids = FIELDS,
                                     .num_histories = 2,
                                     .targets = {ITEM, CATEGORY},
                                     .user = USER,
                                     .item = ITEM};
}

static void add_sample(struct sample_batch *batch, uint64_t user, uint64_t item, uint64_t hour,
                       const char *history)
{
    sample_batch_reserve(batch, 1, 10);
    uint32_t b = batch->num_samples++;
    const uint64_t ids[FIELDS] = {user, item, item + 100, hour};
    for (uint32_t f = 0; f < FIELDS; f++) batch->ids[f][b] = ids[f];
    batch->labels[b] = 0;
    for (; *history; history++, batch->num_rows++) {
        batch->histories[0][batch->num_rows] = (uint64_t)(*history - '0');
        batch->histories[1][batch->num_rows] = (uint64_t)(*history - '0') + 200;
    }
    batch->row_start[b + 1] = batch->num_rows;
}

static void search(struct sample_search *found, const struct sample_format *format, uint64_t user,
                   uint64_t item, bool is_in_pieces)
{
    struct sample_batch batch;
    sample_batch_init(&batch, FIELDS, 2);
    sample_search_init(found, format, user, item);
    static const struct {
        uint64_t user, item, hour;
        const char *history;
    } rows[] = {
        {1, 5, 8, "34"}, {1, 6, 9, "345"}, {2, 5, 10, ""}, {3, 6, 11, "96"}, {2, 7, 12, ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        add_sample(&batch, rows[i].user, rows[i].item, rows[i].hour, rows[i].history);
        if (!is_in_pieces) continue;
        sample_search_add(found, &batch);
        sample_batch_clear(&batch);
    }
    sample_search_add(found, &batch);
    sample_batch_fini(&batch);
}

static void the_last_sample_of_a_user_is_the_newest(void **state)
{
    (void)state;
    struct sample_format format;
    describe(&format);
    for (int i = 0; i < 2; i++) {
        struct sample_search found;
        search(&found, &format, 1, 5, i);
        assert_int_equal(found.newest.num_samples, 1);
        assert_int_equal(found.newest.ids[HOUR][0], 9);
        assert_int_equal(found.newest.num_rows, 3);
        assert_int_equal(found.newest.histories[1][2], 205);
        sample_search_fini(&found);
    }
}

static void an_item_has_the_fields_of_its_newest_sample(void **state)
{
    (void)state;
    struct sample_format format;
    describe(&format);
    for (int i = 0; i < 2; i++) {
        struct sample_search found;
        uint64_t id = 0;
        search(&found, &format, 1, 6, i);
        assert_true(sample_search_field(&found, CATEGORY, &id));
        assert_int_equal(id, 106);
        assert_true(sample_search_field(&found, HOUR, &id));
        assert_int_equal(id, 11);
        sample_search_fini(&found);
    }
}

static void an_item_of_histories_has_what_stands_beside_it(void **state)
{
    (void)state;
    struct sample_format format;
    describe(&format);
    struct sample_search found;
    uint64_t id = 0;
    search(&found, &format, 2, 9, false);
    assert_false(found.is_candidate);
    assert_true(sample_search_field(&found, CATEGORY, &id));
    assert_int_equal(id, 209);
    assert_false(sample_search_field(&found, HOUR, &id));
    assert_int_equal(found.newest.num_rows, 0);
    assert_int_equal(found.newest.ids[ITEM][0], 7);
    sample_search_fini(&found);
}

static void strangers_are_not_found(void **state)
{
    (void)state;
    struct sample_format format;
    describe(&format);
    struct sample_search found;
    uint64_t id = 0;
    search(&found, &format, 9, 8, false);
    assert_int_equal(found.newest.num_samples, 0);
    assert_false(sample_search_field(&found, ITEM, &id));
    assert_false(found.is_behaviour);
    sample_search_fini(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_sample_of_a_user_is_the_newest),
        cmocka_unit_test(an_item_has_the_fields_of_its_newest_sample),
        cmocka_unit_test(an_item_of_histories_has_what_stands_beside_it),
        cmocka_unit_test(strangers_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
