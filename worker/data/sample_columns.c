/* sample_columns.c - see sample_columns.h. Histories are looked for first, since the fields are
 * what is left; tables are made by the fields, and histories join them. */
#include "worker/data/sample_columns.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/log.h"

static const char fields_key[] = "features.fields", histories_key[] = "features.histories";

struct finding {
    const struct config *config;
    const struct sample_format *model; // NULL: none
    const char *path;
    const struct column_names *header; // NULL: none
    struct sample_format *format;
    bool is_taken[COLUMNS_MAX]; // by position: the column has a part already
};

// "column:table" in two.
struct pair {
    char name[CONFIG_TEXT_MAX];
    const char *table; // in name, behind its end; NULL: not told
};

static void split_pair(const char *text, struct pair *out)
{
    snprintf(out->name, sizeof(out->name), "%s", text);
    char *colon = strrchr(out->name, ':');
    out->table = colon ? colon + 1 : NULL;
    if (colon) *colon = 0;
}

bool sample_history_base(const char *name, char base_out[SAMPLE_NAME_MAX])
{
    static const char *const prefixes[] = {"hist_", "history_"};
    static const char *const suffixes[] = {"_hist", "_history"};
    size_t length = strlen(name);
    if (length >= SAMPLE_NAME_MAX) return false;
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(prefixes[i]);
        if (length > n && strncasecmp(name, prefixes[i], n) == 0) {
            strcpy(base_out, name + n);
            return true;
        }
        n = strlen(suffixes[i]);
        if (length > n && strcasecmp(name + length - n, suffixes[i]) == 0) {
            memcpy(base_out, name, length - n);
            base_out[length - n] = 0;
            return true;
        }
    }
    return false;
}

// ---- tables ----

static bool is_table_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length < SOUK_NAME_MAX && name[length] == 0;
}

// "User-ID" gives "user_id".
static void make_table_name(const char *column, char out[SOUK_NAME_MAX])
{
    size_t n = 0;
    for (; *column && n + 1 < SOUK_NAME_MAX; column++) {
        unsigned char c = (unsigned char)*column;
        out[n++] = c < 128 && isalnum(c) ? (char)tolower(c) : '_';
    }
    out[n] = 0;
}

// The table of a name, made when it is new.
static souk_status find_table(const struct finding *finding, const char *key, const char *name,
                              uint32_t *table_out)
{
    struct sample_format *format = finding->format;
    if (!is_table_name(name))
        return config_fail_at(finding->config, key,
                              "\"%s\" cannot be a table; use up to %d letters a-z, digits and _",
                              name, SOUK_NAME_MAX - 1);
    for (uint32_t i = 0; i < format->num_tables; i++) {
        if (strcmp(format->tables[i].name, name) != 0) continue;
        *table_out = i;
        return SOUK_OK;
    }
    if (format->num_tables == SOUK_TABLES_MAX)
        return config_fail_at(finding->config, key,
                              "%s needs more than %d tables; let columns share some, as "
                              "column:table, or name fewer columns",
                              finding->path, SOUK_TABLES_MAX);
    *table_out = format->num_tables;
    strcpy(format->tables[format->num_tables++].name, name);
    return SOUK_OK;
}

// ---- columns ----

// A model finds the column by this name again, so it is not cut.
static souk_status set_name(const struct finding *finding, uint32_t column,
                            struct sample_column *out)
{
    out->column = column;
    if (!finding->header) {
        snprintf(out->name, sizeof(out->name), "%u", column + 1);
        return SOUK_OK;
    }
    const char *name = finding->header->names[column];
    size_t length = strlen(name);
    if (length >= sizeof(out->name))
        return log_fail(SOUK_ECONFIG,
                        "%s: the name of column %u, \"%.40s...\", has %zu bytes, and up to %d are "
                        "known; shorten it in the header",
                        finding->path, column + 1, name, length, SAMPLE_NAME_MAX - 1);
    memcpy(out->name, name, length + 1);
    return SOUK_OK;
}

static souk_status take_column(struct finding *finding, const char *key, const char *told,
                               uint32_t *column_out)
{
    int found = -1;
    souk_status status = column_find_told(finding->config, finding->path, finding->header, key,
                                          told, finding->format->layout.num_columns, &found);
    if (status) return status;
    if (finding->is_taken[found])
        return config_fail_at(finding->config, key,
                              "column \"%s\" of %s has two parts to play; name another one", told,
                              finding->path);
    finding->is_taken[found] = true;
    *column_out = (uint32_t)found;
    return SOUK_OK;
}

static souk_status find_label(struct finding *finding, bool needs_label)
{
    struct sample_format *format = finding->format;
    const struct config *config = finding->config;
    const char *told = config->data.label;
    if (finding->model && finding->model->has_label && column_is_auto(told))
        told = finding->model->label;
    int found = -1;
    if (finding->header)
        found = column_is_auto(told) ? column_find_usual(finding->header, &column_label)
                                     : column_find_name(finding->header, told);
    if (found < 0 && !needs_label) return SOUK_OK;
    if (found < 0 && column_is_auto(told)) {
        if (finding->header) return column_not_found(finding->path, finding->header, &column_label);
        return config_fail_at(config, "data.label",
                              "%s is read without a header; set this to the position of the label, "
                              "from 1",
                              finding->path);
    }
    struct sample_column label;
    souk_status status =
        take_column(finding, "data.label", found < 0 ? told : finding->header->names[found],
                    &format->label_column);
    if (!status) status = set_name(finding, format->label_column, &label);
    if (status) return status;
    strcpy(format->label, label.name);
    format->has_label = true;
    return SOUK_OK;
}

static souk_status add_history_column(struct finding *finding, const char *told)
{
    struct sample_format *format = finding->format;
    if (format->num_histories == SAMPLE_HISTORIES_MAX)
        return config_fail_at(finding->config, histories_key,
                              "%s has more than %d columns of histories; name those to use",
                              finding->path, SAMPLE_HISTORIES_MAX);
    uint32_t column = 0;
    souk_status status = take_column(finding, histories_key, told, &column);
    if (!status) status = set_name(finding, column, &format->histories[format->num_histories]);
    format->num_histories += !status;
    return status;
}

static bool has_no_histories(const struct config *config)
{
    const struct config_list *list = &config->features.histories;
    return list->num_items == 1 && strcmp(list->items[0], "none") == 0;
}

static souk_status find_history_columns(struct finding *finding)
{
    const struct config_list *list = &finding->config->features.histories;
    const struct sample_format *model = finding->model;
    char base[SAMPLE_NAME_MAX];
    souk_status status = SOUK_OK;
    if (model) {
        for (uint32_t i = 0; !status && i < model->num_histories; i++)
            status = add_history_column(finding, model->histories[i].name);
        return status;
    }
    if (has_no_histories(finding->config)) return SOUK_OK;
    for (uint32_t i = 0; !status && i < list->num_items; i++) {
        struct pair pair;
        split_pair(list->items[i], &pair);
        status = add_history_column(finding, pair.name);
    }
    for (uint32_t i = 0;
         !status && list->num_items == 0 && finding->header && i < finding->header->count; i++)
        if (!finding->is_taken[i] && sample_history_base(finding->header->names[i], base))
            status = add_history_column(finding, finding->header->names[i]);
    return status;
}

// table: NULL to name it like the column.
static souk_status add_field(struct finding *finding, const char *told, const char *table)
{
    struct sample_format *format = finding->format;
    struct sample_column *field = &format->ids[format->num_fields];
    char own[SOUK_NAME_MAX];
    if (format->num_fields + 1 == SAMPLE_IDS_MAX)
        return config_fail_at(finding->config, fields_key,
                              "%s has more than %d fields; name those to use", finding->path,
                              SAMPLE_IDS_MAX - 1);
    souk_status status = take_column(finding, fields_key, told, &field->column);
    if (!status) status = set_name(finding, field->column, field);
    if (status) return status;
    if (!table && !finding->header)
        return config_fail_at(finding->config, fields_key,
                              "%s is read without a header; name the table of column %s, such as "
                              "%s:item",
                              finding->path, told, told);
    make_table_name(field->name, own);
    status = find_table(finding, fields_key, table ? table : own, &field->table);
    format->num_fields += !status;
    return status;
}

static bool is_field_name(const char *name)
{
    char base[SAMPLE_NAME_MAX];
    return *name && !sample_history_base(name, base) && !column_is_usual(name, &column_time) &&
           !column_is_usual(name, &column_rating) && !column_is_usual(name, &column_label);
}

static souk_status find_fields(struct finding *finding)
{
    const struct config_list *list = &finding->config->features.fields;
    const struct sample_format *model = finding->model;
    souk_status status = SOUK_OK;
    if (model) {
        for (uint32_t i = 0; !status && i < model->num_fields; i++)
            status =
                add_field(finding, model->ids[i].name, model->tables[model->ids[i].table].name);
        return status;
    }
    for (uint32_t i = 0; !status && i < list->num_items; i++) {
        struct pair pair;
        split_pair(list->items[i], &pair);
        status = add_field(finding, pair.name, pair.table);
    }
    for (uint32_t i = 0;
         !status && list->num_items == 0 && finding->header && i < finding->header->count; i++)
        if (!finding->is_taken[i] && is_field_name(finding->header->names[i]))
            status = add_field(finding, finding->header->names[i], NULL);
    if (status || finding->format->num_fields > 0) return status;
    return config_fail_at(finding->config, fields_key,
                          "%s: nothing tells which columns are ids; name them, such as [%s]",
                          finding->path,
                          finding->header ? "user, item" : "2:user, 3:item, 4:category");
}

// ---- tables of histories ----

// The field that a history called hist_<base> goes with, -1: none. "hist_item" may be of "item_id".
static int find_base_field(const struct sample_format *format, const char *base)
{
    char with_id[SAMPLE_NAME_MAX + 3];
    snprintf(with_id, sizeof(with_id), "%s_id", base);
    for (uint32_t i = 0; i < format->num_fields; i++)
        if (column_is_same(format->ids[i].name, base) ||
            column_is_same(format->ids[i].name, with_id))
            return (int)i;
    return -1;
}

// told: NULL to go by the name.
static souk_status set_history_table(const struct finding *finding, const char *told,
                                     struct sample_column *history)
{
    const struct sample_format *format = finding->format;
    char base[SAMPLE_NAME_MAX], own[SOUK_NAME_MAX];
    if (told) return find_table(finding, histories_key, told, &history->table);
    if (!finding->header || !sample_history_base(history->name, base))
        return config_fail_at(finding->config, histories_key,
                              "name the table of column \"%s\", such as %s:item", history->name,
                              history->name);
    int field = find_base_field(format, base);
    make_table_name(base, own);
    if (field < 0) return find_table(finding, histories_key, own, &history->table);
    history->table = format->ids[field].table;
    return SOUK_OK;
}

// A table that no field has is often a slip of the pen, and costs the model all that it compares.
static void warn_of_lone_table(const struct finding *finding, uint32_t h)
{
    const struct sample_format *format = finding->format;
    const char *name = format->tables[format->histories[h].table].name;
    const char *names[SAMPLE_IDS_MAX] = {NULL};
    for (uint32_t i = 0; i < format->num_fields; i++)
        names[i] = format->tables[format->ids[i].table].name;
    const char *nearest = text_nearest(name, names, format->num_fields);
    log_warning("%s: column \"%s\" of %s has a table of its own, \"%s\", so it is compared with no "
                "field%s%s%s",
                histories_key, format->histories[h].name, finding->path, name,
                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static souk_status set_history_tables(const struct finding *finding)
{
    struct sample_format *format = finding->format;
    const struct config_list *list = &finding->config->features.histories;
    const struct sample_format *model = finding->model;
    for (uint32_t h = 0; h < format->num_histories; h++) {
        struct sample_column *history = &format->histories[h];
        struct pair pair = {.table = NULL};
        if (model)
            pair.table = model->tables[model->histories[h].table].name;
        else if (h < list->num_items)
            split_pair(list->items[h], &pair);
        souk_status status = set_history_table(finding, pair.table, history);
        if (status) return status;
    }
    return SOUK_OK;
}

// Of the fields of its table the one that a history is called after, else the item, else the first.
static int32_t find_target(const struct sample_format *format, const struct sample_column *history)
{
    char base[SAMPLE_NAME_MAX];
    int named = sample_history_base(history->name, base) ? find_base_field(format, base) : -1;
    if (named >= 0 && format->ids[named].table == history->table) return named;
    if (format->item >= 0 && format->ids[format->item].table == history->table) return format->item;
    for (uint32_t i = 0; i < format->num_fields; i++)
        if (format->ids[i].table == history->table) return (int32_t)i;
    return -1;
}

static void set_targets(const struct finding *finding)
{
    struct sample_format *format = finding->format;
    const struct sample_format *model = finding->model;
    for (uint32_t h = 0; h < format->num_histories; h++) {
        format->targets[h] = model ? model->targets[h] : find_target(format, &format->histories[h]);
        if (!model && format->targets[h] < 0) warn_of_lone_table(finding, h);
    }
}

// ---- roles ----

static int32_t field_of_column(const struct sample_format *format, int column)
{
    for (uint32_t i = 0; i < format->num_fields; i++)
        if (column >= 0 && format->ids[i].column == (uint32_t)column) return (int32_t)i;
    return -1;
}

// The first field whose table was given a usual name, as in 3:user; -1: none.
static int find_by_table(const struct sample_format *format, const struct column_role *role)
{
    for (uint32_t i = 0; i < format->num_fields; i++)
        if (column_is_usual(format->tables[format->ids[i].table].name, role))
            return (int)format->ids[i].column;
    return -1;
}

// *column_out -1 where nothing tells.
static souk_status find_role(const struct finding *finding, const struct column_role *role,
                             const char *told, int *column_out)
{
    *column_out = -1;
    if (!column_is_auto(told))
        return column_find_told(finding->config, finding->path, finding->header, role->key, told,
                                finding->format->layout.num_columns, column_out);
    if (finding->header) *column_out = column_find_usual(finding->header, role);
    if (*column_out < 0 && !finding->model) *column_out = find_by_table(finding->format, role);
    return SOUK_OK;
}

static souk_status find_user(const struct finding *finding)
{
    struct sample_format *format = finding->format;
    const struct sample_format *model = finding->model;
    const char *told = finding->config->data.user;
    int column = -1;
    if (model && model->user >= 0) told = model->ids[model->user].name;
    souk_status status = find_role(finding, &column_user, told, &column);
    format->user = field_of_column(format, column);
    format->num_ids = format->num_fields;
    if (status || column < 0 || format->user >= 0) return status;
    format->user = (int32_t)format->num_ids++;
    format->ids[format->user].table = SAMPLE_NO_TABLE;
    return set_name(finding, (uint32_t)column, &format->ids[format->user]);
}

static souk_status find_item(const struct finding *finding)
{
    const struct config *config = finding->config;
    const struct sample_format *model = finding->model;
    int column = -1;
    if (model) {
        finding->format->item = model->item;
        return SOUK_OK;
    }
    souk_status status = find_role(finding, &column_item, config->data.item, &column);
    finding->format->item = field_of_column(finding->format, column);
    if (status || finding->format->item >= 0 || column_is_auto(config->data.item)) return status;
    return config_fail_at(config, "data.item", "column \"%s\" is none of features.fields",
                          config->data.item);
}

souk_status sample_columns_find(const struct sample_format_options *options, const char *path,
                                const struct column_names *header, struct sample_format *format)
{
    struct finding finding = {.config = options->config,
                              .model = options->model,
                              .path = path,
                              .header = header,
                              .format = format};
    souk_status status = find_label(&finding, options->needs_label);
    if (!status) status = find_history_columns(&finding);
    if (!status) status = find_fields(&finding);
    if (!status) status = set_history_tables(&finding);
    if (!status) status = find_user(&finding);
    if (!status) status = find_item(&finding);
    if (!status) set_targets(&finding);
    return status;
}
