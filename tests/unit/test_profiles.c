/* Tests of worker/data/profiles: what is remembered of users and items, over blocks and files, and
 * what damage does. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/catalogue.h"
#include "worker/data/profile_block.h"
#include "worker/data/profiles.h"
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

// The format of samples whose text (header and rows) this is.
static void resolve(const char *text, const char *max_history, struct sample_format *format)
{
    struct config config;
    config_init(&config);
    assert_int_equal(config_set(&config, "features.separator=,"), SOUK_OK);
    char setting[64];
    snprintf(setting, sizeof(setting), "features.max_history=%s", max_history);
    assert_int_equal(config_set(&config, setting), SOUK_OK);
    struct sample_format_options options = {
        .config = &config, .path = temp_file(dir, "samples", text), .needs_label = true};
    assert_int_equal(sample_format_resolve(&options, format), SOUK_OK);
    config_fini(&config);
}

// Adds the samples of a text to a writer, three at a time.
static void add_text(struct profile_writer *writer, const struct sample_format *format,
                     const char *text)
{
    struct sample_reader *reader = NULL;
    struct sample_batch batch;
    char path[512];
    snprintf(path, sizeof(path), "%s", temp_file(dir, "samples", text));
    char *paths[] = {path};
    struct config_list files = {paths, 1};
    struct sample_reader_options options = {.files = &files, .format = format, .num_parts = 1};
    sample_format_init_batch(format, &batch);
    assert_int_equal(sample_reader_open(&options, &reader), SOUK_OK);
    do {
        assert_int_equal(sample_reader_next(reader, 3, &batch), SOUK_OK);
        assert_int_equal(profile_writer_add(writer, &batch), SOUK_OK);
    } while (batch.num_samples > 0);
    sample_reader_close(reader);
    sample_batch_fini(&batch);
}

static const char *write_file(const char *name, const struct sample_format *format,
                              const char *text)
{
    struct profile_writer *writer = NULL;
    const char *path = temp_path(dir, name);
    assert_int_equal(profile_writer_open(path, format, &writer), SOUK_OK);
    if (text) add_text(writer, format, text);
    assert_int_equal(profile_writer_close(writer), SOUK_OK);
    return path;
}

static void add_numbers(struct buf *out, const uint64_t *numbers, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) buf_printf(out, "%s%" PRIu64, i ? "," : "", numbers[i]);
}

// "ids of the profile | histories | seen", or "- | seen".
static void show_user(const struct profiles *profiles, uint32_t u, struct buf *out)
{
    const struct sample_batch *batch = &profiles->samples;
    uint32_t b = profiles->sample[u];
    if (b == UINT32_MAX) {
        buf_add_text(out, "-");
    } else {
        uint32_t first = batch->row_start[b], n = batch->row_start[b + 1] - first;
        for (uint32_t i = 0; i < batch->num_ids; i++)
            buf_printf(out, "%s%" PRIu64, i ? " " : "", batch->ids[i][b]);
        for (uint32_t h = 0; h < batch->num_histories; h++) {
            buf_add_text(out, " | ");
            add_numbers(out, batch->histories[h] + first, n);
        }
    }
    buf_add_text(out, " | ");
    add_numbers(out, profiles->seen + profiles->seen_start[u],
                profiles->seen_start[u + 1] - profiles->seen_start[u]);
}

static void assert_profiles(const char *const *paths, uint32_t num_paths,
                            const struct sample_format *format, const uint64_t *users,
                            const char *const *wanted, uint32_t num_users)
{
    struct profiles profiles = {0};
    assert_int_equal(profiles_read(paths, num_paths, format, users, num_users, &profiles), SOUK_OK);
    assert_int_equal(profiles.num_users, num_users);
    for (uint32_t u = 0; u < num_users; u++) {
        struct buf text = {0};
        show_user(&profiles, u, &text);
        assert_string_equal(buf_text(&text), wanted[u]);
        buf_fini(&text);
    }
    profiles_fini(&profiles);
}

// One user's profile out of one file of samples.
static void assert_profile(const char *text, const char *max_history, uint64_t user,
                           const char *wanted)
{
    struct sample_format format;
    resolve(text, max_history, &format);
    const char *path = write_file("one", &format, text);
    assert_profiles(&path, 1, &format, &user, &wanted, 1);
}

static void assert_catalogue(const char *const *paths, uint32_t num_paths,
                             const struct sample_format *format, const char *wanted)
{
    struct catalogue catalogue = {0};
    struct buf text = {0};
    assert_int_equal(catalogue_read(paths, num_paths, format, &catalogue), SOUK_OK);
    for (uint32_t f = 0; f < catalogue.num_fields; f++)
        buf_printf(&text, "%s%s", f ? " " : "", format->ids[catalogue.fields[f]].name);
    const uint64_t *id = catalogue.ids;
    for (uint64_t i = 0; i < catalogue.num_items; i++) {
        buf_printf(&text, "|%" PRIu64 ":", catalogue.items[i]);
        for (uint32_t f = 0; f < catalogue.num_fields; f++, id++)
            if (*id == PROFILE_UNKNOWN_ID)
                buf_add_text(&text, " ?");
            else
                buf_printf(&text, " %" PRIu64, *id);
    }
    assert_string_equal(buf_text(&text), wanted);
    buf_fini(&text);
    catalogue_fini(&catalogue);
}

static void assert_text_catalogue(const char *text, const char *wanted)
{
    struct sample_format format;
    resolve(text, "50", &format);
    const char *path = write_file("one", &format, text);
    assert_catalogue(&path, 1, &format, wanted);
}

// ---- profiles ----

#define HEADER "label\tuser\titem\tcat\thist_item\thist_cat\n"

static void last_click_is_the_newest_behaviour(void **state)
{
    (void)state;
    const char *text = HEADER "1\t7\t1\t10\t\t\n"
                              "0\t7\t9\t90\t\t\n"
                              "1\t7\t2\t20\t1\t10\n"
                              "0\t7\t8\t80\t1\t10\n"
                              "1\t8\t3\t30\t4,4\t40,40\n";
    assert_profile(text, "50", 7, "7 2 20 | 1,2 | 10,20 | 1,2");
    assert_profile(text, "50", 8, "8 3 30 | 4,4,3 | 40,40,30 | 3,4");
}

static void order_of_the_file_matters_less_than_what_histories_say(void **state)
{
    (void)state;
    const char *text = HEADER "0\t7\t8\t80\t5,1\t50,10\n"
                              "1\t7\t2\t20\t5,1\t50,10\n"
                              "1\t7\t1\t10\t5\t50\n"
                              "0\t7\t9\t90\t5\t50\n";
    assert_profile(text, "50", 7, "7 2 20 | 5,1,2 | 50,10,20 | 1,2,5");
}

static void sample_without_a_click_has_the_newest_behaviour_as_item(void **state)
{
    (void)state;
    assert_profile(HEADER "0\t7\t9\t90\t3,4\t30,40\n", "50", 7, "7 4 40 | 3,4 | 30,40 | 3,4");
    assert_profile(HEADER "0\t7\t9\t90\t\t\n", "50", 7, "7 9 90 |  |  | ");
}

static void cut_histories_are_put_in_order_by_what_they_share(void **state)
{
    (void)state;
    const char *text = HEADER "1\t7\t6\t0\t2,3,4,5\t0,0,0,0\n"
                              "1\t7\t5\t0\t1,2,3,4\t0,0,0,0\n"
                              "0\t7\t9\t0\t1,2,3,4\t0,0,0,0\n";
    assert_profile(text, "4", 7, "7 6 0 | 3,4,5,6 | 0,0,0,0 | 1,2,3,4,5,6");
    assert_profile(text, "1", 7, "7 4 0 | 4 | 0 | 4,5,6"); // nothing is shared: the last one
}

static void longer_history_wins_where_nothing_is_shared(void **state)
{
    (void)state;
    assert_profile(HEADER "0\t7\t9\t0\t1,2,3\t0,0,0\n0\t7\t9\t0\t4,5\t0,0\n", "50", 7,
                   "7 3 0 | 1,2,3 | 0,0,0 | 1,2,3,4,5");
    assert_profile(HEADER "0\t7\t9\t0\t1,2,3\t0,0,0\n0\t7\t9\t0\t4,5,6\t0,0,0\n", "50", 7,
                   "7 6 0 | 4,5,6 | 0,0,0 | 1,2,3,4,5,6");
}

static void history_without_a_field_keeps_the_click_out_but_not_out_of_seen(void **state)
{
    (void)state;
    assert_profile("label\tuser\titem\thist_item\thist_shop\n"
                   "1\t7\t2\t1\t5\n0\t7\t3\t1\t5\n",
                   "50", 7, "7 2 | 1 | 5 | 1,2");
}

static void model_without_histories_remembers_the_last_click(void **state)
{
    (void)state;
    const char *text = "label\tuser\titem\tage\n1\t7\t1\t30\n1\t7\t2\t31\n0\t7\t3\t32\n";
    assert_profile(text, "50", 7, "7 2 31 | 1,2");
}

static void users_never_seen_have_no_profile(void **state)
{
    (void)state;
    struct sample_format format;
    const char *text = HEADER "1\t7\t1\t10\t\t\n1\t9\t1\t10\t\t\n";
    const uint64_t users[] = {0, 7, 8, UINT64_MAX};
    const char *const wanted[] = {"- | ", "7 1 10 | 1 | 10 | 1", "- | ", "- | "};
    resolve(text, "50", &format);
    const char *path = write_file("one", &format, text);
    assert_profiles(&path, 1, &format, users, wanted, 4);
    assert_profiles(&path, 1, &format, NULL, NULL, 0);
    assert_profiles(NULL, 0, &format, users, (const char *const[]){"- | "}, 1);
}

static void files_of_several_ranks_are_one(void **state)
{
    (void)state;
    struct sample_format format;
    const char *first = HEADER "1\t7\t3\t0\t1,2\t0,0\n1\t8\t1\t0\t\t\n1\t9\t1\t0\t\t\n";
    const char *second = HEADER "1\t7\t1\t0\t\t\n1\t8\t5\t0\t1\t0\n1\t9\t2\t1\t\t\n";
    resolve(first, "50", &format);
    const char *paths[] = {write_file("a", &format, first), write_file("b", &format, second),
                           write_file("none", &format, NULL)};
    const uint64_t users[] = {7, 8, 9};
    const char *const wanted[] = {"7 3 0 | 1,2,3 | 0,0,0 | 1,2,3", "8 5 0 | 1,5 | 0,0 | 1,5",
                                  "9 2 1 | 2 | 1 | 1,2"};
    assert_profiles(paths, 3, &format, users, wanted, 3);
    assert_catalogue(paths, 3, &format, "item cat|1: 1 0|2: 2 1|3: 3 0|5: 5 0");
}

static void cut_histories_tell_which_rank_has_the_newer_one(void **state)
{
    (void)state;
    struct sample_format format;
    const char *newer = HEADER "1\t7\t6\t0\t2,3,4,5\t0,0,0,0\n";
    const char *older = HEADER "1\t7\t5\t0\t1,2,3,4\t0,0,0,0\n";
    resolve(newer, "4", &format);
    const char *paths[] = {write_file("a", &format, newer), write_file("b", &format, older)};
    const uint64_t user = 7;
    const char *const wanted = "7 6 0 | 3,4,5,6 | 0,0,0,0 | 1,2,3,4,5,6";
    assert_profiles(paths, 2, &format, &user, &wanted, 1);
    const char *swapped[] = {paths[1], paths[0]};
    assert_profiles(swapped, 2, &format, &user, &wanted, 1);
}

static void extreme_ids_come_back(void **state)
{
    (void)state;
    assert_profile(HEADER "1\t18446744073709551615\t18446744073709551614\t0\t0\t1\n", "50",
                   UINT64_MAX,
                   "18446744073709551615 18446744073709551614 0 | 0,18446744073709551614 | 1,0 | "
                   "0,18446744073709551614");
}

// ---- the catalogue ----

static void items_of_histories_are_in_the_catalogue(void **state)
{
    (void)state;
    assert_text_catalogue(HEADER "1\t7\t1\t10\t5,6\t50,60\n0\t7\t2\t20\t5,6\t50,60\n",
                          "item cat|1: 1 10|2: 2 20|5: 5 50|6: 6 60");
}

static void what_samples_say_of_an_item_is_more_than_what_histories_say(void **state)
{
    (void)state;
    assert_text_catalogue(HEADER "1\t7\t5\t51\t6\t60\n1\t8\t6\t61\t5\t50\n",
                          "item cat|5: 5 51|6: 6 61");
}

#define PRICED "label\tuser\titem\tprice\thour\thist_item\n"

static void fields_that_never_differ_are_the_items(void **state)
{
    (void)state;
    assert_text_catalogue(PRICED "1\t7\t1\t100\t3\t\n1\t8\t1\t100\t4\t9\n1\t8\t2\t200\t4\t1\n",
                          "item price|1: 1 100|2: 2 200|9: 9 ?");
}

static void one_user_does_not_tell_which_fields_are_the_items(void **state)
{
    (void)state;
    assert_text_catalogue(PRICED "1\t7\t1\t100\t3\t\n1\t7\t2\t200\t3\t1\n", "item|1: 1|2: 2");
}

static void fields_may_differ_between_files(void **state)
{
    (void)state;
    struct sample_format format;
    const char *first = PRICED "1\t7\t1\t100\t3\t\n1\t8\t1\t100\t3\t\n";
    const char *second = PRICED "1\t9\t1\t100\t4\t\n";
    resolve(first, "50", &format);
    const char *paths[] = {write_file("a", &format, first), write_file("b", &format, second)};
    assert_catalogue(paths, 1, &format, "item price hour|1: 1 100 3");
    assert_catalogue(paths, 2, &format, "item price|1: 1 100");
}

static void file_without_samples_is_fine(void **state)
{
    (void)state;
    struct sample_format format;
    resolve(HEADER "1\t7\t1\t10\t\t\n", "50", &format);
    const char *path = write_file("none", &format, NULL);
    assert_catalogue(&path, 1, &format, "item cat");
}

// ---- many blocks ----

// Users take turns, so that each is in every block; user u chooses items u, u + 1, u + 2 ...
static void fill_turn(struct sample_batch *batch, uint32_t num_users, uint32_t turn, uint32_t max)
{
    uint32_t first = turn > max ? turn - max : 0;
    sample_batch_clear(batch);
    for (uint32_t u = 0; u < num_users; u++) {
        sample_batch_reserve(batch, 1, max);
        batch->labels[u] = 1;
        batch->ids[0][u] = u;
        batch->ids[1][u] = u + turn;
        batch->ids[2][u] = (u + turn) % 10;
        for (uint32_t t = first; t < turn; t++) {
            batch->histories[0][batch->num_rows] = u + t;
            batch->histories[1][batch->num_rows++] = (u + t) % 10;
        }
        batch->row_start[++batch->num_samples] = batch->num_rows;
    }
}

static uint64_t count_blocks(const char *path, const struct sample_format *format,
                             uint64_t *most_out)
{
    struct profile_reader *reader = NULL;
    const struct profile_block *block;
    uint64_t count = 0;
    *most_out = 0;
    assert_int_equal(profile_reader_open(path, format, &reader), SOUK_OK);
    for (; profile_reader_next(reader, &block) == SOUK_OK; count++) {
        uint64_t num_cells = profile_block_num_cells(format, &block->num);
        if (num_cells > *most_out) *most_out = num_cells;
    }
    profile_reader_close(reader);
    return count;
}

static void many_blocks_are_bounded_and_add_up(void **state)
{
    (void)state;
    enum { NUM_USERS = 30000, NUM_TURNS = 60, MAX = 16 };
    struct sample_format format;
    struct profile_writer *writer = NULL;
    struct sample_batch batch;
    resolve(HEADER "1\t7\t1\t10\t1\t1\n", "16", &format);
    const char *path = temp_path(dir, "many");
    sample_format_init_batch(&format, &batch);
    assert_int_equal(profile_writer_open(path, &format, &writer), SOUK_OK);
    for (uint32_t turn = 0; turn < NUM_TURNS; turn++) {
        fill_turn(&batch, NUM_USERS, turn, MAX);
        assert_int_equal(profile_writer_add(writer, &batch), SOUK_OK);
    }
    assert_int_equal(profile_writer_close(writer), SOUK_OK);
    sample_batch_fini(&batch);

    uint64_t most = 0;
    assert_true(count_blocks(path, &format, &most) > 2);
    assert_true(most < PROFILE_BLOCK_CELLS + 1000);
    const uint64_t users[] = {0, 17, NUM_USERS - 1};
    struct profiles profiles = {0};
    assert_int_equal(profiles_read(&path, 1, &format, users, 3, &profiles), SOUK_OK);
    for (uint32_t u = 0; u < 3; u++) {
        assert_int_equal(profiles.seen_start[u + 1] - profiles.seen_start[u], NUM_TURNS);
        assert_int_equal(profiles.seen[profiles.seen_start[u]], users[u]);
        const uint64_t *items = profiles.samples.histories[0] + profiles.samples.row_start[u];
        for (uint32_t r = 0; r < MAX; r++)
            assert_int_equal(items[r], users[u] + NUM_TURNS - MAX + r);
    }
    profiles_fini(&profiles);
    struct catalogue catalogue = {0};
    assert_int_equal(catalogue_read(&path, 1, &format, &catalogue), SOUK_OK);
    assert_int_equal(catalogue.num_items, NUM_USERS + NUM_TURNS - 1);
    catalogue_fini(&catalogue);
}

// ---- damage ----

static size_t read_whole(const char *path, unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t length = fread(bytes, 1, size, file);
    fclose(file);
    return length;
}

static void assert_damaged(const struct sample_format *format, const void *bytes, size_t length)
{
    const uint64_t user = 7;
    const char *path = temp_file_n(dir, "damaged", bytes, length);
    struct profiles profiles;
    struct catalogue catalogue;
    assert_int_equal(profiles_read(&path, 1, format, &user, 1, &profiles), SOUK_EDATA);
    assert_int_equal(profiles.samples.num_samples, 0);
    assert_int_equal(catalogue_read(&path, 1, format, &catalogue), SOUK_EDATA);
    assert_int_equal(catalogue.num_items, 0);
    profiles_fini(&profiles);
    catalogue_fini(&catalogue);
}

static void damage_is_noticed_wherever_it_is(void **state)
{
    (void)state;
    enum { BEGIN_BYTES = 20, END_BYTES = 16 };
    struct sample_format format;
    unsigned char bytes[1024] = {0};
    const char *text = HEADER "1\t7\t1\t10\t5\t50\n0\t8\t2\t20\t\t\n";
    resolve(text, "50", &format);
    size_t length = read_whole(write_file("whole", &format, text), bytes, sizeof(bytes));
    assert_true(length > 60 && length < sizeof(bytes));
    capture_log_begin();
    for (size_t n = 0; n < length; n++) {
        assert_damaged(&format, bytes, n);
        bytes[n] ^= 0x10;
        assert_damaged(&format, bytes, length);
        bytes[n] ^= 0x10;
    }
    assert_damaged(&format, bytes, length + 1);
    memmove(bytes + BEGIN_BYTES, bytes + length - END_BYTES, END_BYTES); // the block is missing
    assert_damaged(&format, bytes, BEGIN_BYTES + END_BYTES);
    assert_non_null(strstr(capture_log_text(), "is not a file of profiles"));
    assert_non_null(strstr(capture_log_text(), "is damaged near byte"));
    capture_log_end();
}

// A block whose checksum is right but whose numbers are not.
static void assert_refused(void (*change)(struct profile_block *block))
{
    struct sample_format format;
    resolve(HEADER "1\t7\t1\t10\t5\t50\n", "3", &format);
    struct profile_block block = {0};
    profile_block_reserve(&block, &format,
                          &(struct profile_counts){.users = 2, .rows = 3, .pairs = 3, .items = 2});
    memset(block.cells, 0, block.capacity * sizeof(*block.cells));
    block.users[1] = block.items[1] = block.num_rows[0] = block.num_pairs[1] = 1;
    block.num_rows[1] = block.num_pairs[0] = 2;
    block.pairs[1] = 1;
    if (change) change(&block);
    struct buf bytes = {0};
    profile_block_pack_begin(&format, &bytes);
    profile_block_pack(&block, &format, &bytes);
    profile_block_pack_end(2, &bytes);
    profile_block_fini(&block);
    const char *path = temp_file_n(dir, "refused", bytes.text, bytes.length);
    struct catalogue catalogue;
    assert_int_equal(catalogue_read(&path, 1, &format, &catalogue), change ? SOUK_EDATA : SOUK_OK);
    catalogue_fini(&catalogue);
    buf_fini(&bytes);
}

static void repeat_user(struct profile_block *block)
{
    block->users[1] = 0;
}
static void descend_items(struct profile_block *block)
{
    block->items[0] = 5;
}
static void repeat_pair(struct profile_block *block)
{
    block->pairs[1] = 0;
}
static void point_behind_items(struct profile_block *block)
{
    block->pairs[2] = 2;
}
static void claim_more_pairs(struct profile_block *block)
{
    block->num_pairs[1] = 0;
}
static void claim_fewer_rows(struct profile_block *block)
{
    block->num_rows[0] = 0;
}
static void exceed_max_history(struct profile_block *block)
{
    block->num_rows[0] = UINT64_MAX - 1;
    block->num_rows[1] = 5;
}
static void click_twice(struct profile_block *block)
{
    block->is_click[0] = 2;
}

static void numbers_that_cannot_be_are_refused_behind_a_good_checksum(void **state)
{
    (void)state;
    assert_refused(NULL);
    capture_log_begin();
    assert_refused(repeat_user);
    assert_refused(descend_items);
    assert_refused(repeat_pair);
    assert_refused(point_behind_items);
    assert_refused(claim_more_pairs);
    assert_refused(claim_fewer_rows);
    assert_refused(exceed_max_history);
    assert_refused(click_twice);
    capture_log_end();
}

static void file_of_another_model_is_refused(void **state)
{
    (void)state;
    struct sample_format format, other;
    const char *text = HEADER "1\t7\t1\t10\t5\t50\n";
    resolve(text, "50", &format);
    resolve("label\tuser\titem\tshop\thist_item\thist_shop\n1\t7\t1\t10\t5\t50\n", "50", &other);
    const char *path = write_file("one", &format, text);
    struct catalogue catalogue;
    capture_log_begin();
    assert_int_equal(catalogue_read(&path, 1, &other, &catalogue), SOUK_EDATA);
    assert_non_null(strstr(capture_log_text(), "belongs to another"));
    capture_log_end();
}

static void dropped_and_failed_files_are_gone(void **state)
{
    (void)state;
    struct sample_format format;
    struct profile_writer *writer = NULL;
    resolve(HEADER "1\t7\t1\t10\t5\t50\n", "50", &format);
    const char *path = temp_path(dir, "dropped");
    assert_int_equal(profile_writer_open(path, &format, &writer), SOUK_OK);
    profile_writer_drop(writer);
    profile_writer_drop(NULL);
    assert_int_equal(access(path, F_OK), -1);
    const char *missing = temp_path(dir, "not/there");
    struct catalogue catalogue;
    capture_log_begin();
    assert_int_equal(profile_writer_open(missing, &format, &writer), SOUK_EIO);
    assert_int_equal(catalogue_read(&missing, 1, &format, &catalogue), SOUK_EIO);
    capture_log_end();
}

static void full_disk_is_reported(void **state)
{
    (void)state;
    struct sample_format format;
    struct profile_writer *writer = NULL;
    resolve(HEADER "1\t7\t1\t10\t5\t50\n", "50", &format);
    char link[512];
    snprintf(link, sizeof(link), "%s", temp_path(dir, "full"));
    assert_int_equal(symlink("/dev/full", link), 0);
    assert_int_equal(profile_writer_open(link, &format, &writer), SOUK_OK);
    add_text(writer, &format, HEADER "1\t7\t1\t10\t5\t50\n");
    capture_log_begin();
    assert_int_equal(profile_writer_close(writer), SOUK_ENOSPC);
    assert_non_null(strstr(capture_log_text(), "cannot write"));
    capture_log_end();
    assert_int_equal(access(link, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_click_is_the_newest_behaviour),
        cmocka_unit_test(order_of_the_file_matters_less_than_what_histories_say),
        cmocka_unit_test(sample_without_a_click_has_the_newest_behaviour_as_item),
        cmocka_unit_test(cut_histories_are_put_in_order_by_what_they_share),
        cmocka_unit_test(longer_history_wins_where_nothing_is_shared),
        cmocka_unit_test(history_without_a_field_keeps_the_click_out_but_not_out_of_seen),
        cmocka_unit_test(model_without_histories_remembers_the_last_click),
        cmocka_unit_test(users_never_seen_have_no_profile),
        cmocka_unit_test(files_of_several_ranks_are_one),
        cmocka_unit_test(cut_histories_tell_which_rank_has_the_newer_one),
        cmocka_unit_test(extreme_ids_come_back),
        cmocka_unit_test(items_of_histories_are_in_the_catalogue),
        cmocka_unit_test(what_samples_say_of_an_item_is_more_than_what_histories_say),
        cmocka_unit_test(fields_that_never_differ_are_the_items),
        cmocka_unit_test(one_user_does_not_tell_which_fields_are_the_items),
        cmocka_unit_test(fields_may_differ_between_files),
        cmocka_unit_test(file_without_samples_is_fine),
        cmocka_unit_test(many_blocks_are_bounded_and_add_up),
        cmocka_unit_test(damage_is_noticed_wherever_it_is),
        cmocka_unit_test(numbers_that_cannot_be_are_refused_behind_a_good_checksum),
        cmocka_unit_test(file_of_another_model_is_refused),
        cmocka_unit_test(dropped_and_failed_files_are_gone),
        cmocka_unit_test(full_disk_is_reported),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
