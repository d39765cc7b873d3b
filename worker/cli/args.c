/* args.c - the options that verbs share. See verb.h.
 *
 * Words are sorted into struct args first and applied to the configuration afterwards, because the
 * order there is that of precedence and not that of the command line.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/verb.h"
#include "worker/model/din.h"
#include "worker/model/model.h"
#include "worker/model/model_config.h"

enum { TOP_MAX = 1000000, LIST_MAX = 100000, TYPED_MAX = 24, NAMES_MAX = 96 };

enum arg_kind {
    KIND_TEXT,   // const char *
    KIND_SWITCH, // bool
    KIND_NUMBER, // uint32_t, 1..TOP_MAX
    KIND_ENTRY,  // struct config_list: the value is one entry
    KIND_LIST,   // struct config_list: the value is entries between commas
};

struct arg_row {
    const char *name;   // behind "--"
    char letter;        // behind "-"; 0: none
    unsigned flag;      // a verb takes it when it has this ARG_*
    enum arg_kind kind; // of the field
    size_t offset;      // in struct args
};

#define FIELD(name) offsetof(struct args, name)
static const struct arg_row rows[] = {
    {"config", 'c', ARG_CONFIG, KIND_TEXT, FIELD(config_path)},
    {"set", 0, ARG_CONFIG, KIND_ENTRY, FIELD(settings)},
    {"model", 'm', ARG_MODEL, KIND_TEXT, FIELD(model_dir)},
    {"data", 0, ARG_DATA, KIND_ENTRY, FIELD(data)},
    {"json", 0, ARG_JSON, KIND_SWITCH, FIELD(is_json)},
    {"servers", 0, ARG_SERVERS, KIND_TEXT, FIELD(servers)},
    {"output", 'o', ARG_OUTPUT, KIND_TEXT, FIELD(output)},
    {"resume", 0, ARG_RESUME, KIND_SWITCH, FIELD(is_resume)},
    {"user", 0, ARG_USERS, KIND_ENTRY, FIELD(users)},
    {"users", 0, ARG_USERS, KIND_LIST, FIELD(users)},
    {"item", 0, ARG_ITEMS, KIND_ENTRY, FIELD(items)},
    {"items", 0, ARG_ITEMS, KIND_LIST, FIELD(items)},
    {"top", 'n', ARG_TOP, KIND_NUMBER, FIELD(top)},
    {"titles", 0, ARG_TITLES, KIND_TEXT, FIELD(titles)},
    {"with-seen", 0, ARG_SEEN, KIND_SWITCH, FIELD(with_seen)},
    {"candidates", 0, ARG_CANDIDATES, KIND_TEXT, FIELD(candidates)},
    {"policy", 0, ARG_POLICY, KIND_TEXT, FIELD(policy)},
    {"svg", 0, ARG_SVG, KIND_TEXT, FIELD(svg)},
    {"changed", 0, ARG_SHOW, KIND_SWITCH, FIELD(only_changed)},
    {"origin", 0, ARG_SHOW, KIND_SWITCH, FIELD(with_origin)},
};
enum { NUM_ROWS = sizeof(rows) / sizeof(rows[0]) };

// The words of a command line while they are read.
struct reader {
    const struct verb *verb;
    unsigned flags;
    int argc;
    char **argv;
    int next_idx; // of argv
    struct args *args;
};

static bool is_taken(const struct reader *reader, const struct arg_row *row)
{
    return (row->flag & reader->flags) != 0;
}

static souk_status fail_unknown(const struct reader *reader, const char *word)
{
    const char *names[NAMES_MAX];
    const struct own_options *own = reader->verb->own;
    size_t num_names = 0;
    for (unsigned i = 0; i < NUM_ROWS; i++)
        if (is_taken(reader, &rows[i])) names[num_names++] = rows[i].name;
    for (unsigned i = 0; own && i < own->num_rows && num_names < NAMES_MAX; i++)
        if (own->rows[i].name[1] == '-') names[num_names++] = own->rows[i].name + 2;
    const char *nearest = word[1] == '-' ? text_nearest(word + 2, names, num_names) : NULL;
    if (nearest)
        return log_fail(SOUK_EUSAGE, "%s: unknown option %s; did you mean --%s?",
                        reader->verb->name, word, nearest);
    return log_fail(SOUK_EUSAGE, "%s: unknown option %s; see souk %s --help", reader->verb->name,
                    word, reader->verb->name);
}

// The row of "--name", "--name=value" or "-x"; *value_out is what is attached to it, or NULL.
static const struct arg_row *find_row(const char *word, const char **value_out)
{
    bool is_long = word[1] == '-';
    const char *name = word + 2, *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    for (unsigned i = 0; i < NUM_ROWS; i++) {
        bool is_it =
            is_long ? strlen(rows[i].name) == length && strncmp(rows[i].name, name, length) == 0
                    : rows[i].letter == word[1];
        if (!is_it) continue;
        if (is_long)
            *value_out = equals ? equals + 1 : NULL;
        else
            *value_out = word[2] ? word + 2 : NULL;
        return &rows[i];
    }
    return NULL;
}

static souk_status add_entry(struct config_list *list, const char *text, size_t length,
                             const char *option)
{
    if (length == 0) return log_fail(SOUK_EUSAGE, "%s: an entry is empty", option);
    if (list->num_items == LIST_MAX)
        return log_fail(SOUK_EUSAGE, "%s: more than %d entries", option, LIST_MAX);
    list->items = mem_realloc(list->items, (list->num_items + 1) * sizeof(char *), "list");
    char *copy = mem_alloc(length + 1, "list");
    memcpy(copy, text, length);
    copy[length] = '\0';
    list->items[list->num_items++] = copy;
    return SOUK_OK;
}

static souk_status add_entries(struct config_list *list, const char *text, const char *option)
{
    for (;;) {
        size_t length = strcspn(text, ",");
        souk_status status = add_entry(list, text, length, option);
        if (status != SOUK_OK || text[length] == '\0') return status;
        text += length + 1;
    }
}

static souk_status parse_number(const char *text, const char *option, uint32_t *out)
{
    size_t length = strlen(text);
    unsigned long number = length > 0 && length < 10 ? strtoul(text, NULL, 10) : 0;
    if (strspn(text, "0123456789") != length || number < 1 || number > TOP_MAX)
        return log_fail(SOUK_EUSAGE, "%s %s: must be a whole number, 1..%d", option, text, TOP_MAX);
    *out = (uint32_t)number;
    return SOUK_OK;
}

// Sets the field of a row; value is not NULL unless the row is a switch. typed is the option as it
// stands on the command line.
static souk_status set_field(const struct arg_row *row, const char *typed, const char *value,
                             struct args *args)
{
    void *field = (char *)args + row->offset;
    switch (row->kind) {
    case KIND_SWITCH: *(bool *)field = true; return SOUK_OK;
    case KIND_NUMBER: return parse_number(value, typed, field);
    case KIND_ENTRY: return add_entry(field, value, strlen(value), typed);
    case KIND_LIST: return add_entries(field, value, typed);
    case KIND_TEXT: break;
    }
    const char **text = field;
    if (*text) return log_fail(SOUK_EUSAGE, "%s is given twice", typed);
    if (!value[0]) return log_fail(SOUK_EUSAGE, "%s: the value is empty", typed);
    *text = value;
    return SOUK_OK;
}

static souk_status read_option(struct reader *reader, const char *word)
{
    const char *value, *verb = reader->verb->name;
    const struct arg_row *row = find_row(word, &value);
    if (!row) return fail_unknown(reader, word);
    char typed[TYPED_MAX];
    snprintf(typed, sizeof(typed), "%.*s", word[1] == '-' ? (int)strcspn(word, "=") : 2, word);
    if (!is_taken(reader, row))
        return log_fail(SOUK_EUSAGE, "%s: does not take %s; see souk %s --help", verb, typed, verb);
    if (row->kind == KIND_SWITCH && value)
        return log_fail(SOUK_EUSAGE, "%s: %s takes no value", verb, typed);
    if (row->kind != KIND_SWITCH && !value) {
        bool has_next = reader->next_idx < reader->argc &&
                        strncmp(reader->argv[reader->next_idx], "--", 2) != 0;
        if (!has_next) return log_fail(SOUK_EUSAGE, "%s: %s needs a value", verb, typed);
        value = reader->argv[reader->next_idx++];
    }
    return set_field(row, typed, value, reader->args);
}

static souk_status read_plain(struct reader *reader, char *word)
{
    static const struct arg_row file = {"config", 'c', ARG_FILE, KIND_TEXT, FIELD(config_path)};
    if (reader->flags & ARG_FILE) return set_field(&file, "the configuration", word, reader->args);
    if (!(reader->flags & ARG_WORDS))
        return log_fail(SOUK_EUSAGE, "%s: does not know what to do with \"%s\"; see souk %s --help",
                        reader->verb->name, word, reader->verb->name);
    // Words before this one have been read, so there is room at the front.
    reader->args->positional[reader->args->num_positional++] = word;
    return SOUK_OK;
}

static souk_status read_words(struct reader *reader)
{
    bool has_options = true;
    while (reader->next_idx < reader->argc) {
        char *word = reader->argv[reader->next_idx++];
        souk_status status = SOUK_OK;
        if (has_options && strcmp(word, "--") == 0)
            has_options = false;
        else if (has_options && word[0] == '-' && word[1])
            status = read_option(reader, word);
        else
            status = read_plain(reader, word);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

static souk_status set_servers(struct config *config, const char *servers)
{
    struct buf assignment = {0};
    buf_printf(&assignment, "cluster.addresses=%s", servers);
    souk_status status = config_set(config, assignment.text);
    buf_fini(&assignment);
    return status;
}

static bool is_told(const struct config *config, const char *key)
{
    return strcmp(config_origin(config, key), "default") != 0;
}

// Adam on dense layers wants a much smaller step than Adagrad on the factors of ratings, and learns
// clicks by heart where factors have only begun: the epochs are those with the lowest log loss on
// held-out clicks of `souk data generate clicks`.
static void fit_to_model(struct config *config)
{
    const struct model_ops *ops = model_ops_get(config->model.type);
    if (!ops || !ops->clicks) return;
    if (!is_told(config, "train.lr")) config->train.lr = 0.001f;
    if (!is_told(config, "train.epochs")) config->train.epochs = ops == &din_ops ? 2 : 3;
}

// Every mistake is reported, not the first alone.
static souk_status fill_config(struct args *args)
{
    struct config *config = &args->config;
    souk_status status = SOUK_OK, step;
    if (args->model_dir) status = model_config_read(config, args->model_dir);
    if (args->config_path && (step = config_read_file(config, args->config_path)) != SOUK_OK)
        status = step;
    for (uint32_t i = 0; i < args->settings.num_items; i++)
        if ((step = config_set(config, args->settings.items[i])) != SOUK_OK) status = step;
    if (args->servers && (step = set_servers(config, args->servers)) != SOUK_OK) status = step;
    if (status == SOUK_OK) status = config_check(config);
    fit_to_model(config);
    enum log_level level;
    if (status == SOUK_OK && log_level_parse(config->run.log_level, &level)) log_set_level(level);
    return status;
}

souk_status args_parse(const struct verb *verb, unsigned flags, int argc, char **argv,
                       struct args *args_out)
{
    *args_out = (struct args){.positional = argv + 1};
    config_init(&args_out->config);
    struct reader reader = {verb, flags, argc, argv, 1, args_out};
    souk_status status = read_words(&reader);
    if (status != SOUK_OK) return status;
    return fill_config(args_out);
}

static void free_list(struct config_list *list)
{
    for (uint32_t i = 0; i < list->num_items; i++) mem_free(list->items[i]);
    mem_free(list->items);
}

void args_fini(struct args *args)
{
    config_fini(&args->config);
    free_list(&args->data);
    free_list(&args->users);
    free_list(&args->items);
    free_list(&args->settings);
    *args = (struct args){0};
}
