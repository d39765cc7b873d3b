/* interaction_log.c - see interaction_log.h. */
#include "worker/data/interaction_log.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/field.h"
#include "worker/data/row_reader.h"
#include "worker/data/sample_reader.h"
#include "worker/data/time_field.h"

enum { ROLE_USER, ROLE_ITEM, ROLE_CATEGORY, ROLE_TIME, NUM_ROLES };

static const struct column_role *const roles[NUM_ROLES] = {&column_user, &column_item,
                                                           &column_category, &column_time};
// What messages call the options.
static const char *const option_names[NUM_ROLES] = {"--user", "--item", "--category", "--time"};

struct reading {
    const struct interaction_log_options *options;
    struct config config; // of the layout
    struct row_layout layout;
    int columns[NUM_ROLES];   // -1: none
    enum time_form time_form; // of all rows, as of the first
    struct interaction_log *log;
    uint32_t *user; // (num_rows) as in the files, until they are ordered
    size_t user_capacity, item_capacity, time_capacity, category_capacity;
};

// ---- layout ----

static const char *told(const struct reading *reading, int role)
{
    const struct interaction_log_options *options = reading->options;
    const char *const texts[NUM_ROLES] = {options->user, options->item, options->category,
                                          options->time};
    return column_is_auto(texts[role]) ? "auto" : texts[role];
}

static bool is_none(const char *text)
{
    return strcmp(text, "none") == 0;
}

static bool are_names(const struct config *config, const struct column_names *fields)
{
    (void)config;
    return column_find_usual(fields, &column_user) >= 0 &&
           column_find_usual(fields, &column_item) >= 0;
}

// Without a header the first columns are user, item, category, time, as far as there are any.
static souk_status find_columns(struct reading *reading, const char *path,
                                const struct column_names *header)
{
    for (int role = 0; role < NUM_ROLES; role++) {
        const char *name = told(reading, role);
        int *column = &reading->columns[role];
        *column = -1;
        if (is_none(name) && role >= ROLE_CATEGORY) continue;
        if (!column_is_auto(name)) {
            souk_status status =
                column_find_told(&reading->config, path, header, option_names[role], name,
                                 reading->layout.num_columns, column);
            if (status) return status;
        } else if (header) {
            *column = column_find_usual(header, roles[role]);
        } else if ((uint32_t)role < reading->layout.num_columns) {
            *column = role;
        }
        if (*column < 0 && role < ROLE_CATEGORY)
            return log_fail(SOUK_ECONFIG, "%s: cannot tell which column is the %s; name it with %s",
                            path, roles[role]->what, option_names[role]);
    }
    return SOUK_OK;
}

static souk_status check_columns(const struct reading *reading, const char *path)
{
    for (int a = 0; a < NUM_ROLES; a++)
        for (int b = a + 1; b < NUM_ROLES; b++)
            if (reading->columns[a] >= 0 && reading->columns[a] == reading->columns[b])
                return log_fail(SOUK_ECONFIG,
                                "%s: column %d would be both the %s and the %s; name them with %s "
                                "and %s",
                                path, reading->columns[a] + 1, roles[a]->what, roles[b]->what,
                                option_names[a], option_names[b]);
    return SOUK_OK;
}

static void init_ids(struct id_set *ids, struct first_lines *lines, const struct first_rows *rows,
                     int column)
{
    if (column < 0) return;
    ids->kind = first_rows_ids(lines, rows, (uint32_t)column);
    ids->index = key_index_create();
    if (ids->kind == CONFIG_ID_STRING) ids->names = names_create();
}

static souk_status resolve(struct reading *reading, struct first_lines *lines)
{
    struct row_layout_options options = {.config = &reading->config,
                                         .what = "interactions",
                                         .min_columns = 2,
                                         .are_names = are_names};
    struct column_names fields = {.count = 0};
    struct interaction_log *log = reading->log;
    for (int role = 0; role < NUM_ROLES; role++) {
        const char *name = told(reading, role);
        if (!column_is_auto(name) && !column_is_position(name) && !is_none(name))
            reading->config.data.header = CONFIG_HEADER_YES;
    }
    souk_status status = row_layout_resolve(&options, lines, &reading->layout, &fields);
    if (!status)
        status = find_columns(reading, lines->name, reading->layout.has_header ? &fields : NULL);
    if (!status) status = check_columns(reading, lines->name);
    column_names_fini(&fields);
    if (status) return status;
    struct first_rows rows = row_layout_rows(&reading->layout);
    init_ids(&log->users, lines, &rows, reading->columns[ROLE_USER]);
    init_ids(&log->items, lines, &rows, reading->columns[ROLE_ITEM]);
    init_ids(&log->categories, lines, &rows, reading->columns[ROLE_CATEGORY]);
    log->has_categories = reading->columns[ROLE_CATEGORY] >= 0;
    log->has_times = reading->columns[ROLE_TIME] >= 0;
    return SOUK_OK;
}

// ---- rows ----

// Whether the row has an id there; its key is *key_out.
static souk_status parse_key(struct row_reader *rows, const struct row *row,
                             const struct reading *reading, int role, const struct id_set *ids,
                             uint64_t *key_out, bool *is_good)
{
    uint32_t column = (uint32_t)reading->columns[role];
    char shown[ROW_TEXT_MAX];
    if (sample_parse_id(ids->kind, row->fields[column], row->lengths[column], key_out))
        return SOUK_OK;
    *is_good = false;
    row_show_text(row->fields[column], row->lengths[column], shown);
    if (ids->kind == CONFIG_ID_STRING)
        return row_reader_refuse(rows, "the %s id is missing", roles[role]->what);
    return row_reader_refuse(rows, "%s id \"%s\" is not a whole number, as those before are",
                             roles[role]->what, shown);
}

// The first good time decides on the form of all.
static souk_status parse_time(struct row_reader *rows, const struct row *row,
                              struct reading *reading, double *time_out, bool *is_good)
{
    uint32_t column = (uint32_t)reading->columns[ROLE_TIME];
    const char *text = row->fields[column];
    size_t length = row->lengths[column];
    char shown[ROW_TEXT_MAX];
    enum time_form form = time_field_parse(text, length, time_out);
    bool is_first = reading->time_form == TIME_UNKNOWN;
    if (form != TIME_UNKNOWN && is_first) reading->time_form = form;
    if (form != TIME_UNKNOWN && form == reading->time_form) return SOUK_OK;
    *is_good = false;
    row_show_text(text, length, shown);
    if (form == TIME_UNKNOWN)
        return row_reader_refuse(rows,
                                 "time \"%s\" is neither a number nor a date such as 2024-05-21 or "
                                 "2024-05-21T10:59:00Z; if each user's rows are in order, use "
                                 "--time none",
                                 shown);
    return row_reader_refuse(rows, "time \"%s\" is %s, but those before are each %s", shown,
                             time_form_name(form), time_form_name(reading->time_form));
}

static souk_status number_id(const struct row *row, int column, struct id_set *ids, uint64_t key,
                             uint32_t *number_out)
{
    const char *text = row->fields[column];
    size_t length = row->lengths[column];
    field_trim(&text, &length);
    souk_status status = ids->names ? names_learn(ids->names, key, text, length) : SOUK_OK;
    if (!status) *number_out = key_index_add(ids->index, key);
    return status;
}

static void set_category(struct reading *reading, uint32_t item, uint32_t category)
{
    struct interaction_log *log = reading->log;
    size_t known = reading->category_capacity;
    mem_reserve(&log->category_of, &reading->category_capacity, (size_t)item + 1, sizeof(uint32_t),
                "interactions");
    for (size_t i = known; i < reading->category_capacity; i++) log->category_of[i] = UINT32_MAX;
    if (log->category_of[item] == UINT32_MAX) log->category_of[item] = category;
    log->num_conflicts += log->category_of[item] != category;
}

static souk_status keep_row(struct reading *reading, const struct row *row,
                            const uint64_t keys[NUM_ROLES], double time)
{
    struct interaction_log *log = reading->log;
    uint32_t numbers[NUM_ROLES] = {0};
    struct id_set *const sets[] = {&log->users, &log->items, &log->categories};
    if (log->num_rows == UINT32_MAX)
        return log_fail(SOUK_EDATA, "more than %u interactions are too many; split them by user",
                        UINT32_MAX);
    for (int role = 0; role < ROLE_TIME; role++) {
        if (reading->columns[role] < 0) continue;
        souk_status status =
            number_id(row, reading->columns[role], sets[role], keys[role], &numbers[role]);
        if (status) return status;
    }
    uint64_t n = log->num_rows++;
    mem_reserve(&reading->user, &reading->user_capacity, n + 1, sizeof(uint32_t), "interactions");
    mem_reserve(&log->item, &reading->item_capacity, n + 1, sizeof(uint32_t), "interactions");
    reading->user[n] = numbers[ROLE_USER];
    log->item[n] = numbers[ROLE_ITEM];
    if (log->has_categories) set_category(reading, numbers[ROLE_ITEM], numbers[ROLE_CATEGORY]);
    if (!log->has_times) return SOUK_OK;
    mem_reserve(&log->time, &reading->time_capacity, n + 1, sizeof(double), "interactions");
    log->time[n] = time;
    return SOUK_OK;
}

static souk_status read_row(struct reading *reading, struct row_reader *rows, const struct row *row)
{
    struct interaction_log *log = reading->log;
    const struct id_set *const sets[] = {&log->users, &log->items, &log->categories};
    uint64_t keys[NUM_ROLES] = {0};
    double time = 0;
    bool is_good = true;
    souk_status status = SOUK_OK;
    for (int role = 0; !status && is_good && role < ROLE_TIME; role++)
        if (reading->columns[role] >= 0)
            status = parse_key(rows, row, reading, role, sets[role], &keys[role], &is_good);
    if (!status && is_good && log->has_times)
        status = parse_time(rows, row, reading, &time, &is_good);
    return status || !is_good ? status : keep_row(reading, row, keys, time);
}

static souk_status read_rows(struct reading *reading)
{
    struct row_reader *rows = NULL;
    souk_status status =
        row_reader_open(&(struct row_reader_options){.files = reading->options->files,
                                                     .layout = &reading->layout,
                                                     .what = "interactions",
                                                     .num_parts = 1,
                                                     .max_bad_rows = reading->options->max_bad_rows,
                                                     .max_bad_rows_option = "--max-bad-rows"},
                        &rows);
    while (!status) {
        struct row row;
        status = row_reader_next(rows, &row);
        if (!status) status = read_row(reading, rows, &row);
    }
    if (rows) reading->log->num_bad = row_reader_num_bad(rows);
    row_reader_close(rows);
    return status == SOUK_EEND ? SOUK_OK : status;
}

// ---- order ----

struct timed_item {
    double time;
    uint64_t place; // in the files
    uint32_t item;
};

static int by_time(const void *a, const void *b)
{
    const struct timed_item *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static void sort_user(struct interaction_log *log, uint64_t begin, uint64_t end,
                      struct timed_item *work)
{
    uint64_t n = end - begin;
    bool is_sorted = true;
    for (uint64_t i = begin + 1; i < end && is_sorted; i++)
        is_sorted = log->time[i - 1] <= log->time[i];
    if (is_sorted) return;
    for (uint64_t i = 0; i < n; i++)
        work[i] = (struct timed_item){log->time[begin + i], i, log->item[begin + i]};
    qsort(work, n, sizeof(*work), by_time);
    for (uint64_t i = 0; i < n; i++) {
        log->item[begin + i] = work[i].item;
        log->time[begin + i] = work[i].time;
    }
}

// Puts rows together by user, as they stand in the files, and returns the most rows that one has.
static uint64_t group_by_user(struct reading *reading)
{
    struct interaction_log *log = reading->log;
    uint64_t num_users = key_index_count(log->users.index), most = 0;
    uint64_t *next = mem_calloc(num_users + 1, sizeof(*next), "interactions");
    uint32_t *item = mem_calloc(log->num_rows, sizeof(*item), "interactions");
    double *time = log->has_times ? mem_calloc(log->num_rows, sizeof(*time), "interactions") : NULL;
    log->user_start = mem_calloc(num_users + 1, sizeof(*next), "interactions");
    for (uint64_t i = 0; i < log->num_rows; i++) log->user_start[reading->user[i] + 1]++;
    for (uint64_t u = 0; u < num_users; u++) {
        if (log->user_start[u + 1] > most) most = log->user_start[u + 1];
        log->user_start[u + 1] += log->user_start[u];
        next[u] = log->user_start[u];
    }
    for (uint64_t i = 0; i < log->num_rows; i++) {
        uint64_t place = next[reading->user[i]]++;
        item[place] = log->item[i];
        if (time) time[place] = log->time[i];
    }
    mem_free(next);
    mem_free(log->item);
    mem_free(log->time);
    log->item = item;
    log->time = time;
    return most;
}

static void order_rows(struct reading *reading)
{
    struct interaction_log *log = reading->log;
    uint64_t most = group_by_user(reading);
    if (!log->has_times) return;
    struct timed_item *work = mem_calloc(most, sizeof(*work), "interactions");
    for (uint32_t u = 0; u < key_index_count(log->users.index); u++)
        sort_user(log, log->user_start[u], log->user_start[u + 1], work);
    mem_free(work);
}

souk_status interaction_log_read(const struct interaction_log_options *options,
                                 struct interaction_log *log)
{
    struct reading reading = {.options = options, .log = log};
    struct first_lines *lines = NULL;
    *log = (struct interaction_log){.num_rows = 0};
    config_init(&reading.config);
    mem_free(reading.config.data.delimiter);
    reading.config.data.delimiter = mem_strdup(options->delimiter ? options->delimiter : "auto");
    souk_status status = first_lines_read(options->files->items[0], "interaction", &lines);
    if (!status) status = resolve(&reading, lines);
    first_lines_free(lines);
    if (!status) status = read_rows(&reading);
    if (!status) order_rows(&reading);
    mem_free(reading.user);
    config_fini(&reading.config);
    return status;
}

static void id_set_fini(struct id_set *ids)
{
    key_index_destroy(ids->index);
    names_destroy(ids->names);
}

void interaction_log_fini(struct interaction_log *log)
{
    id_set_fini(&log->users);
    id_set_fini(&log->items);
    id_set_fini(&log->categories);
    mem_free(log->user_start);
    mem_free(log->item);
    mem_free(log->time);
    mem_free(log->category_of);
    *log = (struct interaction_log){.num_rows = 0};
}

void id_set_print(const struct id_set *ids, uint32_t number, struct buf *out)
{
    uint64_t key = key_index_key(ids->index, number);
    size_t length = 0;
    const char *text = ids->names ? names_get(ids->names, key, &length) : NULL;
    if (text)
        buf_add(out, text, length);
    else
        buf_printf(out, "%llu", (unsigned long long)key);
}
