/* build_histories.c - see build_histories.h. */
#include "worker/data/build_histories.h"

#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "worker/data/output_file.h"

enum { MIN_INTERACTIONS = 3, DRAWS = 32 };

struct building {
    const struct build_histories_options *options;
    struct interaction_log log;
    struct output_file train, test;
    uint32_t num_items;
    uint32_t *seen_by;            // (num_items) last user + 1 who was with it
    struct buf items, categories; // the lists of the history in hand
    struct buf line;
    struct rng rng; // of the user in hand
    struct build_histories_result result;
};

// ---- texts ----

static void print_id(const struct building *building, const struct id_set *ids, uint32_t number,
                     struct buf *out)
{
    if (building->options->has_dense_ids)
        buf_printf(out, "%u", number + 1);
    else
        id_set_print(ids, number, out);
}

static void print_category(const struct building *building, uint32_t item, struct buf *out)
{
    print_id(building, &building->log.categories, building->log.category_of[item], out);
}

// Ids with a comma or a tab would be read back as something else.
static souk_status check_ids(const struct building *building, const struct id_set *ids,
                             const char *what)
{
    if (!ids->names || building->options->has_dense_ids) return SOUK_OK;
    for (uint32_t i = 0; i < key_index_count(ids->index); i++) {
        size_t length = 0;
        const char *text = names_get(ids->names, key_index_key(ids->index, i), &length);
        if (memchr(text, ',', length) || memchr(text, '\t', length))
            return log_fail(SOUK_EDATA,
                            "%s id \"%.*s\" has a comma or a tab, which separates ids in lists; "
                            "use --dense-ids",
                            what, (int)(length < 60 ? length : 60), text);
    }
    return SOUK_OK;
}

// ---- negatives ----

// Marks the user's items; returns how many different ones there are.
static uint32_t mark_items(struct building *building, uint32_t user)
{
    const struct interaction_log *log = &building->log;
    uint32_t num_seen = 0;
    for (uint64_t i = log->user_start[user]; i < log->user_start[user + 1]; i++) {
        num_seen += building->seen_by[log->item[i]] != user + 1;
        building->seen_by[log->item[i]] = user + 1;
    }
    return num_seen;
}

// Uniform among the items that the user has never been with: at least one.
static uint32_t draw_negative(struct building *building, uint32_t user, uint32_t num_seen)
{
    uint32_t n = building->num_items;
    for (int i = 0; i < DRAWS; i++) {
        uint32_t item = (uint32_t)rng_below(&building->rng, n);
        if (building->seen_by[item] != user + 1) return item;
    }
    uint64_t left = rng_below(&building->rng, n - num_seen);
    uint32_t item = 0;
    while (building->seen_by[item] == user + 1 || left-- > 0) item++;
    return item;
}

// ---- samples ----

// Makes the lists of what the user did before row `target`, at an earlier time.
static void make_lists(struct building *building, uint64_t first, uint64_t target)
{
    const struct interaction_log *log = &building->log;
    uint64_t end = target, max = building->options->max_history;
    while (log->time && end > first && log->time[end - 1] == log->time[target]) end--;
    uint64_t begin = end - first > max ? end - max : first;
    buf_clear(&building->items);
    buf_clear(&building->categories);
    for (uint64_t i = begin; i < end; i++) {
        if (i > begin) buf_add_char(&building->items, ',');
        print_id(building, &log->items, log->item[i], &building->items);
        if (!log->has_categories) continue;
        if (i > begin) buf_add_char(&building->categories, ',');
        print_category(building, log->item[i], &building->categories);
    }
}

static souk_status write_sample(struct building *building, struct output_file *file, uint32_t user,
                                uint32_t item, int label)
{
    struct buf *line = &building->line;
    bool has_categories = building->log.has_categories;
    buf_clear(line);
    buf_printf(line, "%d\t", label);
    print_id(building, &building->log.users, user, line);
    buf_add_char(line, '\t');
    print_id(building, &building->log.items, item, line);
    if (has_categories) {
        buf_add_char(line, '\t');
        print_category(building, item, line);
    }
    buf_add_char(line, '\t');
    buf_add(line, buf_text(&building->items), building->items.length);
    if (has_categories) {
        buf_add_char(line, '\t');
        buf_add(line, buf_text(&building->categories), building->categories.length);
    }
    buf_add_char(line, '\n');
    return output_file_write(file, line->text, line->length);
}

static souk_status write_user(struct building *building, uint32_t user)
{
    const struct interaction_log *log = &building->log;
    uint64_t first = log->user_start[user], end = log->user_start[user + 1];
    uint64_t max = building->options->max_targets;
    if (end - first < MIN_INTERACTIONS) {
        building->result.num_short_users++;
        return SOUK_OK;
    }
    uint32_t num_seen = mark_items(building, user);
    if (num_seen == building->num_items) {
        building->result.num_without_negative++;
        return SOUK_OK;
    }
    rng_init(&building->rng, building->options->seed, rng_stream("negatives", user, 0));
    uint64_t row = end - first - 2 > max ? end - 1 - max : first + 1;
    for (; row < end; row++) {
        bool is_test = row == end - 1;
        struct output_file *file = is_test ? &building->test : &building->train;
        make_lists(building, first, row);
        souk_status status = write_sample(building, file, user, log->item[row], 1);
        uint32_t negative = draw_negative(building, user, num_seen);
        if (!status) status = write_sample(building, file, user, negative, 0);
        if (status) return status;
        *(is_test ? &building->result.num_test : &building->result.num_train) += 2;
    }
    return SOUK_OK;
}

static souk_status write_header(const struct building *building, struct output_file *file)
{
    const char *header = building->log.has_categories
                             ? "label\tuser\titem\tcategory\thist_item\thist_category\n"
                             : "label\tuser\titem\thist_item\n";
    return output_file_write(file, header, strlen(header));
}

// After an error neither file is new: one without the other is of no use.
static souk_status close_files(struct building *building, souk_status status)
{
    if (!status) status = output_file_close(&building->train);
    if (!status) status = output_file_close(&building->test);
    output_file_drop(&building->train);
    output_file_drop(&building->test);
    return status;
}

static souk_status write_files(struct building *building)
{
    souk_status status = output_file_open(&building->train, building->options->dir, "train.tsv");
    if (!status) status = output_file_open(&building->test, building->options->dir, "test.tsv");
    if (!status) status = write_header(building, &building->train);
    if (!status) status = write_header(building, &building->test);
    for (uint32_t user = 0; !status && user < key_index_count(building->log.users.index); user++)
        status = write_user(building, user);
    if (!status && building->result.num_test == 0)
        status = log_fail(SOUK_EDATA,
                          "no user has %d interactions and an item left for a negative, so there "
                          "are no samples",
                          MIN_INTERACTIONS);
    return close_files(building, status);
}

static void fill_result(struct building *building)
{
    const struct interaction_log *log = &building->log;
    struct build_histories_result *result = &building->result;
    result->num_rows = log->num_rows;
    result->num_bad = log->num_bad;
    result->num_conflicts = log->num_conflicts;
    result->has_categories = log->has_categories;
    result->has_times = log->has_times;
    result->num_users = key_index_count(log->users.index);
    result->num_items = key_index_count(log->items.index);
    result->num_categories = log->has_categories ? key_index_count(log->categories.index) : 0;
}

static souk_status build(struct building *building)
{
    const struct interaction_log *log = &building->log;
    fill_result(building);
    building->num_items = key_index_count(log->items.index);
    building->seen_by = mem_calloc(building->num_items, sizeof(uint32_t), "items of a user");
    souk_status status = check_ids(building, &log->users, "user");
    if (!status) status = check_ids(building, &log->items, "item");
    if (!status) status = check_ids(building, &log->categories, "category");
    return status ? status : write_files(building);
}

souk_status build_histories(const struct build_histories_options *options,
                            struct build_histories_result *result_out)
{
    struct building building = {.options = options};
    souk_status status = file_make_dirs(options->dir);
    if (!status) status = interaction_log_read(&options->log, &building.log);
    if (!status) status = build(&building);
    interaction_log_fini(&building.log);
    mem_free(building.seen_by);
    buf_fini(&building.items);
    buf_fini(&building.categories);
    buf_fini(&building.line);
    if (!status) *result_out = building.result;
    return status;
}
